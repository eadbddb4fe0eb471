//! Memory grows by at most 100 bytes with each entry, and not at all with bytes. One test, so that nothing else
//! runs in its process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod support;

use std::io::{self, Read};

use oci_manifest::{Algorithm, DiffId, Hasher};
use support::tar::Raw;
use support::{Lab, Request};

const ENTRIES: u64 = 400_000;
const PER_DIRECTORY: u64 = 200;

/// An archive that is made while it is read: links in directories, and in front one large file.
struct Generated {
    next: u64,
    rest: Vec<u8>,
    at: usize,
    zeros: u64,
}

impl Generated {
    fn new(zeros: u64) -> Self {
        let mut file = Raw::file("large");
        file.size = support::tar::octal(zeros);
        let rest = if zeros > 0 { file.block() } else { Vec::new() };
        Self {
            next: 0,
            rest,
            at: 0,
            zeros,
        }
    }

    fn header(&self) -> Raw {
        let directory = format!("usr/share/package-{:05}", self.next / PER_DIRECTORY);
        if self.next.is_multiple_of(PER_DIRECTORY) {
            return Raw {
                flag: b'5',
                ..Raw::file(&directory)
            };
        }
        let name = format!("{directory}/file-{:09}.txt", self.next);
        Raw {
            flag: b'2',
            link: b"target".to_vec(),
            ..Raw::file(&name)
        }
    }
}

impl Read for Generated {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.at == self.rest.len() && self.zeros > 0 {
            let count = buf.len().min(usize::try_from(self.zeros).unwrap());
            buf[..count].fill(7);
            self.zeros -= count as u64;
            return Ok(count);
        }
        if self.at == self.rest.len() {
            if self.next == ENTRIES {
                return Ok(0);
            }
            self.rest = self.header().block();
            self.at = 0;
            self.next += 1;
        }
        let count = buf.len().min(self.rest.len() - self.at);
        buf[..count].copy_from_slice(&self.rest[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// The most memory that this process ever had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        * 1024
}

fn import(lab: &Lab, zeros: u64) -> u64 {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut reader = Generated::new(zeros);
    let mut buffer = vec![0; 65536];
    let mut size = 0;
    loop {
        let count = reader.read(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        size += count as u64;
        hasher.update(&buffer[..count]);
    }
    let digest = hasher.finish();
    let request = Request {
        diff_id: Some(DiffId(digest.clone())),
        digest: Some(digest),
        ..Request::default()
    };
    let layer = lab.layer(
        b"",
        b"",
        &Request {
            size: Some(size),
            ..request
        },
    );
    let before = peak();
    let options = Request::default();
    lab.stage(Generated::new(zeros), &layer, &options).unwrap();
    peak() - before
}

#[test]
fn memory_grows_little_with_entries_and_not_with_bytes() {
    let lab = Lab::new();
    let entries = import(&lab, 0);
    assert!(
        entries < ENTRIES * 100 + 4_000_000,
        "{} bytes an entry",
        entries / ENTRIES
    );
    // The same again: what was freed is enough, though 100 MB of content come besides.
    let with_bytes = import(&lab, 100_000_256);
    assert!(with_bytes < 8_000_000, "{with_bytes} bytes more");
}
