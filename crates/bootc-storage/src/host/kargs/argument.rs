//! One kernel argument, and how a line of them is cut.

use super::Error;
use std::fmt;

/// `key` or `key=value`, quotes and all. `key` and `key=` are two different arguments.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Argument {
    text: String,
    /// Where the first `=` is.
    equals: Option<usize>,
}

impl Argument {
    fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            equals: text.find('='),
        }
    }

    /// What is before the first `=`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.text[..self.equals.unwrap_or(self.text.len())]
    }

    /// What is behind the first `=`, with its quotes.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.equals.map(|at| &self.text[at + 1..])
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same key with another value.
    pub(super) fn with_value(&self, value: Option<&str>) -> Self {
        Self::new(&match value {
            Some(value) => format!("{}={value}", self.key()),
            None => self.key().to_owned(),
        })
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Cuts a line at its spaces, but not within double quotes. Where the last quote is not closed, the rest is one argument,
/// as the kernel and libostree have it.
pub(super) fn split(line: &str) -> Vec<Argument> {
    let mut quoted = false;
    let parts = line.split(move |c: char| {
        quoted ^= c == '"';
        c.is_ascii_whitespace() && !quoted
    });
    parts
        .filter(|part| !part.is_empty())
        .map(Argument::new)
        .collect()
}

/// Cuts a line that somebody asks to add. More is asked of it than of a line that boots already: a boot entry is a text
/// file, and an open quote would swallow what is added after it.
pub(super) fn split_new(line: &str) -> Result<Vec<Argument>, Error> {
    let invalid = |reason| Error::Invalid {
        text: line.to_owned(),
        reason,
    };
    if line.contains(|c: char| c.is_control() && !c.is_ascii_whitespace()) {
        return Err(invalid("a control character"));
    }
    if line.matches('"').count() % 2 == 1 {
        return Err(invalid("a quote is not closed"));
    }
    let arguments = split(line);
    for argument in &arguments {
        if argument.as_str().contains(['\n', '\r']) {
            return Err(invalid("a line break within quotes"));
        }
        if argument.key().is_empty() {
            return Err(invalid("no key before the ="));
        }
    }
    Ok(arguments)
}
