//! Which files of a tree make its policy, and what is in them.

use crate::config;
use crate::limits::{MAX_CONFIG_BYTES, MAX_NAMES, MAX_RULES_BYTES};
use crate::{Error, PolicyTree, Result};

/// Where a policy can be, relative to the root of the tree: the first that exists counts.
pub const POLICY_DIRS: [&str; 2] = ["etc/selinux", "usr/etc/selinux"];

/// The file that names the policy.
const CONFIG: &str = "config";

/// Below the policy's directory.
const CONTEXTS: &str = "contexts/files";

/// The files that decide labels, in [`CONTEXTS`].
///
/// The order is that in which libselinux appends the rules of the first three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Rules,
    HomeRules,
    LocalRules,
    Substitutions,
    DistSubstitutions,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [
        Self::Rules,
        Self::HomeRules,
        Self::LocalRules,
        Self::Substitutions,
        Self::DistSubstitutions,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rules => "file_contexts",
            Self::HomeRules => "file_contexts.homedirs",
            Self::LocalRules => "file_contexts.local",
            Self::Substitutions => "file_contexts.subs",
            Self::DistSubstitutions => "file_contexts.subs_dist",
        }
    }
}

/// One of them, as found.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) kind: Kind,
    /// Relative to the root of the tree.
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

/// All of them, as found.
#[derive(Debug)]
pub(crate) struct Files {
    /// The policy's name.
    pub(crate) name: String,
    /// In the order of [`Kind::ALL`].
    pub(crate) files: Vec<File>,
}

impl Files {
    /// Reads the files of a tree's policy; `None` if it has none.
    pub(crate) fn read(tree: &dyn PolicyTree) -> Result<Option<Self>> {
        for dir in POLICY_DIRS {
            if let Some(entries) = names(tree, dir)? {
                return Self::read_in(tree, dir, &entries);
            }
        }
        Ok(None)
    }

    fn read_in(tree: &dyn PolicyTree, dir: &str, entries: &[String]) -> Result<Option<Self>> {
        let config = format!("{dir}/{CONFIG}");
        let Some(bytes) = read(tree, &config, MAX_CONFIG_BYTES)? else {
            return no_config(tree, dir, entries);
        };
        let Some(name) = config::policy_name(&config, &bytes)? else {
            return Ok(None);
        };
        let root = format!("{dir}/{name}");
        let mut files = Vec::new();
        for kind in Kind::ALL {
            let path = format!("{root}/{CONTEXTS}/{}", kind.name());
            match read(tree, &path, MAX_RULES_BYTES)? {
                Some(bytes) => files.push(File { kind, path, bytes }),
                None if kind == Kind::Rules => return Err(Error::Missing { config, file: path }),
                None => {}
            }
        }
        let file = format!("{root}/policy/policy.N");
        let binaries = names(tree, &format!("{root}/policy"))?.unwrap_or_default();
        if !binaries.iter().any(|name| is_binary_policy(name)) {
            return Err(Error::Missing { config, file });
        }
        Ok(Some(Self { name, files }))
    }
}

/// No `config` is no policy, as long as there is nothing that it should have named.
fn no_config(tree: &dyn PolicyTree, dir: &str, entries: &[String]) -> Result<Option<Files>> {
    for name in entries {
        let below = names(tree, &format!("{dir}/{name}/{CONTEXTS}"))?.unwrap_or_default();
        if below.iter().any(|name| name == Kind::Rules.name()) {
            return Err(Error::NoConfig {
                file: format!("{dir}/{CONFIG}"),
                policy: format!("{dir}/{name}"),
            });
        }
    }
    Ok(None)
}

fn read(tree: &dyn PolicyTree, path: &str, limit: u64) -> Result<Option<Vec<u8>>> {
    let bytes = tree.read(path, limit).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    // The tree was asked to refuse it; whoever wrote that tree may have forgotten.
    match &bytes {
        Some(bytes) if bytes.len() as u64 > limit => Err(Error::Read {
            path: path.to_owned(),
            source: crate::tree::too_large(limit),
        }),
        _ => Ok(bytes),
    }
}

fn names(tree: &dyn PolicyTree, path: &str) -> Result<Option<Vec<String>>> {
    let names = tree.names(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    match &names {
        Some(names) if names.len() > MAX_NAMES => Err(Error::TooMany {
            what: "entries",
            place: path.to_owned(),
            limit: MAX_NAMES as u64,
        }),
        _ => Ok(names),
    }
}

/// `policy.33`: what the kernel loads. Labels do not depend on it, but a policy without it is none.
fn is_binary_policy(name: &str) -> bool {
    name.strip_prefix("policy.").is_some_and(|version| {
        !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Whether the file of a tree can have a say in labels, by its path below the root, without a slash in front.
///
/// Of `policy/policy.N` only the name counts; of the others, the content.
#[must_use]
pub fn is_policy_path(path: &str) -> bool {
    let below = |dir: &str| path.strip_prefix(dir)?.strip_prefix('/');
    let Some(rest) = POLICY_DIRS.into_iter().find_map(below) else {
        return false;
    };
    if rest == CONFIG {
        return true;
    }
    let Some((_policy, rest)) = rest.split_once('/') else {
        return false;
    };
    match rest.rsplit_once('/') {
        Some((CONTEXTS, name)) => Kind::ALL.iter().any(|kind| kind.name() == name),
        Some(("policy", name)) => is_binary_policy(name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_paths_are_known_by_their_place() {
        let check = |path: &str, expected| assert_eq!(is_policy_path(path), expected, "{path}");
        for dir in POLICY_DIRS {
            for file in [
                "config",
                "targeted/contexts/files/file_contexts",
                "targeted/contexts/files/file_contexts.homedirs",
                "targeted/contexts/files/file_contexts.local",
                "mls/contexts/files/file_contexts.subs",
                "mls/contexts/files/file_contexts.subs_dist",
                "mls/policy/policy.33",
            ] {
                check(&format!("{dir}/{file}"), true);
                check(&format!("/{dir}/{file}"), false);
                check(&format!("var/{dir}/{file}"), false);
            }
            for file in [
                "semanage.conf",
                "config/x",
                "targeted/config",
                "targeted/contexts/files/file_contexts.bin",
                "targeted/contexts/files/file_contexts.homedirs.bin",
                "targeted/contexts/files/media",
                "a/b/contexts/files/file_contexts",
                "contexts/files/file_contexts",
                "targeted/policy/policy.kern",
                "targeted/policy/policy.",
                "targeted/policy",
            ] {
                check(&format!("{dir}/{file}"), false);
            }
        }
        check("etc/selinuxconfig", false);
    }
}
