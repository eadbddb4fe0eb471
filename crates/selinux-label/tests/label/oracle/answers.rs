//! Files in every form, and what libselinux's handle itself does.

use super::Pair;
use crate::support::{DIR, FILE, text, tree};
use selinux_label::{Error, OraclePolicy, Policy};

#[test]
fn rules_in_every_form_are_read_alike() {
    let paths = ["/a", "/b", "/c", "/#", "/a#", "#", "/x/y"]
        .map(|path| format!("/{}", path.trim_start_matches('/')));
    for rules in [
        "",
        "\n\n",
        "#",
        "/a x",
        "/a x\n/b y",
        "/a x\r\n/b -- y\r\n",
        "  /a\t\tx  \n\x0b/b\x0c--\x0by\x0c",
        "/a x # comment\n",
        "/a -- x # comment\n",
        "/a -- x y z\n",
        "# /a x\n  # /b y\n/# z\n/a# w\n",
        "/a -d <<none>>\n/a -- x\n",
        "/a <<none>> \n/b <<NONE>>\n",
        "/a\n",
        "/a \n/b y\n",
        "/a -x y\n",
        "/a - y\n",
        "/a --- y\n",
        "/a x y\n",
        "/b y\n/\u{e4} x\n",
        "/b y\n/a \u{e4}\n",
        "/b y \n/a -- x \u{e4}\n",
        "# \u{e4}\n/a x\n",
        ".* x\n",
        "a x\nx/y z\n/?a b\n",
    ] {
        let tree = tree(&[("file_contexts", rules)]);
        match Policy::open(&tree) {
            Ok(_) => {
                let pair = Pair::open(&tree);
                for path in &paths {
                    pair.check(path, FILE);
                    pair.check(path, DIR);
                }
            }
            Err(_) => assert!(OraclePolicy::open(&tree).is_err(), "{rules:?}"),
        }
    }
}

#[test]
fn substitutions_in_every_form_are_read_alike() {
    let paths = [
        "/", "/a", "/a/b", "/b", "/b/c", "/ab", "/#", "//a//b", "/a/", "/c", "/c/d",
    ];
    let rules = "/.* any\n/a(/.*)? a\n/b(/.*)? b\n/c/.* c\n/ root\n//.* double\n";
    for list in [
        "",
        "/a /b",
        "/a /b\n/b /a\n",
        "/a /b\r\n",
        "  /a\t/b extra\n#/b /c\n # /b /c\n",
        "/a\n/b /c\n",
        "/a \n/b /c\n",
        "/a # comment\n",
        "/a/ /b\n",
        "/a /b/\n",
        "/a /\n",
        "/ /a\n",
        "/ /\n",
        "/a b\n",
        "a /b\n",
        "/a /b\n/a /c\n",
        "/a/b /c\n/a /b\n",
        "/a /b\n/a/b /c\n",
        "/# /a\n",
    ] {
        for name in ["file_contexts.subs", "file_contexts.subs_dist"] {
            let pair = Pair::open(&tree(&[("file_contexts", rules), (name, list)]));
            for path in paths {
                pair.check(path, FILE);
            }
        }
        // Both lists.
        let dist = "/b /c\n/c /a\n";
        let files = [
            ("file_contexts", rules),
            ("file_contexts.subs", list),
            ("file_contexts.subs_dist", dist),
        ];
        let pair = Pair::open(&tree(&files));
        for path in paths {
            pair.check(path, FILE);
        }
    }
}

#[test]
fn several_handles_answer_several_threads() {
    let open = |rules| {
        OraclePolicy::open(&tree(&[("file_contexts", rules)]))
            .unwrap()
            .unwrap()
    };
    let policies = [open("/.* a\n"), open("/.* b\n")];
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..200 {
                    for (policy, expected) in policies.iter().zip(["a", "b"]) {
                        let label = policy.label("/x", FILE).unwrap();
                        assert_eq!(text(label.as_ref()), expected);
                    }
                }
            });
        }
    });
    assert_eq!(policies[0].name(), "test");
}

#[test]
fn a_policy_that_libselinux_refuses_is_an_error() {
    let tree = tree(&[("file_contexts", "/a\n")]);
    let error = OraclePolicy::open(&tree).unwrap_err();
    assert_eq!(error.to_string(), "libselinux cannot open the policy");
}

#[test]
fn paths_that_are_none_are_refused() {
    let tree = tree(&[("file_contexts", ".* x\n")]);
    let policy = OraclePolicy::open(&tree).unwrap().unwrap();
    for path in ["", "usr", "/a\0"] {
        assert!(
            matches!(policy.label(path, FILE), Err(Error::BadPath { .. })),
            "{path:?}"
        );
    }
}
