//! Corners of the format that random trees seldom meet, against mkcomposefs; and dumps that are wrong.

use std::{cell::Cell, fmt::Write as _};

use ostree_flatten::composefs::{Error, parse_dump};
use proptest::{prelude::*, sample::Index};

use crate::{
    mkcomposefs::{assert_same_image, mkcomposefs, our_image, runner},
    random_dump::{RandomDump, dumps},
};

const ROOT: &str = "/ 0 40755 1 0 0 0 0.0 - - -\n";

#[test]
fn lists_of_chunks_at_every_place_in_a_block() {
    // Lists of 1016 to 1024 holes, a block or nearly, behind inodes of every alignment.
    for extra in 0..8 {
        let mut dump = ROOT.to_owned();
        for number in 0..64 {
            let size = ((1016 + number % 9) as u64) << 43;
            let value = "v".repeat(number + 64 * extra);
            let _ = writeln!(
                dump,
                "/f{number:02} {size} 100644 1 0 0 0 0.0 - - - user.pad={value}"
            );
        }
        assert_same_image(&dump);
    }
}

#[test]
fn targets_and_attributes_around_a_block() {
    for length in (3900..=4095).step_by(3) {
        let mut dump = ROOT.to_owned();
        for number in 0..6 {
            let target = "t".repeat(length + number % 2);
            let value = "v".repeat(number * 7);
            let _ = writeln!(
                dump,
                "/l{number} 0 120777 1 0 0 0 {number}.0 {} - - user.pad={value}",
                &target[..target.len().min(4095)]
            );
        }
        assert_same_image(&dump);
    }
}

#[test]
fn attributes_of_several_blocks() {
    for size in [4000, 8000, 16_000, 32_000] {
        let mut dump = ROOT.to_owned();
        for (number, kind) in ["40755", "100644", "120777", "20600", "10600"]
            .iter()
            .enumerate()
        {
            let target = if *kind == "120777" { "target" } else { "-" };
            for value in ["v", "w"] {
                let value = value.repeat(size + number);
                let _ = writeln!(
                    dump,
                    "/{kind}{} 0 {kind} 1 0 0 0 0.0 {target} - - user.x={value}",
                    &value[..1]
                );
            }
        }
        assert_same_image(&dump);
    }
}

#[test]
fn directories_of_every_size_around_a_block() {
    let mut dump = ROOT.to_owned();
    for count in 0..90 {
        let _ = writeln!(dump, "/d{count:02} 0 40755 1 0 0 0 0.0 - - -");
        for entry in 0..count {
            let name = "n".repeat(30 + entry % 3);
            let _ = writeln!(
                dump,
                "/d{count:02}/{entry:03}{name} 0 100644 1 0 0 0 0.0 - - -"
            );
        }
    }
    assert_same_image(&dump);
}

#[test]
fn every_size_of_content_in_the_image() {
    let mut dump = ROOT.to_owned();
    for size in (1..5000).step_by(41) {
        let content = "c".repeat(size);
        let _ = writeln!(dump, "/{size:04} {size} 100644 1 0 0 0 0.0 - {content} -");
    }
    assert_same_image(&dump);
}

#[test]
fn a_root_that_has_all_names_of_whiteouts() {
    let mut dump = ROOT.to_owned();
    for number in 0..256 {
        let _ = writeln!(dump, "/{number:02x} 0 20000 1 0 0 0 0.0 - - -");
    }
    assert_same_image(&dump);
}

#[test]
fn fields_that_a_line_lacks_are_empty_as_for_the_reference() {
    for line in [
        "/f 0 100644 1 0 0 0 0.0",
        "/f 0 100644 1 0 0 0 0.0 path",
        "/f 0 100644 1 0 0 0 0.0 - -",
        "/f 5 100644 1 0 0 0 0.0 - abcde",
        "/l 0 120777 1 0 0 0 0.0 target",
        "/l 99 120777 1 0 0 0 0.0 target - -",
        "f 0 100644 1 0 0 0 0.0 - - -",
        "///f 0 0100644 1 0 0 0 0.0 - - - ",
        "/c 99 20600 1 0 0 5 0.0 - - -",
        "/w 99 20600 1 0 0 0 0.0 - - -",
        "/p 9999999999 10600 1 0 0 0 0.0 - - -",
        "/f 5 100644 1 0 0 0 -5.4294967295 - - - a=1 a=2",
    ] {
        assert_same_image(&format!("{ROOT}{line}"));
    }
}

#[test]
fn wrong_lines_are_refused_with_their_number_by_both() {
    let hundred = "x".repeat(256);
    let big = "v".repeat(32_800);
    for line in [
        "",
        "/f",
        "/f 0",
        "/f 0 100644 1 0 0 0",
        "/f 0 644 1 0 0 0 0.0 - - -",
        "/f 0 100644 1 0 0 0 0 - - -",
        "/f 0 100644 1 x 0 0 0.0 - - -",
        "/f x 100644 1 0 0 0 0.0 - - -",
        "/f 1 100644 1 0 0 0 0.0 - ab -",
        "/f 1 100644 1 0 0 0 0.0 - \\q -",
        "/none/f 0 100644 1 0 0 0 0.0 - - -",
        "/a/f 0 100644 1 0 0 0 0.0 - - -",
        "/. 0 40755 1 0 0 0 0.0 - - -",
        "/.. 0 40755 1 0 0 0 0.0 - - -",
        "/a 0 100644 1 0 0 0 0.0 - - -",
        "/ 0 40755 1 0 0 0 0.0 - - -",
        "/l 0 120777 1 0 0 0 0.0 - - -",
        "/l 0 @100644 1 0 0 0 0.0 - - -",
        "/l 0 @100644 1 0 0 0 0.0 /none - -",
        "/l 0 @100644 1 0 0 0 0.0 /l - -",
        "/l 0 @100644 1 0 0 0 0.0 /a/none - -",
        "/f 0 100644 1 0 0 0 0.0 - - - novalue",
        "/f 0 100644 1 0 0 0 0.0 - - - =value",
        "/f 0 100644 1 0 0 0 0.0 - - -  a=b",
        &format!("/{hundred} 0 100644 1 0 0 0 0.0 - - -"),
        &format!("/f 0 100644 1 0 0 0 0.0 - - - {hundred}=v"),
        &format!("/f 0 100644 1 0 0 0 0.0 - - - user.v={big}"),
        &format!("/f 0 100644 1 0 0 0 0.0 - - - user.v={big}{big}"),
        "/f 9007199254740993 100644 1 0 0 0 0.0 - - -",
    ] {
        let dump =
            format!("{ROOT}/a 0 100644 1 0 0 0 0.0 - - -\n{line}\n/z 0 100644 1 0 0 0 0.0 - - -\n");
        assert!(
            mkcomposefs(dump.as_bytes(), (0, 1)).is_err(),
            "the reference accepts {line:.80}"
        );
        let error = parse_dump(dump.as_bytes()).unwrap_err();
        assert!(
            matches!(error, Error::Line { line: 3, .. }),
            "{line:.80}: {error:?}"
        );
    }
    let links = format!("{ROOT}/a 0 @100644 1 0 0 0 0.0 /b - -\n/b 0 @100644 1 0 0 0 0.0 /a - -\n");
    assert!(mkcomposefs(links.as_bytes(), (0, 1)).is_err());
    assert!(parse_dump(links.as_bytes()).is_err());
    assert!(parse_dump(&b""[..]).is_err());
}

#[test]
fn what_the_reference_cuts_or_misreads_is_refused() {
    for line in [
        // Numbers that do not fit.
        "/f 0 100644 1 4294967296 0 0 0.0 - - -",
        "/f 0 100644 1 0 4294967296 0 0.0 - - -",
        "/f 0 100644 4294967296 0 0 0 0.0 - - -",
        "/f 0 20644 1 0 0 4294967296 0.0 - - -",
        "/f 0 1100644 1 0 0 0 0.0 - - -",
        "/f 0 100644 1 0 0 0 0.4294967296 - - -",
        "/f 0 100644 1 -1 0 0 0.0 - - -",
        // No number, read as 0 where the owner is not.
        "/f 0 100644 1 1 x 0 0.0 - - -",
        // What C's texts end at.
        "/f\\x00g 0 100644 1 0 0 0 0.0 - - -",
        "/l 0 120777 1 0 0 0 0.0 a\\x00b - -",
        // A digest that is none, of which the rest is left to chance.
        "/f 5 100644 1 0 0 0 0.0 path - 0102",
        // Another name for a directory.
        "/l 0 @100644 1 0 0 0 0.0 / - -",
    ] {
        let dump = format!("{ROOT}{line}\n");
        assert!(
            mkcomposefs(dump.as_bytes(), (0, 1)).is_ok(),
            "the reference refuses {line}"
        );
        let error = parse_dump(dump.as_bytes()).unwrap_err();
        assert!(
            matches!(error, Error::Line { line: 2, .. }),
            "{line}: {error:?}"
        );
    }
}

#[test]
fn changed_dumps_are_refused_where_the_reference_does_or_give_its_image() {
    let change = (
        any::<Index>(),
        prop_oneof![
            any::<u8>(),
            proptest::sample::select(b" \n/-@=\\x0127.".to_vec()),
        ],
    );
    let changes = proptest::collection::vec(change, 1..4);
    let [same, refused, stricter] = [0, 0, 0].map(Cell::new);
    runner(400)
        .run(&(dumps(), changes), |(RandomDump { text }, changes)| {
            let mut dump = text.into_bytes();
            // Where the fields are, not the long escapes.
            let end = dump.iter().position(|byte| *byte == b'\n').unwrap() + 60;
            let end = end.min(dump.len());
            for (place, byte) in changes {
                dump[place.index(end)] = byte;
            }
            match (parse_dump(&*dump), mkcomposefs(&dump, (0, 1))) {
                (Ok(tree), Ok(theirs)) => {
                    prop_assert!(our_image(&tree, (0, 1)) == theirs);
                    same.set(same.get() + 1);
                }
                (Err(_), Err(_)) => refused.set(refused.get() + 1),
                (Err(_), Ok(_)) => stricter.set(stricter.get() + 1),
                (Ok(_), Err(said)) => prop_assert!(false, "the reference refuses: {said}"),
            }
            Ok(())
        })
        .unwrap();
    let counts = [same, refused, stricter].map(Cell::into_inner);
    assert!(
        counts[0] > 0 && counts[1] > 0,
        "same, refused, refused by us alone: {counts:?}"
    );
}
