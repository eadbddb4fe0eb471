//! Each line of the table of limits: at the limit it works, beyond it is refused.

use crate::support::{FILE, FILES, open, policy, refused, text, tree};
use selinux_label::{Error, MemoryTree, Policy, PolicyTree, TreeError, limits};

fn open_error(tree: &dyn PolicyTree) -> Error {
    Policy::open(tree).unwrap_err()
}

fn too_many(error: &Error, expected: &str, most: u64) {
    match error {
        Error::TooMany { what, limit, .. } => assert_eq!((*what, *limit), (expected, most)),
        other => panic!("{other}"),
    }
}

#[test]
fn config_bytes() {
    let size = usize::try_from(limits::MAX_CONFIG_BYTES).unwrap();
    let mut tree = tree(&[("file_contexts", "/.* x\n")]);
    let config = tree.0.get_mut("usr/etc/selinux/config").unwrap();
    config.resize(size, b'\n');
    assert!(Policy::open(&tree).unwrap().is_some());
    tree.0
        .get_mut("usr/etc/selinux/config")
        .unwrap()
        .push(b'\n');
    assert_eq!(
        open_error(&tree).to_string(),
        "cannot read usr/etc/selinux/config"
    );
}

#[test]
fn rules_bytes() {
    let size = usize::try_from(limits::MAX_RULES_BYTES).unwrap();
    for name in ["file_contexts", "file_contexts.subs"] {
        let files = [("file_contexts", "/.* x\n"), (name, &"\n".repeat(size))];
        assert!(Policy::open(&tree(&files)).unwrap().is_some());
        let files = [("file_contexts", "/.* x\n"), (name, &"\n".repeat(size + 1))];
        assert!(
            matches!(open_error(&tree(&files)), Error::Read { .. }),
            "{name}"
        );
    }
}

#[test]
fn a_tree_that_ignores_the_limit_is_not_believed() {
    struct Careless(MemoryTree);
    impl PolicyTree for Careless {
        fn read(&self, path: &str, _: u64) -> Result<Option<Vec<u8>>, TreeError> {
            self.0.read(path, u64::MAX)
        }
        fn names(&self, path: &str) -> Result<Option<Vec<String>>, TreeError> {
            self.0.names(path)
        }
    }
    let size = usize::try_from(limits::MAX_RULES_BYTES).unwrap() + 1;
    let tree = tree(&[("file_contexts", &"\n".repeat(size))]);
    assert!(matches!(open_error(&Careless(tree)), Error::Read { .. }));
}

#[test]
fn rules() {
    let half = limits::MAX_RULES / 2;
    let rules = "/a x\n".repeat(half);
    let files = [
        ("file_contexts", rules.as_str()),
        ("file_contexts.local", rules.as_str()),
    ];
    open(&files);
    let more = rules.clone() + "/a x\n";
    let files = [
        ("file_contexts", rules.as_str()),
        ("file_contexts.local", more.as_str()),
    ];
    let error = open_error(&tree(&files));
    too_many(
        &error,
        "rules, with the files before it",
        limits::MAX_RULES as u64,
    );
}

#[test]
fn field_bytes() {
    let longest = "a".repeat(limits::MAX_FIELD_BYTES - 1);
    let path = format!("/{longest}");
    let label = policy(&format!("{path} x\n")).label(&path, FILE).unwrap();
    assert_eq!(text(label.as_ref()), "x");
    let message = refused(&format!("/.* y\n{path}a x\n")).to_string();
    assert!(
        message.ends_with("file_contexts, line 2: field of 4096 bytes, more than 4095"),
        "{message}"
    );
}

#[test]
fn substitutions() {
    let most = "/a /b\n".repeat(limits::MAX_SUBSTITUTIONS);
    let files = [("file_contexts", "/b x\n"), ("file_contexts.subs", &most)];
    let label = open(&files).label("/a", FILE).unwrap();
    assert_eq!(text(label.as_ref()), "x");
    let files = [
        ("file_contexts", "/b x\n"),
        ("file_contexts.subs", &format!("{most}/a /b\n")),
    ];
    assert!(matches!(
        open_error(&tree(&files)),
        Error::BadLine { line: 10_001, .. }
    ));
}

#[test]
fn substitution_bytes() {
    let target = |length| format!("/a /{}\n", "b".repeat(length));
    let longest = limits::MAX_SUBSTITUTION_BYTES - 4;
    open(&[
        ("file_contexts", "/b x\n"),
        ("file_contexts.subs", &target(longest)),
    ]);
    let long = target(longest + 1);
    let files = [
        ("file_contexts", "/b x\n"),
        ("file_contexts.subs_dist", long.as_str()),
    ];
    assert!(matches!(
        open_error(&tree(&files)),
        Error::BadLine { line: 1, .. }
    ));
    // libselinux would take the end of a long comment for a substitution.
    let comment = format!("#{}\n", "b".repeat(limits::MAX_SUBSTITUTION_BYTES));
    let files = [
        ("file_contexts", "/b x\n"),
        ("file_contexts.subs", comment.as_str()),
    ];
    assert!(matches!(
        open_error(&tree(&files)),
        Error::BadLine { line: 1, .. }
    ));
}

#[test]
fn regex_depth() {
    let nested = |depth| format!("/{}a{} x\n", "(".repeat(depth), ")".repeat(depth));
    let label = policy(&nested(limits::MAX_REGEX_DEPTH))
        .label("/a", FILE)
        .unwrap();
    assert_eq!(text(label.as_ref()), "x");
    let message = refused(&nested(limits::MAX_REGEX_DEPTH + 1)).to_string();
    assert!(
        message.ends_with("parentheses are too deeply nested"),
        "{message}"
    );
}

#[test]
fn regex_states() {
    let most = usize::try_from(limits::MAX_REGEX_STATES).unwrap() - 5;
    let path = format!("/{}", "a".repeat(most));
    let label = policy(&format!("/a{{{most}}} x\n"))
        .label(&path, FILE)
        .unwrap();
    assert_eq!(text(label.as_ref()), "x");
    for regex in [
        &format!("/a{{{}}}", most + 1),
        "/((((a{60}){60}){60}){60}){60}",
        "/(a{65535}){65535}",
        "/(([^/]*){65535}){65535}",
    ] {
        match refused(&format!("/.* y\n{regex} x\n")) {
            Error::RegexTooLarge {
                line: 2,
                cost,
                limit,
                ..
            } => assert!(cost > limit, "{regex}"),
            other => panic!("{regex}: {other}"),
        }
    }
}

#[test]
fn policy_states() {
    let rule = "/(ab){4000} x\n";
    let count = usize::try_from(limits::MAX_POLICY_STATES).unwrap() / 8000;
    let error = refused(&rule.repeat(count));
    let what = "states in its regular expressions, with the files before it";
    too_many(&error, what, limits::MAX_POLICY_STATES);
    policy(&rule.repeat(count - 1));
}

#[test]
fn dfa_bytes() {
    // As a table of all its states, this one had a million.
    let policy = policy("/.*a[^/]{20} x\n");
    let matching = format!("/{}{}", "ab".repeat(40), "abbbbbbbbbbbbbbbbbbbb");
    assert_eq!(text(policy.label(&matching, FILE).unwrap().as_ref()), "x");
    let other = format!("/{}{}", "ab".repeat(40), "bbbbbbbbbbbbbbbbbbbbb");
    assert_eq!(text(policy.label(&other, FILE).unwrap().as_ref()), "-");
}

#[test]
fn nested_quantifiers_take_no_longer_than_others() {
    // A backtracking matcher never ends on these.
    for regex in [
        "/(a*)*b",
        "/((a+)+)+b",
        "/(a|a)*b",
        "/(a|aa)+b",
        "/(.*)(.*)(.*)(.*)(.*)[^/]b",
    ] {
        let policy = policy(&format!("{regex} x\n"));
        let path = format!("/{}c", "a".repeat(4000));
        assert_eq!(
            text(policy.label(&path, FILE).unwrap().as_ref()),
            "-",
            "{regex}"
        );
        let path = format!("/{}b", "a".repeat(4000));
        assert_eq!(
            text(policy.label(&path, FILE).unwrap().as_ref()),
            "x",
            "{regex}"
        );
    }
}

#[test]
fn automata_bytes() {
    // Each reaches an automaton of 256 KiB and more.
    let count = limits::MAX_AUTOMATA_BYTES / (256 << 10) + 1;
    let rules: String = (0..count)
        .map(|n| format!("/x.*a[^/]{{20}}{n} x\n"))
        .collect();
    let policy = policy(&rules);
    let result = (0..count).try_for_each(|n| policy.label(&format!("/x{n}"), FILE).map(drop));
    match result {
        Err(Error::OutOfMemory { line, .. }) => assert!(line > 100),
        other => panic!("{other:?}"),
    }
    // What was reached before still answers.
    assert!(policy.label("/y", FILE).is_ok());
}

/// Looks the path up until that is refused: file, line and steps.
fn too_slow(policy: &Policy, path: &str) -> (String, Option<u32>, u64) {
    let most = limits::STEPS_IN_ADVANCE / limits::MAX_STEPS_PER_PATH;
    let failed = (0..most).find_map(|_| policy.label(path, FILE).err());
    match failed {
        Some(Error::TooSlow {
            file, line, steps, ..
        }) => (file, line, steps),
        other => panic!("{other:?}"),
    }
}

#[test]
fn steps_of_one_rule() {
    let policy = policy("/.* y\n.*a[^/]{8000}q[^/]+ x\n/b z\n");
    let path = format!("/{}", "ab".repeat(1900));
    let (file, line, steps) = too_slow(&policy, &path);
    assert_eq!((file, line), (format!("{FILES}/file_contexts"), Some(2)));
    assert!(steps > limits::MAX_STEPS_PER_PATH);
    let message = policy.label(&path, FILE).unwrap_err().to_string();
    let begin = format!("{FILES}/file_contexts, line 2: rules take too long to match: ");
    assert!(message.starts_with(&begin), "{message}");
    // Nothing but this rule is slow, and other paths do not reach it.
    assert_eq!(text(policy.label("/b", FILE).unwrap().as_ref()), "z");
}

#[test]
fn steps_of_many_rules() {
    let slow = ".*a[^/]{4000} x\n".repeat(200);
    let policy = open(&[("file_contexts", "/.* y\n"), ("file_contexts.local", &slow)]);
    let (file, line, _) = too_slow(&policy, &format!("/{}", "ab".repeat(1900)));
    assert_eq!((file, line), (format!("{FILES}/file_contexts.local"), None));
}

#[test]
fn steps_of_substitutions() {
    let beginning = format!("/usr/{}", "a".repeat(900));
    let lines: String = (0..9000).map(|n| format!("{beginning}{n} /x\n")).collect();
    let policy = open(&[("file_contexts", "/.* y\n"), ("file_contexts.subs", &lines)]);
    let (file, line, _) = too_slow(&policy, &format!("{beginning}/b"));
    assert_eq!((file, line), (format!("{FILES}/file_contexts.subs"), None));
}

/// As many rules as may be, none of which says what a path begins with.
#[test]
fn steps_of_rules_without_a_beginning() {
    let rules: String = (0..limits::MAX_RULES)
        .map(|n| format!(".*x{n} x\n"))
        .collect();
    let (file, line, _) = too_slow(&policy(&rules), "/usr/bin/y");
    assert_eq!((file, line), (format!("{FILES}/file_contexts"), None));
}

#[test]
fn names() {
    let mut tree = tree(&[("file_contexts", "/.* x\n")]);
    tree.0.remove("usr/etc/selinux/config");
    let names = |tree: &MemoryTree| tree.names("usr/etc/selinux").unwrap().unwrap().len();
    for n in names(&tree)..limits::MAX_NAMES {
        tree.0.insert(format!("usr/etc/selinux/{n}"), Vec::new());
    }
    assert_eq!(names(&tree), limits::MAX_NAMES);
    assert!(matches!(open_error(&tree), Error::NoConfig { .. }));
    tree.0
        .insert("usr/etc/selinux/one-more".to_owned(), Vec::new());
    too_many(&open_error(&tree), "entries", limits::MAX_NAMES as u64);
}
