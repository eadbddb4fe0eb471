//! The difference of two trees as an OCI layer: what an image build's copy-on-write folder holds.

use anyhow::{Context as _, Result, bail};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A finished blob.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    /// Hex of the SHA-256 of the compressed bytes.
    pub(crate) digest: String,
    /// Hex of the SHA-256 of the tar.
    pub(crate) diff_id: String,
    pub(crate) size: u64,
    pub(crate) tar_size: u64,
    pub(crate) entries: u64,
}

/// Writes what leads from `lower` (nothing, for the first layer) to `upper` into `file`.
pub(crate) fn write(lower: Option<&Path>, upper: &Path, file: &Path) -> Result<Blob> {
    let blob = Hashing::new(io::BufWriter::new(File::create(file)?));
    let tar = Hashing::new(GzEncoder::new(blob, Compression::new(6)));
    let mut layer = Layer {
        tar: tar::Builder::new(tar),
        written: HashMap::new(),
        upper: upper.to_owned(),
        entries: 0,
    };
    layer.tar.mode(tar::HeaderMode::Complete);
    layer.folder(Path::new(""), lower, upper)?;
    let (gzip, diff_id, tar_size) = layer.tar.into_inner()?.finish();
    let (mut file, digest, size) = gzip.finish()?.finish();
    file.flush()?;
    Ok(Blob {
        digest,
        diff_id,
        size,
        tar_size,
        entries: layer.entries,
    })
}

struct Layer<W: Write> {
    tar: tar::Builder<W>,
    /// Where the content of an inode already is in this layer.
    written: HashMap<u64, PathBuf>,
    upper: PathBuf,
    entries: u64,
}

impl<W: Write> Layer<W> {
    /// The children of a folder. Its own entry was written by the caller.
    fn folder(&mut self, name: &Path, lower: Option<&Path>, upper: &Path) -> Result<()> {
        let above = names(upper)?;
        let below = lower.map_or_else(|| Ok(BTreeSet::new()), names)?;
        self.whiteouts(name, &below, &above)?;
        for child in above {
            let path = upper.join(&child);
            let old = lower
                .filter(|_| below.contains(&child))
                .map(|l| l.join(&child));
            self.entry(&name.join(&child), old.as_deref(), &path)
                .with_context(|| format!("putting {} into the layer", path.display()))?;
        }
        Ok(())
    }

    fn whiteouts(
        &mut self,
        name: &Path,
        below: &BTreeSet<OsString>,
        above: &BTreeSet<OsString>,
    ) -> Result<()> {
        if !below.is_empty() && below.is_disjoint(above) {
            return self.marker(&name.join(".wh..wh..opq"));
        }
        for gone in below.difference(above) {
            let mut marker = OsString::from(".wh.");
            marker.push(gone);
            self.marker(&name.join(marker))?;
        }
        Ok(())
    }

    fn marker(&mut self, name: &Path) -> Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        header.set_mode(0o644);
        self.tar.append_data(&mut header, name, io::empty())?;
        self.entries += 1;
        Ok(())
    }

    fn entry(&mut self, name: &Path, lower: Option<&Path>, upper: &Path) -> Result<()> {
        let new = upper.symlink_metadata()?;
        let old = lower.map(Path::symlink_metadata).transpose()?;
        let same = match (lower, &old) {
            (Some(lower), Some(old)) => same(lower, old, upper, &new)?,
            _ => false,
        };
        if new.is_dir() {
            let lower = lower.filter(|_| old.is_some_and(|old| old.is_dir()));
            if !same || differs(lower, upper)? {
                self.header_and_content(name, upper, &new)?;
                self.folder(name, lower, upper)?;
            }
            return Ok(());
        }
        if same {
            Ok(())
        } else {
            self.header_and_content(name, upper, &new)
        }
    }

    fn header_and_content(&mut self, name: &Path, path: &Path, found: &Metadata) -> Result<()> {
        self.entries += 1;
        let mut header = tar::Header::new_gnu();
        header.set_metadata(found);
        if found.is_file()
            && let Some(first) = self.written.get(&found.ino())
        {
            header.set_entry_type(tar::EntryType::Link);
            header.set_size(0);
            return Ok(self.tar.append_link(&mut header, name, first)?);
        }
        let attributes = attributes(path)?;
        let records: Vec<_> = attributes
            .iter()
            .map(|(n, v)| (format!("SCHILY.xattr.{n}"), v.as_slice()))
            .collect();
        if !records.is_empty() {
            self.tar
                .append_pax_extensions(records.iter().map(|(n, v)| (n.as_str(), *v)))?;
        }
        if found.is_symlink() {
            header.set_size(0);
            self.tar.append_link(&mut header, name, path.read_link()?)?;
        } else if found.is_dir() {
            header.set_size(0);
            self.tar.append_data(&mut header, name, io::empty())?;
        } else if found.is_file() {
            self.tar.append_data(&mut header, name, File::open(path)?)?;
            self.written.insert(found.ino(), name.to_owned());
        } else {
            bail!(
                "{} is neither file, folder nor link (in {})",
                path.display(),
                self.upper.display()
            );
        }
        Ok(())
    }
}

/// Whether anything below these folders differs; the folder itself is then listed in the layer too,
/// as a copy-on-write file system would.
fn differs(lower: Option<&Path>, upper: &Path) -> Result<bool> {
    let Some(lower) = lower else {
        return Ok(true);
    };
    let above = names(upper)?;
    if above != names(lower)? {
        return Ok(true);
    }
    for name in above {
        let (lower, upper) = (lower.join(&name), upper.join(&name));
        let (old, new) = (lower.symlink_metadata()?, upper.symlink_metadata()?);
        if !same(&lower, &old, &upper, &new)? || (new.is_dir() && differs(Some(&lower), &upper)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether two entries are equal, folders without what is in them.
fn same(lower: &Path, old: &Metadata, upper: &Path, new: &Metadata) -> Result<bool> {
    if old.ino() == new.ino() && old.dev() == new.dev() {
        return Ok(true);
    }
    let facts = |m: &Metadata| {
        (
            m.mode(),
            m.uid(),
            m.gid(),
            if m.is_dir() { 0 } else { m.size() },
        )
    };
    if facts(old) != facts(new) || attributes(lower)? != attributes(upper)? {
        return Ok(false);
    }
    if new.is_symlink() {
        return Ok(lower.read_link()? == upper.read_link()?);
    }
    Ok(!new.is_file() || same_bytes(&mut File::open(lower)?, &mut File::open(upper)?)?)
}

pub(crate) fn same_bytes(left: &mut File, right: &mut File) -> Result<bool> {
    let (mut a, mut b) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let count = left.read(&mut a)?;
        // The sizes are equal, so the other file has as many bytes.
        right.read_exact(&mut b[..count])?;
        if count == 0 || a[..count] != b[..count] {
            return Ok(count == 0);
        }
    }
}

fn names(folder: &Path) -> Result<BTreeSet<OsString>> {
    let listing = folder
        .read_dir()
        .with_context(|| format!("listing {}", folder.display()))?;
    Ok(listing
        .map(|entry| Ok(entry?.file_name()))
        .collect::<io::Result<_>>()?)
}

/// The extended attributes of an entry itself, not of what it links to.
pub(crate) fn attributes(path: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut list = vec![0; 1 << 16];
    let length = match rustix::fs::llistxattr(path, &mut list) {
        Ok(length) => length,
        Err(rustix::io::Errno::NOTSUP) => 0,
        Err(error) => return Err(error.into()),
    };
    let mut attributes = BTreeMap::new();
    for name in list[..length]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
    {
        let mut value = vec![0; 1 << 16];
        let size = rustix::fs::lgetxattr(path, OsStr::from_bytes(name), &mut value)?;
        value.truncate(size);
        attributes.insert(String::from_utf8(name.to_vec())?, value);
    }
    Ok(attributes)
}

/// Passes bytes on, and knows their digest.
struct Hashing<W> {
    inner: W,
    hasher: Sha256,
    bytes: u64,
}

impl<W: Write> Hashing<W> {
    fn new(inner: W) -> Self {
        Self {
            inner,
            hasher: Sha256::new(),
            bytes: 0,
        }
    }

    fn finish(self) -> (W, String, u64) {
        let digest: [u8; 32] = self.hasher.finalize().into();
        (
            self.inner,
            digest.iter().map(|b| format!("{b:02x}")).collect(),
            self.bytes,
        )
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn paths(blob: &Path) -> Vec<String> {
        let bytes = flate2::read::GzDecoder::new(File::open(blob).unwrap());
        let mut archive = tar::Archive::new(bytes);
        let entries = archive.entries().unwrap();
        entries
            .map(|e| e.unwrap().path().unwrap().display().to_string())
            .collect()
    }

    #[test]
    fn a_layer_holds_what_changed_and_the_folders_on_the_way_there() {
        let folder = tempfile::tempdir().unwrap();
        let (lower, upper) = (folder.path().join("lower"), folder.path().join("upper"));
        for (tree, files) in [
            (
                &lower,
                &["a/same", "a/gone", "b/old1", "b/old2", "c/same"][..],
            ),
            (&upper, &["a/same", "a/new", "b/new", "c/same"][..]),
        ] {
            for file in files {
                let path = tree.join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "text").unwrap();
            }
        }
        fs::hard_link(upper.join("a/new"), upper.join("b/link")).unwrap();
        let blob = folder.path().join("blob");
        let written = write(Some(&lower), &upper, &blob).unwrap();
        assert_eq!(
            paths(&blob),
            [
                "a",
                "a/.wh.gone",
                "a/new",
                "b",
                "b/.wh..wh..opq",
                "b/link",
                "b/new"
            ]
        );
        assert_eq!(written.entries, 7);
        assert_eq!(written.size, fs::metadata(&blob).unwrap().len());
    }
}
