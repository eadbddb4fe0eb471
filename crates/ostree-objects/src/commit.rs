//! Commits: `(a{sv}aya(say)sstayay)`, the time big endian.

use crate::variant::{Tuple, align, close_tuple, push_text, text};
use crate::{Checksum, Error, Metadata};

/// A commit object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Keys and values.
    pub metadata: Metadata,
    /// The commit before it.
    pub parent: Option<Checksum>,
    /// One line.
    pub subject: String,
    /// More lines.
    pub body: String,
    /// Seconds since 1970, UTC.
    pub timestamp: u64,
    /// Root dirtree.
    pub tree: Checksum,
    /// Root dirmeta.
    pub meta: Checksum,
}

impl Commit {
    /// Checks what the serialised form takes for granted.
    ///
    /// # Errors
    ///
    /// Metadata that [`Metadata::check`] refuses; a NUL in subject or body.
    pub fn check(&self) -> Result<(), Error> {
        self.metadata.check()?;
        for (what, text) in [("subject", &self.subject), ("body", &self.body)] {
            if text.contains('\0') {
                return Err(Error::Nul { what });
            }
        }
        Ok(())
    }

    /// The object's bytes, metadata sorted by key. The caller holds [`Self::check`].
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.metadata.to_bytes();
        let mut ends = vec![out.len()];
        if let Some(parent) = &self.parent {
            out.extend_from_slice(parent.as_bytes());
        }
        ends.push(out.len());
        // No related objects.
        ends.push(out.len());
        push_text(&mut out, &self.subject);
        ends.push(out.len());
        push_text(&mut out, &self.body);
        ends.push(out.len());
        align(&mut out, 0, 8);
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(self.tree.as_bytes());
        ends.push(out.len());
        out.extend_from_slice(self.meta.as_bytes());
        close_tuple(&mut out, 0, &ends);
        out
    }

    /// SHA-256 of [`Self::to_bytes`].
    #[must_use]
    pub fn checksum(&self) -> Checksum {
        Checksum::of(&self.to_bytes())
    }

    /// Reads a commit object.
    ///
    /// # Errors
    ///
    /// Bytes that are not the normal form; checksums of another length; related objects.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut members = Tuple::new("commit", bytes, 6)?;
        let metadata = Metadata::parse(members.variable(8)?)?;
        let parent = match members.variable(1)? {
            [] => None,
            parent => Some(Checksum::from_field("parent of a commit", parent)?),
        };
        if !members.variable(1)?.is_empty() {
            return Err(Error::RelatedObjects);
        }
        let subject = text("subject", members.variable(1)?)?.to_owned();
        let body = text("body", members.variable(1)?)?.to_owned();
        let timestamp = u64::from_be_bytes(members.fixed()?);
        let tree = Checksum::from_field("root dirtree of a commit", members.variable(1)?)?;
        let meta = Checksum::from_field("root dirmeta of a commit", members.last(1)?)?;
        Ok(Self {
            metadata,
            parent,
            subject,
            body,
            timestamp,
            tree,
            meta,
        })
    }
}
