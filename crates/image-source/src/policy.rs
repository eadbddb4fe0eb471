//! The containers policy: where it lies, and whether it can vouch for anything.
//!
//! The checks themselves are skopeo's. See `containers-policy.json(5)`.

use std::path::{Path, PathBuf};

use cap_std::fs::Dir;

use crate::host_file::exists;
use crate::{Error, PolicyFile};

/// Finds the policy file: `$CONTAINERS_POLICY_JSON`, then `$XDG_CONFIG_HOME/containers/policy.json` or
/// `$HOME/.config/containers/policy.json`, then `/etc/containers/policy.json`, then
/// `/usr/share/containers/policy.json`.
///
/// `env` gives the value of a variable; `root` is the host's root directory. `PolicyFile(None)` when there is none,
/// which [`open`](crate::open()) refuses only for `ostree-image-signed:`.
///
/// # Errors
/// When `$CONTAINERS_POLICY_JSON` is set and names no file: falling back to another policy would be guessing.
pub fn find(env: impl Fn(&str) -> Option<String>, root: &Dir) -> Result<PolicyFile, Error> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    if let Some(path) = set("CONTAINERS_POLICY_JSON") {
        let path = PathBuf::from(path);
        // A relative path is the caller's, not the root's: it is checked when it is read.
        if path.is_absolute() && !exists(root, &path) {
            return Err(Error::PolicyNotFound { path });
        }
        return Ok(PolicyFile(Some(path)));
    }
    let user = set("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".config")))
        .map(|dir| dir.join("containers/policy.json"));
    let system = [
        "/etc/containers/policy.json",
        "/usr/share/containers/policy.json",
    ]
    .map(PathBuf::from);
    let found = user
        .into_iter()
        .filter(|path| path.is_absolute())
        .chain(system)
        .find(|path| exists(root, path));
    Ok(PolicyFile(found))
}

/// Refuses a policy that accepts whatever no other rule names: nothing could be called verified by it.
pub(crate) fn check(text: &[u8], path: &Path, image: &str) -> Result<(), Error> {
    let invalid = |reason: String| Error::PolicyInvalid {
        path: path.to_owned(),
        reason,
    };
    let policy: serde_json::Value =
        serde_json::from_slice(text).map_err(|error| invalid(error.to_string()))?;
    let Some(policy) = policy.as_object() else {
        return Err(invalid("it is no JSON object".to_owned()));
    };
    let Some(default) = policy.get("default") else {
        return Ok(());
    };
    let Some(requirements) = default.as_array() else {
        return Err(invalid("its default is no array".to_owned()));
    };
    let accepts_all = match requirements.as_slice() {
        [one] => one.get("type").and_then(|kind| kind.as_str()) == Some("insecureAcceptAnything"),
        _ => false,
    };
    if accepts_all {
        return Err(Error::PolicyAcceptsAnything {
            path: path.to_owned(),
            image: image.to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root_with(files: &[&str]) -> (tempfile::TempDir, Dir) {
        let scratch = tempfile::tempdir().unwrap();
        for file in files {
            let path = scratch.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "{}").unwrap();
        }
        let dir = Dir::from_std_file(std::fs::File::open(scratch.path()).unwrap());
        (scratch, dir)
    }

    #[test]
    fn looks_in_the_field_s_order() {
        let all = [
            "given.json",
            "xdg/containers/policy.json",
            "home/u/.config/containers/policy.json",
            "etc/containers/policy.json",
            "usr/share/containers/policy.json",
        ];
        let env = |names: &'static [(&'static str, &'static str)]| {
            move |name: &str| {
                names
                    .iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, value)| (*value).to_owned())
            }
        };
        let found = |env: &dyn Fn(&str) -> Option<String>, files: &[&str]| {
            let (_scratch, root) = root_with(files);
            find(env, &root).map(|policy| policy.0.map(|path| path.display().to_string()))
        };
        let s = |text: &str| Some(text.to_owned());
        let set = env(&[
            ("CONTAINERS_POLICY_JSON", "/given.json"),
            ("XDG_CONFIG_HOME", "/xdg"),
            ("HOME", "/home/u"),
        ]);
        assert_eq!(found(&set, &all).unwrap(), s("/given.json"));
        assert!(matches!(
            found(&set, &all[1..]),
            Err(Error::PolicyNotFound { .. })
        ));
        let xdg = env(&[
            ("CONTAINERS_POLICY_JSON", ""),
            ("XDG_CONFIG_HOME", "/xdg"),
            ("HOME", "/home/u"),
        ]);
        assert_eq!(found(&xdg, &all).unwrap(), s("/xdg/containers/policy.json"));
        assert_eq!(
            found(&xdg, &all[2..]).unwrap(),
            s("/etc/containers/policy.json"),
            "with XDG_CONFIG_HOME set, $HOME/.config is not asked"
        );
        let home = env(&[("HOME", "/home/u")]);
        assert_eq!(
            found(&home, &all).unwrap(),
            s("/home/u/.config/containers/policy.json")
        );
        assert_eq!(
            found(&|_| None, &all).unwrap(),
            s("/etc/containers/policy.json")
        );
        assert_eq!(
            found(&|_| None, &all[4..]).unwrap(),
            s("/usr/share/containers/policy.json")
        );
        assert_eq!(found(&|_| None, &[]).unwrap(), None);
    }

    #[test]
    fn refuses_exactly_the_policy_that_accepts_anything() {
        let refused = |text: &str| check(text.as_bytes(), Path::new("/p"), "i");
        assert!(matches!(
            refused(r#"{"default":[{"type":"insecureAcceptAnything"}]}"#),
            Err(Error::PolicyAcceptsAnything { .. })
        ));
        assert!(matches!(
            refused(
                r#"{"default":[{"type":"insecureAcceptAnything"}],"transports":{"docker":{"":[{"type":"reject"}]}}}"#
            ),
            Err(Error::PolicyAcceptsAnything { .. })
        ));
        for fine in [
            "{}",
            r#"{"default":[]}"#,
            r#"{"default":[{"type":"reject"}]}"#,
            r#"{"default":[{"type":"insecureAcceptAnything"},{"type":"reject"}]}"#,
        ] {
            assert!(refused(fine).is_ok(), "{fine}");
        }
        for broken in ["", "[]", r#"{"default":7}"#] {
            assert!(
                matches!(refused(broken), Err(Error::PolicyInvalid { .. })),
                "{broken}"
            );
        }
    }
}
