//! Where a policy is found, and whether.

use crate::support::{FILE, debian, text, tree};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use selinux_label::{DirTree, Error, Fingerprint, MemoryTree, Policy, PolicyTree};
use std::path::Path;

const RULES: &str = "/.* label\n";

fn memory(files: &[(&str, &str)]) -> MemoryTree {
    let file = |(path, text): &(&str, &str)| ((*path).to_owned(), text.as_bytes().to_vec());
    MemoryTree(files.iter().map(file).collect())
}

/// A tree on disk with these files and symlinks.
fn on_disk(files: &[(&str, &str)], links: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let at = |path: &str| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    for (path, content) in files {
        std::fs::write(at(path), content).unwrap();
    }
    for (path, target) in links {
        std::os::unix::fs::symlink(target, at(path)).unwrap();
    }
    root
}

fn directory(path: &Path) -> Dir {
    Dir::open_ambient_dir(path, ambient_authority()).unwrap()
}

fn name(tree: &dyn PolicyTree) -> Option<String> {
    Policy::open(tree)
        .unwrap()
        .map(|policy| policy.name().to_owned())
}

const ON: &str = "SELINUX=enforcing\nSELINUXTYPE=t\n";

#[test]
fn a_tree_without_a_policy_has_none() {
    for files in [
        &[][..],
        &[("etc/passwd", "")],
        // Debian's libsemanage-common puts this there.
        &[("etc/selinux/semanage.conf", "")],
        &[("etc/selinux/config", "SELINUX=disabled\nSELINUXTYPE=t\n")],
        &[("etc/selinux/config", "")],
        &[("usr/etc/selinux/config", "SELINUXTYPE=t\n")],
    ] {
        assert_eq!(name(&memory(files)), None, "{files:?}");
        let disk = on_disk(files, &[]);
        assert_eq!(
            name(&DirTree::new(&directory(disk.path()))),
            None,
            "{files:?}"
        );
    }
}

#[test]
fn etc_goes_before_usr_etc() {
    let below = |dir: &str, name: &str| {
        let config = format!("SELINUX=enforcing\nSELINUXTYPE={name}\n");
        [
            (format!("{dir}/config"), config),
            (
                format!("{dir}/{name}/contexts/files/file_contexts"),
                RULES.to_owned(),
            ),
            (format!("{dir}/{name}/policy/policy.31"), String::new()),
        ]
    };
    let mut files = below("usr/etc/selinux", "image").to_vec();
    let tree = |files: &[(String, String)]| {
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        memory(&files)
    };
    assert_eq!(name(&tree(&files)).as_deref(), Some("image"));
    files.extend(below("etc/selinux", "host"));
    assert_eq!(name(&tree(&files)).as_deref(), Some("host"));
    // libostree does not look further either.
    files.retain(|(path, _)| !path.starts_with("etc/selinux/host"));
    files.retain(|(path, _)| path != "etc/selinux/config");
    files.push(("etc/selinux/semanage.conf".to_owned(), String::new()));
    assert_eq!(name(&tree(&files)), None);
}

#[test]
fn an_incomplete_policy_is_an_error_that_names_the_file() {
    let rules = ("etc/selinux/t/contexts/files/file_contexts", RULES);
    let check = |files: &[(&str, &str)], expected: &str| {
        let error = Policy::open(&memory(files)).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    let config = ("etc/selinux/config", ON);
    let binary = ("etc/selinux/t/policy/policy.33", "");
    assert_eq!(
        name(&memory(&[config, rules, binary])).as_deref(),
        Some("t")
    );
    check(
        &[rules, binary],
        "etc/selinux/config is missing, though there is a policy in etc/selinux/t",
    );
    check(
        &[config, binary],
        "etc/selinux/t/contexts/files/file_contexts is missing, though etc/selinux/config names this policy",
    );
    for other in ["policy.", "policy.kern", "policy.33.bak"] {
        let other = format!("etc/selinux/t/policy/{other}");
        check(
            &[config, rules, (&other, "")],
            "etc/selinux/t/policy/policy.N is missing, though etc/selinux/config names this policy",
        );
    }
}

#[test]
fn links_lead_within_the_tree_only() {
    let outside = on_disk(&[("secret", "/.* outside\n")], &[]);
    let files = [
        ("usr/lib/policies/t/contexts/files/file_contexts", RULES),
        ("usr/lib/policies/t/policy/policy.33", ""),
        ("usr/lib/policies/config", ON),
        ("secret", "/x inside\n"),
    ];
    let secret = outside.path().join("secret");
    let secret = secret.to_str().unwrap();
    let disk = on_disk(
        &files,
        &[
            ("etc/selinux", "/usr/lib/policies"),
            (
                "usr/lib/policies/t/contexts/files/file_contexts.local",
                "../../../../../../../../../secret",
            ),
            (
                "usr/lib/policies/t/contexts/files/file_contexts.homedirs",
                secret,
            ),
        ],
    );
    let policy = Policy::open(&DirTree::new(&directory(disk.path())))
        .unwrap()
        .unwrap();
    let label = |path| policy.label(path, FILE).unwrap();
    assert_eq!(text(label("/x").as_ref()), "inside");
    // The other link is dangling in the tree.
    assert_eq!(text(label("/y").as_ref()), "label");
}

#[test]
fn links_without_end_and_what_is_no_file_are_refused() {
    let loops = on_disk(&[], &[("etc/selinux/config", "config")]);
    let directories = on_disk(&[("etc/selinux/config/x", "")], &[]);
    for disk in [loops, directories] {
        let error = Policy::open(&DirTree::new(&directory(disk.path()))).unwrap_err();
        assert_eq!(error.to_string(), "cannot read etc/selinux/config");
        assert!(matches!(error, Error::Read { .. }));
    }
}

#[test]
fn a_trees_own_error_is_passed_on() {
    struct Broken;
    impl PolicyTree for Broken {
        fn read(&self, _: &str, _: u64) -> Result<Option<Vec<u8>>, selinux_label::TreeError> {
            Err("the disk is on fire".into())
        }
        fn names(&self, _: &str) -> Result<Option<Vec<String>>, selinux_label::TreeError> {
            Ok(Some(Vec::new()))
        }
    }
    let error = Policy::open(&Broken).unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "the disk is on fire");
}

#[test]
fn fingerprints_tell_what_decides_labels_and_nothing_else() {
    let print = |files: &[(&str, &str)]| {
        let policy = Policy::open(&tree(files)).unwrap().unwrap();
        policy.fingerprint()
    };
    let base = print(&[("file_contexts", RULES)]);
    let same = print(&[
        ("file_contexts", RULES),
        ("file_contexts.bin", "compiled"),
        ("media", "x"),
    ]);
    assert_eq!(base, same);
    let mut others = vec![
        base,
        print(&[("file_contexts", "/.* other\n")]),
        print(&[("file_contexts", RULES), ("file_contexts.local", RULES)]),
        print(&[("file_contexts", RULES), ("file_contexts.homedirs", RULES)]),
        print(&[("file_contexts", RULES), ("file_contexts.subs", "/a /b\n")]),
        print(&[
            ("file_contexts", RULES),
            ("file_contexts.subs_dist", "/a /b\n"),
        ]),
    ];
    others.sort();
    others.dedup();
    assert_eq!(others.len(), 6);

    // Name and place of the policy change no label.
    let elsewhere = memory(&[
        ("etc/selinux/config", ON),
        ("etc/selinux/t/contexts/files/file_contexts", RULES),
        ("etc/selinux/t/policy/policy.30", "x"),
    ]);
    assert_eq!(
        Policy::open(&elsewhere).unwrap().unwrap().fingerprint(),
        base
    );

    let shown = base.to_string();
    assert_eq!(shown.len(), 64);
    assert_eq!(shown.parse::<Fingerprint>().unwrap(), base);
    for bad in ["", "00", &shown[1..], &format!("{}x", &shown[1..])] {
        assert!(matches!(
            bad.parse::<Fingerprint>(),
            Err(Error::BadFingerprint { .. })
        ));
    }
}

#[test]
fn memory_and_disk_give_the_same_policy() {
    let memory = debian();
    let files: Vec<_> = memory
        .0
        .iter()
        .map(|(path, bytes)| (path.as_str(), std::str::from_utf8(bytes).unwrap()))
        .collect();
    let disk = on_disk(&files, &[]);
    let from_disk = Policy::open(&DirTree::new(&directory(disk.path())))
        .unwrap()
        .unwrap();
    let from_memory = Policy::open(&memory).unwrap().unwrap();
    assert_eq!(from_disk.fingerprint(), from_memory.fingerprint());
    assert_eq!(from_disk.name(), "test");
}
