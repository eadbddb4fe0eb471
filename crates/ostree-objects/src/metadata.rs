//! Metadata of commits: `a{sv}`.

use std::collections::BTreeMap;

use crate::variant::{Array, Tuple, align, close_array, close_tuple, push_text, text};
use crate::{Error, Value};

/// Keys and values; written sorted by key, which makes equal metadata equal bytes.
///
/// libostree writes keys in the order they were added. So a commit of others that is parsed and
/// written again may have other bytes: copy its bytes, not its values, where its checksum matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata(pub BTreeMap<String, Value>);

impl Metadata {
    /// No metadata.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// The value of that key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// The text of that key, when it is of type `s`.
    #[must_use]
    pub fn get_str(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// Sets a value; gives back the one that was there.
    pub fn insert(&mut self, key: impl Into<String>, value: Value) -> Option<Value> {
        self.0.insert(key.into(), value)
    }

    /// Checks what the serialised form takes for granted.
    ///
    /// # Errors
    ///
    /// An empty key; a NUL in a key or text; a type that is none.
    pub fn check(&self) -> Result<(), Error> {
        for (key, value) in &self.0 {
            check_key(key)?;
            value.check()?;
        }
        Ok(())
    }

    /// The serialised `a{sv}`, which is also the content of a `.commitmeta`. The caller holds
    /// [`Self::check`].
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// `out` is aligned to 8 at its end.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let mut ends = Vec::with_capacity(self.0.len());
        for (key, value) in &self.0 {
            align(out, start, 8);
            let entry = out.len();
            push_text(out, key);
            let key_end = out.len() - entry;
            align(out, entry, 8);
            value.write(out);
            close_tuple(out, entry, &[key_end]);
            ends.push(out.len() - start);
        }
        close_array(out, start, &ends);
    }

    /// Reads `a{sv}`. Of a key that is there twice the first counts, as for libostree's look-ups.
    ///
    /// # Errors
    ///
    /// Bytes that are not the normal form; an empty key.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        const WHAT: &str = "metadata";
        let mut map = BTreeMap::new();
        for element in Array::new(WHAT, bytes, 8)? {
            let mut entry = Tuple::new(WHAT, element?, 1)?;
            let key = text(WHAT, entry.variable(1)?)?;
            check_key(key)?;
            let value = Value::parse(entry.last(8)?)?;
            map.entry(key.to_owned()).or_insert(value);
        }
        Ok(Self(map))
    }
}

fn check_key(key: &str) -> Result<(), Error> {
    if key.is_empty() {
        return Err(Error::Unknown {
            what: "metadata key",
            text: String::new(),
        });
    }
    if key.contains('\0') {
        return Err(Error::Nul {
            what: "metadata key",
        });
    }
    Ok(())
}
