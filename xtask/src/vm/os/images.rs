//! The images in an OCI directory: the operating system in two versions, and one that the second is bound to.

use super::packages::{OsRoot, home, sweep};
use super::tree;
use crate::image::{self, layer, stored};
use crate::run::Run;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::{Path, PathBuf};
use test_images::{BlobData, Image, Layer, Layout};

/// Counts up when what is in the layers changes otherwise than by the files below.
const EDITION: &str = "1";
/// The recipe is its own name, so that a change of it makes the image anew.
const RECIPE: &[&str] = &[
    EDITION,
    include_str!("tree.rs"),
    include_str!("../../image/tree.rs"),
    include_str!("../../image/policy_module.rs"),
];

/// Those of the operating system: the first version, the second, and the first as one that boots only verified.
const TAGS: [&str; 3] = ["v1", "v2", "verified"];

/// Layers below the program's.
const BASE_LAYERS: usize = 2;

/// [`TAGS`] and `application` in an OCI directory.
#[derive(Debug)]
pub(super) struct Images {
    pub(super) oci: PathBuf,
}

impl Images {
    /// How skopeo and we name one of them.
    pub(super) fn reference(&self, tag: &str) -> String {
        format!("oci:{}:{tag}", self.oci.display())
    }
}

/// Writes them into `work`, with this program in them; their other layers are made once.
pub(super) fn ensure(root: &OsRoot, program: &Path, work: &Path) -> Result<Images> {
    let kept = layers(root)?;
    let folder = work.join("program");
    fs::create_dir_all(folder.join("usr/bin"))?;
    let to = folder.join("usr/bin/bootc-storage");
    Run::new("strip").arg("-o").arg(&to).arg(program).run()?;
    let program = pack(
        None,
        &folder,
        &work.join("program.tar.gz"),
        "COPY bootc-storage",
    )?;
    let mut layout = Layout::new();
    for (place, tag) in TAGS.into_iter().enumerate() {
        let mut image = stored::read(&kept, place)?;
        image.layers.insert(BASE_LAYERS, program.clone());
        layout = layout.image(tag, &image.build());
    }
    layout = layout.image("application", &stored::read(&kept, TAGS.len())?.build());
    let oci = work.join("oci");
    layout.write_dir(&oci)?;
    Ok(Images { oci })
}

/// The same without the program, in the cache.
fn layers(root: &OsRoot) -> Result<PathBuf> {
    let key = image::key(&format!("{}\n{}", root.key, RECIPE.concat()));
    let folder = home().join(format!("images-{key}"));
    if !folder.exists() {
        println!("making the operating system's images; once");
        sweep("images-")?;
        sweep("trees")?;
        let trees = home().join("trees");
        fs::create_dir_all(&trees)?;
        write(root, &trees)?;
        fs::rename(trees.join("oci"), &folder).context("putting the images into place")?;
        sweep("trees")?;
    }
    Ok(folder)
}

fn write(root: &OsRoot, work: &Path) -> Result<()> {
    let at = |name: &str| work.join(name);
    tree::packages(root, &at("packages"))?;
    tree::system(&at("packages"), &at("system"))?;
    tree::derive(&at("system"), 1, &at("derived-1"))?;
    tree::derive(&at("system"), 2, &at("derived-2"))?;
    tree::module(&at("derived-2"), &at("module"))?;
    tree::verified(&at("derived-1"), &at("verified"))?;
    tree::application(root, &at("application"))?;
    let layer = |lower: Option<&str>, upper: &str, built: &str| {
        let lower = lower.map(at);
        pack(
            lower.as_deref(),
            &at(upper),
            &at(&format!("{upper}.tar.gz")),
            built,
        )
    };
    let packages = layer(None, "packages", "FROM scratch: Debian's packages")?;
    let system = layer(
        Some("packages"),
        "system",
        "RUN: kernel, initramfs, state to /var",
    )?;
    let one = layer(Some("system"), "derived-1", "RUN: version 1")?;
    let two = layer(Some("system"), "derived-2", "RUN: version 2")?;
    let module = layer(Some("derived-2"), "module", "RUN semodule --install")?;
    let verified = layer(Some("derived-1"), "verified", "RUN dracut")?;
    let application = layer(None, "application", "COPY busybox")?;
    let v1 = [packages.clone(), system.clone(), one];
    let verified = v1.clone().into_iter().chain([verified]);
    let v2 = [packages, system, two, module];
    Layout::new()
        .image("v1", &host(v1, 1).build())
        .image("v2", &host(v2, 2).build())
        .image("verified", &host(verified, 1).build())
        .image("application", &Image::of([application]).build())
        .write_dir(&at("oci"))?;
    Ok(())
}

fn host(layers: impl IntoIterator<Item = Layer>, version: u32) -> Image {
    Image::of(layers)
        .label("containers.bootc", "1")
        .label("ostree.bootable", "true")
        .label("org.opencontainers.image.version", &version.to_string())
}

/// What leads from one tree to the next, as a layer.
fn pack(lower: Option<&Path>, upper: &Path, file: &Path, built: &str) -> Result<Layer> {
    let blob = layer::write(lower, upper, file)?;
    println!(
        "  layer {built:<44} {:>6} entries, {:>9} compressed",
        blob.entries,
        crate::run::bytes(blob.size)
    );
    Ok(Layer {
        data: BlobData::File(file.into()),
        media_type: "application/vnd.oci.image.layer.v1.tar+gzip".to_owned(),
        digest: format!("sha256:{}", blob.digest).parse()?,
        size: blob.size,
        diff_id: format!("sha256:{}", blob.diff_id).parse()?,
        annotations: Default::default(),
        created_by: built.to_owned(),
    })
}
