//! One name under which first version 1 and then version 2 of the image can be had.

use crate::image::debian::Image;
use crate::image::registry::Registry;
use crate::run::Run;
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// How the program gets at the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Via {
    /// A directory in OCI layout.
    Oci,
    /// A tar of such a directory.
    OciArchive,
    /// A registry on a loopback port, through skopeo.
    Registry,
}

impl Via {
    /// As image references have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Oci => "oci",
            Self::OciArchive => "oci-archive",
            Self::Registry => "registry",
        }
    }
}

/// The OCI directory that the other ways are made from, in a folder that any user may read.
#[derive(Debug)]
pub(crate) struct Channel {
    oci: PathBuf,
    versions: Vec<Value>,
    archive: PathBuf,
    registry: Option<Registry>,
}

impl Channel {
    /// Shares the blobs with the cache where that is on the same file system.
    pub(crate) fn new(image: &Image, scratch: &Path) -> Result<Self> {
        let oci = scratch.join("oci");
        let copy = |way: &str| {
            Run::new("cp")
                .args(["--recursive", way])
                .arg(image.oci())
                .arg(&oci)
        };
        if !copy("--link").succeeds() {
            drop(fs::remove_dir_all(&oci));
            copy("--preserve=mode").run()?;
        }
        let index: Value = serde_json::from_slice(&fs::read(image.oci().join("index.json"))?)?;
        let versions = index["manifests"]
            .as_array()
            .context("the image's index has no list")?
            .clone();
        Ok(Self {
            oci,
            versions,
            archive: scratch.join("image.tar"),
            registry: None,
        })
    }

    /// Offers this version under the name, in place of the one before.
    pub(crate) fn publish(&mut self, version: usize, via: Via, scratch: &Path) -> Result<()> {
        println!("\n# version {version} is published: {}", via.name());
        let mut manifest = self.versions[version - 1].clone();
        manifest["annotations"] = json!({"org.opencontainers.image.ref.name": "latest"});
        let index = json!({"schemaVersion": 2, "manifests": [manifest]});
        // A new file: the old one is shared with the cache.
        fs::remove_file(self.oci.join("index.json"))?;
        fs::write(self.oci.join("index.json"), index.to_string())?;
        match via {
            Via::Oci => (),
            Via::OciArchive => {
                let tar = Run::new("tar")
                    .arg("--create")
                    .arg("--file")
                    .arg(&self.archive);
                tar.arg("--directory").arg(&self.oci).arg(".").run()?;
            }
            Via::Registry => {
                if self.registry.is_none() {
                    self.registry = Some(Registry::start(&scratch.join("registry"))?);
                }
                let copy = ["copy", "--quiet", "--dest-tls-verify=false"];
                Run::new("skopeo")
                    .args(copy)
                    .arg(self.reference(Via::Oci))
                    .arg(self.reference(via))
                    .run()?;
            }
        }
        Ok(())
    }

    /// The name, the same for each version.
    pub(crate) fn reference(&self, via: Via) -> String {
        match (via, &self.registry) {
            (Via::Oci, _) => format!("oci:{}:latest", self.oci.display()),
            (Via::OciArchive, _) => format!("oci-archive:{}:latest", self.archive.display()),
            (Via::Registry, Some(registry)) => registry.name(),
            (Via::Registry, None) => String::new(),
        }
    }
}
