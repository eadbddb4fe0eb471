//! A composefs dump (one line an entry: composefs-dump(5)) against a tree on disk.

use super::contestant::Place;
use crate::run::Run;
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Mode, owner, size of a file, target of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Facts {
    mode: u32,
    owner: (u32, u32),
    size: u64,
    target: Vec<u8>,
}

type Tree = BTreeMap<Vec<u8>, Facts>;

/// How many entries agree; an error if any does not.
pub(super) fn compare(place: &Place<'_>, tree: &Path) -> Result<usize> {
    let dump = Run::new(&place.programs.composefs)
        .arg("--repo")
        .arg(place.repo())
        .args(["oci", "dump", "host"])
        .read()?;
    let found = parse(&dump)?;
    let mut expected = Tree::new();
    walk(tree, b"", &mut expected)?;
    let mut differences = expected
        .iter()
        .filter(|(path, facts)| found.get(*path) != Some(facts))
        .map(|(path, _)| path)
        .chain(found.keys().filter(|path| !expected.contains_key(*path)));
    if let Some(first) = differences.next() {
        let first = first.escape_ascii();
        bail!("{} entries differ, first {first}", 1 + differences.count());
    }
    Ok(expected.len())
}

fn parse(dump: &str) -> Result<Tree> {
    let mut tree = Tree::new();
    let mut links = Vec::new();
    for line in dump.lines() {
        let fields: Vec<_> = line.split(' ').collect();
        let [path, size, mode, _, uid, gid, _, _, payload, ..] = fields.as_slice() else {
            bail!("a short line: {line}");
        };
        let Some(path) = placed(unescaped(path)?) else {
            continue;
        };
        if mode.starts_with('@') {
            links.push((path, placed(unescaped(payload)?)));
            continue;
        }
        let mode = u32::from_str_radix(mode, 8)?;
        let is = |kind: u32| mode & 0o170_000 == kind;
        let facts = Facts {
            mode: if is(0o120_000) { 0 } else { mode },
            owner: (uid.parse()?, gid.parse()?),
            size: if is(0o100_000) { size.parse()? } else { 0 },
            target: if is(0o120_000) {
                unescaped(payload)?
            } else {
                Vec::new()
            },
        };
        tree.insert(path, facts);
    }
    for (path, target) in links {
        let facts = target.and_then(|target| tree.get(&target).cloned());
        tree.insert(path, facts.context("a hard link to nothing")?);
    }
    Ok(tree)
}

/// Where an ostree commit has a path; `None` for what it has not, and for the root.
fn placed(path: Vec<u8>) -> Option<Vec<u8>> {
    let hidden = ["/run/", "/tmp/", "/proc/", "/sys/", "/dev/"];
    if path == b"/"
        || hidden
            .iter()
            .any(|folder| path.starts_with(folder.as_bytes()))
    {
        return None;
    }
    match path.strip_prefix(b"/etc") {
        Some(rest) if rest.is_empty() || rest.starts_with(b"/") => {
            Some([b"/usr/etc", rest].concat())
        }
        _ => Some(path),
    }
}

/// `\n`, `\\`, `\x20` and the like.
fn unescaped(field: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = field.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            bytes.push(*byte);
            continue;
        }
        let (kind, after) = rest.split_first().context("an escape without a letter")?;
        rest = after;
        bytes.push(match kind {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let digits = rest.get(..2).context("an escape without digits")?;
                rest = &rest[2..];
                u8::from_str_radix(std::str::from_utf8(digits)?, 16)?
            }
            other => *other,
        });
    }
    Ok(bytes)
}

fn walk(folder: &Path, path: &[u8], tree: &mut Tree) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = [path, b"/", entry.file_name().as_bytes()].concat();
        let meta = fs::symlink_metadata(entry.path())?;
        let target = match meta.is_symlink() {
            true => fs::read_link(entry.path())?.into_os_string().into_vec(),
            false => Vec::new(),
        };
        let facts = Facts {
            mode: if meta.is_symlink() { 0 } else { meta.mode() },
            owner: (meta.uid(), meta.gid()),
            size: if meta.is_file() { meta.len() } else { 0 },
            target,
        };
        if meta.is_dir() {
            walk(&entry.path(), &path, tree)?;
        }
        tree.insert(path, facts);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_dump_are_read_and_put_where_ostree_has_them() {
        let dump = "/ 4096 40755 3 0 0 0 0.0 - - -\n/etc 4096 40755 2 0 0 0 0.0 - - -\n\
            /etc/a\\x20b 5 100644 2 1 2 0 0.0 aa/bb - -\n/usr/l 3 120777 1 0 0 0 0.0 ../x - -\n\
            /usr/h 0 @120644 1 0 0 0 0.0 /etc/a\\x20b - -\n/run/x 0 100644 1 0 0 0 0.0 - - -\n";
        let tree = parse(dump).unwrap();
        let names: Vec<_> = tree
            .keys()
            .map(|path| String::from_utf8_lossy(path).into_owned())
            .collect();
        assert_eq!(names, ["/usr/etc", "/usr/etc/a b", "/usr/h", "/usr/l"]);
        let file = &tree[&b"/usr/h"[..]];
        assert_eq!((file.size, file.owner, file.mode), (5, (1, 2), 0o100_644));
        assert_eq!(tree[&b"/usr/l"[..]].target, b"../x");
    }
}
