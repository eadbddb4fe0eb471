//! Names that ostree takes for refs.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// Bytes of one part of a ref between slashes: each is a file name.
pub const MAX_COMPONENT_BYTES: usize = 255;

/// Bytes of a ref: `refs/heads/` and the ref and its end are one path of at most 4096 bytes.
pub const MAX_REF_BYTES: usize = 4096 - "refs/heads/".len() - 1;

/// Characters of an overlong part that an error shows.
const SHOWN: usize = 60;

/// A local ref that ostree accepts and a file system can hold, such as `ostree/container/blob/sha256_3A_…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefName(String);

impl RefName {
    /// The name without `refs/heads/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for RefName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for RefName {
    type Err = Error;

    /// Checks libostree's grammar (parts of `_`, `-`, `.` and letters and digits of any script, not beginning with `-` or
    /// `.`) and the lengths of path and file name.
    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = |reason| Error::InvalidName {
            name: text.to_owned(),
            reason,
        };
        for component in text.split('/') {
            let Some(begin) = component.chars().next() else {
                return Err(bad("it has an empty part"));
            };
            let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
            if !component.chars().all(fits) {
                return Err(bad(
                    "only letters, digits and the characters . _ - / are allowed",
                ));
            }
            if matches!(begin, '-' | '.') {
                return Err(Error::ComponentBegin {
                    component: component.chars().take(SHOWN).collect(),
                    begin,
                });
            }
            if component.len() > MAX_COMPONENT_BYTES {
                return Err(Error::ComponentLength {
                    component: component.chars().take(SHOWN).collect(),
                    length: component.len(),
                    limit: MAX_COMPONENT_BYTES,
                });
            }
        }
        if text.len() > MAX_REF_BYTES {
            return Err(Error::RefLength {
                length: text.len(),
                limit: MAX_REF_BYTES,
            });
        }
        Ok(Self(text.to_owned()))
    }
}

/// Whether two different refs cannot both exist: one is a file where the other needs a directory.
///
/// The image `docker://h/a/b` collides with `docker://h/a/b/c:t`. Names with a tag or a digest seldom collide, since
/// these stand in the last part. A ref does not collide with itself.
///
/// ```
/// use ostree_refs::{collides, image_ref};
///
/// let short = image_ref(&"docker://h/a/b".parse()?)?;
/// assert!(collides(&short, &image_ref(&"docker://h/a/b/c:t".parse()?)?));
/// assert!(!collides(&short, &image_ref(&"docker://h/a/bc:t".parse()?)?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn collides(a: &RefName, b: &RefName) -> bool {
    let (shorter, longer) = if a.0.len() < b.0.len() {
        (a, b)
    } else {
        (b, a)
    };
    longer
        .0
        .strip_prefix(&shorter.0)
        .is_some_and(|rest| rest.starts_with('/'))
}
