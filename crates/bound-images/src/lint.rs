//! Declarations that work and are still worth a word.

use std::fmt;

/// Something odd about a declaration that stops nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// The link's name.
    pub declaration: String,
    /// What it is.
    pub oddity: Oddity,
}

/// What is odd.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Oddity {
    /// Neither tag nor digest is named.
    Untagged,
    /// The tag `latest` is named.
    Latest,
    /// Another link, which comes first, declares the same image.
    Duplicate {
        /// That link's name.
        of: String,
    },
    /// The unit has a key that podman heeds at run time and the pull of a bound image does not.
    IgnoredKey {
        /// The key.
        key: &'static str,
    },
    /// The container's unit does not look for its image where bound images are.
    OtherStorage,
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            declaration,
            oddity,
        } = self;
        match oddity {
            Oddity::Untagged => write!(
                f,
                "{declaration}: the image has neither tag nor digest; latest is meant"
            ),
            Oddity::Latest => write!(
                f,
                "{declaration}: the tag latest moves; a digest says what the host is bound to"
            ),
            Oddity::Duplicate { of } => write!(f, "{declaration}: the same image as {of}"),
            Oddity::IgnoredKey { key } => {
                write!(f, "{declaration}: {key}= does not count for bound images")
            }
            Oddity::OtherStorage => write!(
                f,
                "{declaration}: the container does not look in the storage of bound images; it needs GlobalArgs=--storage-opt=additionalimagestore=/usr/lib/bootc/storage"
            ),
        }
    }
}
