//! The images that are pulled: made once, kept in the cache.

use super::encapsulated;
use super::pack::{self, Part};
use super::parts::deal_out;
use super::programs::Programs;
use super::trees::{self, Scale};
use crate::image::debian;
use crate::image::tree::snapshot;
use crate::run::Run;
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use test_images::{Image, Layer, Layout, Packing};

/// Counts up when the trees or the form of the layers change.
const EDITION: u32 = 2;
/// How many plain layers the base is; two more are on top.
const BASE_LAYERS: usize = 10;
/// The same content in so many layers each.
pub(super) const LAYER_COUNTS: [usize; 3] = [1, 12, 100];

/// The images of the Debian root file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(super) enum Kind {
    PlainGzip,
    PlainZstd,
    EncapsulatedGzip,
    EncapsulatedZstd,
    /// One of [`LAYER_COUNTS`].
    Layers(usize),
}

impl Kind {
    pub(super) fn name(self) -> String {
        match self {
            Self::PlainGzip => "plain-gzip".into(),
            Self::PlainZstd => "plain-zstd".into(),
            Self::EncapsulatedGzip => "encapsulated-gzip".into(),
            Self::EncapsulatedZstd => "encapsulated-zstd".into(),
            Self::Layers(count) => format!("layers-{count}"),
        }
    }
}

/// One of them, of which version 1 or 2 is offered under the name `latest`.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) folder: PathBuf,
    versions: Vec<Value>,
    /// What version 2 has that version 1 has not.
    pub(super) new_content_bytes: u64,
}

impl Input {
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let read = |name: &str| -> Result<Value> {
            let path = folder.join(name);
            let text = fs::read(&path).with_context(|| path.display().to_string())?;
            Ok(serde_json::from_slice(&text)?)
        };
        let versions = read("versions.json")?["manifests"]
            .as_array()
            .context("an index without a list")?
            .clone();
        let facts = read("facts.json")?;
        Ok(Self {
            folder: folder.to_owned(),
            versions,
            new_content_bytes: facts["new_content_bytes"].as_u64().unwrap_or(0),
        })
    }

    /// Offers this version in place of the other.
    pub(super) fn publish(&self, version: usize) -> Result<()> {
        let mut manifest = self.versions[version - 1].clone();
        manifest["annotations"] = json!({"org.opencontainers.image.ref.name": "latest"});
        let index = json!({"schemaVersion": 2, "manifests": [manifest]});
        Ok(fs::write(
            self.folder.join("index.json"),
            index.to_string(),
        )?)
    }

    pub(super) fn reference(&self) -> String {
        format!("oci:{}:latest", self.folder.display())
    }

    /// The blobs of a version's layers, lowest first.
    pub(super) fn layers(&self, version: usize) -> Result<Vec<PathBuf>> {
        let blob = |digest: &Value| -> Result<PathBuf> {
            let digest = digest.as_str().context("a descriptor without a digest")?;
            Ok(self.folder.join("blobs").join(digest.replace(':', "/")))
        };
        let manifest = fs::read(blob(&self.versions[version - 1]["digest"])?)?;
        let manifest: Value = serde_json::from_slice(&manifest)?;
        let layers = manifest["layers"]
            .as_array()
            .context("a manifest without layers")?;
        layers.iter().map(|layer| blob(&layer["digest"])).collect()
    }

    /// Reads all blobs, so that no run waits for the disk where another finds them in memory.
    pub(super) fn warm(&self) -> Result<()> {
        for version in 1..=self.versions.len() {
            for blob in self.layers(version)? {
                std::io::copy(&mut File::open(blob)?, &mut std::io::sink())?;
            }
        }
        Ok(())
    }
}

/// Writes versions of an image as an input.
pub(super) fn write(folder: &Path, versions: &[Image], new_content_bytes: u64) -> Result<()> {
    let mut layout = Layout::new();
    for (number, image) in versions.iter().enumerate() {
        layout = layout.image(&format!("v{}", number + 1), &image.build());
    }
    layout.write_dir(folder)?;
    fs::rename(folder.join("index.json"), folder.join("versions.json"))?;
    let facts = json!({"new_content_bytes": new_content_bytes});
    Ok(fs::write(folder.join("facts.json"), facts.to_string())?)
}

/// Where all of them are.
#[derive(Debug)]
pub(super) struct Inputs {
    folder: PathBuf,
    /// One bench at a time moves the name `latest`.
    _lock: File,
}

impl Inputs {
    /// From the cache; made first if they never were.
    pub(super) fn ensure(cache: &Path, small: bool, programs: &Programs) -> Result<Self> {
        let scale = if small { Scale::SMALL } else { Scale::FULL };
        let debian = match small {
            true => None,
            false => Some(debian::ensure(cache, None, None)?),
        };
        let base = debian.as_ref().and_then(|image| image.folder.file_name());
        let base = base.map_or("small".into(), |name| name.to_string_lossy().into_owned());
        let folder = cache.join(format!("bench/{base}-{EDITION}"));
        fs::create_dir_all(&folder)?;
        let lock = File::create(folder.join("lock"))?;
        lock.lock().context("waiting for another bench")?;
        let inputs = Self {
            folder,
            _lock: lock,
        };
        if !inputs.folder.join("images").exists() {
            inputs.make(debian.as_ref(), scale, programs)?;
        }
        Ok(inputs)
    }

    pub(super) fn get(&self, kind: Kind) -> Result<Input> {
        Input::open(&self.folder.join("images").join(kind.name()))
    }

    /// Where the synthetic images are kept.
    pub(super) fn synthetic(&self) -> PathBuf {
        self.folder.join("synthetic")
    }

    fn make(
        &self,
        debian: Option<&debian::Image>,
        scale: Scale,
        programs: &Programs,
    ) -> Result<()> {
        println!("making the images to measure with; this takes some minutes, once");
        let work = self.folder.join("work");
        if work.exists() {
            fs::remove_dir_all(&work)?;
        }
        fs::create_dir_all(work.join("blobs"))?;
        fs::create_dir_all(work.join("images"))?;
        let trees = Trees::make(&work, debian, scale)?;
        let top = trees.top_layers(&work)?;
        let plain = trees.plain_base(&work)?;
        write_both(&work, "plain", &Image::of(plain), &top, debian.is_some())?;
        let mut base = encapsulated::base(&trees.vendor, &work, debian.is_some(), programs)?;
        base.layers.extend(trees.tools(&work)?);
        write_both(&work, "encapsulated", &base, &top, debian.is_some())?;
        for count in LAYER_COUNTS {
            let parts = deal_out(
                &trees.applications[0],
                count,
                &work.join(format!("parts-{count}")),
            )?;
            let parts = parts.into_iter().map(Part::whole).collect();
            let layers = pack::trees(parts, &work.join("blobs"), Packing::ZSTD)?;
            let image = labelled(Image::of(layers), debian.is_some());
            write(
                &work.join("images").join(Kind::Layers(count).name()),
                &[image],
                0,
            )?;
        }
        fs::rename(work.join("images"), self.folder.join("images"))?;
        fs::remove_dir_all(&work).context("removing the trees")
    }
}

/// The steps of the image build.
struct Trees {
    /// What a vendor ships: the base without what users put on it.
    vendor: PathBuf,
    /// The base with the application's modules.
    modules: PathBuf,
    derived: [PathBuf; 2],
    applications: [PathBuf; 2],
}

impl Trees {
    fn make(work: &Path, debian: Option<&debian::Image>, scale: Scale) -> Result<Self> {
        let at = |name: &str| work.join(name);
        match debian {
            Some(image) => unpack_base(image, work)?,
            None => trees::small_root(&at("root"))?,
        }
        let modules = at("modules");
        snapshot(&at("root"), &modules)?;
        trees::install_modules(&modules, scale)?;
        let vendor = at("vendor");
        snapshot(&modules, &vendor)?;
        trees::without_tools(&vendor)?;
        let derived = [at("derived-1"), at("derived-2")];
        let applications = [at("application-1"), at("application-2")];
        for (version, (derived, application)) in (1..).zip(derived.iter().zip(&applications)) {
            snapshot(&modules, derived)?;
            trees::derive(derived, version, scale)?;
            snapshot(derived, application)?;
            trees::install_application(application, version, scale)?;
        }
        Ok(Self {
            vendor,
            modules,
            derived,
            applications,
        })
    }

    fn plain_base(&self, work: &Path) -> Result<Vec<Layer>> {
        let parts = deal_out(&self.modules, BASE_LAYERS, &work.join("parts"))?;
        let parts = parts.into_iter().map(Part::whole).collect();
        pack::trees(parts, &work.join("blobs"), Packing::GZIP)
    }

    /// What a user's build puts on the vendor's image, as one layer.
    fn tools(&self, work: &Path) -> Result<Vec<Layer>> {
        let tools = vec![Part::between(&self.vendor, &self.modules)];
        pack::trees(tools, &work.join("blobs"), Packing::GZIP)
    }

    /// The two layers that each version has of its own.
    fn top_layers(&self, work: &Path) -> Result<[Vec<Layer>; 2]> {
        let mut all = Vec::new();
        for (derived, application) in self.derived.iter().zip(&self.applications) {
            all.push(Part::between(&self.modules, derived));
            all.push(Part::between(derived, application));
        }
        let mut layers = pack::trees(all, &work.join("blobs"), Packing::GZIP)?;
        let second = layers.split_off(2);
        Ok([layers, second])
    }
}

/// The Debian root file system: the lower layers of the demo's image, unpacked.
fn unpack_base(image: &debian::Image, work: &Path) -> Result<()> {
    let oci = work.join("base-oci");
    write(&oci, &[image.base()?], 0)?;
    Input::open(&oci)?.publish(1)?;
    let bundle = work.join("bundle");
    Run::new("umoci")
        .args(["unpack", "--image"])
        .arg(format!("{}:latest", oci.display()))
        .arg(&bundle)
        .run()?;
    Ok(fs::rename(bundle.join("rootfs"), work.join("root"))?)
}

/// Both versions of an image in gzip and, packed again, in zstd.
fn write_both(
    work: &Path,
    name: &str,
    base: &Image,
    top: &[Vec<Layer>; 2],
    bootable: bool,
) -> Result<()> {
    let base = labelled(base.clone(), bootable);
    let version =
        |base: &Image, top: &[Layer]| top.iter().cloned().fold(base.clone(), Image::layer);
    let images = work.join("images");
    let new = pack::tar_bytes(&top[1])?;
    let gzip = [version(&base, &top[0]), version(&base, &top[1])];
    write(&images.join(format!("{name}-gzip")), &gzip, new)?;
    let zstd = |layers: &[Layer]| pack::again(layers, &work.join("blobs"), Packing::ZSTD);
    let mut packed = base.clone();
    packed.layers = zstd(&base.layers)?;
    let zstd = [
        version(&packed, &zstd(&top[0])?),
        version(&packed, &zstd(&top[1])?),
    ];
    write(&images.join(format!("{name}-zstd")), &zstd, new)
}

fn labelled(image: Image, bootable: bool) -> Image {
    if bootable {
        image
            .label("containers.bootc", "1")
            .label("ostree.bootable", "true")
    } else {
        image
    }
}
