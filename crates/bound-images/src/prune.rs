//! What no deployment needs any more.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::process::Command;

use serde::Deserialize;

use crate::program::{failed, last_words, not_run, run_plain};
use crate::storage::{STALL, Storage};
use crate::{BoundReference, Error, LockRecord, StoredImage};

/// What one deployment keeps.
#[derive(Debug, Clone)]
pub struct DeploymentRoots {
    /// Its name, for reasons.
    pub deployment: String,
    /// What it declares; in words, why that is not known.
    pub declared: Result<BTreeSet<BoundReference>, String>,
    /// What was recorded for it; in words, why that is not known.
    pub record: Result<LockRecord, String>,
    /// The host's own image: with bootc's unified storage it is here too.
    pub host_image: Option<BoundReference>,
}

/// Why an image stays.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum KeepReason {
    /// A deployment declares it under this name.
    Declared {
        /// The deployment.
        deployment: String,
        /// The name.
        reference: BoundReference,
    },
    /// A deployment's record has its digest under this name.
    Recorded {
        /// The deployment.
        deployment: String,
        /// The name.
        reference: BoundReference,
    },
    /// It is a deployment's own image.
    HostImage {
        /// The deployment.
        deployment: String,
    },
    /// What a deployment declares cannot be read, and there is no record.
    Unreadable {
        /// The deployment.
        deployment: String,
    },
    /// A container of the machine uses it.
    InUse {
        /// The container's name or id.
        container: String,
    },
}

impl fmt::Display for KeepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declared {
                deployment,
                reference,
            } => write!(f, "{deployment} declares {reference}"),
            Self::Recorded {
                deployment,
                reference,
            } => write!(f, "{deployment} was made with it as {reference}"),
            Self::HostImage { deployment } => write!(f, "{deployment} is of it"),
            Self::Unreadable { deployment } => {
                write!(f, "what {deployment} declares cannot be read")
            }
            Self::InUse { container } => write!(f, "container {container} uses it"),
        }
    }
}

/// What goes and what stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrunePlan {
    /// No deployment needs these.
    pub remove: Vec<StoredImage>,
    /// These stay, each with every reason.
    pub keep: Vec<(StoredImage, Vec<KeepReason>)>,
    /// Deployments whose declarations or record cannot be read, and why.
    pub unreadable: Vec<(String, String)>,
}

/// What a prune did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrunedImages {
    /// What is gone.
    pub removed: Vec<StoredImage>,
    /// What podman did not remove, with its reason: a container uses it, for one.
    pub refused: Vec<(StoredImage, String)>,
}

impl PrunePlan {
    /// Weigh the images of a storage against what deployments and containers need. `used` has ids of images, and by which
    /// containers they are used.
    #[must_use]
    pub fn new(
        images: Vec<StoredImage>,
        deployments: &[DeploymentRoots],
        used: &[(String, String)],
    ) -> Self {
        let mut plan = Self::default();
        for deployment in deployments {
            let faults = [
                deployment.declared.as_ref().err(),
                deployment.record.as_ref().err(),
            ];
            for fault in faults.into_iter().flatten() {
                let unreadable = (deployment.deployment.clone(), fault.clone());
                plan.unreadable.push(unreadable);
            }
        }
        for image in images {
            let mut reasons: BTreeSet<KeepReason> = deployments
                .iter()
                .flat_map(|deployment| deployment.reasons(&image))
                .collect();
            let by = used.iter().filter(|(id, _)| *id == image.id);
            reasons.extend(by.map(|(_, container)| KeepReason::InUse {
                container: container.clone(),
            }));
            if reasons.is_empty() {
                plan.remove.push(image);
            } else {
                plan.keep.push((image, reasons.into_iter().collect()));
            }
        }
        plan
    }

    /// What is free when all of it is done.
    #[must_use]
    pub fn freed_bytes(&self) -> u64 {
        freed_bytes(&self.remove, self.keep.iter().map(|(image, _)| image))
    }
}

impl PrunedImages {
    /// What was freed by carrying out `plan`.
    #[must_use]
    pub fn freed_bytes(&self, plan: &PrunePlan) -> u64 {
        let kept = plan.keep.iter().map(|(image, _)| image);
        let refused = self.refused.iter().map(|(image, _)| image);
        freed_bytes(&self.removed, kept.chain(refused))
    }
}

/// What images take that others do not share. One whose layers are not known counts whole.
fn freed_bytes<'a>(gone: &[StoredImage], staying: impl Iterator<Item = &'a StoredImage>) -> u64 {
    let shared: BTreeSet<&String> = staying.flat_map(|image| image.layers.keys()).collect();
    let layers: BTreeMap<&String, u64> = gone
        .iter()
        .flat_map(|image| &image.layers)
        .filter(|(id, _)| !shared.contains(id))
        .map(|(id, bytes)| (id, *bytes))
        .collect();
    let unknown = gone.iter().filter(|image| image.layers.is_empty());
    let sizes = layers.into_values().chain(unknown.map(|image| image.bytes));
    sizes.fold(0, u64::saturating_add)
}

impl DeploymentRoots {
    /// Why this deployment keeps an image.
    fn reasons(&self, image: &StoredImage) -> Vec<KeepReason> {
        let deployment = || self.deployment.clone();
        let mut reasons = Vec::new();
        for reference in self.declared.iter().flatten() {
            if image.answers_to(reference) {
                reasons.push(KeepReason::Declared {
                    deployment: deployment(),
                    reference: reference.clone(),
                });
            }
        }
        for (reference, digest) in self.record.iter().flat_map(LockRecord::images) {
            if image.has_digest(digest) {
                reasons.push(KeepReason::Recorded {
                    deployment: deployment(),
                    reference: reference.clone(),
                });
            }
        }
        if let Some(own) = &self.host_image
            && image.answers_to(own)
        {
            reasons.push(KeepReason::HostImage {
                deployment: deployment(),
            });
        }
        let is_known = self.record.as_ref().is_ok_and(|record| !record.is_empty());
        if self.declared.is_err() && !is_known {
            reasons.push(KeepReason::Unreadable {
                deployment: deployment(),
            });
        }
        reasons
    }
}

impl Storage {
    /// Remove what a plan says. What podman refuses to remove stays and is told.
    ///
    /// # Errors
    /// When podman cannot be run.
    pub fn apply_prune(&self, plan: &PrunePlan) -> Result<PrunedImages, Error> {
        let mut done = PrunedImages::default();
        for image in &plan.remove {
            // By id, podman removes none that has several names.
            let names = match image.names.as_slice() {
                [] => vec![image.id.as_str()],
                names => names.iter().map(String::as_str).collect(),
            };
            let mut arguments = vec!["image", "rm"];
            arguments.extend(names);
            let ended = self.ask_podman(&arguments)?;
            if ended.success {
                done.removed.push(image.clone());
            } else {
                let reason = last_words(&ended.stderr);
                done.refused.push((image.clone(), reason));
            }
        }
        Ok(done)
    }
}

/// Which images the machine's own containers use, and by which: a container finds its image in the storage of bound
/// images, and that storage knows nothing of it.
///
/// # Errors
/// When podman cannot be run or understood.
pub fn images_in_use() -> Result<Vec<(String, String)>, Error> {
    const LIST: [&str; 5] = ["container", "list", "--all", "--format", "json"];

    #[derive(Deserialize)]
    struct Container {
        #[serde(rename = "ImageID")]
        image: String,
        #[serde(rename = "Names")]
        names: Option<Vec<String>>,
        #[serde(rename = "Id")]
        id: String,
    }

    let mut command = Command::new("podman");
    command.args(LIST);
    let ended = run_plain(command, None, STALL)
        .map_err(|error| not_run("podman", "it says which images containers use", error))?;
    if !ended.success {
        return Err(failed("podman", &LIST, &ended));
    }
    let containers: Vec<Container> =
        serde_json::from_slice(&ended.stdout).map_err(|source| Error::Answer {
            program: "podman",
            arguments: LIST.join(" "),
            source,
        })?;
    let used = containers.into_iter().map(|container| {
        let names = container.names.unwrap_or_default().into_iter();
        (container.image, names.last().unwrap_or(container.id))
    });
    Ok(used.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci_manifest::Digest;

    fn image(id: &str, names: &[&str]) -> StoredImage {
        StoredImage {
            id: id.to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            digest: Digest::sha256_of(id.as_bytes()),
            repo_digests: Vec::new(),
            bytes: 10,
            layers: BTreeMap::new(),
        }
    }

    fn roots(name: &str, declared: &[&str], recorded: &[(&str, &str)]) -> DeploymentRoots {
        let digest = |id: &str| Digest::sha256_of(id.as_bytes());
        let recorded = recorded
            .iter()
            .map(|(name, id)| (name.parse().unwrap(), digest(id)));
        DeploymentRoots {
            deployment: name.to_owned(),
            declared: Ok(declared.iter().map(|name| name.parse().unwrap()).collect()),
            record: Ok(recorded.collect()),
            host_image: None,
        }
    }

    fn removed(plan: &PrunePlan) -> Vec<&str> {
        plan.remove.iter().map(|image| image.id.as_str()).collect()
    }

    #[test]
    fn every_deployments_names_and_digests_stay() {
        let images = vec![
            image("declared", &["quay.io/os/a:latest"]),
            image("recorded", &[]),
            image("moved", &["quay.io/os/b:1"]),
            image("host", &["quay.io/os/os:1"]),
            image("used", &["quay.io/os/c:1"]),
            image("gone", &["quay.io/os/d:1", "quay.io/os/e:1"]),
            image("nameless", &[]),
        ];
        let mut old = roots(
            "old",
            &["quay.io/os/b:1"],
            &[("quay.io/os/b:1", "recorded")],
        );
        old.host_image = Some("quay.io/os/os:1".parse().unwrap());
        // Without a tag, as the declaration may have it.
        let new = roots("new", &["quay.io/os/a"], &[]);
        let used = [("used".to_owned(), "web".to_owned())];
        let plan = PrunePlan::new(images, &[old, new], &used);
        assert_eq!(removed(&plan), ["gone", "nameless"]);
        let reasons: Vec<String> = plan
            .keep
            .iter()
            .flat_map(|(image, reasons)| reasons.iter().map(|why| format!("{}: {why}", image.id)))
            .collect();
        assert_eq!(
            reasons,
            [
                "declared: new declares quay.io/os/a:latest",
                "recorded: old was made with it as quay.io/os/b:1",
                "moved: old declares quay.io/os/b:1",
                "host: old is of it",
                "used: container web uses it",
            ]
        );
    }

    #[test]
    fn layers_that_stay_with_another_image_are_not_freed() {
        let with = |id: &str, layers: &[(&str, u64)]| StoredImage {
            layers: layers
                .iter()
                .map(|(id, bytes)| ((*id).to_owned(), *bytes))
                .collect(),
            ..image(id, &[])
        };
        let mut plan = PrunePlan {
            remove: vec![
                with("a", &[("base", 100), ("own", 7), ("both", 20)]),
                with("b", &[("base", 100), ("both", 20)]),
                with("unknown", &[]),
            ],
            keep: vec![(with("c", &[("base", 100)]), Vec::new())],
            ..PrunePlan::default()
        };
        assert_eq!(plan.freed_bytes(), 7 + 20 + 10);
        let done = PrunedImages {
            refused: vec![(plan.remove.remove(1), "in use".to_owned())],
            removed: plan.remove.clone(),
        };
        assert_eq!(done.freed_bytes(&plan), 7 + 10);
    }

    #[test]
    fn a_deployment_that_cannot_be_read_keeps_what_it_may_need() {
        let images = || vec![image("a", &["quay.io/os/a:1"]), image("b", &[])];
        // With a record it is known what that is.
        let mut bad = roots("bad", &[], &[("quay.io/os/a:1", "a")]);
        bad.declared = Err("line 3".to_owned());
        let plan = PrunePlan::new(images(), &[bad.clone()], &[]);
        assert_eq!(removed(&plan), ["b"]);
        assert_eq!(plan.unreadable, [("bad".to_owned(), "line 3".to_owned())]);
        // Without, it may be any.
        for record in [Ok(LockRecord::default()), Err("damaged".to_owned())] {
            bad.record = record;
            let plan = PrunePlan::new(images(), &[bad.clone()], &[]);
            assert_eq!(removed(&plan), [""; 0]);
        }
    }
}
