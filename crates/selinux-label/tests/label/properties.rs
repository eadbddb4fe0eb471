//! What holds for every input.

use crate::support::{FILES, text, tree};
use proptest::prelude::*;
use selinux_label::{MemoryTree, Policy};

/// A tree whose file of this name has these bytes.
fn tree_with(name: &str, bytes: Vec<u8>) -> MemoryTree {
    let mut tree = tree(&[("file_contexts", "/.* x\n")]);
    tree.0.insert(format!("{FILES}/{name}"), bytes);
    tree
}

/// Rules, short and of few characters, so that they meet the paths and each other.
fn rules() -> impl Strategy<Value = String> {
    prop::collection::vec(
        "/[a-c/.*+?|(){}\\[\\]\\\\^$,:0-9-]{0,12}( --| -d| -x|) ([a-c]|<<none>>|)",
        0..24,
    )
    .prop_map(|mut lines| {
        let is_good = |line: &str| Policy::open(&tree(&[("file_contexts", line)])).is_ok();
        lines.retain(|line| is_good(line));
        lines.join("\n")
    })
}

fn open(rules: &str) -> Policy {
    let tree = tree_with("file_contexts", rules.as_bytes().to_vec());
    Policy::open(&tree).unwrap().unwrap()
}

fn paths() -> impl Strategy<Value = String> {
    "/([a-c]|/|\\.|\n|é){0,8}"
}

proptest! {
    #[test]
    fn any_bytes_are_a_policy_or_an_error(
        name in prop::sample::select(vec!["file_contexts", "file_contexts.local", "file_contexts.subs"]),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        path in paths(),
    ) {
        if let Ok(policy) = Policy::open(&tree_with(name, bytes)) {
            policy.unwrap().label(&path, 0).unwrap();
        }
    }

    #[test]
    fn any_config_is_a_policy_or_none_or_an_error(config in "(SELINUX(TYPE)?=[a-z/. ]{0,10}\r?\n|#\n){0,4}") {
        let mut tree = tree(&[("file_contexts", "/.* x\n")]);
        tree.0.insert("usr/etc/selinux/config".to_owned(), config.into_bytes());
        // Whatever it is, it is the same again.
        let fingerprint = || Policy::open(&tree).map(|policy| policy.map(|policy| policy.fingerprint()));
        prop_assert_eq!(fingerprint().map_err(|e| e.to_string()), fingerprint().map_err(|e| e.to_string()));
    }

    #[test]
    fn label_and_explanation_agree_whatever_was_asked_before(
        rules in rules(),
        asked in prop::collection::vec((paths(), prop::sample::select(vec![0, 0o100_644, 0o040_755])), 1..8),
    ) {
        let open = || open(&rules);
        let policy = open();
        for (path, mode) in &asked {
            let explained = policy.explain(path, *mode).unwrap();
            let fresh = open().label(path, *mode).unwrap();
            prop_assert_eq!(&explained.label, &fresh);
            let context = explained.rule.map(|rule| rule.context);
            let context = context.filter(|context| context != "<<none>>");
            prop_assert_eq!(context.as_deref().unwrap_or("-"), text(fresh.as_ref()));
        }
    }

    #[test]
    fn slashes_too_many_change_nothing(rules in rules(), names in prop::collection::vec("[a-c.]{1,2}", 1..4)) {
        let policy = open(&rules);
        let clean = format!("/{}", names.join("/"));
        let messy = format!("//{}/", names.join("///"));
        prop_assert_eq!(policy.label(&clean, 0).unwrap(), policy.label(&messy, 0).unwrap());
    }

    #[test]
    fn a_rule_for_one_path_changes_that_path_only(rules in rules(), path in "/[a-c]{1,3}(/[a-c]{1,3}){0,2}", other in paths()) {
        let (before, after) = (open(&rules), open(&format!("{rules}\n{path} added\n")));
        let label = after.label(&path, 0).unwrap();
        prop_assert_eq!(text(label.as_ref()), "added");
        let cleaned = after.explain(&other, 0).unwrap().looked_up;
        if cleaned.strip_suffix('\n').unwrap_or(&cleaned) != path {
            prop_assert_eq!(before.label(&other, 0).unwrap(), after.label(&other, 0).unwrap());
        }
    }
}
