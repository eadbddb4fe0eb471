//! Whether two entries on disk are the same.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader},
    path::Path,
};

use super::node::Found;
use crate::{Entry, Error, Node};

/// Same kind, metadata (but for the time) and content.
pub(super) fn same(
    lower: &Found,
    lower_path: &Path,
    upper: &Found,
    upper_path: &Path,
) -> Result<bool, Error> {
    let timeless = |entry: &Entry| Entry {
        mtime: 0,
        ..entry.clone()
    };
    if timeless(&lower.entry) != timeless(&upper.entry) {
        return Ok(false);
    }
    if !matches!(upper.entry.node, Node::File(_)) || lower.inode == upper.inode {
        return Ok(true);
    }
    if lower.size != upper.size {
        return Ok(false);
    }
    let open = |path: &Path| {
        File::open(path)
            .map(|file| BufReader::with_capacity(64 * 1024, file))
            .map_err(|source| Error::Read {
                path: path.to_owned(),
                source,
            })
    };
    same_bytes(open(lower_path)?, open(upper_path)?).map_err(|source| Error::Read {
        path: upper_path.to_owned(),
        source,
    })
}

fn same_bytes(mut left: BufReader<File>, mut right: BufReader<File>) -> io::Result<bool> {
    loop {
        let (a, b) = (left.fill_buf()?, right.fill_buf()?);
        let length = a.len().min(b.len());
        if a[..length] != b[..length] || (length == 0 && a.len() != b.len()) {
            return Ok(false);
        }
        if length == 0 {
            return Ok(true);
        }
        left.consume(length);
        right.consume(length);
    }
}
