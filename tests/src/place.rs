//! Where a test image lies.

use std::path::PathBuf;

use tempfile::TempDir;
use test_images::{Built, Image, Layout};

/// An OCI layout in a temporary folder.
#[derive(Debug)]
pub struct Place {
    folder: TempDir,
}

impl Place {
    /// Writes a layout.
    #[must_use]
    pub fn of(layout: &Layout) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        layout.write_dir(folder.path()).expect("layout");
        Self { folder }
    }

    /// Writes an image under the tag `latest`.
    #[must_use]
    pub fn image(image: &Image) -> (Self, Built) {
        let built = image.build();
        (Self::of(&Layout::new().image("latest", &built)), built)
    }

    /// The layout's folder.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// The reference of a tag.
    #[must_use]
    pub fn tag(&self, tag: &str) -> String {
        format!("oci:{}:{tag}", self.folder.path().display())
    }

    /// The reference of the tag `latest`.
    #[must_use]
    pub fn latest(&self) -> String {
        self.tag("latest")
    }
}
