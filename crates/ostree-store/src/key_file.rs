//! Key files as GLib reads them: groups of keys with values.

use std::collections::BTreeMap;

/// A key file's values. Of a key that is there several times the last counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFile(BTreeMap<(String, String), String>);

/// A line that is neither a group, a key with a value, nor a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is neither a group, a key with a value, nor a comment")]
pub struct BadLine {
    /// Its number, from 1.
    pub line: usize,
}

impl KeyFile {
    /// Reads the text of one.
    ///
    /// # Errors
    ///
    /// A line that is none of a key file.
    pub fn parse(text: &str) -> Result<Self, BadLine> {
        let mut values = BTreeMap::new();
        let mut group = None;
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
            {
                group = Some(name.to_owned());
                continue;
            }
            let (Some(group), Some((key, value))) = (&group, line.split_once('=')) else {
                return Err(BadLine { line: index + 1 });
            };
            values.insert(
                (group.clone(), key.trim().to_owned()),
                value.trim().to_owned(),
            );
        }
        Ok(Self(values))
    }

    /// A value as it stands.
    #[must_use]
    pub fn get(&self, group: &str, key: &str) -> Option<&str> {
        let value = self.0.get(&(group.to_owned(), key.to_owned()));
        value.map(String::as_str)
    }
}
