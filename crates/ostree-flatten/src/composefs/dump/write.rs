//! From tree to text.

use std::io::Write;

use super::{
    super::{DirEntry, Error, Kind, NodeId, Tree},
    escape::{Also, escape},
};

/// Writes a tree as a dump, depth first, as `composefs-info dump` does.
///
/// Attributes are in the order in which they were set.
///
/// # Errors
///
/// Those of `output`.
pub fn write_dump(tree: &Tree, mut output: impl Write) -> Result<(), Error> {
    let mut line = Vec::new();
    let mut path = b"/".to_vec();
    put_line(tree, NodeId::ROOT, &path, false, &mut line);
    let mut write = |line: &mut Vec<u8>| {
        let result = output.write_all(line).map_err(|source| Error::Io {
            action: "writing the dump",
            source,
        });
        line.clear();
        result
    };
    write(&mut line)?;
    path.clear();
    // Each directory on the way down, and where its path ends.
    let mut open = vec![(tree.entries(NodeId::ROOT), 0)];
    while let Some((entries, length)) = open.last_mut() {
        path.truncate(*length);
        let Some(DirEntry {
            name,
            node,
            is_link,
        }) = entries.next()
        else {
            open.pop();
            continue;
        };
        path.push(b'/');
        path.extend_from_slice(name);
        put_line(tree, node, &path, is_link, &mut line);
        write(&mut line)?;
        if !is_link {
            open.push((tree.entries(node), path.len()));
        }
    }
    output.flush().map_err(|source| Error::Io {
        action: "writing the dump",
        source,
    })
}

fn put_line(tree: &Tree, node: NodeId, path: &[u8], is_link: bool, line: &mut Vec<u8>) {
    let (kind, stat) = (tree.kind(node), tree.stat(node));
    let rdev = match kind {
        Kind::CharDevice { rdev, .. } | Kind::BlockDevice { rdev, .. } => rdev,
        _ => 0,
    };
    escape(path, Also::Nothing, line);
    let fields = format!(
        " {} {}{:o} {} {} {} {rdev} {}.{} ",
        kind.size(),
        if is_link { "@" } else { "" },
        kind.type_bits() | stat.permissions,
        stat.nlink,
        stat.uid,
        stat.gid,
        stat.mtime.seconds,
        stat.mtime.nanoseconds,
    );
    line.extend_from_slice(fields.as_bytes());
    let target = is_link.then(|| tree.path(node));
    let (payload, content, digest) = match &kind {
        Kind::Inline { content } if !content.is_empty() => (None, Some(&**content), None),
        Kind::Backed { path, digest, .. } => (path.as_deref(), None, *digest),
        Kind::Symlink { target } => (Some(*target), None, None),
        _ => (None, None, None),
    };
    put_optional(target.as_deref().or(payload), line);
    line.push(b' ');
    put_optional(content, line);
    line.push(b' ');
    match digest {
        Some(digest) => line.extend_from_slice(digest.to_string().as_bytes()),
        None => line.push(b'-'),
    }
    for (name, value) in tree.xattrs(node) {
        line.push(b' ');
        escape(name, Also::Equals, line);
        line.push(b'=');
        escape(value, Also::Equals, line);
    }
    line.push(b'\n');
}

fn put_optional(text: Option<&[u8]>, line: &mut Vec<u8>) {
    match text {
        Some(text) => escape(text, Also::LoneDash, line),
        None => line.push(b'-'),
    }
}
