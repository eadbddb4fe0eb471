//! A file that is written whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use bootc_storage::composefs::enable_fs_verity;

/// Have `write` write what becomes the file `path`, mode 0644, with fs-verity under `verity`. It is on disk, and its name is, when this returns; after an
/// error what was there is there still.
pub(crate) fn write_file<T>(
    path: &Path,
    verity: bool,
    write: impl FnOnce(&mut BufWriter<&File>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let writing = || format!("writing {}", path.display());
    let folder = match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => Path::new("/"),
    };
    let file = tempfile::Builder::new()
        .prefix(".bootc-storage-")
        .tempfile_in(folder)
        .with_context(writing)?;
    let mut buffer = BufWriter::new(file.as_file());
    let written = write(&mut buffer)?;
    buffer.flush().with_context(writing)?;
    drop(buffer);
    let mode = Permissions::from_mode(0o644);
    fs::set_permissions(file.path(), mode).with_context(writing)?;
    file.as_file().sync_all().with_context(writing)?;
    // Linux enables fs-verity on what nobody has open for writing.
    let file = file.into_temp_path();
    if verity {
        let reader = File::open(&file).with_context(writing)?;
        let enabled = enable_fs_verity(reader);
        if !enabled.with_context(|| format!("enabling fs-verity on {}", path.display()))? {
            bail!(
                "cannot enable fs-verity on {}: the file system or the kernel does not support it",
                path.display()
            );
        }
    }
    file.persist(path)
        .map_err(|error| error.error)
        .with_context(writing)?;
    let folder = File::open(folder).with_context(writing)?;
    folder.sync_all().with_context(writing)?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;

    use super::write_file;

    #[test]
    fn what_fails_leaves_the_file_that_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image");
        write_file(&path, false, |out| Ok(out.write_all(b"first")?)).unwrap();
        let failed = write_file(&path, false, |out| {
            out.write_all(b"second")?;
            anyhow::bail!("no more") as anyhow::Result<()>
        });
        assert_eq!(failed.unwrap_err().to_string(), "no more");
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o644);
    }

    #[test]
    fn without_the_fs_verity_that_was_asked_for_there_is_no_file() {
        // A tmpfs, which never has it.
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = folder.path().join("image");
        let failed = write_file(&path, true, |out| Ok(out.write_all(b"image")?));
        let error = failed.unwrap_err().to_string();
        assert!(error.contains("cannot enable fs-verity on"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
