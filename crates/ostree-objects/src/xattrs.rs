//! Extended attributes: `a(ayay)`, the names with their NUL.

use crate::Error;
use crate::variant::{Array, Tuple, close_array, close_tuple};

/// Extended attributes of a file or directory.
///
/// [`Self::from_pairs`] gives the canonical form: sorted by name, each name once. What was parsed
/// keeps the order it had, since checksums depend on it; see [`Self::is_canonical`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Xattrs(Vec<(Vec<u8>, Vec<u8>)>);

impl Xattrs {
    /// No attributes.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Attributes in any order; names without NUL.
    ///
    /// # Errors
    ///
    /// A name that is empty, holds a NUL or is there twice.
    pub fn from_pairs(mut pairs: Vec<(Vec<u8>, Vec<u8>)>) -> Result<Self, Error> {
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        if let Some((name, _)) = pairs.iter().find(|(name, _)| !is_name(name)) {
            return Err(Error::XattrName {
                name: String::from_utf8_lossy(name).into_owned(),
            });
        }
        if let Some(pair) = pairs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let name = String::from_utf8_lossy(&pair[0].0).into_owned();
            return Err(Error::XattrTwice { name });
        }
        Ok(Self(pairs))
    }

    /// Names (without NUL) and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// True without attributes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many attributes there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Value of the attribute of that name.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter()
            .find(|(other, _)| *other == name)
            .map(|(_, value)| value)
    }

    /// True when sorted by name with each name once. A bare repo gives attributes back in that
    /// form only, so it cannot hold others.
    #[must_use]
    pub fn is_canonical(&self) -> bool {
        self.0.windows(2).all(|pair| pair[0].0 < pair[1].0)
    }

    /// Sets the attribute, in its sorted place.
    ///
    /// # Errors
    ///
    /// A name that is empty or holds a NUL.
    pub fn set(&mut self, name: &[u8], value: Vec<u8>) -> Result<(), Error> {
        if !is_name(name) {
            return Err(Error::XattrName {
                name: String::from_utf8_lossy(name).into_owned(),
            });
        }
        match self.0.iter_mut().find(|(other, _)| other == name) {
            Some((_, old)) => *old = value,
            None => {
                let place = self.0.partition_point(|(other, _)| other.as_slice() < name);
                self.0.insert(place, (name.to_vec(), value));
            }
        }
        Ok(())
    }

    /// Removes every attribute of that name; true when there was one.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let before = self.0.len();
        self.0.retain(|(other, _)| other != name);
        before != self.0.len()
    }

    /// The serialised `a(ayay)`; no bytes without attributes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// Alignment of the type is 1, so it can be appended anywhere.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let mut ends = Vec::with_capacity(self.0.len());
        for (name, value) in &self.0 {
            let element = out.len();
            out.extend_from_slice(name);
            out.push(0);
            let name_end = out.len() - element;
            out.extend_from_slice(value);
            close_tuple(out, element, &[name_end]);
            ends.push(out.len() - start);
        }
        close_array(out, start, &ends);
    }

    /// Reads `a(ayay)` in its normal form, in any order of names.
    ///
    /// # Errors
    ///
    /// Bytes that are not that type's normal form; a name without its NUL, with another, or empty.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        const WHAT: &str = "extended attributes";
        let elements = Array::new(WHAT, bytes, 1)?;
        let mut pairs = Vec::new();
        for element in elements {
            let mut pair = Tuple::new(WHAT, element?, 1)?;
            let name = pair.variable(1)?;
            let value = pair.last(1)?;
            match name.split_last() {
                Some((0, name)) if is_name(name) => pairs.push((name.to_vec(), value.to_vec())),
                _ => {
                    let name = String::from_utf8_lossy(name).into_owned();
                    return Err(Error::XattrName { name });
                }
            }
        }
        Ok(Self(pairs))
    }
}

fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && !name.contains(&0)
}
