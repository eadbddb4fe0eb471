//! Regular expressions that are no good.

use crate::support::{FILES, open, refused};
use selinux_label::{Error, Policy};

/// What PCRE2 refuses, and in which words.
pub(crate) const INVALID: &[(&str, &str)] = &[
    ("/a**", "quantifier does not follow a repeatable item"),
    ("/a*{2}", "quantifier does not follow a repeatable item"),
    ("*", "quantifier does not follow a repeatable item"),
    ("/(+)", "quantifier does not follow a repeatable item"),
    ("/a|?", "quantifier does not follow a repeatable item"),
    ("/a|{2}", "quantifier does not follow a repeatable item"),
    ("/a^*", "quantifier does not follow a repeatable item"),
    ("/a\\b+", "quantifier does not follow a repeatable item"),
    ("/a{2,1}", "numbers out of order in {} quantifier"),
    ("/a{65536}", "number too big in {} quantifier"),
    (
        "/a{99999999999999999999}",
        "number too big in {} quantifier",
    ),
    ("/a(", "missing closing parenthesis"),
    ("/(a", "missing closing parenthesis"),
    ("/a)", "unmatched closing parenthesis"),
    ("/[a", "missing terminating ] for character class"),
    ("/[]", "missing terminating ] for character class"),
    ("/[^]", "missing terminating ] for character class"),
    ("/[z-a]", "range out of order in character class"),
    ("/[a-\\d]", "invalid range in character class"),
    ("/[\\d-z]", "invalid range in character class"),
    ("/[[:alpha:]-z]", "invalid range in character class"),
    ("/[\\B]", "escape sequence is invalid in character class"),
    ("/[[:letter:]]", "unknown POSIX class name"),
    ("/[[.a.]]", "POSIX collating elements are not supported"),
    ("/[[=a=]]", "POSIX collating elements are not supported"),
    (
        "/[:alpha:]",
        "POSIX named classes are supported only within a class",
    ),
    ("/\\y", "unrecognized character follows \\"),
    ("/\\U", "unrecognized character follows \\"),
];

/// What PCRE2 takes and we do not.
pub(crate) const UNSUPPORTED: &[(&str, &str)] = &[
    ("/(?=a)a", "a look-ahead"),
    ("/(?!a)b", "a look-ahead"),
    ("/a(?<=a)", "a look-behind"),
    ("/a(?<!b)", "a look-behind"),
    ("/(a)\\1", "a back reference"),
    ("/(a)\\g1", "a back reference"),
    ("/(?>a*)b", "an atomic group"),
    ("/(?|a|b)", "a branch reset"),
    ("/(?#a)b", "a comment"),
    ("/(a)?(?(1)b)", "a condition"),
    ("/(?<n>a)", "a named group"),
    ("/(?P<n>a)", "a named group"),
    ("/(?'n'a)", "a named group"),
    ("/(a(?1)?)", "a recursion"),
    ("/(?i)a", "an option: (?"),
    ("/(?i:a)", "an option: (?"),
    ("/(*COMMIT)a", "a verb: (*"),
    ("/a++", "a possessive quantifier"),
    ("/a{2}+", "a possessive quantifier"),
    (
        "/a{,2}",
        "{,n}, which is a quantifier from PCRE2 10.43 on and text before",
    ),
    ("/\\Qa\\E", "\\Q or \\E"),
    ("/\\x{61}", "\\x without two digits"),
    ("/\\xg", "\\x without two digits"),
    ("/[\\x]", "\\x without two digits"),
    ("/a\\z", "an escape that no policy uses"),
    ("/\\N", "an escape that no policy uses"),
    ("/\\R", "an escape that no policy uses"),
    ("/a$b", "$ with more behind it"),
    ("/(a$)+", "$ with more behind it"),
    ("/a$\\Z.", "$ with more behind it"),
];

#[test]
fn what_pcre2_refuses_is_refused_in_its_words() {
    for (regex, expected) in INVALID {
        match refused(&format!("/.* x\n#\n{regex} y\n")) {
            Error::InvalidRegex {
                file,
                line,
                regex: shown,
                reason,
            } => {
                assert_eq!(file, format!("{FILES}/file_contexts"));
                assert_eq!(line, 3);
                assert_eq!(shown, format!("{regex:?}"));
                assert_eq!(reason, *expected, "{regex}");
            }
            other => panic!("{regex}: {other}"),
        }
    }
}

#[test]
fn what_only_libselinux_can_do_is_named() {
    for (regex, expected) in UNSUPPORTED {
        match refused(&format!("/.* x\n{regex} y\n")) {
            Error::UnsupportedRegex { line, feature, .. } => {
                assert_eq!(line, 2);
                assert_eq!(feature, *expected, "{regex}");
            }
            other => panic!("{regex}: {other}"),
        }
    }
    assert_eq!(
        refused("/(?!a)b -- x").to_string(),
        "usr/etc/selinux/test/contexts/files/file_contexts, line 1: regular expression \"/(?!a)b\" needs \
         libselinux: a look-ahead is not supported"
    );
}

#[test]
fn the_file_of_a_bad_line_is_named() {
    for name in [
        "file_contexts",
        "file_contexts.homedirs",
        "file_contexts.local",
    ] {
        let mut files = vec![("file_contexts", "/.* x\n")];
        files.push((name, "/a x\n/b\n"));
        let error = Policy::open(&crate::support::tree(&files)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{FILES}/{name}, line 2: rule without a context")
        );
    }
}

#[test]
fn control_characters_are_escaped_in_messages() {
    let message = refused("/a\u{1b}[31m** x\n").to_string();
    assert!(message.contains("\"/a\\u{1b}[31m**\""), "{message}");
}

#[test]
fn paths_that_are_none_are_refused() {
    let policy = open(&[("file_contexts", "/.* x\n.* y\n")]);
    for path in ["", "usr/bin", "./usr", "/a\0b"] {
        let error = policy.label(path, 0).unwrap_err();
        assert!(matches!(error, Error::BadPath { .. }), "{path:?}");
        assert!(policy.explain(path, 0).is_err());
    }
}
