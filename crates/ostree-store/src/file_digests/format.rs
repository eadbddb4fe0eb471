//! The bytes of a file of facts.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use ostree_objects::FileHeader;

/// What such a file begins with.
pub(super) const HEAD: &[u8; 25] = b"bootc-storage fsverity 3\n";
/// A record: checksum, digest, size (8 bytes; of a symbolic link [`LINK`]) and number of the header (4 bytes), lowest byte
/// first.
pub(super) const RECORD: usize = 76;
/// The end: number of records, bytes of headers, SHA-256.
pub(super) const END: usize = 4 + 4 + 32;
/// Most bytes of headers in a file. An operating system has some hundred different ones, of 100 bytes, and some thousand
/// symbolic links, each with its own.
pub(super) const HEADERS_LIMIT: usize = 1024 * 1024;
/// Number of a header that is not kept.
pub(super) const NO_HEADER: u32 = u32::MAX;

/// In the place of a size: there is no content, and the header is all.
pub(super) const LINK: u64 = u64::MAX;

/// What is kept of one file object.
pub(super) struct Record {
    pub(super) checksum: [u8; 32],
    pub(super) digest: [u8; 32],
    pub(super) size: u64,
    pub(super) header: u32,
}

impl Record {
    pub(super) fn parse(bytes: &[u8; RECORD]) -> Self {
        Self {
            checksum: part(bytes, 0),
            digest: part(bytes, 32),
            size: u64::from_le_bytes(part(bytes, 64)),
            header: u32::from_le_bytes(part(bytes, 72)),
        }
    }

    /// Whether it is of a symbolic link whose header is not kept.
    pub(super) const fn says_nothing(&self) -> bool {
        self.size == LINK && self.header == NO_HEADER
    }

    pub(super) fn to_bytes(&self) -> [u8; RECORD] {
        let mut bytes = [0; RECORD];
        bytes[..32].copy_from_slice(&self.checksum);
        bytes[32..64].copy_from_slice(&self.digest);
        bytes[64..72].copy_from_slice(&self.size.to_le_bytes());
        bytes[72..].copy_from_slice(&self.header.to_le_bytes());
        bytes
    }
}

fn part<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[at..at + N]);
    part
}

/// How much there is of what in a file.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) records: u32,
    pub(super) header_bytes: u32,
}

impl Sizes {
    /// As the file's end says; none if the file is not of the size that this makes.
    pub(super) fn of(file: &File) -> io::Result<Option<Self>> {
        let size = file.metadata()?.len();
        let Some(end) = size.checked_sub(END as u64) else {
            return Ok(None);
        };
        let mut bytes = [0; 8];
        file.read_exact_at(&mut bytes, end)?;
        let sizes = Self {
            records: u32::from_le_bytes(part(&bytes, 0)),
            header_bytes: u32::from_le_bytes(part(&bytes, 4)),
        };
        let records = u64::from(sizes.records) * RECORD as u64;
        let is_right = HEAD.len() as u64 + records + u64::from(sizes.header_bytes) == end;
        let is_right = is_right && sizes.header_bytes as usize <= HEADERS_LIMIT;
        Ok(is_right.then_some(sizes))
    }

    pub(super) fn to_bytes(self) -> [u8; 8] {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&self.records.to_le_bytes());
        bytes[4..].copy_from_slice(&self.header_bytes.to_le_bytes());
        bytes
    }
}

/// A header as it stands among others: its bytes as in `user.ostreemeta`, and a symbolic link's target; each after its length
/// (4 bytes, lowest first).
pub(super) fn header_entry(header: &FileHeader) -> Vec<u8> {
    let mut entry = Vec::new();
    let target = header.symlink_target.as_deref().unwrap_or_default();
    for part in [header.to_ostreemeta().as_slice(), target.as_bytes()] {
        // One that is too long is over the limit of all of them, and not kept.
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        entry.extend_from_slice(&length.to_le_bytes());
        entry.extend_from_slice(part);
    }
    entry
}

/// All headers of a file.
pub(super) fn parse_headers(mut bytes: &[u8]) -> Option<Vec<Arc<FileHeader>>> {
    let mut headers = Vec::new();
    while !bytes.is_empty() {
        let (header, rest) = split_part(bytes)?;
        let (target, rest) = split_part(rest)?;
        let mut header = FileHeader::parse_ostreemeta(header).ok()?;
        if header.is_symlink() {
            header.symlink_target = Some(str::from_utf8(target).ok()?.to_owned());
        }
        header.check().ok()?;
        headers.push(Arc::new(header));
        bytes = rest;
    }
    Some(headers)
}

fn split_part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}
