//! Archive files. A compressed one is made plain first: it is read many times and at many places.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::unix::fs::FileExt as _;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use flate2::read::MultiGzDecoder;
use rustix::fs::{Mode, OFlags};

use crate::private_dir::{PrivateDir, path_of};
use crate::{ArchiveFault, Error, OnEvent, SourceEvent};

/// Free space that decompressing an archive leaves; checked every [`CHECK_EVERY`] bytes. 128 MiB.
const RESERVE_BYTES: u64 = 128 << 20;
/// 32 MiB.
const CHECK_EVERY: u64 = 32 << 20;
/// Nobody else reads what we write.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// How an archive as a whole is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Zstd,
}

/// Opens the archive that the user named; nothing but a regular file.
pub(crate) fn open(path: &str) -> Result<File, Error> {
    open_regular(path).map_err(|source| Error::Io {
        action: "open",
        path: path.to_owned(),
        source,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the reference itself names a path of the host"
)]
fn open_regular(path: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // A FIFO in place of a file must not hang us.
    options
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file =
        cap_std::fs::File::open_ambient_with(path, &options, ambient_authority())?.into_std();
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    Ok(file)
}

/// How the file is compressed by its first bytes; `None` when it is plain.
pub(crate) fn packing(file: &File, path: &str) -> Result<Option<Packing>, Error> {
    let mut magic = [0_u8; 6];
    let read = file.read_at(&mut magic, 0).map_err(|source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    let unsupported = |name| {
        Err(Error::Archive {
            path: path.to_owned(),
            fault: ArchiveFault::Compression { name },
        })
    };
    match &magic[..read] {
        [0x1f, 0x8b, ..] => Ok(Some(Packing::Gzip)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Ok(Some(Packing::Zstd)),
        [b'B', b'Z', b'h', ..] => unsupported("bzip2"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => unsupported("xz"),
        _ => Ok(None),
    }
}

/// The file itself when it is plain, else an unlinked temporary file in `tmp` with its decompressed content.
pub(crate) fn plain(file: File, path: &str, tmp: &Dir, on_event: &OnEvent) -> Result<File, Error> {
    let Some(packing) = packing(&file, path)? else {
        return Ok(file);
    };
    let into = unlinked(tmp).map_err(|source| cannot_write(tmp, source))?;
    decompress(file, packing, path, into, tmp, on_event)
}

/// A new file of that name in `dir`.
pub(crate) fn create(dir: &Dir, name: &str) -> Result<File, Error> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::CREATE | OFlags::EXCL;
    rustix::fs::openat(dir, name, flags, PRIVATE)
        .map(File::from)
        .map_err(|errno| cannot_write(dir, errno.into()))
}

fn cannot_write(dir: &Dir, source: io::Error) -> Error {
    Error::Io {
        action: "write a temporary file in",
        path: path_of(dir).display().to_string(),
        source,
    }
}

/// Decompresses `file`, all members of it, into the empty file `into`, which lies in `dir`; gives `into` back.
pub(crate) fn decompress(
    file: File,
    packing: Packing,
    path: &str,
    into: File,
    dir: &Dir,
    on_event: &OnEvent,
) -> Result<File, Error> {
    on_event(SourceEvent::Decompressing {
        archive: path.to_owned(),
    });
    let content: Box<dyn Read> = match packing {
        Packing::Gzip => Box::new(MultiGzDecoder::new(io::BufReader::new(file))),
        Packing::Zstd => {
            let decoder = zstd::stream::read::Decoder::new(file);
            Box::new(decoder.map_err(|source| unreadable(path, source))?)
        }
    };
    write_all(content, path, into, dir)
}

fn unreadable(path: &str, source: io::Error) -> Error {
    Error::Io {
        action: "decompress",
        path: path.to_owned(),
        source,
    }
}

fn write_all(mut content: impl Read, path: &str, mut into: File, dir: &Dir) -> Result<File, Error> {
    let mut buffer = vec![0_u8; 1 << 18];
    let mut since_check = CHECK_EVERY;
    loop {
        if since_check >= CHECK_EVERY {
            check_space(&into, path, dir)?;
            since_check = 0;
        }
        let read = match content.read(&mut buffer) {
            Ok(0) => return Ok(into),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(unreadable(path, source)),
        };
        into.write_all(&buffer[..read])
            .map_err(|source| cannot_write(dir, source))?;
        since_check = since_check.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
}

/// An archive of a few megabytes may hold terabytes of zeros: stop while others can still write.
fn check_space(file: &File, path: &str, dir: &Dir) -> Result<(), Error> {
    let stat = rustix::fs::fstatvfs(file).map_err(|errno| cannot_write(dir, errno.into()))?;
    let available = stat.f_bavail.saturating_mul(stat.f_frsize);
    if available < RESERVE_BYTES {
        return Err(Error::Archive {
            path: path.to_owned(),
            fault: ArchiveFault::NoSpace { available },
        });
    }
    Ok(())
}

/// A file that has no name, so that nothing stays behind, however we end.
fn unlinked(tmp: &Dir) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    match rustix::fs::openat(tmp, ".", flags | OFlags::TMPFILE, PRIVATE) {
        Ok(fd) => Ok(File::from(fd)),
        // Some file systems have no O_TMPFILE: then it is removed with its directory, at the end of this function.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR) => {
            let private =
                PrivateDir::create(tmp).map_err(|error| io::Error::other(error.to_string()))?;
            create(private.dir(), "plain").map_err(|error| io::Error::other(error.to_string()))
        }
        Err(errno) => Err(errno.into()),
    }
}
