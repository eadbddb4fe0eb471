//! What is in a folder, entry by entry.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::{self, File},
    io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use rustix::fs::{lgetxattr, llistxattr};
use sha2::{Digest as _, Sha256};

/// Every entry below `root` (which is `.`) as one line: type and mode, owner, size and SHA-256 or link target,
/// xattrs. Paths are relative.
#[must_use]
pub fn snapshot(root: &Path) -> BTreeMap<String, String> {
    let mut entries = BTreeMap::new();
    visit(root, ".", &mut entries);
    entries
}

fn visit(root: &Path, path: &str, entries: &mut BTreeMap<String, String>) {
    let here = root.join(path);
    entries.insert(path.to_owned(), describe(&here));
    if fs::symlink_metadata(&here).expect("metadata").is_dir() {
        for entry in fs::read_dir(&here).expect("folder") {
            let name = entry.expect("entry").file_name();
            let name = name.to_str().expect("name in UTF-8");
            let below = if path == "." {
                name.to_owned()
            } else {
                format!("{path}/{name}")
            };
            visit(root, &below, entries);
        }
    }
}

fn describe(path: &Path) -> String {
    let metadata = fs::symlink_metadata(path).expect("metadata");
    let mut text = format!(
        "{:06o} {}:{}",
        metadata.permissions().mode(),
        metadata.uid(),
        metadata.gid()
    );
    if metadata.is_file() {
        let mut hasher = Sha256::new();
        io::copy(
            &mut File::open(path).expect("file"),
            &mut HashWriter(&mut hasher),
        )
        .expect("read");
        write!(text, " {} ", metadata.len()).expect("write");
        for byte in hasher.finalize() {
            write!(text, "{byte:02x}").expect("write");
        }
    } else if metadata.is_symlink() {
        write!(text, " -> {}", fs::read_link(path).expect("link").display()).expect("write");
    }
    for (name, value) in xattrs(path) {
        write!(text, " {name}={}", value.escape_ascii()).expect("write");
    }
    text
}

struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn xattrs(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut list = vec![0; 65536];
    let length = llistxattr(path, &mut list[..]).expect("list of xattrs");
    list[..length]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| {
            let mut value = vec![0; 65536];
            let length = lgetxattr(path, name, &mut value[..]).expect("xattr");
            value.truncate(length);
            (String::from_utf8_lossy(name).into_owned(), value)
        })
        .collect()
}
