//! A label.

use std::fmt;
use std::sync::Arc;

/// A security context, such as `system_u:object_r:bin_t:s0`. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(Arc<str>);

impl Label {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The context as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of `security.selinux` as the kernel stores it: with a NUL byte at the end.
    #[must_use]
    pub fn xattr_value(&self) -> Vec<u8> {
        let mut value = Vec::with_capacity(self.0.len() + 1);
        value.extend_from_slice(self.0.as_bytes());
        value.push(0);
        value
    }
}

impl std::borrow::Borrow<str> for Label {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Label {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
