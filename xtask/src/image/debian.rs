//! The demo's image in two versions, as an OCI directory in the cache.

use super::layer::{self, Blob};
use super::policy_module;
use super::recipe::{self, Source};
use super::tree;
use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Counts up when the trees or the form of the layers change.
const EDITION: u32 = 5;

/// The image, ready to be read.
#[derive(Debug)]
pub(crate) struct Image {
    /// Holds `oci`, `v1.oci-archive` and what else the demo makes of the image.
    pub(crate) folder: PathBuf,
}

impl Image {
    pub(crate) fn oci(&self) -> PathBuf {
        self.folder.join("oci")
    }

    /// The layers that both versions have: the host itself, without what a user derives from it.
    pub(crate) fn base(&self) -> Result<test_images::Image> {
        let mut image = super::stored::read(&self.oci(), 0)?;
        image.layers.truncate(BASE_STEPS);
        Ok(image)
    }
}

/// The image from the cache; made first if this recipe was never followed here.
pub(crate) fn ensure(cache: &Path, suite: Option<&str>, mirror: Option<&str>) -> Result<Image> {
    let source = Source::find(suite, mirror);
    let suite = source
        .as_ref()
        .map_or(suite.unwrap_or("bookworm"), |source| &source.suite);
    let text = format!("{EDITION}\n{}", recipe::text(suite));
    let folder = cache.join(format!("demo/{suite}-{}", super::key(&text)));
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    // Two demos at once make it once.
    let lock = folder.join("lock");
    let lock = File::create(&lock).with_context(|| {
        format!(
            "writing {}: choose a folder of yours with --cache",
            lock.display()
        )
    })?;
    lock.lock()
        .context("waiting for another demo to make the image")?;
    let image = Image { folder };
    if !image.oci().exists() {
        make(&source?, &image.folder)?;
    }
    Ok(image)
}

/// The trees, each a copy of the one before, and how an image build would have come from one to the next.
const STEPS: [(&str, &str, Option<&str>); 7] = [
    ("base", "FROM scratch: Debian's essential packages", None),
    (
        "packages",
        "RUN apt-get install: kernel, systemd, ostree, SELinux policy, tools",
        Some("base"),
    ),
    (
        "os",
        "RUN: kernel and initramfs to /usr/lib/modules, state to /var",
        Some("packages"),
    ),
    ("derived-1", "RUN: changes, adds and deletes", Some("os")),
    ("application-1", "COPY application 1", Some("derived-1")),
    ("derived-2", "RUN: changes, adds and deletes", Some("os")),
    ("application-2", "COPY application 2", Some("derived-2")),
];

/// How many of them both versions begin with.
const BASE_STEPS: usize = 3;

fn make(source: &Source, folder: &Path) -> Result<()> {
    let work = folder.join("work");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(work.join("oci/blobs/sha256"))?;
    let at = |name: &str| work.join(name);
    println!(
        "making the demo's image of Debian {} packages; this takes some minutes, once",
        source.suite
    );
    recipe::make(source, &at("base"), &at("packages"))?;
    // dracut ran beside the packages, but its result belongs to the next layer.
    fs::rename(initramfs(&at("packages"))?, at("initramfs.img"))?;
    tree::clean(&at("base"))?;
    tree::clean(&at("packages"))?;
    tree::snapshot(&at("packages"), &at("os"))?;
    let modules = initramfs(&at("os")).map(|path| path.with_file_name("initramfs.img"))?;
    fs::rename(at("initramfs.img"), modules)?;
    tree::lay_out(&at("os"))?;
    policy_module::prepare(&at("packages"), &at("os"))?;
    for version in [1, 2] {
        let (derived, application) = (
            format!("derived-{version}"),
            format!("application-{version}"),
        );
        tree::snapshot(&at("os"), &at(&derived))?;
        tree::derive(&at(&derived), version)?;
        tree::snapshot(&at(&derived), &at(&application))?;
        tree::install_application(&at(&application), version)?;
        // The second version's application brings a policy module, and types for files of lower layers.
        if version == 2 {
            policy_module::install(&at(&application))?;
        }
    }
    let blobs = layers(&work)?;
    write_oci(&work.join("oci"), &blobs)?;
    fs::rename(work.join("oci"), folder.join("oci"))?;
    fs::remove_dir_all(&work).context("removing the trees")
}

fn initramfs(tree: &Path) -> Result<PathBuf> {
    let mut modules = fs::read_dir(tree.join("usr/lib/modules"))?;
    let kernel = modules.next().context("no kernel was installed")??;
    Ok(kernel.path().join("initramfs.img"))
}

/// Writes the layers of all steps, two at a time, and says what is in them.
fn layers(work: &Path) -> Result<Vec<Blob>> {
    let write = |index: usize| -> Result<Blob> {
        let (name, _, lower) = STEPS[index];
        let lower = lower.map(|lower| work.join(lower));
        let file = work.join(format!("{name}.tar.gz"));
        let blob = layer::write(lower.as_deref(), &work.join(name), &file)?;
        fs::rename(&file, work.join("oci/blobs/sha256").join(&blob.digest))?;
        Ok(blob)
    };
    // The packages are as big as all the others together.
    let (packages, others) = std::thread::scope(|scope| {
        let packages = scope.spawn(|| write(1));
        let others: Result<Vec<_>> = [0, 2, 3, 4, 5, 6].into_iter().map(write).collect();
        (packages.join(), others)
    });
    let Ok(packages) = packages else {
        bail!("the writer of the packages layer came to grief");
    };
    let mut blobs = others?;
    blobs.insert(1, packages?);
    for ((name, _, _), blob) in STEPS.iter().zip(&blobs) {
        let (size, tar) = (
            crate::run::bytes(blob.size),
            crate::run::bytes(blob.tar_size),
        );
        println!(
            "  layer {name:<14} {:>6} entries, {:>4} whiteouts, {tar:>9} of tar, {size:>9} compressed",
            blob.entries, blob.whiteouts
        );
    }
    Ok(blobs)
}

fn write_oci(oci: &Path, blobs: &[Blob]) -> Result<()> {
    let mut manifests = Vec::new();
    for (version, steps) in [(1, [0, 1, 2, 3, 4]), (2, [0, 1, 2, 5, 6])] {
        manifests.push(write_version(
            oci,
            version,
            &steps.map(|step| (step, &blobs[step])),
        )?);
    }
    fs::write(
        oci.join("oci-layout"),
        json!({"imageLayoutVersion": "1.0.0"}).to_string(),
    )?;
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": manifests,
    });
    Ok(fs::write(oci.join("index.json"), index.to_string())?)
}

fn write_version(oci: &Path, version: u32, layers: &[(usize, &Blob)]) -> Result<Value> {
    let created = format!("2025-01-0{version}T00:00:00Z");
    let architecture = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    };
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "created": created,
        "config": {"Labels": {
            "containers.bootc": "1",
            "ostree.bootable": "true",
            "org.opencontainers.image.version": version.to_string(),
        }},
        "rootfs": {
            "type": "layers",
            "diff_ids": layers.iter().map(|(_, b)| format!("sha256:{}", b.diff_id)).collect::<Vec<_>>(),
        },
        "history": layers.iter()
            .map(|(step, _)| json!({"created": created, "created_by": STEPS[*step].1}))
            .collect::<Vec<_>>(),
    });
    let config = put(oci, "application/vnd.oci.image.config.v1+json", &config)?;
    let layers: Vec<_> = layers
        .iter()
        .map(|(_, blob)| {
            json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                "digest": format!("sha256:{}", blob.digest),
                "size": blob.size,
            })
        })
        .collect();
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers,
    });
    let mut descriptor = put(oci, media_type, &manifest)?;
    descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": format!("v{version}")});
    descriptor["platform"] = json!({"architecture": architecture, "os": "linux"});
    Ok(descriptor)
}

/// Writes a document as a blob; its descriptor.
fn put(oci: &Path, media_type: &str, document: &Value) -> Result<Value> {
    let bytes = serde_json::to_vec(document)?;
    let digest: [u8; 32] = Sha256::digest(&bytes).into();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(oci.join("blobs/sha256").join(&hex), &bytes)?;
    Ok(json!({"mediaType": media_type, "digest": format!("sha256:{hex}"), "size": bytes.len()}))
}
