//! The difference of two trees as an OCI layer: what an image build's copy-on-write folder holds.

use anyhow::Result;
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use test_images::TreeDiff;

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
    pub(crate) whiteouts: u64,
}

/// Writes what leads from `lower` (nothing, for the first layer) to `upper` into `file`.
pub(crate) fn write(lower: Option<&Path>, upper: &Path, file: &Path) -> Result<Blob> {
    let diff = lower.map_or_else(
        || TreeDiff::all(upper),
        |lower| TreeDiff::between(lower, upper),
    );
    let mut blob = Hashing::new(BufWriter::new(File::create(file)?));
    let mut gzip = GzEncoder::new(&mut blob, Compression::new(6));
    let mut tar = Hashing::new(&mut gzip);
    let mut buffer = BufWriter::with_capacity(1 << 16, &mut tar);
    let report = diff.write(&mut buffer)?;
    buffer.flush()?;
    drop(buffer);
    let (diff_id, tar_size) = tar.finish();
    gzip.finish()?.flush()?;
    let (digest, size) = blob.finish();
    let (entries, whiteouts) = (report.entries, report.whiteouts);
    Ok(Blob {
        digest,
        diff_id,
        size,
        tar_size,
        entries,
        whiteouts,
    })
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

    fn finish(self) -> (String, u64) {
        let digest: [u8; 32] = self.hasher.finalize().into();
        (
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
