//! Tiny systems that have what a host looks at.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use test_images::{Built, Image, Layer, Layout};

/// Where a running system has its file systems, and the links of a merged `/usr`.
const ROOT: &str = r"
    dir boot
    dir dev
    dir proc
    dir run
    dir sys
    dir sysroot
    dir tmp 01777
    symlink ostree -> sysroot/ostree
    symlink bin -> usr/bin
    symlink sbin -> usr/sbin
    symlink lib -> usr/lib
    symlink lib64 -> usr/lib64
";

/// What all versions share, and what makes it larger than a kernel.
const BASE: &str = r#"
    file usr/share/base size=400000 seed=1
    file etc/hostname "localhost\n"
    file etc/plain "from the image\n"
    dir etc/app.d 0750 3:4
    file etc/app.d/mode 0600 5:6 "private"
    symlink etc/link -> hostname
    file etc/containers/policy.json "{\"default\": [{\"type\": \"insecureAcceptAnything\"}]}"
    dir var/lib/app 0700 7:8
    file var/lib/app/seed 0640 7:8 "first boot\n"
"#;

/// A version of a system under construction.
#[derive(Clone, Debug)]
pub(crate) struct Os {
    version: String,
    kernel: String,
    listing: String,
    has_os_release: bool,
}

impl Os {
    /// A system of this version, with a kernel of its own.
    pub(crate) fn new(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            kernel: version.to_owned(),
            listing: String::new(),
            has_os_release: true,
        }
    }

    /// The same with the kernel of another version.
    pub(crate) fn kernel(mut self, kernel: &str) -> Self {
        kernel.clone_into(&mut self.kernel);
        self
    }

    /// The same with these lines of a listing in its uppermost layer.
    pub(crate) fn and(mut self, listing: &str) -> Self {
        self.listing.push_str(listing);
        self.listing.push('\n');
        self
    }

    /// The same without what names it in the boot menu.
    pub(crate) fn without_os_release(mut self) -> Self {
        self.has_os_release = false;
        self
    }

    /// The same with these kernel arguments.
    pub(crate) fn arguments(self, arguments: &[&str]) -> Self {
        let list = format!("kargs = {arguments:?}\n");
        self.and(&format!("file usr/lib/bootc/kargs.d/10-os.toml {list:?}"))
    }

    /// Three layers: what never changes, the kernel, the version.
    pub(crate) fn image(&self) -> Image {
        let Self {
            version,
            kernel,
            listing,
            has_os_release,
        } = self;
        let modules = format!("usr/lib/modules/6.{kernel}");
        let kernel = format!(
            "file {modules}/vmlinuz 0755 \"kernel {kernel}\"\nfile {modules}/initramfs.img \"initramfs {kernel}\""
        );
        let release = format!("ID=test\nPRETTY_NAME=\"Test OS {version}\"\n");
        let mut own =
            format!("file usr/version {version:?}\nfile etc/version {version:?}\n{listing}");
        if *has_os_release {
            own.push_str(&format!("file usr/lib/os-release {release:?}\n"));
        }
        let layers = [&format!("{ROOT}{BASE}"), &kernel, &own]
            .map(|text| Layer::listing(text).unwrap_or_else(|error| panic!("{error}: {text}")));
        Image::of(layers).label("version", version)
    }

    /// Its documents.
    pub(crate) fn build(&self) -> Built {
        self.image().build()
    }
}

/// Images by tags, which can be made to name another one.
#[derive(Debug)]
pub(crate) struct Shelf {
    folder: TempDir,
    images: Vec<(String, Built)>,
}

impl Shelf {
    /// Each image under its version.
    pub(crate) fn of(systems: &[Os]) -> Self {
        let images = systems.iter().map(|os| (os.version.clone(), os.build()));
        Self::built(images.collect())
    }

    /// Images under these tags.
    pub(crate) fn built(images: Vec<(String, Built)>) -> Self {
        let shelf = Self {
            folder: tempfile::tempdir_in("/var/tmp").unwrap(),
            images,
        };
        shelf.write(&[]);
        shelf
    }

    /// The image that was put under a tag.
    pub(crate) fn image(&self, tag: &str) -> &Built {
        let found = self.images.iter().find(|(name, _)| name == tag);
        &found.unwrap_or_else(|| panic!("no image {tag}")).1
    }

    /// Makes `tag` name the image that was put under `version`.
    pub(crate) fn point(&self, tag: &str, version: &str) {
        self.write(&[(tag, self.image(version))]);
    }

    /// Takes away a tag that [`Self::point`] made.
    pub(crate) fn remove(&self, tag: &str) {
        assert!(self.images.iter().all(|(name, _)| name != tag));
        self.write(&[]);
    }

    /// `oci:FOLDER:TAG`
    pub(crate) fn name(&self, tag: &str) -> String {
        format!("oci:{}:{tag}", self.path().display())
    }

    /// The folder.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("oci")
    }

    fn write(&self, more: &[(&str, &Built)]) {
        let mut layout = Layout::new();
        for (tag, image) in &self.images {
            layout = layout.image(tag, image);
        }
        for (tag, image) in more {
            layout = layout.image(tag, image);
        }
        fs::create_dir_all(self.path()).unwrap();
        layout.write_dir(&self.path()).unwrap();
    }
}
