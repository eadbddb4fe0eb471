//! From text to tree.

use std::{borrow::Cow, collections::HashMap, io::BufRead};

use super::{
    super::{
        Error, FsVerityDigest, Kind, NodeId, Stat, Tree, TreeBuilder, Xattrs,
        erofs::{
            S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK, dirent_type,
        },
        error::shown,
        limits::{MAX_INLINE_BYTES, MAX_PATH_BYTES, MAX_XATTR_TEXT_BYTES},
    },
    escape::unescape,
    number::{mtime, number},
};

/// Reads a dump, from its first line, which is the root, to its end; the last line may lack its newline.
///
/// What libcomposefs reads with a loss is refused: numbers too big for the image, NULs in names and targets, links
/// to directories.
///
/// # Errors
///
/// Those of `input`; the first line that cannot be understood, with its number.
pub fn parse_dump(mut input: impl BufRead) -> Result<Tree, Error> {
    let mut dump = None;
    let mut text = Vec::new();
    let mut line = 0;
    loop {
        line += 1;
        text.clear();
        if read_line(&mut input, &mut text).map_err(|error| error.at_line(line))? == 0 {
            break;
        }
        if text.last() == Some(&b'\n') {
            text.pop();
        }
        match &mut dump {
            None => Dump::root(&text).map(|root| dump = Some(root)),
            Some(dump) => dump.line(&text),
        }
        .map_err(|error| error.at_line(line))?;
    }
    let Dump { builder, .. } = dump.ok_or(Error::NoRoot)?;
    // The root is line 1, and each line after it is one entry.
    builder
        .finish_located()
        .map_err(|(entry, error)| error.at_line(entry + 2))
}

/// No line can be longer: every byte of path, target and content escaped, and the attributes.
const MAX_LINE_BYTES: u64 =
    (4 * (2 * MAX_PATH_BYTES + MAX_INLINE_BYTES) + MAX_XATTR_TEXT_BYTES + 4096) as u64;

fn read_line(input: &mut impl BufRead, text: &mut Vec<u8>) -> Result<usize, Error> {
    let count = std::io::Read::take(input, MAX_LINE_BYTES)
        .read_until(b'\n', text)
        .map_err(|source| Error::Io {
            action: "reading the dump",
            source,
        })?;
    if count as u64 == MAX_LINE_BYTES {
        return Err(Error::TooMany {
            what: "bytes in a line",
            limit: MAX_LINE_BYTES,
        });
    }
    Ok(count)
}

struct Dump {
    builder: TreeBuilder,
    /// Paths of directories, without slashes at either end; and the last that was looked for.
    directories: HashMap<Box<[u8]>, NodeId>,
    last: (Vec<u8>, NodeId),
}

/// A line, cut into its fixed fields and the rest.
struct Line<'a> {
    fields: [&'a [u8]; 11],
    xattrs: &'a [u8],
}

const PATH: usize = 0;
const SIZE: usize = 1;
const MODE: usize = 2;
const NLINK: usize = 3;
const UID: usize = 4;
const GID: usize = 5;
const RDEV: usize = 6;
const MTIME: usize = 7;
const PAYLOAD: usize = 8;
const CONTENT: usize = 9;
const DIGEST: usize = 10;

impl<'a> Line<'a> {
    /// Fields that a line ends before are empty.
    fn new(text: &'a [u8]) -> Result<Self, Error> {
        if text.contains(&0) {
            return Err(Error::Field {
                field: "PATH",
                problem: "on a line with a NUL",
                text: shown(text),
            });
        }
        let mut rest = text;
        let fields = std::array::from_fn(|_| {
            let (field, later) = cut(rest, b' ').unwrap_or((rest, b""));
            rest = later;
            field
        });
        Ok(Self {
            fields,
            xattrs: rest,
        })
    }

    fn path(&self) -> Result<Cow<'a, [u8]>, Error> {
        let path = unescape("PATH", self.fields[PATH])?;
        if path.is_empty() {
            return Err(Error::Field {
                field: "PATH",
                problem: "empty",
                text: String::new(),
            });
        }
        Ok(path)
    }

    /// The mode, and whether the line is a hard link.
    fn mode(&self) -> Result<(u16, bool), Error> {
        let text = self.fields[MODE];
        let digits = text.strip_prefix(b"@");
        let mode: u32 = number("MODE", digits.unwrap_or(text), 8)?;
        match u16::try_from(mode) {
            Ok(known) if dirent_type(known & S_IFMT) != 0 => Ok((known, digits.is_some())),
            _ => Err(Error::Mode { mode }),
        }
    }

    fn stat(&self, mode: u16) -> Result<Stat, Error> {
        Ok(Stat {
            permissions: mode & !S_IFMT,
            uid: number("UID", self.fields[UID], 10)?,
            gid: number("GID", self.fields[GID], 10)?,
            nlink: number("NLINK", self.fields[NLINK], 10)?,
            mtime: mtime(self.fields[MTIME])?,
        })
    }

    fn size(&self) -> Result<u64, Error> {
        number("SIZE", self.fields[SIZE], 10)
    }

    fn optional(&self, field: &'static str, number: usize) -> Result<Option<Cow<'a, [u8]>>, Error> {
        match self.fields[number] {
            b"-" => Ok(None),
            text => unescape(field, text).map(Some),
        }
    }

    fn xattrs(&self) -> Result<Xattrs, Error> {
        if self.xattrs.len() > MAX_XATTR_TEXT_BYTES {
            return Err(Error::TooMany {
                what: "bytes of extended attributes",
                limit: MAX_XATTR_TEXT_BYTES as u64,
            });
        }
        let mut xattrs = Xattrs::new();
        let mut rest = self.xattrs;
        while !rest.is_empty() {
            let (text, later) = cut(rest, b' ').unwrap_or((rest, b""));
            let (name, value) = cut(text, b'=').ok_or_else(|| Error::Field {
                field: "XATTR",
                problem: "without a sign of equality between name and value",
                text: shown(text),
            })?;
            xattrs.set(&unescape("XATTR", name)?, &unescape("XATTR", value)?)?;
            rest = later;
        }
        Ok(xattrs)
    }

    /// The target of a hard link.
    fn link_target(&self) -> Result<Cow<'a, [u8]>, Error> {
        self.optional("PAYLOAD", PAYLOAD)?
            .ok_or_else(|| Error::hard_link(b"-", "is not said"))
    }
}

impl Dump {
    fn root(text: &[u8]) -> Result<Self, Error> {
        let line = Line::new(text)?;
        let (mode, link) = line.mode()?;
        if *line.path()? != *b"/" || mode & S_IFMT != S_IFDIR || link {
            return Err(Error::NoRoot);
        }
        let payload = Payload::of(&line)?;
        let size = kind(mode, &payload, &line)?.size();
        let root = TreeBuilder::new(size, line.stat(mode)?, &line.xattrs()?)?;
        Ok(Self {
            builder: root,
            directories: HashMap::from([(Box::default(), NodeId::ROOT)]),
            last: (Vec::new(), NodeId::ROOT),
        })
    }

    fn line(&mut self, text: &[u8]) -> Result<(), Error> {
        let line = Line::new(text)?;
        let path = line.path()?;
        let (mode, link) = line.mode()?;
        let (parent, name) = self.parent(&path)?;
        if link {
            if mode & S_IFMT == S_IFDIR {
                return Err(Error::hard_link(
                    &line.link_target()?,
                    "would be a directory",
                ));
            }
            return self
                .builder
                .add_link_to_path(parent, name, &line.link_target()?);
        }
        let payload = Payload::of(&line)?;
        let kind = kind(mode, &payload, &line)?;
        let (stat, xattrs) = (line.stat(mode)?, line.xattrs()?);
        let node = self.builder.add(parent, name, &kind, stat, &xattrs)?;
        if let Kind::Directory { .. } = kind {
            self.directories.insert(normal(&path).into(), node);
        }
        Ok(())
    }

    /// The directory in which a path lies, and its name there.
    fn parent<'p>(&mut self, path: &'p [u8]) -> Result<(NodeId, &'p [u8]), Error> {
        let slash = path.iter().rposition(|byte| *byte == b'/');
        let (above, name) = slash.map_or((&b""[..], path), |at| (&path[..at], &path[at + 1..]));
        let above = normal(above);
        if self.last.0 != *above {
            let found = self.directories.get(&*above).copied();
            let found = found.ok_or_else(|| Error::Parent { path: shown(path) })?;
            self.last = (above.into_owned(), found);
        }
        Ok((self.last.1, name))
    }
}

/// A path without slashes at its ends and with one between names.
fn normal(path: &[u8]) -> Cow<'_, [u8]> {
    let start = path
        .iter()
        .position(|byte| *byte != b'/')
        .unwrap_or(path.len());
    let path = &path[start..];
    if !path.ends_with(b"/") && !path.windows(2).any(|pair| pair == b"//") {
        return path.into();
    }
    let names = path
        .split(|byte| *byte == b'/')
        .filter(|name| !name.is_empty());
    names.collect::<Vec<_>>().join(&b'/').into()
}

/// What a line says of content.
struct Payload<'a> {
    size: u64,
    payload: Option<Cow<'a, [u8]>>,
    content: Option<Cow<'a, [u8]>>,
}

impl<'a> Payload<'a> {
    fn of(line: &Line<'a>) -> Result<Self, Error> {
        let size = line.size()?;
        let payload = line.optional("PAYLOAD", PAYLOAD)?;
        let content = line.optional("CONTENT", CONTENT)?;
        let length = content
            .as_ref()
            .map_or(size, |content| content.len() as u64);
        if length != size {
            return Err(Error::Field {
                field: "SIZE",
                problem: "not that of the content",
                text: shown(line.fields[SIZE]),
            });
        }
        Ok(Self {
            size,
            payload,
            content,
        })
    }
}

fn kind<'p>(mode: u16, payload: &'p Payload<'_>, line: &Line<'_>) -> Result<Kind<'p>, Error> {
    let size = payload.size;
    // A number for all, but one that devices alone have.
    number::<u64>("RDEV", line.fields[RDEV], 10)?;
    let rdev = || number("RDEV", line.fields[RDEV], 10);
    let digest = match line.optional("DIGEST", DIGEST)? {
        Some(digest) if !digest.is_empty() => {
            let text = String::from_utf8_lossy(&digest);
            let digest = text.parse::<FsVerityDigest>();
            Some(digest.map_err(|_| Error::Digest {
                text: text.chars().take(80).collect(),
            })?)
        }
        Some(_) if size > 0 && payload.content.is_none() && mode & S_IFMT == S_IFREG => {
            return Err(Error::Digest {
                text: String::new(),
            });
        }
        _ => None,
    };
    let kind = match mode & S_IFMT {
        S_IFIFO => Kind::Fifo { size },
        S_IFCHR => Kind::CharDevice {
            rdev: rdev()?,
            size,
        },
        S_IFDIR => Kind::Directory { size },
        S_IFBLK => Kind::BlockDevice {
            rdev: rdev()?,
            size,
        },
        S_IFSOCK => Kind::Socket { size },
        S_IFLNK => Kind::Symlink {
            target: payload.payload.as_deref().unwrap_or_default(),
        },
        _ => match &payload.content {
            Some(content) => Kind::Inline {
                content: Cow::Borrowed(content),
            },
            None => Kind::Backed {
                size,
                path: payload
                    .payload
                    .as_deref()
                    .filter(|path| !path.is_empty())
                    .map(Cow::Borrowed),
                digest,
            },
        },
    };
    Ok(kind)
}

/// The text before and after the first `separator`.
fn cut(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == separator)?;
    Some((&text[..at], &text[at + 1..]))
}
