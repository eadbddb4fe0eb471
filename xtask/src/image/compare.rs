//! Two trees on disk, entry by entry: type, mode, owner, content, link target, extended attributes.

use anyhow::{Context as _, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// What the two trees have to agree on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    /// Off where an ordinary user unpacked, who can give no file away.
    pub(crate) owners: bool,
    /// Off where only one of the two programs labels files.
    pub(crate) labels: bool,
}

/// What was compared.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    pub(crate) files: u64,
    pub(crate) folders: u64,
    pub(crate) links: u64,
    pub(crate) attributes: u64,
    pub(crate) bytes: u64,
    differences: u64,
}

const SHOWN: u64 = 20;

/// Walks both trees; an error if they differ anywhere.
pub(crate) fn trees(expected: &Path, found: &Path, rule: Rule) -> Result<Compared> {
    let mut compared = Compared::default();
    compared.entry(expected, found, rule)?;
    match compared.differences {
        0 => Ok(compared),
        count => bail!(
            "{count} differences between {} and {}",
            expected.display(),
            found.display()
        ),
    }
}

impl Compared {
    /// How many entries were equal.
    pub(crate) fn entries(&self) -> u64 {
        self.files + self.folders + self.links
    }

    fn entry(&mut self, expected: &Path, found: &Path, rule: Rule) -> Result<()> {
        let (left, right) = (expected.symlink_metadata()?, found.symlink_metadata()?);
        self.facts(expected, &left, &right, rule);
        let (named, seen) = (attributes(expected)?, attributes(found)?);
        let named: Vec<_> = named.iter().filter(|(name, _)| rule.counts(name)).collect();
        let seen: Vec<_> = seen.iter().filter(|(name, _)| rule.counts(name)).collect();
        self.attributes += named.len() as u64;
        if named != seen {
            self.differ(expected, &format!("attributes {named:?}, found {seen:?}"));
        }
        if left.file_type() != right.file_type() {
            return Ok(());
        }
        if left.is_dir() {
            self.folders += 1;
            return self.folder(expected, found, rule);
        }
        if left.is_symlink() {
            self.links += 1;
            let (to, there) = (expected.read_link()?, found.read_link()?);
            if to != there {
                self.differ(
                    expected,
                    &format!("links to {}, found {}", to.display(), there.display()),
                );
            }
            return Ok(());
        }
        self.files += 1;
        self.bytes += left.size();
        if left.size() != right.size() {
            self.differ(
                expected,
                &format!("{} bytes, found {}", left.size(), right.size()),
            );
        } else if !same_bytes(&mut File::open(expected)?, &mut File::open(found)?)? {
            self.differ(expected, "the content differs");
        }
        Ok(())
    }

    fn folder(&mut self, expected: &Path, found: &Path, rule: Rule) -> Result<()> {
        let (left, right) = (names(expected)?, names(found)?);
        for name in left.difference(&right) {
            self.differ(&expected.join(name), "is missing");
        }
        for name in right.difference(&left) {
            self.differ(&expected.join(name), "should not be there");
        }
        left.intersection(&right)
            .try_for_each(|name| self.entry(&expected.join(name), &found.join(name), rule))
    }

    fn facts(&mut self, path: &Path, left: &Metadata, right: &Metadata, rule: Rule) {
        // An ordinary user's checkout makes files readable and no file set-uid.
        let mask = if rule.owners { u32::MAX } else { 0o170_111 };
        let facts = |m: &Metadata| {
            let owner = if rule.owners {
                (m.uid(), m.gid())
            } else {
                (0, 0)
            };
            // Nobody reads the mode of a link.
            (if m.is_symlink() { 0 } else { m.mode() & mask }, owner)
        };
        if left.file_type() != right.file_type() || facts(left) != facts(right) {
            let show = |m: &Metadata| format!("{:o} {}:{}", m.mode(), m.uid(), m.gid());
            self.differ(path, &format!("{}, found {}", show(left), show(right)));
        }
    }

    fn differ(&mut self, path: &Path, how: &str) {
        self.differences += 1;
        if self.differences <= SHOWN {
            println!("  differs: {}: {how}", path.display());
        }
    }
}

impl Rule {
    /// Not what unpacking tools write for themselves where they may not set owners.
    fn counts(self, attribute: &str) -> bool {
        let bookkeeping = attribute == "user.ostreemeta" || attribute == "user.rootlesscontainers";
        !bookkeeping && (self.labels || attribute != "security.selinux")
    }
}

/// The extended attributes of an entry itself, not of what it links to.
fn attributes(path: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut list = vec![0; 1 << 16];
    let length = match rustix::fs::llistxattr(path, &mut list) {
        Ok(length) => length,
        Err(rustix::io::Errno::NOTSUP) => 0,
        Err(error) => return Err(error.into()),
    };
    let mut attributes = BTreeMap::new();
    for name in list[..length]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
    {
        let mut value = vec![0; 1 << 16];
        let size = rustix::fs::lgetxattr(path, OsStr::from_bytes(name), &mut value)?;
        value.truncate(size);
        attributes.insert(String::from_utf8(name.to_vec())?, value);
    }
    Ok(attributes)
}

fn same_bytes(left: &mut File, right: &mut File) -> Result<bool> {
    let (mut a, mut b) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let count = left.read(&mut a)?;
        // The sizes are equal, so the other file has as many bytes.
        right.read_exact(&mut b[..count])?;
        if count == 0 || a[..count] != b[..count] {
            return Ok(count == 0);
        }
    }
}

fn names(folder: &Path) -> Result<BTreeSet<OsString>> {
    let listing = fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    listing.map(|entry| Ok(entry?.file_name())).collect()
}

impl std::fmt::Display for Compared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            files,
            folders,
            links,
            attributes,
            bytes,
            ..
        } = self;
        let bytes = crate::run::bytes(*bytes);
        write!(
            f,
            "{files} files ({bytes}), {folders} folders, {links} links, {attributes} extended attributes"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn each_kind_of_difference_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let check = |change: fn(&Path), equal: bool| {
            let (left, right) = (folder.path().join("left"), folder.path().join("right"));
            for tree in [&left, &right] {
                fs::create_dir_all(tree.join("sub")).unwrap();
                fs::write(tree.join("sub/file"), "text").unwrap();
                std::os::unix::fs::symlink("file", tree.join("sub/link")).unwrap();
            }
            change(&right);
            let result = trees(
                &left,
                &right,
                Rule {
                    owners: true,
                    labels: true,
                },
            );
            assert_eq!(result.is_ok(), equal, "{result:?}");
            fs::remove_dir_all(&left).unwrap();
            fs::remove_dir_all(&right).unwrap();
        };
        check(|_| (), true);
        check(
            |tree| fs::write(tree.join("sub/file"), "tixt").unwrap(),
            false,
        );
        check(
            |tree| fs::write(tree.join("sub/other"), "text").unwrap(),
            false,
        );
        check(
            |tree| fs::remove_file(tree.join("sub/link")).unwrap(),
            false,
        );
        check(
            |tree| {
                fs::set_permissions(tree.join("sub"), fs::Permissions::from_mode(0o700)).unwrap();
            },
            false,
        );
        check(
            |tree| {
                fs::remove_file(tree.join("sub/link")).unwrap();
                std::os::unix::fs::symlink("file2", tree.join("sub/link")).unwrap();
            },
            false,
        );
    }
}
