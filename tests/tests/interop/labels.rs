//! Labels under `--compat ostree-ext`: the merged tree is the peer's, whose labels libselinux computes.

use std::fs;
use std::path::Path;

use crate::compat::{compare, pulled_over};
use crate::images::BASE;
use crate::programs::{BareRepo, ostree};

/// Debian's policy (selinux-policy-default) as lines of a listing, with `more` at the end of its rules.
fn policy(more: &str) -> String {
    let data =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/selinux-label/tests/data/debian");
    let read = |name: &str| {
        let text = fs::read_to_string(data.join(name));
        text.unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let dir = "usr/etc/selinux";
    let files = format!("{dir}/default/contexts/files");
    format!(
        "dir {dir}\ndir {dir}/default\n\
         file {dir}/config \"SELINUX=enforcing\\nSELINUXTYPE=default\\n\"\n\
         file {dir}/default/policy/policy.33 \"not looked at\"\n\
         file {files}/file_contexts {:?}\n\
         file {files}/file_contexts.homedirs {:?}\n\
         file {files}/file_contexts.subs_dist {:?}\n",
        format!("{}{more}", read("file_contexts")),
        read("file_contexts.homedirs"),
        read("file_contexts.subs_dist"),
    )
}

/// The base with a policy. libostree before 2025.2 (Debian 12 has 2022.7) appends a label to the attributes that a file
/// has, where the canonical form is sorted: a file with others is another object there, so this base has none.
fn base() -> String {
    format!(
        "{}\n{}",
        BASE.replace("xattr.user.note=kept", ""),
        policy("")
    )
}

/// Paths that the policy tells apart, of each type that a layer can bring.
const LAYER: &str = r#"
    dir usr/sbin
    file usr/sbin/sshd 0755 "daemon"
    file usr/bin/passwd 04755 "password"
    file usr/bin/greeter 0755 "greets"
    symlink usr/sbin/init -> ../lib/systemd/systemd
    hardlink usr/lib/greeter -> usr/bin/greeter
    dir etc
    file etc/shadow 0640 "secret"
    dir etc/ssh
    file etc/ssh/ssh_host_key 0600 "key"
    dir usr/lib/systemd
    file usr/lib/systemd/systemd 0755 "first"
    dir var/log
    file var/log/messages "log"
    dir home
    file usr/share/doc/other
"#;

/// The label of a path of a commit, as `ostree ls -X` shows it.
fn label(repo: &BareRepo, commit: &str, path: &str) -> String {
    let line = ostree(&[repo.option().as_str(), "ls", "-X", commit, path]);
    let from = line
        .find("_u:object_r:")
        .unwrap_or_else(|| panic!("no label in {line}"));
    line[from + "_u:object_r:".len()..]
        .split(':')
        .next()
        .unwrap()
        .to_owned()
}

#[test]
fn a_policy_in_the_base() {
    let (images, by_peer) = pulled_over(&base(), &[LAYER, "whiteout usr/bin/su"]);
    let image = by_peer.image_ref();
    assert_eq!(label(&by_peer, &image, "/usr/bin/passwd"), "passwd_exec_t");
    compare("policy in the base", &images, &by_peer);
}

/// ostree-rs-ext#510: a package with a policy module of its own, in a derived layer.
#[test]
fn a_policy_in_a_derived_layer() {
    let module = policy("/usr/bin/greeter\t--\tsystem_u:object_r:greeter_exec_t:s0\n");
    let (images, by_peer) = pulled_over(&base(), &[LAYER, &module]);
    let image = by_peer.image_ref();
    assert_eq!(
        label(&by_peer, &image, "/usr/bin/greeter"),
        "greeter_exec_t"
    );
    compare("policy in a derived layer", &images, &by_peer);
}
