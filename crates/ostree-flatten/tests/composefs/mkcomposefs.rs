//! Random trees: the images of mkcomposefs and the dumps of composefs-info, byte for byte.

use std::{fs, io::Write as _, process::Stdio};

use ostree_flatten::composefs::{Format, Tree, parse_dump, read_image, write_dump, write_image};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::{
    random_dump::{RandomDump, dumps, escaped},
    reference::Reference,
};

/// The image that mkcomposefs makes of a dump, or nothing and what it said.
pub(crate) fn mkcomposefs(dump: &[u8], formats: (u32, u32)) -> Result<Vec<u8>, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image");
    let mut child = Reference::get()
        .command("mkcomposefs")
        .args([
            "--from-file".to_owned(),
            format!("--min-version={}", formats.0),
            format!("--max-version={}", formats.1),
            "-".to_owned(),
        ])
        .arg(&file)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have refused the beginning by now.
    let _ = child.stdin.take().unwrap().write_all(dump);
    let output = child.wait_with_output().unwrap();
    if output.status.success() {
        Ok(fs::read(file).unwrap())
    } else {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(format!("{}: {said}", output.status))
    }
}

fn format(number: u32) -> Format {
    Format::from_number(number).unwrap()
}

pub(crate) fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    })
}

/// Our image of a tree.
pub(crate) fn our_image(tree: &Tree, (min, max): (u32, u32)) -> Vec<u8> {
    let mut image = Vec::new();
    write_image(tree, format(min)..=format(max), &mut image).unwrap();
    image
}

pub(crate) fn assert_same_image(dump: &str) {
    let tree = parse_dump(dump.as_bytes()).unwrap();
    let theirs = mkcomposefs(dump.as_bytes(), (0, 1)).unwrap();
    let ours = our_image(&tree, (0, 1));
    let differ = ours.iter().zip(&theirs).position(|(a, b)| a != b);
    assert!(
        ours == theirs,
        "{} bytes, theirs {}; first difference at {differ:?}; of\n{dump:.1000}",
        ours.len(),
        theirs.len(),
    );
}

#[test]
fn random_trees_give_the_bytes_of_mkcomposefs() {
    runner(400)
        .run(&dumps(), |RandomDump { text }| {
            let tree = parse_dump(text.as_bytes()).unwrap();
            for (min, max) in [(0, 0), (1, 1), (0, 1)] {
                let image = our_image(&tree, (min, max));
                let theirs =
                    mkcomposefs(text.as_bytes(), (min, max)).map_err(TestCaseError::fail)?;
                let differ = image.iter().zip(&theirs).position(|(a, b)| a != b);
                prop_assert!(
                    image == theirs,
                    "formats {min} to {max}: {} bytes, theirs {}; first difference at {differ:?}",
                    image.len(),
                    theirs.len(),
                );
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn images_of_random_trees_give_the_dumps_of_composefs_info() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image");
    runner(300)
        .run(&dumps(), |RandomDump { text }| {
            // This makes a whiteout of a file, of which they then print what a whiteout does not have.
            let text = text.replace(
                &format!("{}=", escaped(b"trusted.overlay.whiteout")),
                &format!("{}=", escaped(b"trusted.overlay.whiteman")),
            );
            let tree = parse_dump(text.as_bytes()).unwrap();
            let image = our_image(&tree, (0, 1));
            fs::write(&file, &image).unwrap();
            let theirs =
                Reference::get().run("composefs-info", ["dump".as_ref(), file.as_os_str()]);
            let mut ours = Vec::new();
            write_dump(&read_image(&image).unwrap().tree, &mut ours).unwrap();
            for (ours, theirs) in ours
                .split(|b| *b == b'\n')
                .zip(theirs.split(|b| *b == b'\n'))
            {
                prop_assert_eq!(
                    String::from_utf8_lossy(ours),
                    String::from_utf8_lossy(theirs)
                );
            }
            prop_assert_eq!(ours.len(), theirs.len());
            Ok(())
        })
        .unwrap();
}
