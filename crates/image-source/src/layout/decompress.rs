//! A compressed archive, made plain: it is read many times and at many places, so it is decompressed once.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::unix::fs::FileExt as _;

use cap_std::fs::Dir;
use flate2::read::MultiGzDecoder;
use rustix::fs::{Mode, OFlags};

use crate::private_dir::path_of;
use crate::{ArchiveFault, Error, OnEvent, SourceEvent};

/// Free space that decompressing an archive leaves; checked every [`CHECK_EVERY`] bytes. 128 MiB.
const RESERVE_BYTES: u64 = 128 << 20;
/// 32 MiB.
const CHECK_EVERY: u64 = 32 << 20;

/// The file itself when it is plain, else an unlinked temporary file with its decompressed content.
pub(super) fn plain(file: File, path: &str, tmp: &Dir, on_event: &OnEvent) -> Result<File, Error> {
    let failed = |source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    };
    let mut magic = [0_u8; 6];
    let read = file.read_at(&mut magic, 0).map_err(failed)?;
    let unsupported = |name| {
        Err(Error::Archive {
            path: path.to_owned(),
            fault: ArchiveFault::Compression { name },
        })
    };
    match &magic[..read] {
        [0x1f, 0x8b, ..] => {
            on_event(SourceEvent::Decompressing {
                archive: path.to_owned(),
            });
            spool(MultiGzDecoder::new(io::BufReader::new(file)), path, tmp)
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            on_event(SourceEvent::Decompressing {
                archive: path.to_owned(),
            });
            spool(
                zstd::stream::read::Decoder::new(file).map_err(failed)?,
                path,
                tmp,
            )
        }
        [b'B', b'Z', b'h', ..] => unsupported("bzip2"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => unsupported("xz"),
        _ => Ok(file),
    }
}

fn spool(mut content: impl Read, path: &str, tmp: &Dir) -> Result<File, Error> {
    let wrote = |source| Error::Io {
        action: "write a temporary file in",
        path: path_of(tmp).display().to_string(),
        source,
    };
    let mut plain = unlinked(tmp).map_err(wrote)?;
    let mut buffer = vec![0_u8; 1 << 18];
    let mut since_check = CHECK_EVERY;
    loop {
        if since_check >= CHECK_EVERY {
            check_space(&plain, path).map_err(|error| error.unwrap_or_else(wrote))?;
            since_check = 0;
        }
        let read = match content.read(&mut buffer) {
            Ok(0) => return Ok(plain),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => {
                return Err(Error::Io {
                    action: "decompress",
                    path: path.to_owned(),
                    source,
                });
            }
        };
        plain.write_all(&buffer[..read]).map_err(wrote)?;
        since_check = since_check.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
}

/// An archive of a few megabytes may hold terabytes of zeros: stop while others can still write.
fn check_space(file: &File, path: &str) -> Result<(), CheckFailed> {
    let stat = rustix::fs::fstatvfs(file).map_err(|errno| CheckFailed::Io(errno.into()))?;
    let available = stat.f_bavail.saturating_mul(stat.f_frsize);
    if available < RESERVE_BYTES {
        return Err(CheckFailed::NoSpace(Error::Archive {
            path: path.to_owned(),
            fault: ArchiveFault::NoSpace { available },
        }));
    }
    Ok(())
}

enum CheckFailed {
    Io(io::Error),
    NoSpace(Error),
}

impl CheckFailed {
    fn unwrap_or_else(self, io: impl FnOnce(io::Error) -> Error) -> Error {
        match self {
            Self::Io(error) => io(error),
            Self::NoSpace(error) => error,
        }
    }
}

/// A file that has no name, so that nothing stays behind, however we end.
fn unlinked(tmp: &Dir) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    match rustix::fs::openat(tmp, ".", flags | OFlags::TMPFILE, mode) {
        Ok(fd) => Ok(File::from(fd)),
        // Some file systems have no O_TMPFILE.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR) => {
            let private = crate::private_dir::PrivateDir::create(tmp)
                .map_err(|error| io::Error::other(error.to_string()))?;
            let fd = rustix::fs::openat(
                private.dir(),
                "plain",
                flags | OFlags::CREATE | OFlags::EXCL,
                mode,
            )?;
            Ok(File::from(fd))
        }
        Err(errno) => Err(errno.into()),
    }
}
