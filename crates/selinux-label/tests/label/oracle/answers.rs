//! What libselinux's handle itself does.

use crate::support::{FILE, text, tree};
use selinux_label::{Error, OraclePolicy};

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
