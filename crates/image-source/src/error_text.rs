//! Lists and other people's words inside error messages.

use std::fmt;

/// At most this many tags are listed in an error.
const MAX_TAGS_SHOWN: usize = 20;

/// The tags of a layout, for an error message.
pub(crate) struct Tags<'a>(pub(crate) &'a [String]);

impl fmt::Display for Tags<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("it has no tags");
        }
        f.write_str("its tags: ")?;
        for (i, tag) in self.0.iter().take(MAX_TAGS_SHOWN).enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            // Tags are the image's own words: control characters must not reach a terminal.
            write!(f, "{}", tag.escape_debug())?;
        }
        match self.0.len().checked_sub(MAX_TAGS_SHOWN) {
            Some(more) if more > 0 => write!(f, " and {more} more"),
            _ => Ok(()),
        }
    }
}

/// What a program wrote last, for an error message.
pub(crate) struct StderrTail<'a>(pub(crate) &'a str);

impl fmt::Display for StderrTail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.trim();
        if text.is_empty() {
            f.write_str(" and said nothing")
        } else {
            write!(f, ": {text}")
        }
    }
}
