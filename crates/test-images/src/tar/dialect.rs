//! Listings to tar, in the dialects that tools write.

use std::io::{self, Read as _, Write};

use super::{BLOCK, Header, Kind, RawTar, padding, pax_records};
use crate::{Entry, Error, Node};

/// How names, numbers and xattrs that outgrow the ustar header are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// POSIX.1-1988: a name is split over the prefix field; what does not fit is an error.
    Ustar,
    /// GNU tar's default: long names in `L` and `K` entries, big numbers base-256, no xattrs.
    Gnu,
    /// POSIX.1-2001: records for what does not fit, xattrs as `SCHILY.xattr.NAME`.
    #[default]
    Pax,
}

/// Writes entries one after the other; content streams.
#[derive(Debug)]
pub struct TarWriter<W> {
    out: W,
    dialect: Dialect,
}

impl<W: Write> TarWriter<W> {
    /// Begins an archive.
    pub fn new(out: W, dialect: Dialect) -> Self {
        Self { out, dialect }
    }

    /// Writes an entry with its content.
    ///
    /// # Errors
    ///
    /// [`Error::Dialect`] when the dialect cannot hold the entry, [`Error::Write`] from the sink.
    pub fn entry(&mut self, entry: &Entry) -> Result<(), Error> {
        match &entry.node {
            Node::File(content) => self.file(entry, content.size(), &mut content.reader()),
            _ => self.header(entry, 0),
        }
    }

    /// Writes a regular file of exactly `size` bytes from `content`, with the path and metadata of
    /// `entry` (whose own content is not looked at).
    ///
    /// # Errors
    ///
    /// As [`TarWriter::entry`]; [`Error::Changed`] when `content` ends early.
    pub fn file(
        &mut self,
        entry: &Entry,
        size: u64,
        content: &mut dyn io::Read,
    ) -> Result<(), Error> {
        self.header(entry, size)?;
        let copied = io::copy(&mut content.take(size), &mut self.out).map_err(write_error)?;
        if copied != size {
            return Err(Error::Changed {
                path: entry.path.escape_ascii().to_string(),
            });
        }
        self.write(&[0; BLOCK][..padding(size)])
    }

    /// Writes the two zero blocks and hands the sink back.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] from the sink.
    pub fn finish(mut self) -> Result<W, Error> {
        self.write(&[0; 2 * BLOCK])?;
        Ok(self.out)
    }

    fn header(&mut self, entry: &Entry, size: u64) -> Result<(), Error> {
        let (kind, link) = kind(&entry.node);
        let mut header = Header::new(kind, &entry.path)
            .mode(entry.mode)
            .owner(entry.uid, entry.gid)
            .size(size)
            .mtime(entry.mtime)
            .link(link);
        if let Node::Char { major, minor } | Node::Block { major, minor } = &entry.node {
            header = header.device(*major, *minor);
        }
        let mut before = RawTar::new();
        match self.dialect {
            Dialect::Ustar => header = ustar(entry, link, size, header)?,
            Dialect::Gnu => {
                header = header.gnu_magic();
                before = gnu(entry, link)?;
            }
            Dialect::Pax => before = pax(entry, link, size),
        }
        self.write(&before.without_end())?;
        self.write(&header.to_bytes())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out.write_all(bytes).map_err(write_error)
    }
}

fn write_error(source: io::Error) -> Error {
    Error::Write {
        what: "a tar archive".to_owned(),
        source,
    }
}

fn kind(node: &Node) -> (Kind, &[u8]) {
    match node {
        Node::Dir => (Kind::Dir, b""),
        Node::File(_) => (Kind::File, b""),
        Node::Symlink(target) => (Kind::Symlink, target),
        Node::Hardlink(target) => (Kind::Hardlink, target),
        Node::Char { .. } => (Kind::Char, b""),
        Node::Block { .. } => (Kind::Block, b""),
        Node::Fifo => (Kind::Fifo, b""),
    }
}

/// Largest id in seven octal digits, and largest size in eleven.
const OCTAL_ID: u64 = 0o7_777_777;
const OCTAL_SIZE: u64 = 0o77_777_777_777;
const NAME: usize = 100;

fn ustar(entry: &Entry, link: &[u8], size: u64, header: Header) -> Result<Header, Error> {
    let fault = |reason| Error::Dialect {
        path: entry.path.escape_ascii().to_string(),
        dialect: "ustar",
        reason,
    };
    if !entry.xattrs.is_empty() {
        return Err(fault("xattrs"));
    }
    if entry.uid > OCTAL_ID || entry.gid > OCTAL_ID || size > OCTAL_SIZE {
        return Err(fault("a number that large"));
    }
    if link.len() > NAME {
        return Err(fault("a link target over 100 bytes"));
    }
    if entry.path.len() <= NAME {
        return Ok(header);
    }
    let path = &entry.path;
    let cut = (0..path.len())
        .find(|at| path[*at] == b'/' && path.len() - at - 1 <= NAME)
        .filter(|at| *at <= 155)
        .ok_or_else(|| fault("a path that cannot be split into 155 and 100 bytes"))?;
    Ok(header.prefix(&path[..cut]).name(&path[cut + 1..]))
}

fn gnu(entry: &Entry, link: &[u8]) -> Result<RawTar, Error> {
    if !entry.xattrs.is_empty() {
        return Err(Error::Dialect {
            path: entry.path.escape_ascii().to_string(),
            dialect: "GNU",
            reason: "xattrs",
        });
    }
    let mut before = RawTar::new();
    if link.len() > NAME {
        before = before.gnu_long_link(link);
    }
    if entry.path.len() > NAME {
        before = before.gnu_long_name(&entry.path);
    }
    Ok(before)
}

fn pax(entry: &Entry, link: &[u8], size: u64) -> RawTar {
    let mut records: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut add = |key: &str, value: &[u8]| records.push((key.into(), value.to_vec()));
    if entry.path.len() > NAME {
        add("path", &entry.path);
    }
    if link.len() > NAME {
        add("linkpath", link);
    }
    for (key, value, limit) in [
        ("uid", entry.uid, OCTAL_ID),
        ("gid", entry.gid, OCTAL_ID),
        ("size", size, OCTAL_SIZE),
    ] {
        if value > limit {
            add(key, value.to_string().as_bytes());
        }
    }
    for (name, value) in &entry.xattrs {
        add(&format!("SCHILY.xattr.{name}"), value);
    }
    if records.is_empty() {
        return RawTar::new();
    }
    RawTar::new().pax_verbatim(&pax_records(records))
}
