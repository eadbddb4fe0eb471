//! Changes of a key file, each of the lines it is about and no other.

use super::line::{Line, is_group, is_writable_key};
use super::{KeyFile, encoding_is_right, value};
use crate::{Error, Result};

impl KeyFile {
    /// Sets a key. One that is there keeps its line, with the spaces around its `=`; a new one comes after the last key of
    /// its group; a new group comes at the end of the file, after a blank line.
    ///
    /// # Errors
    /// [`Error::InvalidName`] and [`Error::Unwritable`]; then nothing has changed.
    pub fn set_string(&mut self, group: &str, key: &str, text: &str) -> Result<()> {
        let unwritable = |reason| Error::Unwritable {
            group: group.to_owned(),
            key: key.to_owned(),
            value: text.to_owned(),
            reason,
        };
        if !is_group(group) {
            return Err(invalid("group", group));
        }
        if !is_writable_key(key) {
            return Err(invalid("key", key));
        }
        if !encoding_is_right(key, text) {
            return Err(unwritable("the encoding is UTF-8"));
        }
        let escaped = value::escape(text).map_err(unwritable)?;
        self.set(group, key, &escaped);
        Ok(())
    }

    /// Sets a key to `true` or `false`.
    ///
    /// # Errors
    /// As for [`KeyFile::set_string`].
    pub fn set_boolean(&mut self, group: &str, key: &str, value: bool) -> Result<()> {
        self.set_string(group, key, if value { "true" } else { "false" })
    }

    /// Removes a key, every line of it. Whether it was there.
    pub fn remove_key(&mut self, group: &str, key: &str) -> bool {
        let lines: Vec<_> = self
            .entries(group)
            .filter(|(_, name, _)| *name == key)
            .map(|(at, _, _)| at)
            .collect();
        for at in lines.iter().rev() {
            self.lines.remove(*at);
        }
        !lines.is_empty()
    }

    /// Removes a group with all that is in it. Comments directly above the next group are that one's, and stay. Whether it
    /// was there.
    pub fn remove_group(&mut self, group: &str) -> bool {
        let headers: Vec<_> = (0..self.lines.len())
            .filter(|at| self.lines[*at].header() == Some(group))
            .collect();
        for header in headers.iter().rev() {
            self.remove_section(*header);
        }
        !headers.is_empty()
    }

    fn remove_section(&mut self, header: usize) {
        let next = (header + 1..self.lines.len()).find(|at| self.lines[*at].header().is_some());
        let Some(next) = next else {
            // The blank line above went with it, as one is put there for a new group.
            let above = header.saturating_sub(1);
            let blank = above < header && self.lines[above].is_blank();
            self.lines.truncate(if blank { above } else { header });
            return;
        };
        let above_next = self.lines[header + 1..next]
            .iter()
            .rev()
            .take_while(|line| line.is_comment())
            .count();
        self.lines.drain(header..next - above_next);
    }

    fn set(&mut self, group: &str, key: &str, escaped: &str) {
        let existing = self.entries(group).filter(|(_, name, _)| *name == key);
        if let Some((at, _, _)) = existing.last() {
            self.lines[at].replace_value(escaped);
            return;
        }
        let line = Line::new_entry(key, escaped);
        let last_key = self.entries(group).last().map(|(at, _, _)| at);
        let header = || self.lines.iter().position(|l| l.header() == Some(group));
        if let Some(above) = last_key.or_else(header) {
            self.insert(above + 1, line);
            return;
        }
        if !self.lines.is_empty() {
            self.insert(self.lines.len(), Line::new_blank());
        }
        self.insert(self.lines.len(), Line::new_header(group));
        self.insert(self.lines.len(), line);
    }

    /// A new line ends as the one above it does.
    fn insert(&mut self, at: usize, mut line: Line) {
        if let Some(above) = at.checked_sub(1).and_then(|at| self.lines.get_mut(at)) {
            above.terminate();
            line.end = above.end;
        }
        self.lines.insert(at, line);
    }
}

fn invalid(what: &'static str, name: &str) -> Error {
    Error::InvalidName {
        what,
        name: name.to_owned(),
    }
}
