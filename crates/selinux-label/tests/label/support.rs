//! Policies for tests.

use selinux_label::{Error, Label, MemoryTree, Policy};

/// File types, as modes hold them.
pub(crate) const FILE: u32 = 0o100_644;
pub(crate) const DIR: u32 = 0o040_755;
pub(crate) const LINK: u32 = 0o120_777;
pub(crate) const CHAR: u32 = 0o020_600;
pub(crate) const BLOCK: u32 = 0o060_600;
pub(crate) const PIPE: u32 = 0o010_600;
pub(crate) const SOCKET: u32 = 0o140_600;

/// Where the policy's files are.
pub(crate) const FILES: &str = "usr/etc/selinux/test/contexts/files";

/// A tree with a policy named `test`, made of these files (`file_contexts.local`) and their content.
pub(crate) fn tree(files: &[(&str, &str)]) -> MemoryTree {
    let mut tree = MemoryTree::default();
    let config = "SELINUX=enforcing\nSELINUXTYPE=test\n";
    let mut add = |path: &str, text: &str| tree.0.insert(path.to_owned(), text.into());
    add("usr/etc/selinux/config", config);
    add("usr/etc/selinux/test/policy/policy.33", "");
    for (name, text) in files {
        add(&format!("{FILES}/{name}"), text);
    }
    tree
}

/// The policy of these rules.
pub(crate) fn policy(rules: &str) -> Policy {
    open(&[("file_contexts", rules)])
}

pub(crate) fn open(files: &[(&str, &str)]) -> Policy {
    Policy::open(&tree(files)).unwrap().unwrap()
}

/// Why a policy of these rules is refused.
pub(crate) fn refused(rules: &str) -> Error {
    Policy::open(&tree(&[("file_contexts", rules)])).unwrap_err()
}

/// A label as text, `-` for none.
pub(crate) fn text(label: Option<&Label>) -> &str {
    label.map_or("-", Label::as_str)
}

/// Debian 12's policy.
pub(crate) fn debian() -> MemoryTree {
    tree(&[
        (
            "file_contexts",
            include_str!("../data/debian/file_contexts"),
        ),
        (
            "file_contexts.homedirs",
            include_str!("../data/debian/file_contexts.homedirs"),
        ),
        (
            "file_contexts.subs_dist",
            include_str!("../data/debian/file_contexts.subs_dist"),
        ),
    ])
}

/// What libselinux 3.4 said of some paths under Debian's policy, long ago: path, mode, label.
pub(crate) fn expected_by_debian() -> Vec<(&'static str, u32, &'static str)> {
    let text = include_str!("../data/debian/expected-labels.tsv");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let row = |line: &'static str| {
        let mut fields = line.split('\t');
        let mut next = || fields.next().unwrap();
        let (path, kind, label) = (next(), next(), next());
        let mode = match kind {
            "file" => FILE,
            "dir" => DIR,
            // These were asked without a type: as a symlink, `/bin/sh` is no shell.
            "symlink" => LINK & 0o7777,
            "char" => CHAR,
            other => panic!("{other}"),
        };
        // Where there was no label, the tool that was asked said so.
        let none = label.starts_with("ERROR: selabel_lookup failed");
        (path, mode, if none { "-" } else { label })
    };
    lines.map(row).collect()
}
