//! The table of crates: who may use whom. ARCHITECTURE.md draws the same.

use super::{Findings, Metadata};
use std::collections::BTreeMap;
use std::path::Path;

/// One crate of ours.
struct Line {
    name: &'static str,
    /// Which of ours it may use.
    ours: &'static [&'static str],
    /// Which of [`RESTRICTED`] it may name.
    theirs: &'static [&'static str],
    /// Which of [`HEAVY`] it may bring to its users, through whatever it uses.
    heavy: &'static [&'static str],
}

/// Packages that shape a program; only who must names them.
const RESTRICTED: &[&str] = &[
    "ostree",
    "tokio",
    "containers-image-proxy",
    "clap",
    "indicatif",
    "anyhow",
    "selinux",
    "xshell",
];

/// Packages that a user of a small crate must not get by surprise.
const HEAVY: &[&str] = &["tokio", "glib", "clap", "indicatif", "anyhow"];

/// For tests only.
const TEST_CRATE: &str = "test-images";

const fn pure(name: &'static str, ours: &'static [&'static str]) -> Line {
    Line {
        name,
        ours,
        theirs: &[],
        heavy: &[],
    }
}

const CRATES: &[Line] = &[
    pure("sha256-pair", &[]),
    pure("oci-manifest", &["sha256-pair"]),
    pure("ostree-objects", &[]),
    Line {
        name: "selinux-label",
        ours: &[],
        theirs: &["selinux"],
        heavy: &[],
    },
    pure("ostree-store", &["ostree-objects", "sha256-pair"]),
    pure("ostree-refs", &["oci-manifest"]),
    pure("ostree-origin", &["oci-manifest"]),
    Line {
        name: "image-source",
        ours: &["oci-manifest"],
        theirs: &["tokio", "containers-image-proxy"],
        heavy: &["tokio"],
    },
    pure(
        "ostree-layer",
        &["oci-manifest", "ostree-objects", "ostree-store"],
    ),
    pure("ostree-flatten", &["ostree-objects", "ostree-store"]),
    pure("bound-images", &["oci-manifest", "selinux-label"]),
    Line {
        name: "bootc-storage",
        ours: &[
            "oci-manifest",
            "ostree-objects",
            "ostree-store",
            "ostree-refs",
            "ostree-origin",
            "image-source",
            "ostree-layer",
            "ostree-flatten",
            "selinux-label",
            "bound-images",
        ],
        theirs: &["ostree"],
        heavy: &["tokio", "glib"],
    },
    Line {
        name: "bootc-storage-cli",
        // bootc-storage re-exports nothing: the types of its reports are named where they are defined.
        ours: &[
            "bootc-storage",
            "oci-manifest",
            "ostree-objects",
            "image-source",
            "ostree-layer",
            "ostree-flatten",
            "selinux-label",
            "bound-images",
        ],
        theirs: &["clap", "indicatif", "anyhow"],
        heavy: HEAVY,
    },
    pure(TEST_CRATE, &["oci-manifest", "ostree-objects"]),
    Line {
        name: "xtask",
        // ostree-objects: the bench's limit program hashes as we do.
        ours: &[TEST_CRATE, "ostree-objects"],
        theirs: &["clap", "anyhow", "xshell"],
        heavy: &["clap", "anyhow"],
    },
    Line {
        name: "whole-program-tests",
        ours: &["bootc-storage", TEST_CRATE],
        theirs: &[],
        heavy: &["tokio", "glib"],
    },
];

/// Compares the table with what the manifests say and with what cargo resolves.
pub(super) fn check(metadata: &Metadata, findings: &mut Findings) {
    let places: BTreeMap<_, _> = CRATES
        .iter()
        .enumerate()
        .map(|(i, line)| (line.name, i))
        .collect();
    for package in metadata.own() {
        let Some(line) = CRATES.iter().find(|line| line.name == package.name) else {
            findings.fault(format!(
                "{}: not in the table of crates (xtask/src/tidy/crates.rs)",
                package.name
            ));
            continue;
        };
        let folder = Path::new(&package.manifest_path)
            .parent()
            .and_then(Path::file_name);
        let named_otherwise = ["whole-program-tests"];
        if folder.is_none_or(|f| f != package.name.as_str())
            && !named_otherwise.contains(&line.name)
        {
            findings.fault(format!("{}: the folder has another name", package.name));
        }
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            let kind = dependency.kind.as_deref().unwrap_or("normal");
            let fault = if kind == "dev" {
                developer_arrow(line, name, &places)
            } else {
                normal_arrow(line, name, &places)
            };
            if let Some(fault) = fault {
                findings.fault(format!("{} -> {name} ({kind}): {fault}", line.name));
            }
        }
        for heavy in HEAVY.iter().filter(|heavy| !line.heavy.contains(heavy)) {
            if let Some(path) = metadata.path(line.name, heavy) {
                findings.fault(format!(
                    "{} must not bring {heavy}: {}",
                    line.name,
                    path.join(" -> ")
                ));
            }
        }
    }
}

fn normal_arrow(line: &Line, name: &str, places: &BTreeMap<&str, usize>) -> Option<String> {
    if places.contains_key(name) && !line.ours.contains(&name) {
        return Some(format!("not one of its arrows ({})", line.ours.join(", ")));
    }
    (RESTRICTED.contains(&name) && !line.theirs.contains(&name))
        .then(|| "not for this crate".to_owned())
}

/// Tests may also use the test crate and whatever stands before them in the table.
fn developer_arrow(line: &Line, name: &str, places: &BTreeMap<&str, usize>) -> Option<String> {
    let (Some(to), Some(from)) = (places.get(name), places.get(line.name)) else {
        return None;
    };
    (name != TEST_CRATE && to >= from).then(|| "an arrow upwards".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrows(from: &str, to: &str) -> (bool, bool) {
        let places: BTreeMap<_, _> = CRATES
            .iter()
            .enumerate()
            .map(|(i, line)| (line.name, i))
            .collect();
        let line = CRATES.iter().find(|line| line.name == from).unwrap();
        (
            normal_arrow(line, to, &places).is_none(),
            developer_arrow(line, to, &places).is_none(),
        )
    }

    #[test]
    fn arrows_go_upwards_in_the_table_and_heavy_packages_have_their_place() {
        assert_eq!(arrows("ostree-store", "ostree-objects"), (true, true));
        assert_eq!(arrows("ostree-objects", "ostree-store"), (false, false));
        assert_eq!(arrows("ostree-flatten", "ostree-layer"), (false, true));
        assert_eq!(arrows("ostree-layer", "test-images"), (false, true));
        assert_eq!(arrows("ostree-layer", "ostree"), (false, true));
        assert_eq!(arrows("bootc-storage", "ostree"), (true, true));
        assert_eq!(arrows("oci-manifest", "tokio"), (false, true));
        assert_eq!(arrows("oci-manifest", "serde"), (true, true));
    }
}
