//! Encapsulated images: an ostree commit as a commit layer and chunk layers.

mod layers;
mod tree;

use ostree_objects::{Checksum, Commit, Metadata};

use crate::{Error, Image, Layer, Listing, Packing, tar::Dialect};
use layers::LayerEntries;
use tree::Objects;

/// How file xattrs are stored beside the objects of an encapsulated layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XattrGeneration {
    /// `X.file-xattrs-link` is a regular file that holds the blob (ostree-ext since 2025-09).
    #[default]
    V1New,
    /// `H.file-xattrs` holds the blob, `X.file-xattrs-link` is a hardlink to it.
    V1Old,
    /// `sysroot/ostree/repo/xattrs/H` holds the blob, `X.file.xattrs` is a hardlink to it.
    V0,
}

/// How to encapsulate.
#[derive(Clone, Debug)]
pub struct Encapsulation {
    /// Form of the xattr records.
    pub generation: XattrGeneration,
    /// Number of chunk layers; 0 puts the file objects into the commit layer. A file's chunk
    /// follows from its first path, so a changed file stays in its chunk.
    pub chunks: usize,
    /// Subject of the commit.
    pub subject: String,
    /// Time of the commit, in seconds since 1970.
    pub timestamp: u64,
    /// Metadata of the commit.
    pub metadata: Metadata,
    /// How the layers are packed.
    pub packing: Packing,
}

impl Default for Encapsulation {
    fn default() -> Self {
        Self {
            generation: XattrGeneration::V1New,
            chunks: 2,
            subject: "test".to_owned(),
            timestamp: 1_767_323_045,
            metadata: Metadata::default(),
            packing: Packing::GZIP,
        }
    }
}

/// An ostree commit and the layers that carry it.
#[derive(Clone, Debug)]
pub struct Encapsulated {
    /// Checksum of the commit.
    pub commit: Checksum,
    /// The commit object.
    pub commit_object: Commit,
    /// The commit layer, then the chunks.
    pub layers: Vec<Layer>,
    /// Checksums of the file objects, sorted, one list a chunk (the commit layer's, when there is
    /// no chunk).
    pub file_objects: Vec<Vec<Checksum>>,
}

impl Encapsulation {
    /// Makes a commit of the listing (paths as in the tree: `usr/etc`, no whiteouts) and its
    /// layers.
    ///
    /// # Errors
    ///
    /// [`Error::Tree`] for what a tree cannot hold, [`Error::Object`].
    pub fn encapsulate(&self, listing: &Listing) -> Result<Encapsulated, Error> {
        let objects = Objects::of(listing)?;
        let commit = Commit {
            metadata: self.metadata.clone(),
            parent: None,
            subject: self.subject.clone(),
            body: String::new(),
            timestamp: self.timestamp,
            tree: objects.root_tree,
            meta: objects.root_meta,
        };
        let mut file_objects = vec![Vec::new(); self.chunks.max(1)];
        for (checksum, file) in &objects.files {
            let chunk = file
                .paths
                .first()
                .map_or(0, |path| chunk_of(path, self.chunks));
            file_objects[chunk].push(*checksum);
        }
        let mut first = LayerEntries::new(self.generation);
        first.commit(&commit, &objects);
        let mut all = Vec::new();
        if self.chunks == 0 {
            first.files(&objects, &file_objects[0]);
            all.push(first);
        } else {
            all.push(first);
            for checksums in &file_objects {
                let mut chunk = LayerEntries::new(self.generation);
                chunk.files(&objects, checksums);
                all.push(chunk);
            }
        }
        let layers = all
            .into_iter()
            .enumerate()
            .map(|(number, entries)| {
                let tar = entries.listing.to_tar(Dialect::Pax)?;
                let name = match number {
                    0 => format!("ostree export of commit {}", commit.checksum()),
                    _ => format!("chunk {number}"),
                };
                Ok(Layer::new(&tar, self.packing).created_by(&name))
            })
            .collect::<Result<_, Error>>()?;
        Ok(Encapsulated {
            commit: commit.checksum(),
            commit_object: commit,
            layers,
            file_objects,
        })
    }
}

impl Encapsulated {
    /// An image of these layers with the labels that encapsulated images carry:
    /// `ostree.final-diffid`, `ostree.commit`, `ostree.bootable`, `containers.bootc`. Derived
    /// layers can be put on top.
    #[must_use]
    pub fn image(&self) -> Image {
        let image = Image::of(self.layers.iter().cloned())
            .label("ostree.commit", &self.commit.to_string())
            .label("ostree.bootable", "true")
            .label("containers.bootc", "1");
        match self.layers.last() {
            Some(last) => image.label("ostree.final-diffid", &last.diff_id.to_string()),
            None => image,
        }
    }
}

/// FNV-1a of the path, modulo the number of chunks.
fn chunk_of(path: &str, chunks: usize) -> usize {
    let hash = path.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    let chunks = chunks.max(1) as u64;
    usize::try_from(hash % chunks).unwrap_or(0)
}
