//! Which rule decides.

use crate::support::{
    BLOCK, CHAR, DIR, FILE, FILES, LINK, PIPE, SOCKET, debian, expected_by_debian, open, policy,
    text,
};
use selinux_label::{Policy, Substitution};

/// Each path, asked as a file.
fn check(policy: &Policy, answers: &[(&str, &str)]) {
    for (path, expected) in answers {
        let label = policy.label(path, FILE).unwrap();
        assert_eq!(text(label.as_ref()), *expected, "{path:?}");
    }
}

#[test]
fn debians_policy_labels_as_libselinux_did() {
    let policy = Policy::open(&debian()).unwrap().unwrap();
    let rows = expected_by_debian();
    assert_eq!(rows.len(), 34);
    for (path, mode, expected) in rows {
        let label = policy.label(path, mode).unwrap();
        assert_eq!(text(label.as_ref()), expected, "{path}");
    }
    let link = policy.label("/bin/sh", LINK).unwrap();
    assert_eq!(text(link.as_ref()), "system_u:object_r:bin_t:s0");
}

#[test]
fn the_last_match_wins_but_texts_come_after_expressions() {
    let policy =
        policy("/a/b exact\n/a(/.*)? tree\n/a/.* below\n/a/[c] class\n/a/c first\n/a/c second\n");
    check(
        &policy,
        &[
            ("/a", "tree"),
            ("/a/b", "exact"),
            ("/a/c", "second"),
            ("/a/d", "below"),
            ("/ab", "-"),
        ],
    );
}

#[test]
fn escaped_metacharacters_make_a_text_and_unescaped_ones_an_expression() {
    let policy = policy("/a\\.b text\n/a.* expression\n/x]y} odd\n/x.* later\n");
    check(
        &policy,
        &[("/a.b", "text"), ("/acb", "expression"), ("/x]y}", "odd")],
    );
}

#[test]
fn home_and_local_rules_are_appended_in_that_order() {
    let policy = open(&[
        ("file_contexts.local", "/h/.* local\n/t local_text\n"),
        ("file_contexts", "/h/.* base\n/b/.* base\n/t base_text\n"),
        ("file_contexts.homedirs", "/h/.* home\n/h/u/.* home_u\n"),
    ]);
    check(
        &policy,
        &[("/h/u/x", "local"), ("/b/x", "base"), ("/t", "local_text")],
    );
}

#[test]
fn rules_with_a_type_are_for_that_type_only() {
    let types = [
        (FILE, "--"),
        (DIR, "-d"),
        (LINK, "-l"),
        (CHAR, "-c"),
        (BLOCK, "-b"),
        (PIPE, "-p"),
        (SOCKET, "-s"),
    ];
    let mut rules = "/.* any\n".to_owned();
    for (_, field) in types {
        rules += &format!("/x {field} is{field}\n/y.* {field} is{field}\n");
    }
    let policy = policy(&rules);
    for (mode, field) in types {
        for path in ["/x", "/y"] {
            let label = policy.label(path, mode).unwrap();
            assert_eq!(text(label.as_ref()), format!("is{field}"), "{path}");
        }
        assert_eq!(text(policy.label("/z", mode).unwrap().as_ref()), "any");
        let rule = policy.explain("/x", mode).unwrap().rule.unwrap();
        assert_eq!(rule.file_type, Some(field));
    }
    // A mode without a type is of every type.
    for path in ["/x", "/y"] {
        let label = policy.label(path, 0o644).unwrap();
        assert_eq!(text(label.as_ref()), "is-s");
    }
}

#[test]
fn none_ends_the_search_without_a_label() {
    let policy = policy("/a/.* label\n/a/b/.* <<none>>\n/a/b/.* -d dir\n/a/b/c <<none>>\n");
    check(
        &policy,
        &[
            ("/a/x", "label"),
            ("/a/b/x", "-"),
            ("/a/b/c", "-"),
            ("/b", "-"),
        ],
    );
    let explained = policy.explain("/a/b/x", FILE).unwrap();
    assert_eq!(explained.label, None);
    assert_eq!(explained.rule.unwrap().context, "<<none>>");
    assert_eq!(policy.explain("/b", FILE).unwrap().rule, None);
}

#[test]
fn a_rules_first_name_must_be_the_paths_to_the_letter() {
    // Whether or not the expression would match: libselinux compares stems before it asks.
    let policy = policy("/usr/? a\n/x\\-y/.* b\n/p/q|/r/s c\n/e/? d\n/e? e\n");
    check(
        &policy,
        &[
            ("/usr", "-"),
            ("/x-y/z", "-"),
            ("/p/q", "c"),
            ("/p/q/z", "c"),
            ("/r/s", "-"),
            ("/e", "e"),
        ],
    );
}

#[test]
fn an_alternation_at_the_top_is_anchored_on_one_side_each() {
    let policy = policy("(/a|/b)/c group\n.*/d|/e top\n");
    check(
        &policy,
        &[
            ("/b/c", "group"),
            ("/x/d", "top"),
            ("/x/d/y", "top"),
            ("/x/e", "top"),
            ("/e/y", "-"),
        ],
    );
}

#[test]
fn a_backslash_at_the_end_takes_the_anchor() {
    let policy = policy("/a\\ x\n");
    check(&policy, &[("/a$", "x"), ("/a$b", "x"), ("/a", "-")]);
}

#[test]
fn a_newline_at_the_end_is_passed_over() {
    let policy = policy("/a(/.*)? tree\n/b text\n/c/[^/]* name\n/d/(x|y) x\n");
    check(
        &policy,
        &[
            ("/a\n", "tree"),
            ("/b\n", "text"),
            ("/b\n\n", "-"),
            ("/c/\n", "name"),
            ("/d/x\n", "x"),
            ("/d/x\ny", "-"),
        ],
    );
}

#[test]
fn a_byte_is_a_character() {
    let policy = policy("/a/. one\n/a/.. two\n/b/[^/] one\n");
    check(&policy, &[("/a/x", "one"), ("/a/é", "two"), ("/b/é", "-")]);
}

#[test]
fn slashes_are_cleaned_and_proc_is_labelled_as_a_mount_point() {
    let policy = policy(
        "/a/b text\n/ root\n/mnt/? -d wrong\n/mnt mount\n/proc/.* <<none>>\n/proc -d proc\n",
    );
    check(
        &policy,
        &[
            ("//a///b//", "text"),
            ("/a/b/", "text"),
            ("//", "root"),
            ("/proc", "mount"),
            ("/proc/", "-"),
            ("/proc/1", "-"),
        ],
    );
}

#[test]
fn substitutions_apply_once_each_local_before_distribution() {
    let policy = open(&[
        (
            "file_contexts",
            "/usr/lib/.* lib\n/srv/.* srv\n/lib/.* wrong\n/data/.* data\n",
        ),
        (
            "file_contexts.subs_dist",
            "/lib /usr/lib\n/usr/lib64 /lib\n/alias /wrong\n/alias /srv\n",
        ),
        ("file_contexts.subs", "/mine /lib\n/alias/x /data\n"),
    ]);
    check(
        &policy,
        &[
            ("/lib/x", "lib"),
            ("/lib64/x", "-"),
            ("/usr/lib64/x", "wrong"),
            ("/mine/x", "lib"),
            ("/alias/x/y", "data"),
            ("/alias/y", "srv"),
        ],
    );
    let explained = policy.explain("//mine/x/", FILE).unwrap();
    assert_eq!(explained.looked_up, "/usr/lib/x");
    let shown =
        |one: &Substitution| format!("{} {} {}:{}", one.alias, one.target, one.file, one.line);
    let shown: Vec<_> = explained.substitutions.iter().map(shown).collect();
    assert_eq!(
        shown,
        [
            format!("/mine /lib {FILES}/file_contexts.subs:1"),
            format!("/lib /usr/lib {FILES}/file_contexts.subs_dist:1"),
        ]
    );
}

#[test]
fn the_rule_is_told_with_its_file_and_line() {
    let policy = open(&[
        ("file_contexts", "# comment\n\n/a/.*\t--\tbase\n"),
        (
            "file_contexts.local",
            "#\n/b system_u:object_r:local_t:s0\n",
        ),
    ]);
    let rule = policy.explain("/a/x", FILE).unwrap().rule.unwrap();
    assert_eq!(
        (rule.regex.as_str(), rule.file_type, rule.line),
        ("/a/.*", Some("--"), 3)
    );
    assert_eq!(rule.file, format!("{FILES}/file_contexts"));
    let explained = policy.explain("/b", LINK).unwrap();
    let rule = explained.rule.unwrap();
    assert_eq!(
        (rule.context.as_str(), rule.file_type, rule.line),
        ("system_u:object_r:local_t:s0", None, 2)
    );
    assert_eq!(rule.file, format!("{FILES}/file_contexts.local"));
    let label = explained.label.unwrap();
    assert_eq!(label.xattr_value(), b"system_u:object_r:local_t:s0\0");
}

#[test]
fn several_policies_answer_several_threads_at_once() {
    let policies: Vec<_> = (0..4)
        .map(|n| policy(&format!("/.* other\n/x/(a|b)+/y{n}.* label{n}\n")))
        .collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for round in 0..1000 {
                    for (n, policy) in policies.iter().enumerate() {
                        let path = format!("/x/aab/y{n}{round}");
                        let label = policy.clone().label(&path, FILE).unwrap();
                        assert_eq!(text(label.as_ref()), format!("label{n}"));
                    }
                }
            });
        }
    });
}
