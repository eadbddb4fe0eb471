//! One line: what it is, and the grammar of GLib's key files that says so.

use std::ops::Range;

/// How a line ends. A carriage return anywhere else is text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The file does.
    File,
    Lf,
    CrLf,
}

impl End {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::File => "",
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
        }
    }
}

/// What a line is, with the places of its parts in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Blank, or begins with `#`.
    Note,
    /// `[name]`
    Header { name: Range<usize> },
    /// `key=value`, the value up to the end of the line, spaces there too.
    Entry { key: Range<usize>, value: usize },
}

/// A line as it is in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) end: End,
    kind: Kind,
}

impl Line {
    /// Reads the text of one line, without its end.
    pub(super) fn parse(text: &str, end: End) -> Result<Self, &'static str> {
        Ok(Self {
            kind: kind(text)?,
            text: text.to_owned(),
            end,
        })
    }

    /// `key=value`; a name by [`is_writable_key`], a value escaped already.
    pub(super) fn new_entry(key: &str, escaped: &str) -> Self {
        Self {
            text: format!("{key}={escaped}"),
            end: End::Lf,
            kind: Kind::Entry {
                key: 0..key.len(),
                value: key.len() + 1,
            },
        }
    }

    /// `[name]`; a name by [`is_group`].
    pub(super) fn new_header(name: &str) -> Self {
        Self {
            text: format!("[{name}]"),
            end: End::Lf,
            kind: Kind::Header {
                name: 1..1 + name.len(),
            },
        }
    }

    pub(super) const fn new_blank() -> Self {
        Self {
            text: String::new(),
            end: End::Lf,
            kind: Kind::Note,
        }
    }

    pub(super) fn header(&self) -> Option<&str> {
        match &self.kind {
            Kind::Header { name } => Some(&self.text[name.clone()]),
            _ => None,
        }
    }

    /// Key and value, the value with its escapes.
    pub(super) fn entry(&self) -> Option<(&str, &str)> {
        match &self.kind {
            Kind::Entry { key, value } => Some((&self.text[key.clone()], &self.text[*value..])),
            _ => None,
        }
    }

    pub(super) fn is_blank(&self) -> bool {
        self.text.trim_start_matches(is_space).is_empty()
    }

    pub(super) fn is_comment(&self) -> bool {
        self.kind == Kind::Note && !self.is_blank()
    }

    /// Puts another value, escaped already, in the place of the one that is there.
    pub(super) fn replace_value(&mut self, escaped: &str) {
        if let Kind::Entry { value, .. } = self.kind {
            self.text.truncate(value);
            self.text.push_str(escaped);
        }
    }

    /// Ends the file's last line, so that another can follow; its text stays what it is.
    pub(super) fn terminate(&mut self) {
        if self.end == End::File {
            // One carriage return before the newline is taken for a part of the line's end.
            self.end = if self.text.ends_with('\r') {
                End::CrLf
            } else {
                End::Lf
            };
        }
    }
}

fn kind(text: &str) -> Result<Kind, &'static str> {
    let begin = text.len() - text.trim_start_matches(is_space).len();
    let line = &text[begin..];
    if line.is_empty() || line.starts_with('#') {
        return Ok(Kind::Note);
    }
    if let Some(name) = header(line) {
        if !is_group(name) {
            return Err("invalid group name");
        }
        let begin = begin + 1;
        return Ok(Kind::Header {
            name: begin..begin + name.len(),
        });
    }
    let equals = line
        .find('=')
        .filter(|at| *at > 0)
        .ok_or("not a key-value pair, a group, or a comment")?;
    let key = line[..equals].trim_end_matches(is_space);
    if !is_key(key) {
        return Err("invalid key name");
    }
    let value = line[equals + 1..].trim_start_matches(is_space);
    Ok(Kind::Entry {
        key: begin..begin + key.len(),
        value: text.len() - value.len(),
    })
}

/// Spaces and tabs may follow the bracket, nothing else.
fn header(line: &str) -> Option<&str> {
    let (name, after) = line.strip_prefix('[')?.split_once(']')?;
    after.chars().all(|c| c == ' ' || c == '\t').then_some(name)
}

/// What `g_ascii_isspace` takes for one: no vertical tab.
pub(super) const fn is_space(c: char) -> bool {
    c.is_ascii_whitespace()
}

pub(super) fn is_group(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c == '[' || c == ']' || c.is_ascii_control())
}

/// `key` or `key[locale]`, spaces within allowed.
fn is_key(name: &str) -> bool {
    let (base, locale) = match name.split_once('[') {
        Some((base, locale)) => (base, Some(locale)),
        None => (name, None),
    };
    let is_base = !base.is_empty()
        && !base.contains(['=', ']'])
        && !base.starts_with(' ')
        && !base.ends_with(' ');
    is_base && locale.is_none_or(|rest| rest.strip_suffix(']').is_some_and(is_locale))
}

fn is_locale(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_alphanumeric() || ['-', '_', '.', '@'].contains(&c))
}

/// Whether a line that is made with this key reads back as that key.
pub(super) fn is_writable_key(name: &str) -> bool {
    !name.contains(['\n', '\0'])
        && Line::parse(&format!("{name}="), End::Lf)
            .is_ok_and(|line| line.entry() == Some((name, "")))
}
