//! Where an ostree host keeps its registry credentials.

use std::path::PathBuf;

use cap_std::fs::Dir;

use crate::Auth;
use crate::host_file::exists;

/// Finds the credentials for user `uid`, as bootc and rpm-ostree do, with one difference.
///
/// Root: `/run/ostree/auth.json`, `/etc/ostree/auth.json`, `/usr/lib/ostree/auth.json`; the first that exists, else
/// [`Auth::Anonymous`]: a host's updates must not depend on who once typed `podman login` as root.
///
/// Others: `$XDG_RUNTIME_DIR/ostree/auth.json`, `$XDG_CONFIG_HOME/ostree/auth.json`, else [`Auth::Default`]: the
/// difference. Upstream goes anonymous here as well, and a user who has just logged in is told "unauthorized".
///
/// Where `$XDG_RUNTIME_DIR` is not set (cron, `setpriv`), skopeo would look in `/run/containers/UID`, which only root can
/// make and often only root can enter, and fail; then the other places of `containers-auth.json(5)` are looked at here.
///
/// `env` gives the value of a variable; `root` is the host's root directory, in which links are resolved.
pub fn find(uid: u32, env: impl Fn(&str) -> Option<String>, root: &Dir) -> Auth {
    let first = |paths: Vec<PathBuf>| paths.into_iter().find(|path| exists(root, path));
    if let Some(file) = first(candidates(uid, &env)) {
        return Auth::File(file);
    }
    if uid == 0 {
        Auth::Anonymous
    } else if env("XDG_RUNTIME_DIR").is_some() {
        Auth::Default
    } else {
        first(logins(&env)).map_or(Auth::Anonymous, Auth::File)
    }
}

/// Where `podman login` and `docker login` leave credentials that outlive a session (`containers-auth.json(5)`).
fn logins(env: impl Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let home = env("HOME").map(PathBuf::from);
    let config = env("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| home.as_ref().map(|home| home.join(".config")));
    let files = [
        config.map(|config| config.join("containers/auth.json")),
        home.map(|home| home.join(".docker/config.json")),
    ];
    files
        .into_iter()
        .flatten()
        .filter(|file| file.is_absolute())
        .collect()
}

fn candidates(uid: u32, env: impl Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    if uid == 0 {
        return ["/run", "/etc", "/usr/lib"]
            .map(|dir| PathBuf::from(dir).join("ostree/auth.json"))
            .to_vec();
    }
    ["XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"]
        .into_iter()
        .filter_map(env)
        .filter(|dir| dir.starts_with('/'))
        .map(|dir| PathBuf::from(dir).join("ostree/auth.json"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_session_logins_are_looked_for_in_the_home() {
        let scratch = tempfile::tempdir().unwrap();
        let root = Dir::from_std_file(std::fs::File::open(scratch.path()).unwrap());
        let env = |name: &str| (name == "HOME").then(|| "/home/u".to_owned());
        assert_eq!(find(7, env, &root), Auth::Anonymous);
        for path in [
            "home/u/.docker/config.json",
            "home/u/.config/containers/auth.json",
        ] {
            let file = scratch.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "{}").unwrap();
            assert_eq!(
                find(7, env, &root),
                Auth::File(PathBuf::from("/").join(path))
            );
        }
        assert_eq!(find(0, env, &root), Auth::Anonymous);
    }

    #[test]
    fn looks_in_the_order_of_ostree_hosts() {
        let scratch = tempfile::tempdir().unwrap();
        let root = Dir::from_std_file(std::fs::File::open(scratch.path()).unwrap());
        let env = |name: &str| match name {
            "XDG_RUNTIME_DIR" => Some("/run/user/7".to_owned()),
            "XDG_CONFIG_HOME" => Some("/home/u/.config".to_owned()),
            _ => None,
        };
        assert_eq!(find(0, env, &root), Auth::Anonymous);
        assert_eq!(find(7, env, &root), Auth::Default);

        let put = |path: &str| {
            let path = scratch.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "{}").unwrap();
        };
        // From the last place to the first: each new file wins over those before.
        for path in [
            "usr/lib/ostree/auth.json",
            "etc/ostree/auth.json",
            "run/ostree/auth.json",
        ] {
            put(path);
            assert_eq!(find(0, env, &root), Auth::File(format!("/{path}").into()));
        }
        assert_eq!(
            find(7, env, &root),
            Auth::Default,
            "a user does not read root's"
        );
        for path in [
            "home/u/.config/ostree/auth.json",
            "run/user/7/ostree/auth.json",
        ] {
            put(path);
            assert_eq!(find(7, env, &root), Auth::File(format!("/{path}").into()));
        }
    }

    #[test]
    fn absolute_links_resolve_inside_the_root() {
        let scratch = tempfile::tempdir().unwrap();
        let root = Dir::from_std_file(std::fs::File::open(scratch.path()).unwrap());
        std::fs::create_dir_all(scratch.path().join("etc/ostree")).unwrap();
        let link = scratch.path().join("etc/ostree/auth.json");
        std::os::unix::fs::symlink("/secrets/pull.json", &link).unwrap();
        assert_eq!(
            find(0, |_| None, &root),
            Auth::Anonymous,
            "a dangling link is no file"
        );
        std::fs::create_dir(scratch.path().join("secrets")).unwrap();
        std::fs::write(scratch.path().join("secrets/pull.json"), "{}").unwrap();
        assert_eq!(
            find(0, |_| None, &root),
            Auth::File("/etc/ostree/auth.json".into())
        );
    }
}
