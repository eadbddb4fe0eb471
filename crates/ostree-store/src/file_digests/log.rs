//! Facts on their way to such a file.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek as _, SeekFrom, Write as _};
use std::os::fd::OwnedFd;

use ostree_objects::{Checksum, FileHeader};
use rustix::fs::AtFlags;
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::format::{
    HEAD, HEADERS_LIMIT, LINK, NO_HEADER, Record, Sizes, header_entry, parse_headers,
};
use super::{FOLDER, FileDigests, Kept, MAX_RECORDS, PARENT, PART, path};
use crate::{Error, FsVerityDigest, Repo, sys};

/// Writes them as they come.
pub(crate) struct Log {
    out: BufWriter<File>,
    hasher: Sha256,
    records: u32,
    header_bytes: Vec<u8>,
    headers: HashMap<Vec<u8>, u32>,
}

impl Log {
    /// Writes to a new file that is open for reading too.
    pub(crate) fn new(file: File) -> io::Result<Self> {
        let mut log = Self {
            out: BufWriter::new(file),
            hasher: Sha256::new(),
            records: 0,
            header_bytes: Vec::new(),
            headers: HashMap::new(),
        };
        log.write(HEAD)?;
        Ok(log)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.out.write_all(bytes)
    }

    /// What the file named `name` is: its header, and the size and the digest of its content; of a symbolic link, its header.
    pub(crate) fn add(
        &mut self,
        name: &Checksum,
        header: &FileHeader,
        content: Option<(u64, &FsVerityDigest)>,
    ) -> io::Result<()> {
        let header = self.header(header);
        let (size, digest) = match content {
            Some((size, digest)) => (size, *digest.as_bytes()),
            None => (LINK, [0; 32]),
        };
        self.put(&Record {
            checksum: *name.as_bytes(),
            digest,
            size,
            header,
        })
    }

    /// All that is known there.
    pub(crate) fn add_all(&mut self, known: &FileDigests) -> io::Result<()> {
        for found in known.records() {
            let (mut record, header) = found?;
            record.header = header.map_or(NO_HEADER, |header| self.header(&header));
            self.put(&record)?;
        }
        Ok(())
    }

    fn put(&mut self, record: &Record) -> io::Result<()> {
        if record.says_nothing() {
            return Ok(());
        }
        // As many files as have a place; what is not kept can be found out.
        if self.records == MAX_RECORDS {
            return Ok(());
        }
        self.records += 1;
        self.write(&record.to_bytes())
    }

    fn header(&mut self, header: &FileHeader) -> u32 {
        let bytes = header_entry(header);
        if let Some(number) = self.headers.get(&bytes) {
            return *number;
        }
        if self.header_bytes.len() + bytes.len() > HEADERS_LIMIT {
            return NO_HEADER;
        }
        self.header_bytes.extend_from_slice(&bytes);
        // Far fewer than bytes.
        let number = u32::try_from(self.headers.len()).unwrap_or(NO_HEADER);
        self.headers.insert(bytes, number);
        number
    }

    /// What was written so far.
    pub(crate) fn read(&mut self) -> io::Result<FileDigests> {
        self.out.flush()?;
        // A descriptor of its own would have the same position.
        let mut file = self.out.get_ref();
        file.seek(SeekFrom::Start(HEAD.len() as u64))?;
        let mut digests = FileDigests::default();
        let mut reader = BufReader::with_capacity(PART, file);
        digests.index_records(&mut reader, self.records, |_| {})?;
        digests.sort();
        file.seek(SeekFrom::End(0))?;
        let headers = parse_headers(&self.header_bytes).unwrap_or_default();
        let kept = Kept::new(file.try_clone()?, 0, headers);
        digests.files.push(kept);
        Ok(digests)
    }

    /// Ends the file; false if there is nothing in it.
    pub(crate) fn seal(&mut self) -> io::Result<bool> {
        let headers = std::mem::take(&mut self.header_bytes);
        self.write(&headers)?;
        let sizes = Sizes {
            records: self.records,
            // Below the limit.
            header_bytes: u32::try_from(headers.len()).unwrap_or(u32::MAX),
        };
        self.write(&sizes.to_bytes())?;
        let hash = std::mem::take(&mut self.hasher).finalize();
        self.out.write_all(&hash)?;
        self.out.flush()?;
        Ok(self.records > 0)
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
