//! Which paths of derived layers an image may hold: decided by its base commit, as ostree-ext does.

use std::io::Read as _;

use ostree_layer::{NonUsr, PathPolicy, Var};
use ostree_objects::Checksum;
use ostree_store::Repo;

use crate::libostree_version;
use crate::pull::Compat;
use crate::selinux::StoredTree;

/// Where the base may configure its root; the first that exists counts.
const CONFIGS: [&str; 2] = [
    "etc/ostree/prepare-root.conf",
    "usr/lib/ostree/prepare-root.conf",
];
/// `prepare-root.conf` is a few lines; more than this is none.
const MAX_CONFIG_BYTES: u64 = 1024 * 1024;

/// The policy for derived layers on top of `base`; without a base everything is kept.
pub(crate) fn for_base(
    repo: &Repo,
    base: Option<&Checksum>,
    compat: Compat,
) -> Result<PathPolicy, ostree_store::Error> {
    let nonusr = match base {
        None => NonUsr::Keep,
        Some(commit) => {
            let tree = repo.read_commit(commit)?.tree;
            if has_overlay_root(repo, &tree)? {
                NonUsr::Keep
            } else {
                NonUsr::Drop
            }
        }
    };
    let var = match compat {
        Compat::OstreeExt if !libostree_version::seeds_var() => Var::Factory,
        Compat::OstreeExt | Compat::None => Var::Keep,
    };
    Ok(PathPolicy::new(nonusr, var))
}

fn has_overlay_root(repo: &Repo, root: &Checksum) -> Result<bool, ostree_store::Error> {
    let tree = StoredTree::published(repo, *root);
    for path in CONFIGS {
        if let Some(file) = tree.file(path)? {
            let mut text = String::new();
            let object = repo.open_file(&file)?;
            let read = object
                .content
                .take(MAX_CONFIG_BYTES)
                .read_to_string(&mut text);
            return Ok(read.is_ok() && overlay_root_in(&text));
        }
    }
    Ok(false)
}

/// Whether a `prepare-root.conf` asks for an overlay as root: `[root] transient` or `[composefs] enabled`
/// (ostree-prepare-root(1); which values count: ostree-ext `container/store.rs`).
fn overlay_root_in(text: &str) -> bool {
    let mut group = "";
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            group = name;
        } else if let Some((key, value)) = line.split_once('=') {
            match (group, key.trim(), value.trim()) {
                ("root", "transient", "true" | "1") => return true,
                ("composefs", "enabled", "signed" | "verity" | "yes" | "true" | "1" | "maybe") => {
                    return true;
                }
                _ => {}
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::overlay_root_in;

    #[test]
    fn composefs_or_a_transient_root_make_an_overlay() {
        for (text, overlay) in [
            ("[composefs]\nenabled = yes\n", true),
            ("[composefs]\nenabled=signed\n", true),
            ("[composefs]\nenabled=no\n", false),
            ("[root]\ntransient=true\n", true),
            ("[root]\nenabled=true\n", false),
            ("# [composefs]\nenabled=true\n", false),
            ("[composefs]\nenabled=perhaps\n", false),
            ("", false),
        ] {
            assert_eq!(overlay_root_in(text), overlay, "{text:?}");
        }
    }
}
