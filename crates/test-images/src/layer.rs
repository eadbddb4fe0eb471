//! A layer: its blob, and what a manifest and a config say of it.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufWriter, Read as _, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use flate2::write::GzEncoder;
use oci_manifest::{Algorithm, Digest, Hasher};

use crate::{Error, Listing, Packing, tar::Dialect};

/// Where a blob's bytes are.
#[derive(Clone, Debug)]
pub enum BlobData {
    /// In memory.
    Memory(Arc<[u8]>),
    /// In a file (for layers that are large).
    File(Arc<Path>),
}

impl BlobData {
    /// Opens the bytes for reading.
    ///
    /// # Errors
    ///
    /// [`Error::Read`].
    pub fn open(&self) -> Result<Box<dyn io::Read + '_>, Error> {
        match self {
            Self::Memory(bytes) => Ok(Box::new(&**bytes)),
            Self::File(path) => Ok(Box::new(File::open(path).map_err(|source| {
                Error::Read {
                    path: path.to_path_buf(),
                    source,
                }
            })?)),
        }
    }
}

/// A layer, ready to be put into an [`Image`](crate::Image).
///
/// Digest, size, `diff_id` and media type are what the image will *say*: set them to lie.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The blob's bytes.
    pub data: BlobData,
    /// Media type in the descriptor.
    pub media_type: String,
    /// Digest in the descriptor; the blob is stored under it.
    pub digest: Digest,
    /// Size in the descriptor.
    pub size: u64,
    /// Digest of the uncompressed tar, for the config's `rootfs.diff_ids`.
    pub diff_id: Digest,
    /// Annotations of the descriptor.
    pub annotations: BTreeMap<String, String>,
    /// `created_by` of the config's history.
    pub created_by: String,
}

impl Layer {
    /// A layer of these tar bytes.
    #[must_use]
    pub fn new(tar: &[u8], packing: Packing) -> Self {
        Self::from_blob(
            packing.pack(tar),
            packing.media_type(),
            Digest::sha256_of(tar),
        )
    }

    /// A layer of this listing, PAX and gzip.
    ///
    /// # Errors
    ///
    /// [`Error::Listing`].
    pub fn listing(text: &str) -> Result<Self, Error> {
        let tar = Listing::parse(text)?.to_tar(Dialect::Pax)?;
        Ok(Self::new(&tar, Packing::GZIP))
    }

    /// A layer whose blob is these bytes, whatever they are.
    #[must_use]
    pub fn from_blob(blob: Vec<u8>, media_type: &str, diff_id: Digest) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::sha256_of(&blob),
            size: blob.len() as u64,
            data: BlobData::Memory(blob.into()),
            diff_id,
            annotations: BTreeMap::new(),
            created_by: String::new(),
        }
    }

    /// The same layer with this `created_by` in the config's history.
    #[must_use]
    pub fn created_by(mut self, text: &str) -> Self {
        text.clone_into(&mut self.created_by);
        self
    }

    /// The same layer with an annotation more on its descriptor.
    #[must_use]
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The blob's bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Read`].
    pub fn blob(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.data
            .open()?
            .read_to_end(&mut bytes)
            .map_err(|source| Error::Read {
                path: PathBuf::from(self.digest.to_string()),
                source,
            })?;
        Ok(bytes)
    }
}

/// Takes a tar as it is written, and makes a [`Layer`] of it: packed and hashed on the way, so
/// that a large layer never stands in memory.
pub struct LayerWriter {
    encoder: Encoder,
    diff_id: Hasher,
    packing: Packing,
    path: Arc<Path>,
}

impl std::fmt::Debug for LayerWriter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("LayerWriter")
            .field("path", &self.path)
            .field("packing", &self.packing)
            .finish_non_exhaustive()
    }
}

enum Encoder {
    None(Hashed),
    Gzip(GzEncoder<Hashed>),
    Zstd(zstd::Encoder<'static, Hashed>),
}

/// A file whose content is hashed and counted as it is written.
struct Hashed {
    file: BufWriter<File>,
    hasher: Hasher,
    bytes: u64,
}

impl Write for Hashed {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buffer)?;
        self.hasher.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl LayerWriter {
    /// Writes the blob to a new file at `path`, which the layer then refers to.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub fn create(path: &Path, packing: Packing) -> Result<Self, Error> {
        let fault = |source| Error::Write {
            what: path.display().to_string(),
            source,
        };
        let hashed = Hashed {
            file: BufWriter::new(File::create(path).map_err(fault)?),
            hasher: Hasher::new(Algorithm::Sha256),
            bytes: 0,
        };
        let encoder = match packing {
            Packing::None => Encoder::None(hashed),
            Packing::Gzip { level } => {
                Encoder::Gzip(GzEncoder::new(hashed, flate2::Compression::new(level)))
            }
            Packing::Zstd { level } => {
                Encoder::Zstd(zstd::Encoder::new(hashed, level).map_err(fault)?)
            }
        };
        Ok(Self {
            encoder,
            diff_id: Hasher::new(Algorithm::Sha256),
            packing,
            path: path.into(),
        })
    }

    /// Ends the stream.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub fn finish(self) -> Result<Layer, Error> {
        let fault = |source| Error::Write {
            what: self.path.display().to_string(),
            source,
        };
        let mut hashed = match self.encoder {
            Encoder::None(hashed) => hashed,
            Encoder::Gzip(encoder) => encoder.finish().map_err(fault)?,
            Encoder::Zstd(encoder) => encoder.finish().map_err(fault)?,
        };
        hashed.flush().map_err(fault)?;
        Ok(Layer {
            media_type: self.packing.media_type().to_owned(),
            digest: hashed.hasher.finish(),
            size: hashed.bytes,
            diff_id: self.diff_id.finish(),
            data: BlobData::File(self.path),
            annotations: BTreeMap::new(),
            created_by: String::new(),
        })
    }
}

impl Write for LayerWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = match &mut self.encoder {
            Encoder::None(hashed) => hashed.write(buffer),
            Encoder::Gzip(encoder) => encoder.write(buffer),
            Encoder::Zstd(encoder) => encoder.write(buffer),
        }?;
        self.diff_id.update(&buffer[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
