//! One entry, put together from its header and what preceded it.

use std::io::BufRead;

use super::content::Body;
use super::extended::Extended;
use super::header::{Block, Format};
use super::number;
use super::pax::Pax;
use super::sparse::{self, Extent};
use super::{Archive, Seen};
use crate::show::show;
use crate::{Error, Problem, Warning};

/// An entry of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The path as it is in the archive.
    pub(crate) path: String,
    pub(crate) kind: Kind,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Permission bits only.
    pub(crate) mode: u32,
    /// Bytes of the content, holes included; zero unless a file.
    pub(crate) size: u64,
    /// Each name once, in the order of the archive.
    pub(crate) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    /// With its target.
    Symlink(String),
    /// With its target.
    Hardlink(String),
    /// `zero`: a character device 0:0, overlayfs's whiteout.
    Device {
        zero: bool,
    },
    Fifo,
}

/// How an entry's header says what it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flag {
    File,
    SparseFile,
    /// A GNU incremental dump's directory, whose content is a list of names.
    DumpDirectory,
    Hardlink,
    Symlink,
    Character,
    Block,
    Directory,
    Fifo,
}

impl Flag {
    /// The flag, and whether any format defines it: "unrecognized typeflags are treated as regular files" (POSIX).
    fn of(flag: u8) -> (Self, bool) {
        let known = match flag {
            0 | b'0' | b'7' => Self::File,
            b'1' => Self::Hardlink,
            b'2' => Self::Symlink,
            b'3' => Self::Character,
            b'4' => Self::Block,
            b'5' => Self::Directory,
            b'6' => Self::Fifo,
            b'D' => Self::DumpDirectory,
            b'S' => Self::SparseFile,
            _ => return (Self::File, false),
        };
        (known, true)
    }
}

impl<R: BufRead> Archive<'_, R> {
    /// The entry of `block`, which begins at `at`; its content is made ready to be read.
    pub(super) fn read_entry(
        &mut self,
        at: u64,
        block: &Block,
        mut extended: Extended,
    ) -> Result<Entry, Error> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(Error::Limit {
                what: "entries",
                limit: self.limits.entries,
            });
        }
        let name = extended.name(block);
        let link = extended.link(block);
        let pax = extended.pax.unwrap_or_default();
        let read = self.read_parts(block, &name, link, pax);
        read.map_err(|failure| match failure {
            Failure::Entry(problem) if name.is_empty() => Error::Archive {
                offset: at,
                problem,
            },
            Failure::Entry(problem) => Error::Entry {
                path: show(&name),
                problem,
            },
            Failure::Input(error) => error,
        })
    }

    fn read_parts(
        &mut self,
        block: &Block,
        name: &[u8],
        link: Vec<u8>,
        mut pax: Pax,
    ) -> Result<Entry, Failure> {
        let (flag, known) = Flag::of(block.flag());
        self.format = match (block.format(), self.format) {
            (Format::V7, _) => Seen::Old,
            (Format::Gnu, _) => Seen::Gnu,
            (Format::Ustar, Seen::Pax) => Seen::Pax,
            (Format::Ustar, _) => Seen::Ustar,
        };
        let path = text(name, "name")?;
        let path_limit = self.limits.path_bytes;
        if path.is_empty() {
            return Err(Problem::EmptyName.into());
        }
        if path.len() > path_limit {
            return Err(Problem::PathTooLong {
                bytes: path.len(),
                limit: path_limit,
            }
            .into());
        }
        if !known {
            self.warnings.push(Warning::UnknownType {
                path: show(name),
                flag: block.flag(),
            });
        }
        block.check_mtime()?;
        let uid = pax
            .uid
            .map_or_else(|| number::id(block.uid()?, "uid"), Ok)?;
        let gid = pax
            .gid
            .map_or_else(|| number::id(block.gid()?, "gid"), Ok)?;
        let mode = block.mode()?;
        let size = self.prepare_body(block, flag, name, &mut pax)?;
        let kind = match flag {
            Flag::File | Flag::SparseFile if name.ends_with(b"/") => Kind::Directory,
            Flag::File | Flag::SparseFile => Kind::File,
            Flag::Directory | Flag::DumpDirectory => Kind::Directory,
            Flag::Symlink => Kind::Symlink(self.target(&link)?),
            Flag::Hardlink if link.is_empty() => return Err(Problem::NoTarget.into()),
            Flag::Hardlink => Kind::Hardlink(text(&link, "link target")?),
            Flag::Character => Kind::Device {
                zero: block.device_is_zero(),
            },
            Flag::Block => Kind::Device { zero: false },
            Flag::Fifo => Kind::Fifo,
        };
        Ok(Entry {
            path,
            kind,
            uid,
            gid,
            mode,
            size,
            xattrs: pax.xattrs,
        })
    }

    fn target(&self, link: &[u8]) -> Result<String, Problem> {
        let limit = self.limits.link_bytes;
        match link.len() {
            0 => Err(Problem::NoTarget),
            bytes if bytes > limit => Err(Problem::TargetTooLong { bytes, limit }),
            _ => text(link, "link target"),
        }
    }

    /// Make the entry's content ready to be read; gives its size.
    fn prepare_body(
        &mut self,
        block: &Block,
        flag: Flag,
        name: &[u8],
        pax: &mut Pax,
    ) -> Result<u64, Failure> {
        let stored = match pax.size {
            Some(size) => size,
            None => block.size()?,
        };
        pax.sparse.check()?;
        let is_file = matches!(flag, Flag::File | Flag::SparseFile) && !name.ends_with(b"/");
        if is_file {
            let body = match self.gnu_map(block, flag, stored)? {
                Some((size, map)) => {
                    if pax.sparse.map.is_some() || pax.sparse.map_is_in_data() {
                        return Err(malformed("two maps"));
                    }
                    (stored, size, map)
                }
                None => self.pax_map(stored, pax)?,
            };
            return self.prepare_file(body, pax);
        }
        if pax.sparse.map.is_some() || pax.sparse.map_is_in_data() {
            return Err(malformed("the entry is no file"));
        }
        let stored = match flag {
            Flag::DumpDirectory => stored,
            // A directory by its name only: some readers skip the content, others take it for the next header.
            Flag::File | Flag::SparseFile if stored == 0 => 0,
            Flag::Hardlink => {
                self.check_link_size(stored)?;
                0
            }
            // Other archivers write any size there, and none of them writes content.
            Flag::Symlink | Flag::Directory | Flag::Character | Flag::Block | Flag::Fifo
                if pax.size.unwrap_or_default() == 0 =>
            {
                0
            }
            Flag::Symlink => {
                return Err(Problem::WithContent {
                    kind: "symbolic link",
                }
                .into());
            }
            Flag::Character | Flag::Block => {
                return Err(Problem::WithContent { kind: "device" }.into());
            }
            Flag::Fifo => return Err(Problem::WithContent { kind: "FIFO" }.into()),
            _ => return Err(Problem::WithContent { kind: "directory" }.into()),
        };
        self.body = Body::plain(stored, 0);
        Ok(0)
    }

    fn prepare_file(
        &mut self,
        (stored, size, map): (u64, u64, Option<Vec<Extent>>),
        pax: &mut Pax,
    ) -> Result<u64, Failure> {
        if pax.sparse.star_size.is_some_and(|star| star != size) {
            return Err(malformed("a real size without a map"));
        }
        let limit = self.limits.file_bytes;
        if size > limit {
            return Err(Problem::FileTooLarge { size, limit }.into());
        }
        let zeros = std::mem::take(&mut pax.sparse.zeros);
        self.body = match map {
            None => Body::plain(stored, size).with_zeros(zeros),
            Some(map) => {
                sparse::check(&map, size, stored)?;
                self.holes += size - stored;
                let limit = self.limits.hole_bytes;
                if self.holes > limit {
                    let what = "bytes of holes in sparse files";
                    return Err(Failure::Input(Error::Limit { what, limit }));
                }
                Body::sparse(stored, size, map)
            }
        };
        Ok(size)
    }

    /// A hard link has no content. Old archivers write the file's size nonetheless; pax allows content, and then
    /// readers disagree about what follows the header.
    fn check_link_size(&mut self, size: u64) -> Result<(), Failure> {
        let ignored = size == 0
            || match self.format {
                Seen::Old | Seen::Gnu => true,
                Seen::Pax | Seen::Nothing => false,
                Seen::Ustar => self.header_follows().map_err(Failure::Input)?,
            };
        if ignored {
            Ok(())
        } else {
            Err(Problem::WithContent { kind: "hard link" }.into())
        }
    }
}

fn text(bytes: &[u8], what: &'static str) -> Result<String, Problem> {
    match str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(Problem::NotUtf8 {
            what,
            bytes: show(bytes),
        }),
    }
}

pub(super) fn malformed(what: &'static str) -> Failure {
    Failure::Entry(Problem::Sparse { what })
}

/// What stopped an entry: itself, or the stream it comes from.
pub(super) enum Failure {
    Entry(Problem),
    Input(Error),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Entry(problem)
    }
}
