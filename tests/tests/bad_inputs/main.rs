//! Bad inputs, each through the whole program: an image that holds it is built, pulled, and either refused with an
//! error that names the thing and without any ref to it, or accepted with exactly the tree that is asserted.
//!
//! A test's name begins with the numbers of its rows. Where more than one behaviour would be right, this is what
//! the program does:
//!
//! | row | input | what is right |
//! |---|---|---|
//! | 01 | blob bytes do not match the digest or size of the descriptor; pulled twice | error, both times |
//! | 02 | wrong `diff_id` | error |
//! | 02b | wrong `diff_id` as a way to another image's layer | a `diff_id` is a key only where it was verified |
//! | 03 | fewer `diff_ids` than layers | error |
//! | 04, 75, 05, 06 | whiteout of `..`, of `.`, of nothing | error |
//! | 07, 08 | whiteout that is a symlink or a directory | it counts by its name; warning |
//! | 09 | whiteout and same name in one layer | the layer's own entry stays |
//! | 10 | opaque marker, at any place in the tar, at the root | hides lower layers only |
//! | 11 | AUFS metadata | dropped, counted |
//! | 12 | directory that the layer does not list | lower metadata stays; root's 0755 when there is none |
//! | 13, 70, 71, 72 | path through a symlink of a lower layer | a directory replaces the link; warning |
//! | 14 | path through a symlink of the same layer | error |
//! | 15 | duplicate file | the last one counts; warning |
//! | 16, 17 | file then directory, directory then file | the last one counts; warning |
//! | 18, 21 | hardlink to nothing, out of the root | error |
//! | 19 | hardlink to a lower layer's file | error |
//! | 19b, 20, 58 | chain of hardlinks, to a symlink, from /usr to /var | accepted |
//! | 22, 24 | absolute names | the slash is stripped |
//! | 23 | `..` in a name | error |
//! | 25, 26, 27 | devices, pipes | dropped, counted; char 0:0 is a whiteout |
//! | 28, 78 | not UTF-8 | error with the bytes |
//! | 29, 54 | control characters | accepted; escaped on the terminal |
//! | 30, 31, 33 | name over 255 bytes, path over 4096, over 1000 levels | error |
//! | 32 | 900 levels | accepted |
//! | 34 | capabilities, user xattrs | kept |
//! | 35, 36 | `security.selinux`, overlay's xattrs | dropped, counted |
//! | 37, 74 | gzip of several members | read to the end |
//! | 38, 39, 39b, 48 | garbage after gzip, cut trailer, wrong CRC, cut zstd frame | error |
//! | 40, 40b | archive cut inside an entry, after its content | error; warning |
//! | 41b | second archive after the end blocks | not read, but verified; warning |
//! | 42, 43 | media type and bytes disagree | error |
//! | 45, 47, 46 | zstd frames, skippable frames, large windows | read to the end; error over 128 MiB |
//! | bomb | little that becomes very much | error by ratio, by space |
//! | 49, 50 | empty layer, same layer twice | accepted |
//! | 51, 52, 53, 55 | unknown or foreign media type, no layers, other architecture | error |
//! | cfg | config without history | accepted |
//! | 56 | PAX size and header size disagree, damage | PAX wins; no search for the next header |
//! | chmod | symlink, then a directory entry | the directory replaces it; its target stays as it was |
//! | sparse | sparse files, hostile maps | whole; error |
//! | 57 | content of /run, /tmp, /dev, /proc, /sys | dropped, counted by top-level name |
//! | 59, 60, 61 | changed files in the embedded repository | content follows the hardlinks; error when it is not there |
//! | 62 | etc/a and usr/etc/a | the last one counts; warning |
//! | 66, 73 | ids over 32 bits | error |
//! | 76, 77 | PAX comment of 64 MiB, xattr of 1 MiB | error |
//! | big_json, index_manifest | document over 4 MiB, one that is two | error |
//! | root | the root's entry as a link | error |
//! | kernel | none or two in /usr/lib/modules | accepted as it is, by a pull: not every image boots; a deployment decides |
//! | refs | names that ref names cannot hold | escaped both ways; error where ostree has no way |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod documents;
mod embedded_repo;
mod harness;
mod links;
mod metadata;
mod names;
mod streams;
mod verification;
mod whiteouts;

use std::{collections::BTreeSet, fs, path::Path};

/// All rows that must have a test.
const ROWS: &str = "01 02 02b 03 04 75 05 06 07 08 09 10 11 12 13 70 71 72 14 15 16 17 18 19 19b 20 21 22 24 23 \
    25 26 27 28 78 29 54 30 31 33 32 34 35 36 37 74 38 39 39b 48 40 40b 41b 42 43 45 47 46 bomb 49 50 51 52 53 55 \
    cfg 56 chmod sparse 57 58 59 60 61 62 66 73 76 77 big_json index_manifest root kernel refs";

#[test]
fn every_row_has_its_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_inputs");
    let mut names = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let source = fs::read_to_string(file.unwrap().path()).unwrap();
        let mut after_attribute = false;
        for line in source.lines() {
            if let Some(name) = line.strip_prefix("fn row_").filter(|_| after_attribute) {
                names.push(format!("_{}", name.split('(').next().unwrap()));
            }
            after_attribute = line == "#[test]";
        }
    }
    let has = |row: &str| {
        names
            .iter()
            .any(|name| format!("{name}_").contains(&format!("_{row}_")))
    };
    let missing: BTreeSet<&str> = ROWS.split_whitespace().filter(|row| !has(row)).collect();
    assert!(missing.is_empty(), "rows without a test: {missing:?}");
    let table = include_str!("main.rs");
    let untold: Vec<&str> = ROWS
        .split_whitespace()
        .filter(|row| {
            !table.lines().any(|line| {
                let cell = line
                    .strip_prefix("//! | ")
                    .and_then(|line| line.split(" |").next());
                cell.is_some_and(|cell| cell.split(", ").any(|word| word == *row))
            })
        })
        .collect();
    assert!(
        untold.is_empty(),
        "rows that the table does not tell of: {untold:?}"
    );
}
