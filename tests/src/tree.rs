//! What `ostree ls` says is in a commit.

use std::collections::BTreeMap;

/// One entry of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// `d`, `-` or `l`.
    pub kind: char,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size in bytes; 0 for directories.
    pub size: u64,
    /// The file object, or the directory's dirtree.
    pub checksum: String,
    /// Target of a symbolic link.
    pub target: Option<String>,
    /// Xattrs as `ostree ls -X` prints them.
    pub xattrs: String,
}

/// All entries of a commit by absolute path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(pub BTreeMap<String, Listed>);

impl Tree {
    /// Reads what `ostree ls -R -C -X COMMIT /` prints.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut entries: Vec<String> = Vec::new();
        for text in text.lines() {
            match entries.last_mut() {
                // A name with a newline goes on.
                Some(last) if !text.contains(" { ") => {
                    last.push('\n');
                    last.push_str(text);
                }
                _ => entries.push(text.to_owned()),
            }
        }
        Self(entries.iter().map(|text| line(text)).collect())
    }

    /// The entry at an absolute path.
    #[track_caller]
    #[must_use]
    pub fn at(&self, path: &str) -> &Listed {
        match self.0.get(path) {
            Some(listed) => listed,
            None => panic!("{path} is not among {:#?}", self.paths()),
        }
    }

    /// Whether there is something at an absolute path.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// All paths.
    #[must_use]
    pub fn paths(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

/// `-00644 0 0      7 CHECKSUM { XATTRS } /path`; directories have two checksums, links ` -> target`.
fn line(text: &str) -> (String, Listed) {
    let (numbers, rest) = text.split_once(" { ").expect("xattrs");
    // No xattr printed as bytes holds " } /".
    let (xattrs, path) = rest.split_once(" } ").expect("path");
    let words: Vec<&str> = numbers.split_whitespace().collect();
    let kind = words[0].chars().next().expect("kind");
    let (path, target) = match path.split_once(" -> ") {
        Some((path, target)) if kind == 'l' => (path, Some(target.to_owned())),
        _ => (path, None),
    };
    let listed = Listed {
        kind,
        mode: u32::from_str_radix(&words[0][1..], 8).expect("mode"),
        uid: words[1].parse().expect("uid"),
        gid: words[2].parse().expect("gid"),
        size: words[3].parse().expect("size"),
        checksum: words[4].to_owned(),
        target,
        xattrs: xattrs.to_owned(),
    };
    (path.to_owned(), listed)
}
