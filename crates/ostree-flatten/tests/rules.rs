//! The rules one by one, as tables: layers from listings, and what must come out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod common;

use common::{Fixture, Node, assert_tree, listing};
use ostree_flatten::{
    DirectoryRule::{self, LowerKept, UpperWins},
    Error, LowerKind, Merged, Report, drop_injected_files, merge,
};

/// Merges the listed layers without a base, and compares with the listed tree.
fn check(what: &str, rule: DirectoryRule, layers: &[&str], expected: &str) -> Report {
    let fixture = Fixture::new();
    let trees = fixture.trees(layers);
    let mut stage = fixture.repo.stage().unwrap();
    let what = format!("{what} ({rule:?})");
    let merged = merge(None, &trees, rule, &mut stage).unwrap();
    let root = (merged.tree, merged.meta);
    assert_tree(&what, &mut stage, root, &listing(expected).0);
    merged.report
}

/// The same under both rules.
fn check_both(what: &str, layers: &[&str], expected: &str) -> Report {
    check(what, LowerKept, layers, expected);
    check(what, UpperWins, layers, expected)
}

fn refused(layers: &[&str]) -> Error {
    let fixture = Fixture::new();
    let trees = fixture.trees(layers);
    let mut stage = fixture.repo.stage().unwrap();
    merge(None, &trees, UpperWins, &mut stage).unwrap_err()
}

#[test]
fn upper_entries_win() {
    check_both("file over file", &["a=1\nb=1", "b=2\nc=2"], "a=1\nb=2\nc=2");
    check_both("file over directory", &["a/x\na/y/z", "a=f"], "a=f");
    check_both("link over directory", &["a/x", "a->b"], "a->b");
    check_both("file over link", &["a->b", "a=f"], "a=f");
    check_both("link over link", &["a->b", "a->c"], "a->c");
    check_both(
        "subtrees side by side",
        &["a/b/c", "a/b/d\ne/f"],
        "a/b/c\na/b/d\ne/f",
    );
    check_both("three layers", &["a=1", "a/x", "a=3"], "a=3");
    check_both("an empty layer", &["a/b", ""], "a/b");
}

#[test]
fn whiteouts_act_on_lower_layers() {
    let report = check_both("of a file", &["a\nb", ".wh.a"], "b");
    assert_eq!((report.whiteouts_applied, report.whiteouts_missed), (1, 0));
    check_both("of a directory", &["d/x\nd/y/z\nb", ".wh.d"], "b");
    check_both(
        "of a link, not of its target",
        &["d/x\nl->d", ".wh.l"],
        "d/x",
    );
    check_both(
        "in a deep directory",
        &["d/e/f/a\nd/e/f/b", "d/e/f/.wh.a"],
        "d/e/f/b",
    );
    check_both("leaves an empty directory", &["d/a", "d/.wh.a"], "d/");
    let report = check_both("of nothing", &["b", ".wh.a\nd/.wh.x"], "b\nd/");
    assert_eq!((report.whiteouts_applied, report.whiteouts_missed), (0, 2));
    check_both("then added again above", &["a=1", ".wh.a", "a=3"], "a=3");
    check_both("of a name with a dot", &[".a\nb", ".wh..a"], "b");
    check_both(
        "of one that a layer between added",
        &["x", "d/a", ".wh.d"],
        "x",
    );
}

/// Row 50: the same layer twice, a whiteout between.
#[test]
fn row_50_the_same_layer_again() {
    let same = "d/a=1\nd/b=1";
    check_both("all again", &[same, "d/.wh.a", same], same);
    check_both("after the directory went", &[same, ".wh.d", same], same);
    check_both("nothing between", &[same, same], same);
}

/// Row 09: a whiteout and the same name in one layer; names that sort before and after their marker.
#[test]
fn row_09_the_new_entry_stays() {
    let report = check(
        "sorted after",
        UpperWins,
        &["z=1\nq", ".wh.z\nz=2"],
        "z=2\nq",
    );
    assert_eq!(report.whiteouts_applied, 1);
    check(
        "sorted before",
        UpperWins,
        &["+x=1\nq", ".wh.+x\n+x=2"],
        "+x=2\nq",
    );
    check(
        "dotfile",
        UpperWins,
        &[".bashrc=1\nq", ".wh..bashrc\n.bashrc=2"],
        ".bashrc=2\nq",
    );
    check(
        "nothing below",
        UpperWins,
        &["q", "d/.wh.+x\nd/+x"],
        "d/+x\nq",
    );
    check(
        "directory, lower contents gone",
        UpperWins,
        &["d/a", ".wh.d\nd/b"],
        "d/b",
    );
}

/// ostree-ext deletes a file that sorts before its marker; its merged trees are our reference under `LowerKept`.
#[test]
fn row_09_as_ostree_ext_has_it() {
    check(
        "sorted after",
        LowerKept,
        &["z=1\nq", ".wh.z\nz=2"],
        "z=2\nq",
    );
    check(
        "sorted before",
        LowerKept,
        &["+x=1\nq", ".wh.+x\n+x=2"],
        "q",
    );
    check(
        "dotfile",
        LowerKept,
        &[".bashrc=1\nq", ".wh..bashrc\n.bashrc=2"],
        "q",
    );
    check(
        "nothing below",
        LowerKept,
        &["q", "d/.wh.+x\nd/+x"],
        "d/\nq",
    );
    check("directory", LowerKept, &["d/a", ".wh.d\nd/b"], "d/b");
}

/// Row 10: opaque directories hide what is below, and nothing else.
#[test]
fn row_10_opaque_directories() {
    let report = check_both(
        "siblings stay",
        &["d/a\nd/s/t\ne/x", "d/.wh..wh..opq\nd/b"],
        "d/b\ne/x",
    );
    assert_eq!((report.whiteouts_applied, report.whiteouts_missed), (1, 0));
    check_both("at the root", &["a\nd/x", ".wh..wh..opq\nb"], "b");
    check_both(
        "same names",
        &["d/a=1\nd/s/t=1", "d/.wh..wh..opq\nd/a=2\nd/s/u=2"],
        "d/a=2\nd/s/u=2",
    );
    check_both(
        "names before the marker",
        &["d/a", "d/.wh..wh..opq\nd/+x\nd/.a"],
        "d/+x\nd/.a",
    );
    check_both(
        "with whiteouts",
        &["d/a", "d/.wh..wh..opq\nd/.wh.a\nd/b"],
        "d/b",
    );
    let report = check_both("nothing below", &["a", "d/.wh..wh..opq\nd/b"], "a\nd/b");
    assert_eq!((report.whiteouts_applied, report.whiteouts_missed), (0, 1));
    check_both(
        "lower parts of upper layers",
        &["d/a", "d/b", "d/.wh..wh..opq", "d/c"],
        "d/c",
    );
}

/// Row 11 and rows 07, 08: other markers, and markers that are links or directories.
#[test]
fn rows_07_08_11_no_marker_remains() {
    let report = check_both("aufs", &["a", ".wh..wh.plnk/x\n.wh..wh.aufs\nb"], "a\nb");
    assert_eq!(report.whiteouts_missed, 0);
    check_both("a link", &["a\nb", ".wh.a->nowhere"], "b");
    check_both("a directory", &["a\nb", ".wh.a/x"], "b");
    check_both(
        "in an upper-only tree",
        &["a", "d/e/.wh.x\nd/e/f\nd/g/h"],
        "a\nd/e/f\nd/g/h",
    );
    check_both("in the first layer", &["d/.wh.x\na\n.wh..wh..opq"], "d/\na");
}

/// Rows 04, 05, 06.
#[test]
fn rows_04_05_06_whiteouts_of_nothing() {
    for name in [".wh.", ".wh..", ".wh..."] {
        for layers in [
            vec!["d/a".to_owned(), format!("d/{name}")],
            vec![format!("d/{name}")],
        ] {
            let layers: Vec<&str> = layers.iter().map(String::as_str).collect();
            match refused(&layers) {
                Error::InvalidWhiteout { path, name: named } => {
                    assert_eq!((path.as_str(), named.as_str()), ("d", name));
                }
                other => panic!("{name}: {other}"),
            }
        }
    }
}

/// Row 12: a file in a directory that the layer does not list.
#[test]
fn row_12_implied_directories_keep_lower_metadata() {
    check(
        "implied",
        UpperWins,
        &["d/ 700\nd/a", "d/b"],
        "d/ 700\nd/a\nd/b",
    );
    check(
        "listed",
        UpperWins,
        &["d/ 700\nd/a", "d/ 711\nd/b"],
        "d/ 711\nd/a\nd/b",
    );
    check(
        "listed, nothing in it",
        UpperWins,
        &["d/ 700\nd/a", "d/ 711"],
        "d/ 711\nd/a",
    );
    check(
        "the same tree",
        UpperWins,
        &["d/ 700\nd/a", "d/ 711\nd/a"],
        "d/ 711\nd/a",
    );
    check(
        "implied, the same tree",
        UpperWins,
        &["d/ 700\nd/a", "d/a"],
        "d/ 700\nd/a",
    );
    check(
        "the root",
        UpperWins,
        &["/ 700\na", "/ 711\nb"],
        "/ 711\na\nb",
    );
    check(
        "the root implied",
        UpperWins,
        &["/ 700\na", "b"],
        "/ 700\na\nb",
    );
    check(
        "opaque, implied",
        UpperWins,
        &["d/ 700\nd/a", "d/.wh..wh..opq\nd/b"],
        "d/ 700\nd/b",
    );
    check(
        "opaque, listed",
        UpperWins,
        &["d/ 700\nd/a", "d/ 711\nd/.wh..wh..opq"],
        "d/ 711",
    );
    check(
        "deleted and implied",
        UpperWins,
        &["d/ 700\nd/a", ".wh.d\nd/b"],
        "d/ 755\nd/b",
    );
}

#[test]
fn the_older_rule_keeps_lower_metadata() {
    check(
        "listed",
        LowerKept,
        &["d/ 700\nd/a", "d/ 711\nd/b"],
        "d/ 700\nd/a\nd/b",
    );
    check(
        "the same tree",
        LowerKept,
        &["d/ 700\nd/a", "d/ 711\nd/a"],
        "d/ 700\nd/a",
    );
    check(
        "the root",
        LowerKept,
        &["/ 700\na", "/ 711\nb"],
        "/ 700\na\nb",
    );
    check(
        "opaque",
        LowerKept,
        &["d/ 700\nd/a", "d/ 711\nd/.wh..wh..opq"],
        "d/ 711",
    );
    check(
        "opaque root",
        LowerKept,
        &["/ 700\na", "/ 711\n.wh..wh..opq\nb"],
        "/ 711\nb",
    );
    check(
        "deleted",
        LowerKept,
        &["d/ 700\nd/a", ".wh.d\nd/ 711"],
        "d/ 711",
    );
    check(
        "after a file",
        LowerKept,
        &["d/ 700", "d=f", "d/ 711"],
        "d/ 711",
    );
}

/// A layer that does not say what it implied merges by the older metadata rule, and by OCI's whiteout order.
#[test]
fn layers_that_do_not_say_what_they_implied() {
    let fixture = Fixture::new();
    let mut trees = fixture.trees(&[
        "d/ 700\nd/a\no/ 700\no/a\n+x=1",
        "d/ 711\nd/b\no/ 711\no/.wh..wh..opq\n+x=2\n.wh.+x",
    ]);
    for tree in &mut trees {
        tree.implied = None;
    }
    let mut stage = fixture.repo.stage().unwrap();
    let merged = merge(None, &trees, UpperWins, &mut stage).unwrap();
    let expected = "d/ 700\nd/a\nd/b\no/ 711\n+x=2";
    assert_tree(
        "merged",
        &mut stage,
        (merged.tree, merged.meta),
        &listing(expected).0,
    );
}

/// Rows 13, 70, 71, 72: a directory over a link or file replaces it, and never leads through it.
#[test]
fn rows_13_70_71_72_a_directory_replaces_a_link() {
    let base = "usr/lib64/libc.so\nlib64->usr/lib64\nusr/lnk->/host/dir\nusr/file=f";
    let expect =
        |rule, upper: &str, expected: &str, path: &str, lower: LowerKind, implied: bool| {
            let report = check("a directory over a link", rule, &[base, upper], expected);
            let [fact] = report.replaced.as_slice() else {
                panic!("{upper}: {:?}", report.replaced);
            };
            assert_eq!((fact.path.as_str(), &fact.lower), (path, &lower));
            let known = (rule == UpperWins).then_some(implied);
            assert_eq!(fact.implied, known, "{upper}");
        };
    let link = |target: &str| LowerKind::Symlink {
        target: target.to_owned(),
    };
    let without = |gone: &str| {
        let lines = base.lines().filter(|line| !line.starts_with(gone));
        lines.collect::<Vec<_>>().join("\n")
    };
    for rule in [UpperWins, LowerKept] {
        let row_13 = without("lib64->") + "\nlib64/foo.so";
        expect(
            rule,
            "lib64/foo.so",
            &row_13,
            "lib64",
            link("usr/lib64"),
            true,
        );
        let row_70 = without("usr/lnk") + "\nusr/lnk/x";
        expect(
            rule,
            "usr/lnk/x",
            &row_70,
            "usr/lnk",
            link("/host/dir"),
            true,
        );
        let row_71 = without("usr/lnk") + "\nusr/lnk/";
        expect(
            rule,
            "usr/lnk/.wh.keep",
            &row_71,
            "usr/lnk",
            link("/host/dir"),
            true,
        );
        let row_72 = "usr/lnk/ 700\nusr/lnk/.wh..wh..opq\nusr/lnk/y";
        let after_72 = without("usr/lnk") + "\nusr/lnk/ 700\nusr/lnk/y";
        expect(rule, row_72, &after_72, "usr/lnk", link("/host/dir"), false);
        let over_file = without("usr/file") + "\nusr/file/x";
        expect(
            rule,
            "usr/file/x",
            &over_file,
            "usr/file",
            LowerKind::File,
            true,
        );
    }
    let report = check_both("whiteout first", &["l->x", ".wh.l\nl/a"], "l/a");
    assert_eq!(
        report.replaced,
        [],
        "a link that the layer deleted itself is no surprise"
    );
}

#[test]
fn the_base_is_taken_as_it_is() {
    let fixture = Fixture::new();
    let trees = fixture.trees(&["a\nd/.wh.odd\nd/e", "b"]);
    let mut stage = fixture.repo.stage().unwrap();
    let rule = UpperWins;
    let alone = merge(Some(&trees[0]), &[], rule, &mut stage).unwrap();
    assert_eq!((alone.tree, alone.meta), (trees[0].tree, trees[0].meta));
    assert_eq!(alone.report, Report::default());
    let merged = merge(Some(&trees[0]), &trees[1..], rule, &mut stage).unwrap();
    let expected = listing("a\nb\nd/.wh.odd\nd/e").0;
    assert_tree("merged", &mut stage, (merged.tree, merged.meta), &expected);
    let nothing = merge(None, &[], rule, &mut stage).unwrap_err();
    assert!(matches!(nothing, Error::NothingToMerge), "{nothing}");
}

#[test]
fn two_populated_etc_are_reported() {
    for (layers, reported) in [
        (["usr/etc/a", "etc/b"], true),
        (["usr/etc/a", "etc/"], false),
        (["usr/etc/", "etc/b"], false),
        (["usr/etc/a\netc/b", "etc/.wh.b"], false),
        (["usr/etc/a\netc/b", "x"], true),
        (["usr/etc/a", "x"], false),
    ] {
        let fixture = Fixture::new();
        let trees = fixture.trees(&layers);
        let mut stage = fixture.repo.stage().unwrap();
        let merged = merge(None, &trees, UpperWins, &mut stage).unwrap();
        assert_eq!(merged.report.both_etc_populated, reported, "{layers:?}");
    }
}

#[test]
fn injected_empty_files_are_dropped() {
    for (text, expected, removed) in [
        (
            "usr/etc/hostname=\nusr/etc/resolv.conf=\nusr/etc/hosts=\nusr/bin/x",
            "usr/etc/hosts=\nusr/bin/x",
            vec!["usr/etc/hostname", "usr/etc/resolv.conf"],
        ),
        (
            "usr/etc/hostname=box\nusr/etc/resolv.conf->../run/r",
            "usr/etc/hostname=box\nusr/etc/resolv.conf->../run/r",
            vec![],
        ),
        ("usr/etc/hostname/x", "usr/etc/hostname/x", vec![]),
        ("usr/etc/hostname=", "usr/etc/", vec!["usr/etc/hostname"]),
        ("etc/hostname=", "etc/hostname=", vec![]),
        ("usr/x", "usr/x", vec![]),
    ] {
        let fixture = Fixture::new();
        let trees = fixture.trees(&[text]);
        let mut stage = fixture.repo.stage().unwrap();
        let mut merged = merge(None, &trees, UpperWins, &mut stage).unwrap();
        drop_injected_files(&mut merged, &mut stage).unwrap();
        let Merged { tree, meta, report } = merged;
        assert_tree(text, &mut stage, (tree, meta), &listing(expected).0);
        assert_eq!(report.injected_removed, removed, "{text}");
    }
}

#[test]
fn rows_31_32_33_depth() {
    let chain = |levels: usize| {
        let mut nodes = listing("").0;
        let mut path = String::new();
        for level in 0..levels {
            path.push_str(if level == 0 { "d" } else { "/d" });
            nodes.insert(path.clone(), Node::Dir(0o755));
        }
        nodes
    };
    let fixture = Fixture::new();
    let mut stage = fixture.repo.stage().unwrap();
    let mut layer = |levels: usize, extra: Option<&str>| {
        let mut nodes = chain(levels);
        if let Some(name) = extra {
            let deepest = vec!["d"; levels].join("/");
            nodes.insert(format!("{deepest}/{name}"), Node::File(String::new()));
        }
        let (tree, meta) = common::write(&mut stage, &nodes);
        ostree_flatten::LayerTree {
            tree,
            meta,
            implied: Some(std::collections::BTreeSet::new()),
        }
    };
    let (lower, upper) = (layer(900, Some("a")), layer(900, Some(".wh.a")));
    let (deep_lower, deep_upper) = (layer(2100, Some("a")), layer(5000, Some("b")));
    let (deepest, too_deep) = (layer(2048, None), layer(2049, None));

    let merged = merge(
        Some(&lower),
        std::slice::from_ref(&upper),
        UpperWins,
        &mut stage,
    );
    let merged = merged.unwrap();
    assert_eq!(merged.report.whiteouts_applied, 1);
    assert_tree("both", &mut stage, (merged.tree, merged.meta), &chain(900));
    let alone = merge(None, &[upper], UpperWins, &mut stage).unwrap();
    assert_tree("alone", &mut stage, (alone.tree, alone.meta), &chain(900));

    merge(None, &[deepest], UpperWins, &mut stage).unwrap();
    merge(None, &[too_deep], UpperWins, &mut stage).unwrap_err();

    let over = merge(
        Some(&deep_lower),
        std::slice::from_ref(&deep_upper),
        UpperWins,
        &mut stage,
    );
    let alone = merge(None, &[deep_upper], UpperWins, &mut stage);
    for refused in [over, alone] {
        let error = refused.unwrap_err();
        assert!(
            matches!(error, Error::TooDeep { limit: 2048, .. }),
            "{error}"
        );
        assert!(error.to_string().len() < 200, "{error}");
    }
}
