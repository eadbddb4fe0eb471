//! Random paths and modes, made from real rules, and random policies; and the paths of the machine.

use super::sample::{Random, expression, instance, mutated};
use super::{Pair, is_classic};
use crate::support::{
    BLOCK, CHAR, DIR, FILE, LINK, PIPE, SOCKET, debian, expected_by_debian, text, tree,
};
use selinux_label::{Engine, OraclePolicy, Policy};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// How many threads ask, each of its own libselinux.
const THREADS: u64 = 2;

fn mode(random: &mut Random) -> u32 {
    let types = [
        FILE, FILE, FILE, FILE, DIR, DIR, LINK, CHAR, BLOCK, PIPE, SOCKET, 0, 0o644,
    ];
    types[random.below(types.len())]
}

#[test]
fn debians_policy_labels_as_libselinux_does() {
    let pair = Pair::open(&debian());
    for (path, mode, expected) in expected_by_debian() {
        let label = pair.check(path, mode);
        assert_eq!(label.as_deref().unwrap_or("-"), expected, "{path}");
    }
    pair.check("/bin/sh", LINK);
    pair.check("/proc", DIR);
}

#[test]
fn random_paths_made_from_debians_rules() {
    if !is_classic() {
        return;
    }
    let policy = debian();
    let rules: Vec<_> = policy
        .0
        .iter()
        .filter(|(path, _)| path.ends_with("file_contexts") || path.ends_with("homedirs"))
        .flat_map(|(_, bytes)| std::str::from_utf8(bytes).unwrap().lines())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|regex| !regex.starts_with('#'))
        .map(expression)
        .collect();
    assert_eq!(rules.len(), 5845);
    let labels: Vec<usize> = std::thread::scope(|scope| {
        let ask = |seed| {
            let (policy, rules) = (&policy, &rules);
            scope.spawn(move || {
                let pair = Pair::open(policy);
                let mut random = Random(seed);
                let mut labels: BTreeMap<String, u32> = BTreeMap::new();
                for _ in 0..20_000 {
                    let rule = &rules[random.below(rules.len())];
                    let path = mutated(&instance(rule, &mut random), &mut random);
                    let label = pair.check(&path, mode(&mut random));
                    *labels.entry(label.unwrap_or_default()).or_default() += 1;
                }
                labels.len()
            })
        };
        let threads: Vec<_> = (0..THREADS).map(ask).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    // The paths met most of the policy.
    assert!(labels.iter().all(|count| *count > 800), "{labels:?}");
}

#[test]
fn paths_of_this_machine_under_debians_policy() {
    let pair = Pair::open(&debian());
    let mut paths = Vec::new();
    for root in [
        "/usr", "/etc", "/var", "/dev", "/opt", "/root", "/boot", "/run",
    ] {
        walk(Path::new(root), &mut paths);
    }
    assert!(paths.len() > 1000);
    // Each has the same chance, wherever it stands.
    let mut random = Random(1);
    for _ in 0..10_000 {
        let (path, mode) = &paths[random.below(paths.len())];
        pair.check(path, *mode);
    }
}

/// Every path below a directory that is text, with its mode. What goes away meanwhile is passed over.
fn walk(path: &Path, found: &mut Vec<(String, u32)>) {
    let Ok(metadata) = path.symlink_metadata() else {
        return;
    };
    found.extend(path.to_str().map(|text| (text.to_owned(), metadata.mode())));
    if found.len() < 500_000 && metadata.is_dir() {
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            walk(&entry.path(), found);
        }
    }
}

/// Pieces of rules, those that libselinux treats apart among them.
const PIECES: &[&str] = &[
    "/a", "/b", "/usr", "/", "a", "b", "-", "\\-", "\\.", ".", ".*", "(/.*)?", "/?", "[^/]*",
    "(a|b)", "|", "x*", "$", "\\+", "(.*/)?", "[ab]", "/a/b", "]", "}", "\\/", ".+",
];

#[test]
fn random_policies() {
    if !is_classic() {
        return;
    }
    let names = [
        "/a", "/b", "/usr", "/", "a", "b", "-", ".", "x", "\n", "/c", "+",
    ];
    let mut random = Random(7);
    let mut compared = 0;
    for _ in 0..1500 {
        let rules = |most: usize, random: &mut Random| {
            let mut text = String::new();
            for n in 0..random.below(most) {
                let regex: String = (0..=random.below(5)).map(|_| random.pick(PIECES)).collect();
                let kind = random.pick(&["", "", "", "--", "-d", "-l"]);
                let context = if random.below(6) == 0 {
                    "<<none>>".to_owned()
                } else {
                    format!("c{n}")
                };
                text += &format!("{regex}\t{kind}\t{context}\n");
            }
            text
        };
        let base = rules(30, &mut random);
        let (home, local) = (rules(6, &mut random), rules(6, &mut random));
        let mut subs = || -> String {
            let names = ["/a", "/b", "/a/b", "/usr", "/", "/c"];
            let mut line = || {
                format!(
                    "{} {}\n",
                    random.pick(&names.each_ref().map(|x| *x)),
                    random.pick(&names)
                )
            };
            (0..3).map(|_| line()).collect()
        };
        let (subs, dist) = (subs(), subs());
        let tree = tree(&[
            ("file_contexts", &base),
            ("file_contexts.homedirs", &home),
            ("file_contexts.local", &local),
            ("file_contexts.subs", &subs),
            ("file_contexts.subs_dist", &dist),
        ]);
        // Some pieces make no regular expression, or none that we take.
        let Ok(Some(ours)) = Policy::open(&tree) else {
            continue;
        };
        let theirs = OraclePolicy::open(&tree).unwrap().unwrap();
        for _ in 0..60 {
            let path: String = (0..=random.below(5)).map(|_| random.pick(&names)).collect();
            let path = format!("/{}", path.trim_start_matches('/'));
            let mode = mode(&mut random);
            let (ours, theirs) = (
                ours.explain(&path, mode).unwrap(),
                theirs.label(&path, mode).unwrap(),
            );
            assert_eq!(
                text(ours.label.as_ref()),
                text(theirs.as_ref()),
                "{path:?} {mode:o}\n{ours:#?}\n{base}\nhome\n{home}\nlocal\n{local}\nsubs\n{subs}\ndist\n{dist}"
            );
            compared += 1;
        }
    }
    assert!(compared > 20_000, "{compared}");
}

#[test]
fn libselinux_as_engine_gives_the_same_labels() {
    let tree = debian();
    let ours = Policy::open(&tree).unwrap().unwrap();
    let theirs = Policy::open_with(&tree, Engine::Libselinux)
        .unwrap()
        .unwrap();
    assert_eq!(ours.name(), theirs.name());
    assert_eq!(ours.fingerprint(), theirs.fingerprint());
    for (path, mode, _) in expected_by_debian() {
        let label = ours.label(path, mode).unwrap();
        assert_eq!(theirs.label(path, mode).unwrap(), label);
        let explained = theirs.explain(path, mode).unwrap();
        assert_eq!((explained.label, explained.rule), (label, None));
    }
}
