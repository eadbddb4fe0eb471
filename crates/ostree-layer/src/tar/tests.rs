//! The reader against bsdtar, whose reading it follows, and against damage.

#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the tests of the whole import"
)]
#[path = "../../tests/support/tar.rs"]
mod make;
mod mutate;
mod oracle;
mod sample;

use std::fmt::Write as _;
use std::io::Read as _;

use proptest::prelude::*;

use self::make::{GNU, Raw, Tar, V7, octal, record};
use self::mutate::{Dice, mutated};
use self::sample::everything;
use super::{Archive, Entry, Kind};
use crate::{Error, Limits};

/// What a reader finds: a line for each entry as `bsdtar -tv` prints it, and all contents one after the other.
struct Reading {
    lines: Vec<String>,
    content: Vec<u8>,
}

impl PartialEq for Reading {
    /// `bsdtar -xO` writes zeros for a hard link whose header has a size, so with hard links zeros do not count.
    fn eq(&self, other: &Self) -> bool {
        let has_links = self.lines.iter().any(|line| line.contains(" link to "));
        let filled = |content: &[u8]| content.iter().copied().filter(|byte| *byte != 0).collect();
        let (ours, theirs): (Vec<u8>, Vec<u8>) = (filled(&self.content), filled(&other.content));
        let same = self.content == other.content || (has_links && ours == theirs);
        self.lines == other.lines && same
    }
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let start: Vec<_> = self.content.iter().take(200).copied().collect();
        f.debug_struct("Reading")
            .field("lines", &self.lines)
            .field("bytes", &self.content.len())
            .field("content", &start.escape_ascii().to_string())
            .finish()
    }
}

fn limits() -> Limits {
    Limits {
        file_bytes: 1 << 26,
        hole_bytes: 1 << 26,
        ..Limits::default()
    }
}

fn read(bytes: &[u8]) -> Result<Reading, Error> {
    let limits = limits();
    let mut archive = Archive::new(bytes, &limits);
    let mut reading = Reading {
        lines: Vec::new(),
        content: Vec::new(),
    };
    while let Some(entry) = archive.next()? {
        reading.lines.push(line(&entry));
        if entry.kind == Kind::File {
            let before = reading.content.len();
            if archive.content().read_to_end(&mut reading.content).is_err() {
                return Err(archive.take_failure().unwrap());
            }
            assert_eq!(
                (reading.content.len() - before) as u64,
                entry.size,
                "{}",
                entry.path
            );
        }
    }
    archive.finish()?;
    Ok(reading)
}

fn line(entry: &Entry) -> String {
    let (kind, size, link) = match &entry.kind {
        Kind::File => ('-', entry.size.to_string(), String::new()),
        Kind::Directory => ('d', "*".to_owned(), String::new()),
        Kind::Symlink(target) => ('l', "0".to_owned(), format!(" -> {target}")),
        Kind::Hardlink(target) => ('-', "0".to_owned(), format!(" link to {target}")),
        Kind::Device { .. } => ('?', "*".to_owned(), String::new()),
        Kind::Fifo => ('p', "0".to_owned(), String::new()),
    };
    let mut line = String::from(kind);
    let special = [(0o4000, 's'), (0o2000, 's'), (0o1000, 't')];
    for (shift, (bit, letter)) in [6_u32, 3, 0].into_iter().zip(special) {
        let bits = entry.mode >> shift;
        line.push(if bits & 4 == 0 { '-' } else { 'r' });
        line.push(if bits & 2 == 0 { '-' } else { 'w' });
        line.push(match (entry.mode & bit != 0, bits & 1 != 0) {
            (false, false) => '-',
            (false, true) => 'x',
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
        });
    }
    let _ = write!(
        line,
        " {} {} {size} {}{link}",
        entry.uid, entry.gid, entry.path
    );
    line
}

#[test]
fn everything_is_read_as_bsdtar_reads_it() {
    let tar = everything();
    let ours = read(&tar).unwrap();
    assert_eq!(ours.lines.len(), 19);
    assert_eq!(Ok(ours), oracle::read(&tar));
}

#[test]
fn hardlinks_with_sizes_and_odd_orders_are_read_as_bsdtar_reads_them() {
    let records = Raw {
        flag: b'x',
        ..Raw::file("p")
    }
    .with(&record("path", "pax"));
    let global = Raw {
        flag: b'g',
        ..Raw::file("g")
    }
    .with(&record("path", "global"));
    let sized = |magic: &[u8]| {
        let raw = Raw {
            flag: b'1',
            link: b"a".to_vec(),
            magic: magic.to_vec(),
            ..Raw::file("l")
        };
        Raw {
            size: octal(9),
            ..raw
        }
        .block()
    };
    for tar in [
        Tar::new()
            .raw(&records)
            .gnu_long(b'L', b"gnu")
            .file("x", "1"),
        Tar::new()
            .gnu_long(b'L', b"gnu")
            .raw(&records)
            .file("x", "1"),
        Tar::new()
            .gnu_long(b'L', b"1")
            .raw(&records)
            .gnu_long(b'L', b"2")
            .file("x", "1"),
        Tar::new()
            .gnu_long(b'K', b"k")
            .pax("linkpath", "p")
            .symlink("l", "t"),
        Tar::new().raw(&global).file("x", "1").raw(&global),
        Tar::new().file("a", "1").raw(sized(GNU)).file("b", "2"),
        Tar::new().file("a", "1").raw(sized(V7)).file("b", "2"),
        Tar::new()
            .file("a", "1")
            .raw(sized(b"ustar\x0000"))
            .file("b", "2"),
        Tar::new().file("a", "1").raw(sized(b"ustar\x0000")),
        Tar::new().pax("size", "3").entry(Raw::file("a"), b"123"),
        Tar::new().file("a", "1").raw([0; 512]).file("b", "2"),
        Tar::new().pax("path", "").file("a", "1"),
    ] {
        let tar = tar.end();
        let ours = read(&tar).unwrap();
        assert_eq!(Ok(ours), oracle::read(&tar));
    }
}

#[test]
fn solaris_holes_are_stored_zeros() {
    // bsdtar reads the same, but loses its way to the next entry.
    let file = |hole: &[u8]| {
        let content = [b"data", hole, &[b'x'; 100][..]].concat();
        Tar::new()
            .pax("SUN.holesdata", " 0 4 600 700")
            .file("a", content)
            .file("b", "2")
            .end()
    };
    let content = [b"data", &[0; 596][..], &[b'x'; 100], b"2"].concat();
    assert_eq!(read(&file(&[0; 596])).unwrap().content, content);
    let mut hole = [0; 596];
    hole[595] = 1;
    let error = read(&file(&hole)).unwrap_err();
    assert!(error.to_string().ends_with("a hole holds data"), "{error}");
}

#[test]
fn dump_directories_are_listed_as_bsdtar_lists_them() {
    // `bsdtar -xO` prints their content too, which is no file's.
    let dump = Raw {
        flag: b'D',
        magic: GNU.to_vec(),
        ..Raw::file("dump/")
    };
    let tar = Tar::new().entry(dump, b"Na\0Yb\0\0").file("a", "1").end();
    let (ours, theirs) = (read(&tar).unwrap(), oracle::read(&tar).unwrap());
    assert_eq!((ours.lines, ours.content), (theirs.lines, b"1".to_vec()));
}

/// What is accepted is read as bsdtar reads it, and bsdtar has nothing to complain about: needs the program
/// `bsdtar` (Debian: libarchive-tools).
#[test]
fn damaged_archives_are_refused_or_read_as_bsdtar_reads_them() {
    let whole = everything();
    let (mut accepted, mut compared) = (0, 0);
    let mut differences = Vec::new();
    for seed in 0..CASES {
        let mut dice = Dice::new(seed);
        let tar = mutated(&whole, &mut dice);
        let Ok(ours) = read(&tar) else { continue };
        accepted += 1;
        if ours.lines.iter().any(|line| {
            !line
                .bytes()
                .all(|byte| byte.is_ascii_graphic() || byte == b' ')
        }) {
            // bsdtar escapes such names; what it reads there is tested by their lengths elsewhere.
            continue;
        }
        compared += 1;
        // bsdtar misses the last entry's padding; we do not.
        let mut padded = tar;
        padded.resize(padded.len().next_multiple_of(512), 0);
        differences.extend(difference(seed, &ours, &oracle::read(&padded)));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(
        accepted > CASES / 10 && compared > CASES / 20,
        "{accepted} accepted, {compared} compared"
    );
}

fn difference(seed: u64, ours: &Reading, theirs: &Result<Reading, String>) -> Option<String> {
    let theirs = match theirs {
        Ok(theirs) if theirs == ours => return None,
        Ok(theirs) => theirs,
        Err(complaint) => return Some(format!("seed {seed}: bsdtar says {complaint}")),
    };
    let unlike = ours
        .lines
        .iter()
        .zip(&theirs.lines)
        .find(|(ours, theirs)| ours != theirs);
    let (lines, bytes) = (ours.lines.len(), ours.content.len());
    let (their_lines, their_bytes) = (theirs.lines.len(), theirs.content.len());
    Some(format!(
        "seed {seed}: {unlike:?}, {lines}:{their_lines} lines, {bytes}:{their_bytes} bytes"
    ))
}

/// Enough to find what a change breaks; more were run when this was written.
const CASES: u64 = 400;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
        let _ = read(&bytes);
    }

    #[test]
    fn any_damage_is_read_without_panic(seed in any::<u64>()) {
        let mut dice = Dice::new(seed);
        let mut tar = everything();
        for _ in 0..dice.below(8) {
            tar = mutated(&tar, &mut dice);
        }
        let _ = read(&tar);
    }

    #[test]
    fn any_header_fields_are_read_without_panic(
        fields in proptest::collection::vec((0..500_usize, any::<u8>()), 1..40),
        magic in prop_oneof![Just(&b"ustar\x0000"[..]), Just(GNU), Just(V7)],
        flag in prop_oneof![Just(b'S'), Just(b'x'), Just(b'1'), Just(b'0'), any::<u8>()],
        content in proptest::collection::vec(any::<u8>(), 0..1500),
    ) {
        let mut tar = Raw { flag, magic: magic.to_vec(), ..Raw::file("f") }.with(&content);
        for (at, byte) in fields {
            tar[at] = byte;
        }
        mutate::fix_checksum(&mut tar[..512]);
        let _ = read(&tar);
    }
}
