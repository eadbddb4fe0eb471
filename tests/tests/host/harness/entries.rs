//! What a boot loader would find, read here once more: nothing of the program's own reading is believed.

use std::fs;
use std::path::{Path, PathBuf};

/// A deployment that the boot loader can start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deployed {
    /// What the menu shows.
    pub(crate) title: String,
    /// The kernel command line, without `ostree=`.
    pub(crate) options: Vec<String>,
    /// The kernel's content.
    pub(crate) kernel: String,
    /// The initramfs' content.
    pub(crate) initramfs: String,
    /// Its directory.
    pub(crate) directory: PathBuf,
    /// Whose `/etc` and `/var` it has.
    pub(crate) stateroot: String,
    /// Its commit.
    pub(crate) commit: String,
    /// Counts deployments of one commit.
    pub(crate) serial: String,
}

impl Deployed {
    /// Its origin file.
    pub(crate) fn origin_file(&self) -> PathBuf {
        let mut name = self.directory.clone().into_os_string();
        name.push(".origin");
        name.into()
    }

    /// The text of its origin file.
    pub(crate) fn origin(&self) -> String {
        fs::read_to_string(self.origin_file()).unwrap()
    }

    /// A file below its directory.
    pub(crate) fn read(&self, path: &str) -> String {
        let file = self.directory.join(path);
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }
}

/// The entries of the disk at `root` in the order in which they boot, each with all that it needs: a missing kernel or
/// directory is a failure here.
pub(crate) fn boot_order(root: &Path) -> Vec<Deployed> {
    let Ok(listing) = fs::read_dir(root.join("boot/loader/entries")) else {
        return Vec::new();
    };
    let mut entries: Vec<(i64, Deployed)> = listing
        .map(|file| entry(root, &fs::read_to_string(file.unwrap().path()).unwrap()))
        .collect();
    entries.sort_by_key(|(version, _)| -version);
    entries.into_iter().map(|(_, entry)| entry).collect()
}

fn entry(root: &Path, text: &str) -> (i64, Deployed) {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_else(|| panic!("no {key} in {text}")).trim()
    };
    let below_boot = |path: &str| {
        let path = path.trim_start_matches('/');
        let path = path.strip_prefix("boot/").unwrap_or(path);
        let bytes = fs::read(root.join("boot").join(path));
        String::from_utf8_lossy(&bytes.unwrap_or_else(|error| panic!("{path}: {error}")))
            .into_owned()
    };
    let (own, others): (Vec<&str>, Vec<&str>) = value("options ")
        .split_whitespace()
        .partition(|word| word.starts_with("ostree="));
    let [link] = own.as_slice() else {
        panic!("one ostree= is wanted: {text}");
    };
    let link = root.join(link.trim_start_matches("ostree=/"));
    let target = link.parent().unwrap().join(fs::read_link(&link).unwrap());
    let directory = fs::canonicalize(target).unwrap();
    let name = directory.file_name().unwrap().to_str().unwrap();
    let (commit, serial) = name.split_once('.').unwrap();
    let stateroot = directory.ancestors().nth(2).unwrap().file_name().unwrap();
    let deployed = Deployed {
        title: value("title ").to_owned(),
        options: others.into_iter().map(str::to_owned).collect(),
        kernel: below_boot(value("linux ")),
        initramfs: below_boot(value("initrd ")),
        stateroot: stateroot.to_str().unwrap().to_owned(),
        commit: commit.to_owned(),
        serial: serial.to_owned(),
        directory,
    };
    (value("version ").parse().unwrap(), deployed)
}
