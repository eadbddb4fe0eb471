//! GLib's key files (`GKeyFile`), line by line, so that what nobody edits stays as it is.

mod edit;
mod line;
mod value;

use crate::{Error, Result};
use line::{End, Line};
use std::fmt;

/// A key file: groups of keys with values, and every comment, blank line and space between them.
///
/// It is read as GLib reads it (all translations kept): groups of one name are one group, of a key's values the last
/// counts, and what GLib refuses is refused. Two things are refused that GLib lets pass, text that is not UTF-8 and NUL
/// characters. Written without an edit, it has the bytes that were read.
///
/// ```
/// use ostree_origin::KeyFile;
///
/// let mut file = KeyFile::parse("# by hand\n[a]\nx = 1 \nname[de]=Welt\n")?;
/// assert_eq!(file.value("a", "x"), Some("1 "));
/// file.set_string("a", "x", " 2")?;
/// assert_eq!(file.to_string(), "# by hand\n[a]\nx = \\s2\nname[de]=Welt\n");
/// # Ok::<(), ostree_origin::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyFile {
    lines: Vec<Line>,
}

impl KeyFile {
    /// One without any line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a whole file.
    ///
    /// # Errors
    /// [`Error::Syntax`] for the first line that is not right.
    pub fn parse(text: &str) -> Result<Self> {
        let mut file = Self::new();
        // The first group alone may say how the file is encoded.
        let mut first_group: Option<String> = None;
        let mut in_group: Option<String> = None;
        let mut rest = text;
        while !rest.is_empty() {
            let number = file.lines.len() + 1;
            let syntax = |reason| Error::Syntax {
                line: number,
                reason,
            };
            let (text, end) = next_line(&mut rest);
            if text.contains('\0') {
                return Err(syntax("a NUL character"));
            }
            let line = Line::parse(text, end).map_err(syntax)?;
            if let Some(name) = line.header() {
                first_group.get_or_insert_with(|| name.to_owned());
                in_group = Some(name.to_owned());
            }
            if let Some((key, value)) = line.entry() {
                if in_group.is_none() {
                    return Err(syntax("a key before the first group"));
                }
                if in_group == first_group && !encoding_is_right(key, value) {
                    return Err(syntax("the encoding is not UTF-8"));
                }
            }
            file.lines.push(line);
        }
        Ok(file)
    }

    /// Reads a whole file from its bytes.
    ///
    /// # Errors
    /// [`Error::Syntax`] for the first line that is not right, UTF-8 included.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(bytes).map_err(|error| Error::Syntax {
            line: 1 + newlines(&bytes[..error.valid_up_to()]),
            reason: "not UTF-8",
        })?;
        Self::parse(text)
    }

    /// The names of all groups, each once, in the order of the file.
    #[must_use]
    pub fn groups(&self) -> Vec<&str> {
        unique(self.lines.iter().filter_map(Line::header))
    }

    /// Whether there is a group of that name.
    #[must_use]
    pub fn has_group(&self, group: &str) -> bool {
        self.lines.iter().any(|line| line.header() == Some(group))
    }

    /// The keys of a group, each once, in the order of the file; none if there is no such group. A translation is a key
    /// of its own: `Name[de]`.
    #[must_use]
    pub fn keys(&self, group: &str) -> Vec<&str> {
        unique(self.entries(group).map(|(_, key, _)| key))
    }

    /// A value as it is in the file, with its escapes.
    #[must_use]
    pub fn value(&self, group: &str, key: &str) -> Option<&str> {
        let entry = self.entries(group).filter(|(_, name, _)| *name == key);
        entry.last().map(|(_, _, value)| value)
    }

    /// A value as text, its escapes taken out; `None` if there is no such key.
    ///
    /// # Errors
    /// [`Error::Value`] for an escape that is none.
    pub fn string(&self, group: &str, key: &str) -> Result<Option<String>> {
        self.read(group, key, value::unescape)
    }

    /// A value as yes or no; `None` if there is no such key.
    ///
    /// # Errors
    /// [`Error::Value`] if it is something else than `true`, `false`, `1` or `0`.
    pub fn boolean(&self, group: &str, key: &str) -> Result<Option<bool>> {
        self.read(group, key, value::boolean)
    }

    fn read<T>(
        &self,
        group: &str,
        key: &str,
        meaning: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Result<Option<T>> {
        let Some(value) = self.value(group, key) else {
            return Ok(None);
        };
        meaning(value).map(Some).map_err(|reason| Error::Value {
            group: group.to_owned(),
            key: key.to_owned(),
            value: value.to_owned(),
            reason,
        })
    }

    /// The lines of a group that hold a key: where they are, key, value.
    fn entries<'a>(&'a self, group: &str) -> impl Iterator<Item = (usize, &'a str, &'a str)> {
        let mut inside = false;
        self.lines.iter().enumerate().filter_map(move |(at, line)| {
            if let Some(name) = line.header() {
                inside = name == group;
            }
            let (key, value) = line.entry().filter(|_| inside)?;
            Some((at, key, value))
        })
    }
}

impl fmt::Display for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            write!(f, "{}{}", line.text, line.end.as_str())?;
        }
        Ok(())
    }
}

/// Cuts the first line off.
fn next_line<'a>(rest: &mut &'a str) -> (&'a str, End) {
    let Some((line, after)) = rest.split_once('\n') else {
        return (std::mem::take(rest), End::File);
    };
    *rest = after;
    match line.strip_suffix('\r') {
        Some(line) => (line, End::CrLf),
        None => (line, End::Lf),
    }
}

/// The key `Encoding` has one value that GLib accepts.
fn encoding_is_right(key: &str, value: &str) -> bool {
    key != "Encoding" || value.eq_ignore_ascii_case("UTF-8")
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}

fn unique<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = std::collections::HashSet::new();
    names.filter(|name| seen.insert(*name)).collect()
}
