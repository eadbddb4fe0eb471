//! Derived layers: plain entries, hard links, replacements, the path policy.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod support;

use support::tar::Tar;
use support::{Lab, chain};

#[test]
fn files_directories_and_links() {
    let lab = Lab::new();
    let tar = Tar::new()
        .dir("./")
        .dir("usr/")
        .dir_mode("usr/bin", 0o2750)
        .file("usr/bin/sh", "#!")
        .symlink("usr/bin/l", "../bin//sh")
        .hardlink("usr/bin/h", "usr/bin/sh")
        .hardlink("usr/lib/deep/s", "./usr/bin/l")
        .end();
    let layer = lab.tar(&tar).unwrap();
    assert_eq!(
        layer.listing(),
        "usr/ usr/bin/ usr/bin/h usr/bin/l->../bin//sh usr/bin/sh usr/lib/ usr/lib/deep/ usr/lib/deep/s->../bin//sh"
    );
    assert_eq!(layer.node("usr/bin").mode, 0o2750);
    assert_eq!(layer.node("usr/bin/h"), layer.node("usr/bin/sh"));
    assert_eq!(layer.text("usr/bin/h"), "#!");
    assert_eq!(layer.report.entries, 7);
    assert_eq!(layer.report.warnings, []);
    let implied = &layer.commit.metadata.0["bootc-storage.implied-directories"];
    assert_eq!(
        *implied,
        ostree_objects::Value::StrList(vec!["usr/lib".to_owned(), "usr/lib/deep".to_owned()])
    );
}

#[test]
fn errors_name_the_entry() {
    let lab = Lab::new();
    let error = lab.tar(&Tar::new().file("usr/../x", "").end()).unwrap_err();
    assert_eq!(chain(&error), "entry \"usr/../x\": the name holds \"..\"");
}
