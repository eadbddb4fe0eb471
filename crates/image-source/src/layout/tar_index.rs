//! Where each file of a tar archive lies.
//!
//! Only headers are read. Nothing is unpacked, so no name in the archive can lead anywhere: names are compared with
//! the few that a layout has, and all others are never looked at again.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;

use tar::{EntryType, Header, PaxExtensions};

use crate::{ArchiveFault, Error};

const BLOCK: u64 = 512;
/// An image has one entry a blob, its directories, and two files.
const MAX_ENTRIES: usize = 100_000;
/// PAX headers and GNU long names: 1 MiB.
const MAX_EXTENDED_BYTES: u64 = 1 << 20;

/// The place of a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// Bytes from the start of the archive.
    pub(super) offset: u64,
    /// Bytes of content.
    pub(super) size: u64,
}

/// The regular files of an archive, by name.
#[derive(Debug)]
pub(super) struct TarIndex {
    files: HashMap<String, Extent>,
}

impl TarIndex {
    pub(super) fn get(&self, name: &str) -> Option<Extent> {
        self.files.get(name).copied()
    }

    /// Walks the headers. Of two entries with one name the last one counts, as when unpacking.
    pub(super) fn build(file: &File, path: &str) -> Result<Self, Error> {
        let len = file
            .metadata()
            .map_err(|source| Error::Io {
                action: "read",
                path: path.to_owned(),
                source,
            })?
            .len();
        let mut walk = Walk {
            file,
            path,
            len,
            offset: 0,
            next: Extended::default(),
        };
        let mut files = HashMap::new();
        let mut entries = 0_usize;
        while let Some((name, extent)) = walk.next_entry()? {
            entries += 1;
            if entries > MAX_ENTRIES {
                return Err(walk.fault(ArchiveFault::TooManyEntries { limit: MAX_ENTRIES }));
            }
            match extent {
                Some(extent) => files.insert(name, extent),
                None => files.remove(&name),
            };
        }
        Ok(Self { files })
    }
}

/// What PAX and GNU headers say about the entry that follows them.
#[derive(Debug, Default)]
struct Extended {
    name: Option<Vec<u8>>,
    size: Option<u64>,
}

struct Walk<'a> {
    file: &'a File,
    path: &'a str,
    len: u64,
    offset: u64,
    next: Extended,
}

impl Walk<'_> {
    fn fault(&self, fault: ArchiveFault) -> Error {
        Error::Archive {
            path: self.path.to_owned(),
            fault,
        }
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<(), Error> {
        self.file
            .read_exact_at(buf, offset)
            .map_err(|source| Error::Io {
                action: "read",
                path: self.path.to_owned(),
                source,
            })
    }

    /// The next entry's name, and its place when it is a regular file; `None` at the end.
    fn next_entry(&mut self) -> Result<Option<(String, Option<Extent>)>, Error> {
        let mut extended_headers = 0_usize;
        loop {
            let Some(header) = self.header()? else {
                return Ok(None);
            };
            let bad = || {
                self.fault(ArchiveFault::BadHeader {
                    offset: self.offset,
                })
            };
            let own_size = header.entry_size().map_err(|_| bad())?;
            let kind = header.entry_type();
            let size = match kind {
                EntryType::XHeader
                | EntryType::GNULongName
                | EntryType::GNULongLink
                | EntryType::XGlobalHeader => own_size,
                _ => self.next.size.unwrap_or(own_size),
            };
            let start = self.offset + BLOCK;
            let name = self.name_of(&header);
            let end = start
                .checked_add(size)
                .filter(|end| *end <= self.len)
                .ok_or_else(|| self.fault(ArchiveFault::Truncated { name: name.clone() }))?;
            match kind {
                EntryType::XHeader => self.take_pax(start, size)?,
                EntryType::GNULongName => self.next.name = Some(self.extended(start, size)?),
                EntryType::GNULongLink | EntryType::XGlobalHeader => {}
                _ => {
                    self.offset = padded(end);
                    self.next = Extended::default();
                    let regular = matches!(kind, EntryType::Regular | EntryType::Continuous);
                    return Ok(Some((
                        name,
                        regular.then_some(Extent {
                            offset: start,
                            size,
                        }),
                    )));
                }
            }
            self.offset = padded(end);
            // Headers about headers about nothing: bounded like entries.
            extended_headers += 1;
            if extended_headers > MAX_ENTRIES {
                return Err(self.fault(ArchiveFault::TooManyEntries { limit: MAX_ENTRIES }));
            }
        }
    }

    /// The header at the current offset; `None` at the end of the archive.
    fn header(&self) -> Result<Option<Header>, Error> {
        if self.offset >= self.len {
            return Ok(None);
        }
        let bad = || {
            self.fault(ArchiveFault::BadHeader {
                offset: self.offset,
            })
        };
        if self.len - self.offset < BLOCK {
            return Err(bad());
        }
        let mut block = [0_u8; 512];
        self.read_at(&mut block, self.offset)?;
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let header = Header::from_byte_slice(&block).clone();
        // The checksum counts its own eight bytes as spaces.
        let sum: u32 = block
            .iter()
            .enumerate()
            .map(|(i, byte)| {
                if (148..156).contains(&i) {
                    32
                } else {
                    u32::from(*byte)
                }
            })
            .sum();
        if header.cksum().ok() != Some(sum) {
            return Err(bad());
        }
        Ok(Some(header))
    }

    /// The name of the entry, without a leading `./`.
    fn name_of(&self, header: &Header) -> String {
        let bytes = match &self.next.name {
            Some(name) => name.clone(),
            None => header.path_bytes().into_owned(),
        };
        let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        let name = String::from_utf8_lossy(bytes);
        name.strip_prefix("./").unwrap_or(&name).to_owned()
    }

    fn extended(&self, start: u64, size: u64) -> Result<Vec<u8>, Error> {
        let limit = MAX_EXTENDED_BYTES;
        let too_large = || self.fault(ArchiveFault::HeaderTooLarge { size, limit });
        if size > limit {
            return Err(too_large());
        }
        let mut bytes = vec![0_u8; usize::try_from(size).map_err(|_| too_large())?];
        self.read_at(&mut bytes, start)?;
        Ok(bytes)
    }

    fn take_pax(&mut self, start: u64, size: u64) -> Result<(), Error> {
        let bytes = self.extended(start, size)?;
        let bad = || self.fault(ArchiveFault::BadHeader { offset: start });
        let mut next = Extended::default();
        for extension in PaxExtensions::new(&bytes) {
            let extension = extension.map_err(|_| bad())?;
            match extension.key_bytes() {
                b"path" => next.name = Some(extension.value_bytes().to_vec()),
                b"size" => {
                    let size = extension.value().ok().and_then(|text| text.parse().ok());
                    next.size = Some(size.ok_or_else(bad)?);
                }
                _ => {}
            }
        }
        self.next = next;
        Ok(())
    }
}

/// Content is padded to whole blocks. A missing last padding is forgiven: the walk ends at the file's end.
fn padded(end: u64) -> u64 {
    end.div_ceil(BLOCK).saturating_mul(BLOCK)
}
