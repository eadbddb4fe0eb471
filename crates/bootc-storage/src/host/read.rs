//! Reading which deployments a sysroot has. Needs no privilege beyond reading the files, changes nothing, and one
//! deployment that is damaged stops no other from being shown; libostree's own loading refuses the whole sysroot.

use std::io;

use cap_std::fs::{Dir, MetadataExt as _};
use ostree_origin::Origin;

use super::HostError;
use super::boot_entry::{BootEntry, boot_checksum_in};
use super::deployment::{Deployment, DeploymentId, Deployments, Staging};
use super::kargs::KernelArguments;
use super::staged::StagedRecord;

const ENTRIES: &str = "boot/loader/entries";
const BOOTED_MARK: &str = "ostree-booted";
/// An origin file is a few lines.
const MAX_ORIGIN_BYTES: u64 = 1024 * 1024;

/// The directories of a host.
#[derive(Debug)]
pub struct HostDirs {
    /// The physical root: `/` of the running system, or where a disk is mounted.
    pub root: Dir,
    /// `/run`, where `root` is that of a running ostree host.
    pub run: Option<Dir>,
}

impl HostDirs {
    /// The directories of the host whose physical root is `root`.
    #[must_use]
    pub fn new(root: Dir) -> Self {
        let run = root.open_dir("run").ok();
        let run = run.filter(|run| run.exists(BOOTED_MARK));
        Self { root, run }
    }

    /// Whether there is a sysroot at all.
    #[must_use]
    pub fn is_host(&self) -> bool {
        !matches!(self.root.metadata(crate::SYSROOT_REPO), Err(error) if error.kind() == io::ErrorKind::NotFound)
    }

    /// The deployments, in boot order, a staged one first.
    ///
    /// # Errors
    /// When the boot entries or the staged deployment's record are there and cannot be read at all.
    pub fn deployments(&self) -> Result<Deployments, HostError> {
        let mut found = Deployments::default();
        for (name, entry) in self.boot_entries(&mut found)? {
            match self.deployment_of(&entry) {
                Ok(deployment) => found.list.push(deployment),
                Err(reason) => found.broken_entries.push((name, reason)),
            }
        }
        if let Some(record) = self.staged_record()? {
            found.list.insert(0, self.staged(record));
        }
        self.mark_booted(&mut found);
        Ok(found)
    }

    /// libostree's entries, the first to boot first.
    fn boot_entries(&self, found: &mut Deployments) -> Result<Vec<(String, BootEntry)>, HostError> {
        let reading = |source| HostError::Io {
            action: "read the boot loader's entries",
            source,
        };
        let listing = match self.root.read_dir(ENTRIES) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(reading(error)),
        };
        let mut entries = Vec::new();
        for file in listing {
            let file = file.map_err(reading)?;
            let Ok(name) = file.file_name().into_string() else {
                continue;
            };
            if !(name.starts_with("ostree-") && name.ends_with(".conf")) {
                continue;
            }
            match self.root.read_to_string(format!("{ENTRIES}/{name}")) {
                Ok(text) => match BootEntry::parse(&text) {
                    Some(entry) => entries.push((name, entry)),
                    None => found
                        .broken_entries
                        .push((name, "it has no argument ostree=".to_owned())),
                },
                Err(error) => found.broken_entries.push((name, error.to_string())),
            }
        }
        entries.sort_by(|(a_name, a), (b_name, b)| {
            b.version.cmp(&a.version).then_with(|| a_name.cmp(b_name))
        });
        Ok(entries)
    }

    fn deployment_of(&self, entry: &BootEntry) -> Result<Deployment, String> {
        let link = entry.boot_link().ok_or("it has no argument ostree=")?;
        let target = self
            .root
            .read_link_contents(link)
            .map_err(|error| format!("{link}: {error}"))?;
        let id = deployment_in(&target).ok_or_else(|| {
            format!(
                "{link} leads to {}, which is no deployment",
                target.display()
            )
        })?;
        let boot_checksum = boot_checksum_in(link).unwrap_or_default();
        Ok(self.describe(id, boot_checksum, &entry.options))
    }

    fn staged_record(&self) -> Result<Option<StagedRecord>, HostError> {
        match &self.run {
            Some(run) => StagedRecord::read(run),
            None => Ok(None),
        }
    }

    fn staged(&self, record: StagedRecord) -> Deployment {
        let staged = Some(Staging {
            locked: record.locked,
        });
        Deployment {
            staged,
            ..self.describe(
                record.id,
                &record.boot_checksum,
                &record.kernel_arguments.join(" "),
            )
        }
    }

    fn describe(&self, id: DeploymentId, boot_checksum: &str, options: &str) -> Deployment {
        let mut kernel_arguments = KernelArguments::parse(options);
        kernel_arguments.remove_key("ostree");
        let mut problems = Vec::new();
        let directory = id.directory();
        if !self.root.is_dir(&directory) {
            problems.push(format!("its directory {directory} is missing"));
        }
        let origin = match self.read_origin(&id) {
            Ok(origin) => Some(origin),
            Err(reason) => {
                problems.push(format!("its origin file cannot be used: {reason}"));
                None
            }
        };
        Deployment {
            id,
            boot_checksum: boot_checksum.to_owned(),
            kernel_arguments,
            origin,
            booted: false,
            staged: None,
            problems,
        }
    }

    fn read_origin(&self, id: &DeploymentId) -> Result<Origin, String> {
        let file = id.origin_file();
        let length = self
            .root
            .metadata(&file)
            .map_err(|error| error.to_string())?
            .len();
        if length > MAX_ORIGIN_BYTES {
            return Err(format!("{length} bytes are too many"));
        }
        let bytes = self.root.read(&file).map_err(|error| error.to_string())?;
        Origin::parse(&bytes).map_err(|error| error.to_string())
    }

    /// What runs has the root directory of the running system as its own: by device and inode, or, where the root is
    /// an overlay, by what the initramfs noted (ostree-prepare-root, `/run/ostree-booted`).
    fn mark_booted(&self, found: &mut Deployments) {
        let Some(run) = &self.run else {
            return;
        };
        let Ok(mark) = run.read(BOOTED_MARK) else {
            return;
        };
        let root = self.root.dir_metadata().ok();
        let running = backing_root(&mark).or_else(|| root.map(|root| (root.dev(), root.ino())));
        for deployment in &mut found.list {
            let place = self.root.metadata(deployment.id.directory());
            deployment.booted = deployment.staged.is_none()
                && running.is_some()
                && place.ok().map(|place| (place.dev(), place.ino())) == running;
        }
    }
}

/// The key `backing-root-device-inode` of `/run/ostree-booted`, two 64-bit numbers.
fn backing_root(mark: &[u8]) -> Option<(u64, u64)> {
    use ostree::glib::{Variant, VariantDict};
    let all = Variant::from_data::<VariantDict, _>(mark);
    VariantDict::new(Some(&all))
        .lookup::<(u64, u64)>("backing-root-device-inode")
        .ok()?
}

/// The deployment that a boot link's target ends in: `…/deploy/<stateroot>/deploy/<commit>.<serial>`.
fn deployment_in(target: &std::path::Path) -> Option<DeploymentId> {
    let mut parts = target.to_str()?.trim_end_matches('/').rsplit('/');
    let name = parts.next()?;
    if parts.next()? != "deploy" {
        return None;
    }
    let stateroot = parts.next()?;
    (parts.next()? == "deploy")
        .then(|| DeploymentId::of_directory(stateroot, name))
        .flatten()
}
