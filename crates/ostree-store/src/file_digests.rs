//! What an image needs of file objects, kept beside the repository's objects so that none is read for it again.
//!
//! `bootc-storage/fsverity/<commit>` in the repository's directory holds what was found while that commit was written: a
//! line that names the format; a record for each file or symbolic link, in no order; the headers that the records name; how
//! many of both there are; the SHA-256 of all that. A file that is torn or damaged counts as missing: whatever is not known
//! can be found out.

mod format;
mod log;
mod place;

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use ostree_objects::{Checksum, FileHeader, ObjectName};
use rustix::fs::{AtFlags, Dir};
use sha2::{Digest as _, Sha256};

use crate::{Error, FsVerityDigest, Repo, sys};
use format::{END, HEAD, LINK, RECORD, Record, Sizes, parse_headers};
use place::{MAX_RECORDS, Place, beginning};

pub(crate) use log::{Log, keep};

const PARENT: &str = "bootc-storage";
const FOLDER: &str = "bootc-storage/fsverity";
/// Bytes read at once.
const PART: usize = 1024 * RECORD;
/// Records that are looked up in one read.
const GROUP: u32 = 64;
/// Most files that one set keeps open; what is in others counts as missing.
const MAX_FILES: usize = 300;
/// Most bytes of headers that one set holds; those of further files count as missing.
const MAX_HEADER_BYTES: usize = 4 * 1024 * 1024;

/// What is known of a file object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// fs-verity digest of its content; none of a symbolic link.
    pub digest: Option<FsVerityDigest>,
    /// Bytes of its content; 0 for a symbolic link.
    pub size: u64,
    /// Owner, mode and attributes; not kept where very many files have each their own.
    pub header: Option<Arc<FileHeader>>,
}

/// What is known of file objects, by their checksums: 8 bytes each in memory, the rest in files that stay open.
#[derive(Default)]
pub struct FileDigests {
    /// In the order of checksums; numbers count the records of all files.
    index: Vec<Place>,
    files: Vec<Kept>,
    /// Records, twice known ones too.
    records: u32,
    header_bytes: usize,
}

struct Kept {
    file: File,
    /// Number of its first record.
    first: u32,
    headers: Vec<Arc<FileHeader>>,
    /// Records that were read last: files of one directory are asked for together, and were written so.
    group: Mutex<Group>,
}

/// Records that follow one another.
#[derive(Default)]
struct Group {
    /// Place of the first among those of the file.
    first: u32,
    bytes: Vec<u8>,
}

impl Kept {
    fn new(file: File, first: u32, headers: Vec<Arc<FileHeader>>) -> Self {
        let group = Mutex::default();
        Self {
            file,
            first,
            headers,
            group,
        }
    }

    fn record(&self, number: u32) -> io::Result<Record> {
        let place = number - self.first;
        let mut group = self.group.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record) = group.record(place) {
            return Ok(record);
        }
        group.first = place - place % GROUP;
        group.bytes.resize(GROUP as usize * RECORD, 0);
        let at = HEAD.len() as u64 + u64::from(group.first) * RECORD as u64;
        let found = self.file.read_at(&mut group.bytes, at);
        // After a failure nothing of the group before stays under the new place.
        group.bytes.truncate(*found.as_ref().unwrap_or(&0));
        found?;
        group
            .record(place)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl Group {
    fn record(&self, place: u32) -> Option<Record> {
        let before = place.checked_sub(self.first)? as usize;
        let (records, _) = self.bytes.as_chunks();
        records.get(before).map(Record::parse)
    }
}

impl std::fmt::Debug for FileDigests {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "FileDigests({} files)", self.index.len())
    }
}

impl FileDigests {
    /// The digest of that file object, if it is known.
    #[must_use]
    pub fn get(&self, checksum: &Checksum) -> Option<FsVerityDigest> {
        self.facts(checksum)?.digest
    }

    /// All that is known of that file object.
    #[must_use]
    pub fn facts(&self, checksum: &Checksum) -> Option<FileFacts> {
        let beginning = beginning(checksum.as_bytes());
        let found = self
            .index
            .binary_search_by_key(&beginning, |place| place.beginning());
        let number = self.index.get(found.ok()?)?.number();
        let kept = self.kept(number)?;
        let record = kept.record(number).ok()?;
        let header = kept.headers.get(record.header as usize).cloned();
        if record.checksum != *checksum.as_bytes() {
            return None;
        }
        if record.size == LINK {
            let header = Some(header?);
            return Some(FileFacts {
                digest: None,
                size: 0,
                header,
            });
        }
        Some(FileFacts {
            digest: Some(FsVerityDigest::from_bytes(record.digest)),
            size: record.size,
            header,
        })
    }

    /// How many are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Adds the records of a file from a reader that is at the first of them, and hands on each part as it passes.
    fn index_records(
        &mut self,
        reader: &mut impl io::Read,
        count: u32,
        mut each_part: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        self.index.reserve_exact(count as usize);
        let mut buffer = vec![0; (count as usize * RECORD).min(PART)];
        let mut left = count as usize;
        while left > 0 {
            let part = &mut buffer[..(left * RECORD).min(PART)];
            reader.read_exact(part)?;
            each_part(part);
            for record in part.chunks_exact(RECORD) {
                self.index.push(Place::new(record, self.records));
                self.records += 1;
                left -= 1;
            }
        }
        Ok(())
    }

    /// Adds what a sealed file has, if it is as it was written.
    fn add_file(&mut self, mut file: File) {
        let Ok(Some(sizes)) = Sizes::of(&file) else {
            return;
        };
        if self.files.len() == MAX_FILES || sizes.records > MAX_RECORDS - self.records {
            return;
        }
        let (known, first) = (self.index.len(), self.records);
        // One that cannot be read is as good as one that is missing.
        if let Ok(Some(headers)) = self.add_sealed(&mut file, sizes) {
            self.files.push(Kept::new(file, first, headers));
        } else {
            self.index.truncate(known);
            self.records = first;
        }
    }

    /// Its headers, once its hash has been found right.
    fn add_sealed(
        &mut self,
        file: &mut File,
        sizes: Sizes,
    ) -> io::Result<Option<Vec<Arc<FileHeader>>>> {
        let mut head = [0; HEAD.len()];
        file.rewind()?;
        file.read_exact(&mut head)?;
        if head != *HEAD {
            return Ok(None);
        }
        let mut hasher = Sha256::new_with_prefix(head);
        self.index_records(file, sizes.records, |part| hasher.update(part))?;
        let mut rest = vec![0; sizes.header_bytes as usize + END];
        file.read_exact(&mut rest)?;
        let (hashed, hash) = rest.split_at(rest.len() - 32);
        hasher.update(hashed);
        let is_whole = hasher.finalize()[..] == *hash;
        if !is_whole {
            return Ok(None);
        }
        let headers = &rest[..sizes.header_bytes as usize];
        self.header_bytes += headers.len();
        if self.header_bytes > MAX_HEADER_BYTES {
            return Ok(Some(Vec::new()));
        }
        Ok(parse_headers(headers))
    }

    /// Each record.
    fn records(&self) -> impl Iterator<Item = io::Result<(Record, Option<Arc<FileHeader>>)>> {
        self.index.iter().filter_map(|place| {
            let kept = self.kept(place.number())?;
            let record = kept.record(place.number());
            Some(record.map(|record| {
                let header = kept.headers.get(record.header as usize).cloned();
                (record, header)
            }))
        })
    }

    /// The file that has the record of that number.
    fn kept(&self, number: u32) -> Option<&Kept> {
        let after = self.files.partition_point(|kept| kept.first <= number);
        self.files.get(after.checked_sub(1)?)
    }

    /// Where objects are read without attributes, headers that have them are none.
    pub(crate) fn forget_headers(&mut self) {
        for kept in &mut self.files {
            kept.headers.clear();
        }
    }

    /// Of two that begin alike one is enough: they are of one file, or the other counts as missing.
    fn sort(&mut self) {
        self.index.sort_unstable();
        self.index.dedup_by_key(|place| place.beginning());
    }
}

impl Repo {
    /// What was kept with these commits. What was not kept, or is damaged, is not among it.
    #[must_use]
    pub fn file_digests(&self, commits: impl IntoIterator<Item = Checksum>) -> FileDigests {
        let mut digests = FileDigests::default();
        for commit in commits {
            if let Ok(Some(file)) = sys::open_read(self.dir(), &path(&commit)) {
                digests.add_file(file.into());
            }
        }
        digests.sort();
        if self.config().disable_xattrs() {
            digests.forget_headers();
        }
        digests
    }

    /// Removes digests that were kept with commits which are no longer there. Returns how many files went.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn remove_stale_file_digests(&self) -> Result<u64, Error> {
        let failed = |error| Error::io("list", FOLDER, error);
        let Some(folder) = sys::open_dir(self.dir(), FOLDER).map_err(failed)? else {
            return Ok(0);
        };
        let mut removed = 0;
        for entry in Dir::read_from(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Some(commit) = entry
                .file_name()
                .to_str()
                .ok()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            if self.has(&ObjectName::commit(commit))? {
                continue;
            }
            sys::absent(rustix::fs::unlinkat(
                &folder,
                entry.file_name(),
                AtFlags::empty(),
            ))
            .map_err(|error| Error::io("remove", path(&commit), error))?;
            removed += 1;
        }
        Ok(removed)
    }
}

fn path(commit: &Checksum) -> String {
    format!("{FOLDER}/{commit}")
}
