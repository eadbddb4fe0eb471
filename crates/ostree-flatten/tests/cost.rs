//! The merge reads and writes what differs, and nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod common;

use std::fmt::Write as _;

use common::Fixture;
use ostree_flatten::{DirectoryRule::UpperWins, LayerTree, Report, merge};

/// 10 × 10 directories of 3 files.
fn base() -> String {
    let mut text = String::new();
    for outer in 0..10 {
        for inner in 0..10 {
            for file in 0..3 {
                writeln!(text, "o{outer}/i{inner}/f{file}").unwrap();
            }
        }
    }
    text
}

fn report(base_text: Option<&str>, layers: &[&str]) -> (Report, Vec<LayerTree>, LayerTree) {
    let fixture = Fixture::new();
    let base = base_text.map(|text| fixture.trees(&[text]).remove(0));
    let trees = fixture.trees(layers);
    let mut stage = fixture.repo.stage().unwrap();
    let merged = merge(base.as_ref(), &trees, UpperWins, &mut stage).unwrap();
    let root = LayerTree {
        tree: merged.tree,
        meta: merged.meta,
        implied: None,
    };
    (merged.report, trees, root)
}

#[test]
fn only_touched_directories_are_read_and_written() {
    let (report, ..) = report(Some(&base()), &["o3/i4/new"]);
    // Root, o3 and o3/i4, of the base and of the layer.
    assert_eq!(report.directories_read, 6);
    assert_eq!(report.directories_written, 3);
    assert_eq!((report.layer_files, report.layer_directories), (1, 3));
}

#[test]
fn a_whiteout_reads_nothing_below_it() {
    let (report, ..) = report(Some(&base()), &[".wh.o3"]);
    assert_eq!(report.directories_read, 2);
    assert_eq!(report.directories_written, 1);
}

#[test]
fn an_equal_layer_costs_nothing() {
    let text = base();
    let (report, trees, root) = report(Some(&text), &[&text]);
    assert_eq!(report.directories_read, 0);
    assert_eq!(report.directories_written, 0);
    assert_eq!(root.tree, trees[0].tree);
}

#[test]
fn equal_subtrees_of_a_layer_are_not_read() {
    let changed = base().replace("o3/i4/f0", "o3/i4/f0=new");
    let (report, ..) = report(Some(&base()), &[&changed]);
    assert_eq!(report.directories_read, 6);
    assert_eq!(report.directories_written, 3);
}

#[test]
fn a_tree_of_the_layer_alone_is_walked_and_kept() {
    let text = base();
    let (report, trees, root) = report(None, &[&text]);
    assert_eq!(report.directories_read, 111);
    assert_eq!(report.directories_written, 0);
    assert_eq!((root.tree, root.meta), (trees[0].tree, trees[0].meta));
}

#[test]
fn only_directories_with_markers_are_rebuilt() {
    let text = base() + "o3/i4/.wh.x\n";
    let (report, ..) = report(None, &[&text]);
    assert_eq!(report.directories_read, 111);
    // o3/i4 without its marker, and what leads to it.
    assert_eq!(report.directories_written, 3);
}

#[test]
fn what_a_later_layer_undoes_is_not_written() {
    let (report, ..) = report(Some(&base()), &["o3/i4/new", "o3/i4/.wh.new"]);
    assert_eq!(
        report.directories_written, 0,
        "the merged tree is the base's"
    );
    let (report, ..) = self::report(Some(&base()), &["a/b/c", "a/d", ".wh.a"]);
    assert_eq!(report.directories_written, 0);
}
