//! Which object, or record of attributes, a path of an encapsulated layer is.

use ostree_objects::{Checksum, ObjectName, ObjectType};

use crate::Problem;
use crate::show::show;

/// Where the repository is in the layer; only paths without a leading `./` are its (ostree-ext's reader strips
/// exactly this).
const REPOSITORY: &str = "sysroot/ostree/repo/";

/// What a path below the repository is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Path {
    /// `objects/xx/….{commit,commitmeta,dirtree,dirmeta,file}`.
    Object(ObjectName),
    /// `objects/xx/….file-xattrs`: attributes under their own checksum.
    XattrRecord(Checksum),
    /// `objects/xx/….file-xattrs-link`: attributes of that file, or a hard link to a record of them.
    XattrsOf(Checksum),
    /// `xattrs/…`, format 0: attributes under their own checksum.
    OldXattrRecord(Checksum),
    /// `objects/xx/….file.xattrs`, format 0: a hard link to a record of that file's attributes.
    OldXattrsOf(Checksum),
    /// Anything else: not the repository's, or no object.
    Other,
}

/// Tell what `path` is.
pub(super) fn parse(path: &str) -> Result<Path, Problem> {
    let Some(path) = path.strip_prefix(REPOSITORY) else {
        return Ok(Path::Other);
    };
    if let Some(record) = path.strip_prefix("xattrs/") {
        return checksum(record).map(Path::OldXattrRecord);
    }
    let Some(name) = path.strip_prefix("objects/") else {
        return Ok(Path::Other);
    };
    let not_a_name = || Problem::ObjectName {
        name: show(name.as_bytes()),
    };
    let (shard, rest) = name.split_once('/').ok_or_else(not_a_name)?;
    let (stem, extension) = rest.split_once('.').ok_or_else(not_a_name)?;
    if shard.len() != 2 {
        return Err(not_a_name());
    }
    let checksum = checksum(&format!("{shard}{stem}")).map_err(|_| not_a_name())?;
    let object = |object_type| Ok(Path::Object(ObjectName::new(checksum, object_type)));
    match extension {
        "commit" => object(ObjectType::Commit),
        "commitmeta" => object(ObjectType::CommitMeta),
        "dirtree" => object(ObjectType::DirTree),
        "dirmeta" => object(ObjectType::DirMeta),
        "file" => object(ObjectType::File),
        "file-xattrs" => Ok(Path::XattrRecord(checksum)),
        "file-xattrs-link" => Ok(Path::XattrsOf(checksum)),
        "file.xattrs" => Ok(Path::OldXattrsOf(checksum)),
        _ => Err(not_a_name()),
    }
}

/// The record that a hard link of format 1 leads to: `…/objects/ab/….file-xattrs` or `../ab/….file-xattrs`.
pub(super) fn link_target(target: &str) -> Result<Checksum, Problem> {
    let missing = || Problem::NoXattrRecord {
        record: show(target.as_bytes()),
    };
    let mut names = target.rsplit('/');
    let stem = names
        .next()
        .and_then(|name| name.strip_suffix(".file-xattrs"));
    let shard = names.next().filter(|shard| shard.len() == 2);
    let (shard, stem) = shard.zip(stem).ok_or_else(missing)?;
    checksum(&format!("{shard}{stem}")).map_err(|_| missing())
}

/// The record that a hard link of format 0 leads to: its last name.
pub(super) fn old_link_target(target: &str) -> Result<Checksum, Problem> {
    let name = target.rsplit('/').next().unwrap_or_default();
    checksum(name).map_err(|_| Problem::NoXattrRecord {
        record: show(target.as_bytes()),
    })
}

fn checksum(text: &str) -> Result<Checksum, Problem> {
    text.parse().map_err(|_| Problem::ObjectName {
        name: show(text.as_bytes()),
    })
}

#[cfg(test)]
mod tests {
    use ostree_objects::{ObjectName, ObjectType};

    use super::{Path, link_target, old_link_target, parse};

    const HEX: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const REST: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    #[test]
    fn paths() {
        let checksum = HEX.parse().unwrap();
        let object = |kind| Path::Object(ObjectName::new(checksum, kind));
        for (path, expected) in [
            (
                format!("sysroot/ostree/repo/objects/aa/{REST}.file"),
                object(ObjectType::File),
            ),
            (
                format!("sysroot/ostree/repo/objects/aa/{REST}.dirmeta"),
                object(ObjectType::DirMeta),
            ),
            (
                format!("sysroot/ostree/repo/objects/aa/{REST}.file-xattrs"),
                Path::XattrRecord(checksum),
            ),
            (
                format!("sysroot/ostree/repo/objects/aa/{REST}.file-xattrs-link"),
                Path::XattrsOf(checksum),
            ),
            (
                format!("sysroot/ostree/repo/xattrs/{HEX}"),
                Path::OldXattrRecord(checksum),
            ),
            (
                format!("sysroot/ostree/repo/objects/aa/{REST}.file.xattrs"),
                Path::OldXattrsOf(checksum),
            ),
            (
                format!("./sysroot/ostree/repo/objects/aa/{REST}.file"),
                Path::Other,
            ),
            ("sysroot/ostree/repo/config".to_owned(), Path::Other),
            ("sysroot/ostree/repo/refs/heads/x".to_owned(), Path::Other),
            ("usr/bin/sh".to_owned(), Path::Other),
        ] {
            assert_eq!(parse(&path), Ok(expected), "{path}");
        }
        for name in [
            format!("a/{REST}.file"),
            format!("aa/{REST}"),
            format!("aa/{REST}.filez"),
            format!("aa/{REST}a.file"),
            format!("AA/{REST}.file"),
            format!("aa{REST}.file"),
        ] {
            assert!(
                parse(&format!("sysroot/ostree/repo/objects/{name}")).is_err(),
                "{name}"
            );
        }
    }

    #[test]
    fn targets() {
        let checksum = HEX.parse().unwrap();
        for target in [
            format!("../aa/{REST}.file-xattrs"),
            format!("sysroot/ostree/repo/objects/aa/{REST}.file-xattrs"),
        ] {
            assert_eq!(link_target(&target), Ok(checksum));
        }
        for target in [
            format!("{REST}.file-xattrs"),
            format!("../aa/{REST}.file"),
            String::new(),
        ] {
            assert!(link_target(&target).is_err());
        }
        assert_eq!(
            old_link_target(&format!("../../../xattrs/{HEX}")),
            Ok(checksum)
        );
        assert!(old_link_target("x").is_err());
    }
}
