//! Images that are damaged or made to do harm: refused, or read as some tree, but without panic, endless work or
//! more memory than the image's size warrants.

use std::cell::Cell;

use ostree_flatten::composefs::{
    Error, Format, Kind, NodeId, Tree, parse_dump, read_image, write_dump, write_image,
};
use proptest::{
    prelude::*,
    sample::{Index, select},
};

use crate::{
    mkcomposefs::runner,
    random_dump::{RandomDump, dumps},
};

fn image(dump: &str) -> Vec<u8> {
    let mut image = Vec::new();
    let tree = parse_dump(dump.as_bytes()).unwrap();
    write_image(&tree, Format::DEFAULT, &mut image).unwrap();
    image
}

/// Small, and with one of each.
const SMALL: &str = "\
/ 0 40755 1 0 0 0 0.0 - - - security.selinux=label\\x00
/backed 70000 100644 1 0 0 0 0.0 00/backing - 0101010101010101010101010101010101010101010101010101010101010101 security.selinux=label\\x00 user.own=value
/big 9000000000000000 100644 1 0 0 0 0.0 - - -
/char 0 20600 1 0 0 259 0.0 - - -
/directory 0 40755 1 0 0 0 5.0 - - -
/directory/below 0 40755 1 0 0 0 0.0 - - -
/directory/below/link 7 120777 1 0 0 0 0.0 a/place - -
/directory/whiteout 0 20000 1 0 0 0 0.0 - - -
/fifo 0 10600 1 70000 0 0 0.0 - - -
/hard-link 0 @100644 1 0 0 0 0.0 /backed - -
/inline 3 100644 1 0 0 0 0.0 - abc -
";

/// Each directory entry takes 13 bytes of the image at least, and no byte may be used twice.
fn assert_in_proportion(tree: &Tree, image: &[u8]) {
    let mut entries = 0;
    let mut waiting = vec![NodeId::ROOT];
    while let Some(node) = waiting.pop() {
        entries += tree.entries(node).len();
        let own = tree.entries(node).filter(|entry| !entry.is_link);
        waiting.extend(own.map(|entry| entry.node));
    }
    assert!(entries * 13 <= image.len());
    assert!(tree.len() * 32 <= image.len());
}

/// Reads an image; what is read can be written, as image and as dump.
fn try_read(image: &[u8]) -> bool {
    let Ok(read) = read_image(image) else {
        return false;
    };
    assert_in_proportion(&read.tree, image);
    write_dump(&read.tree, std::io::sink()).unwrap();
    match write_image(&read.tree, Format::DEFAULT, std::io::sink()) {
        // What does not come from a dump may have more attributes than one inode can list in the end.
        Ok(_) | Err(Error::TooMany { .. }) => true,
        Err(error) => panic!("{error}"),
    }
}

#[derive(Debug, Clone)]
struct Change {
    place: Index,
    /// Bytes in the number that is changed, to a multiple of which the place is rounded.
    width: usize,
    value: u64,
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let value = prop_oneof![
        select(vec![
            0,
            1,
            2,
            12,
            36,
            4095,
            4096,
            5000,
            0x7fff,
            0xffff,
            0x7fff_ffff,
            u64::MAX
        ]),
        0_u64..64,
        any::<u64>(),
    ];
    let change = (any::<Index>(), select(vec![1_usize, 2, 4, 8]), value);
    let change = change.prop_map(|(place, width, value)| Change {
        place,
        width,
        value,
    });
    proptest::collection::vec(change, 1..5)
}

fn apply(image: &mut [u8], changes: &[Change], within: usize) {
    for Change {
        place,
        width,
        value,
    } in changes
    {
        let at = place.index(within) / width * width;
        let end = (at + width).min(image.len());
        image[at..end].copy_from_slice(&value.to_le_bytes()[..end - at]);
    }
}

#[test]
fn changed_numbers_do_no_harm() {
    let original = image(SMALL);
    assert!(try_read(&original));
    // Behind the inodes come the long blocks of the root, which are changed less.
    for within in [2048, original.len()] {
        let [refused, read] = [0, 0].map(Cell::new);
        runner(8000)
            .run(&changes(), |changes| {
                let mut image = original.clone();
                // The magic numbers stay, else nothing is reached.
                let rest = &mut image[1028..];
                let within = within.min(rest.len());
                apply(rest, &changes, within);
                if try_read(&image) {
                    read.set(read.get() + 1);
                } else {
                    refused.set(refused.get() + 1);
                }
                Ok(())
            })
            .unwrap();
        let counts = [refused, read].map(Cell::into_inner);
        assert!(counts[0] > 0 && counts[1] > 0, "refused, read: {counts:?}");
    }
}

#[test]
fn changed_numbers_in_random_images_do_no_harm() {
    runner(500)
        .run(&(dumps(), changes()), |(RandomDump { text }, changes)| {
            let mut image = image(&text);
            let length = image.len();
            apply(&mut image, &changes, length);
            try_read(&image);
            Ok(())
        })
        .unwrap();
}

#[test]
fn cut_images_are_refused() {
    let original = image(SMALL);
    for length in (0..original.len()).filter(|length| *length < 2500 || length % 97 == 0) {
        assert!(!try_read(&original[..length]), "{length} bytes");
    }
}

/// Sets numbers of two bytes, counted from the place of an inode.
fn with(image: &[u8], at: usize, numbers: &[(usize, u16)]) -> Vec<u8> {
    let mut image = image.to_vec();
    for (offset, number) in numbers {
        image[at + offset..at + offset + 2].copy_from_slice(&number.to_le_bytes());
    }
    image
}

fn refusal(image: &[u8]) -> String {
    match read_image(image) {
        Err(error @ Error::Malformed { .. }) => error.to_string(),
        Err(error) => panic!("refused otherwise: {error}"),
        Ok(_) => panic!("was read"),
    }
}

#[test]
fn each_kind_of_damage_has_its_message() {
    let original = image(SMALL);
    let message = |at, numbers: &[(usize, u16)]| refusal(&with(&original, at, numbers));
    assert!(message(0, &[(0, 0)]).contains("no composefs header"));
    assert!(message(0, &[(4, 2)]).contains("version is unknown"));
    assert!(message(0, &[(12, 2)]).contains("format is unknown"));
    assert!(message(1024, &[(0, 0)]).contains("no EROFS superblock"));
    assert!(message(1024, &[(12, 9)]).contains("not of 4096 bytes"));
    assert!(message(1024, &[(80, 1)]).contains("needs features"));
    assert!(message(1024, &[(14, 0xffff)]).contains("inode lies beyond the end"));
    // The root is the first inode.
    assert!(message(1152, &[(4, 0o100_644)]).contains("root is no directory"));
    assert!(message(1152, &[(4, 0o170_644)]).contains("file type is unknown"));
    assert!(message(1152, &[(0, 0x10)]).contains("unknown form"));
    assert!(message(1152, &[(16, 999)]).contains("beyond the end"));
    assert!(message(1152, &[(2, 0xffff)]).contains("cut short"));
}

#[test]
fn directories_in_a_circle_are_refused() {
    let dump = "/ 0 40755 1 0 0 0 0.0 - - -\n/a 0 40755 1 0 0 0 0.0 - - -\n/a/b 0 40755 1 0 0 0 0.0 - - -\n";
    let original = image(dump);
    // The entries of /a lie behind its inode: `.`, `..` and `b`, whose place becomes that of /a.
    let at = original
        .windows(4)
        .rposition(|bytes| bytes == b"...b")
        .unwrap();
    let entries = at - 36;
    let own = original[entries..entries + 8].to_vec();
    let mut circle = original.clone();
    circle[entries + 24..entries + 32].copy_from_slice(&own);
    assert!(refusal(&circle).contains("a directory has two places"));
    let mut elsewhere = original;
    let above = elsewhere[entries + 12..entries + 20].to_vec();
    elsewhere[entries..entries + 8].copy_from_slice(&above);
    assert!(refusal(&elsewhere).contains(". or .. leads elsewhere"));
}

#[test]
fn a_block_of_entries_that_many_directories_claim_is_not_read_for_each() {
    // As many empty directories as make an image of some size, all made to have the entries of the root.
    let mut dump = "/ 0 40755 1 0 0 0 0.0 - - -\n".to_owned();
    for number in 0..2000 {
        dump += &format!("/d{number} 0 40755 1 0 0 0 0.0 - - -\n");
    }
    let mut image = image(&dump);
    let root = image[1152..1184].to_vec();
    let mut at = 1184;
    while at + 32 < image.len() {
        // Compact directories with a tail become as the root, which has whole blocks.
        if image[at..at + 2] == [4, 0] && image[at + 4..at + 6] == 0o040_755_u16.to_le_bytes() {
            image[at] = root[0];
            image[at + 8..at + 12].copy_from_slice(&root[8..12]);
            image[at + 16..at + 20].copy_from_slice(&root[16..20]);
        }
        at += 32;
    }
    let message = refusal(&image);
    assert!(
        message.contains("used more than once") || message.contains("leads elsewhere"),
        "{message}"
    );
}

#[test]
fn nesting_beyond_what_a_path_can_be_is_refused() {
    let mut dump = "/ 0 40755 1 0 0 0 0.0 - - -\n".to_owned();
    let mut path = String::new();
    for _ in 0..2049 {
        path += "/d";
        dump += &format!("{path} 0 40755 1 0 0 0 0.0 - - -\n");
    }
    let image = image(&dump);
    let error = read_image(&image).unwrap_err();
    assert!(
        error.to_string().contains("too many levels of directories"),
        "{error}"
    );
}

#[test]
fn an_image_gives_back_the_tree() {
    let image = image(SMALL);
    let read = read_image(&image).unwrap();
    assert_eq!(read.format, Format::V1);
    let mut dump = Vec::new();
    write_dump(&read.tree, &mut dump).unwrap();
    let again = parse_dump(&*dump).unwrap();
    let mut image_again = Vec::new();
    write_image(&again, Format::DEFAULT, &mut image_again).unwrap();
    assert!(image == image_again);
    let backed = read.tree.lookup(NodeId::ROOT, b"backed").unwrap();
    let linked = read.tree.lookup(NodeId::ROOT, b"hard-link").unwrap();
    assert_eq!(
        (backed.node, backed.is_link, linked.is_link),
        (linked.node, false, true)
    );
    assert!(matches!(
        read.tree.kind(backed.node),
        Kind::Backed { size: 70000, .. }
    ));
    assert!(read.tree.lookup(NodeId::ROOT, b"00").is_none());
}
