//! fs-verity digests of file objects, kept beside the repository's objects so that no content is read for them again.
//!
//! `bootc-storage/fsverity/<commit>` in the repository's directory holds digests that were found while that commit was
//! written: a line that names the format; for each file 32 bytes of its checksum and 32 of its digest, in no order; the
//! SHA-256 of all that. A file that is torn or damaged counts as missing: whatever is not known can be computed.

use std::fs::File;
use std::io::{self, BufWriter, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;

use ostree_objects::{Checksum, ObjectName};
use rustix::fs::{AtFlags, Dir};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use crate::{Error, FsVerityDigest, Repo, sys};

const PARENT: &str = "bootc-storage";
const FOLDER: &str = "bootc-storage/fsverity";
const HEAD: &[u8] = b"bootc-storage fsverity 1\n";
const PAIR: usize = 64;
/// Pairs read at once.
const PART: usize = 1024 * PAIR;

/// Digests of file objects by their checksums. 64 bytes each.
#[derive(Clone, Default)]
pub struct FileDigests(Vec<([u8; 32], [u8; 32])>);

impl std::fmt::Debug for FileDigests {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "FileDigests({} files)", self.0.len())
    }
}

impl FileDigests {
    /// The digest of that file object, if it is known.
    #[must_use]
    pub fn get(&self, checksum: &Checksum) -> Option<FsVerityDigest> {
        let found = self
            .0
            .binary_search_by(|(known, _)| known.cmp(checksum.as_bytes()));
        let (_, digest) = self.0.get(found.ok()?)?;
        Some(FsVerityDigest::from_bytes(*digest))
    }

    /// How many are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, pairs: &[u8]) {
        for pair in pairs.chunks_exact(PAIR) {
            let (mut checksum, mut digest) = ([0; 32], [0; 32]);
            let (first, second) = pair.split_at(32);
            checksum.copy_from_slice(first);
            digest.copy_from_slice(second);
            self.0.push((checksum, digest));
        }
    }

    fn sort(&mut self) {
        self.0.sort_unstable();
        self.0.dedup();
    }

    /// Adds what a sealed file has; nothing if it is not as it was written.
    fn add_file(&mut self, file: &mut File) -> io::Result<bool> {
        let size = usize::try_from(file.metadata()?.len()).unwrap_or_default();
        let pairs = size.checked_sub(HEAD.len() + 32);
        let Some(pairs) = pairs.filter(|pairs| pairs.is_multiple_of(PAIR)) else {
            return Ok(false);
        };
        let mut head = [0; HEAD.len()];
        file.read_exact(&mut head)?;
        if head != HEAD {
            return Ok(false);
        }
        let before = self.0.len();
        let mut hasher = Sha256::new_with_prefix(head);
        self.0.reserve_exact(pairs / PAIR);
        let read = each_part(file, pairs, |part| {
            hasher.update(part);
            self.take(part);
        });
        let mut end = [0; 32];
        let read = read.and_then(|()| file.read_exact(&mut end));
        let is_whole = read.is_ok() && <[u8; 32]>::from(hasher.finalize()) == end;
        if !is_whole {
            self.0.truncate(before);
        }
        read.map(|()| is_whole)
    }
}

fn each_part(file: &mut File, size: usize, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; size.min(PART)];
    let mut left = size;
    while left > 0 {
        let part = &mut buffer[..left.min(PART)];
        file.read_exact(part)?;
        left -= part.len();
        take(part);
    }
    Ok(())
}

impl Repo {
    /// The digests that were kept with these commits. What was not kept, or is damaged, is not among them.
    #[must_use]
    pub fn file_digests(&self, commits: impl IntoIterator<Item = Checksum>) -> FileDigests {
        let mut digests = FileDigests::default();
        for commit in commits {
            if let Ok(Some(file)) = sys::open_read(self.dir(), &path(&commit)) {
                // One that cannot be read is as good as one that is missing.
                let _ = digests.add_file(&mut file.into());
            }
        }
        digests.sort();
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

/// Digests on their way to such a file.
pub(crate) struct Log {
    out: BufWriter<File>,
    hasher: Sha256,
    pairs: usize,
}

impl Log {
    /// Writes to a new file that is open for reading too.
    pub(crate) fn new(file: File) -> io::Result<Self> {
        let mut log = Self {
            out: BufWriter::new(file),
            hasher: Sha256::new(),
            pairs: 0,
        };
        log.write(HEAD)?;
        Ok(log)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.out.write_all(bytes)
    }

    pub(crate) fn add(&mut self, file: &Checksum, digest: &FsVerityDigest) -> io::Result<()> {
        self.write(file.as_bytes())?;
        self.write(digest.as_bytes())?;
        self.pairs += 1;
        Ok(())
    }

    /// What was written so far.
    pub(crate) fn read(&mut self) -> io::Result<FileDigests> {
        self.out.flush()?;
        let file = self.out.get_ref();
        let mut digests = FileDigests(Vec::with_capacity(self.pairs));
        let mut buffer = vec![0; (self.pairs * PAIR).min(PART)];
        let (mut at, end) = (HEAD.len(), HEAD.len() + self.pairs * PAIR);
        while at < end {
            let part = &mut buffer[..(end - at).min(PART)];
            file.read_exact_at(part, at as u64)?;
            at += part.len();
            digests.take(part);
        }
        digests.sort();
        Ok(digests)
    }

    /// Ends the file; false if there is nothing in it.
    pub(crate) fn seal(&mut self) -> io::Result<bool> {
        let hash = std::mem::take(&mut self.hasher).finalize();
        self.out.write_all(&hash)?;
        self.out.flush()?;
        Ok(self.pairs > 0)
    }
}

/// Gives a sealed file its name for a commit.
pub(crate) fn keep(
    repo: &Repo,
    commit: &Checksum,
    from: &OwnedFd,
    name: &str,
) -> Result<(), Error> {
    let path = path(commit);
    let failed = |error: Errno| Error::io("keep file digests in", path.as_str(), error);
    sys::mkdir(repo.dir(), PARENT, 0o775).map_err(failed)?;
    sys::mkdir(repo.dir(), FOLDER, 0o775).map_err(failed)?;
    // An older one may be damaged.
    sys::absent(rustix::fs::unlinkat(
        repo.dir(),
        path.as_str(),
        AtFlags::empty(),
    ))
    .map_err(failed)?;
    match rustix::fs::linkat(from, name, repo.dir(), path.as_str(), AtFlags::empty()) {
        // Another writer of the same commit was faster.
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(failed(error)),
    }
}
