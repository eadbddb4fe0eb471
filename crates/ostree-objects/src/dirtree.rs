//! Entries of directories: `(a(say)a(sayay))`.

use crate::variant::{Array, Tuple, close_array, close_tuple, push_text, text};
use crate::{Checksum, Error};

/// Files and directories of one directory, each list sorted by the bytes of the name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirTree {
    /// Name and file object of each regular file and symbolic link.
    pub files: Vec<(String, Checksum)>,
    /// Name, dirtree and dirmeta of each directory.
    pub dirs: Vec<(String, Checksum, Checksum)>,
}

impl DirTree {
    /// Checks what libostree takes for granted: names that a directory can have, sorted, each once.
    ///
    /// # Errors
    ///
    /// Names that are empty, `.`, `..`, or hold `/` or NUL; names out of order; a name twice, be it
    /// once as a file and once as a directory.
    pub fn check(&self) -> Result<(), Error> {
        check_names(self.files.iter().map(|(name, _)| name.as_str()))?;
        check_names(self.dirs.iter().map(|(name, ..)| name.as_str()))?;
        let mut dirs = self.dirs.iter().map(|(name, ..)| name).peekable();
        for (name, _) in &self.files {
            while dirs.next_if(|dir| *dir < name).is_some() {}
            if dirs.peek() == Some(&name) {
                return Err(Error::EntryOrder { name: name.clone() });
            }
        }
        Ok(())
    }

    /// The file object of that name.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<Checksum> {
        let place = self
            .files
            .binary_search_by(|entry| entry.0.as_str().cmp(name))
            .ok()?;
        Some(self.files[place].1)
    }

    /// Dirtree and dirmeta of the directory of that name.
    #[must_use]
    pub fn dir(&self, name: &str) -> Option<(Checksum, Checksum)> {
        let place = self
            .dirs
            .binary_search_by(|entry| entry.0.as_str().cmp(name))
            .ok()?;
        Some((self.dirs[place].1, self.dirs[place].2))
    }

    /// The object's bytes. The caller holds [`Self::check`].
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let names = self
            .files
            .iter()
            .map(|entry| entry.0.len() + 40)
            .sum::<usize>()
            + self
                .dirs
                .iter()
                .map(|entry| entry.0.len() + 72)
                .sum::<usize>();
        let mut out = Vec::with_capacity(names + 8);
        let mut ends = Vec::with_capacity(self.files.len().max(self.dirs.len()));
        for (name, checksum) in &self.files {
            let element = out.len();
            push_text(&mut out, name);
            let name_end = out.len() - element;
            out.extend_from_slice(checksum.as_bytes());
            close_tuple(&mut out, element, &[name_end]);
            ends.push(out.len());
        }
        close_array(&mut out, 0, &ends);
        let files_end = out.len();
        ends.clear();
        for (name, tree, meta) in &self.dirs {
            let element = out.len();
            push_text(&mut out, name);
            let name_end = out.len() - element;
            out.extend_from_slice(tree.as_bytes());
            let tree_end = out.len() - element;
            out.extend_from_slice(meta.as_bytes());
            close_tuple(&mut out, element, &[name_end, tree_end]);
            ends.push(out.len() - files_end);
        }
        close_array(&mut out, files_end, &ends);
        close_tuple(&mut out, 0, &[files_end]);
        out
    }

    /// SHA-256 of [`Self::to_bytes`].
    #[must_use]
    pub fn checksum(&self) -> Checksum {
        Checksum::of(&self.to_bytes())
    }

    /// Reads a dirtree object.
    ///
    /// # Errors
    ///
    /// Bytes that are not the normal form; entries that [`Self::check`] refuses.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        const WHAT: &str = "dirtree";
        let mut members = Tuple::new(WHAT, bytes, 1)?;
        let files = Array::new("files of a dirtree", members.variable(1)?, 1)?;
        let dirs = Array::new("directories of a dirtree", members.last(1)?, 1)?;
        let mut tree = Self {
            files: Vec::with_capacity(capacity(files.len(), 35)),
            dirs: Vec::with_capacity(capacity(dirs.len(), 68)),
        };
        for element in files {
            let mut entry = Tuple::new(WHAT, element?, 1)?;
            let name = text(WHAT, entry.variable(1)?)?.to_owned();
            let checksum = Checksum::from_field("checksum of a file", entry.last(1)?)?;
            tree.files.push((name, checksum));
        }
        for element in dirs {
            let mut entry = Tuple::new(WHAT, element?, 2)?;
            let name = text(WHAT, entry.variable(1)?)?.to_owned();
            let content = Checksum::from_field("checksum of a dirtree", entry.variable(1)?)?;
            let meta = Checksum::from_field("checksum of a dirmeta", entry.last(1)?)?;
            tree.dirs.push((name, content, meta));
        }
        tree.check()?;
        Ok(tree)
    }
}

/// An array of empty elements claims one element a byte; room is made for real ones only.
const fn capacity(claimed: usize, smallest: usize) -> usize {
    claimed.div_ceil(smallest)
}

fn check_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    let mut previous = "";
    for name in names {
        if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
            return Err(Error::EntryName {
                name: name.to_owned(),
            });
        }
        if name <= previous {
            return Err(Error::EntryOrder {
                name: name.to_owned(),
            });
        }
        previous = name;
    }
    Ok(())
}
