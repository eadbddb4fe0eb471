//! Why a file is no origin, a value no answer, or an edit not made.

/// What is wrong with a key file, or with a change of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is damaged: nothing of it is used.
    #[error("line {line}: {reason}")]
    Syntax {
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// This one value cannot be read; the others can.
    #[error("[{group}] {key}: {reason}: {value:?}")]
    Value {
        /// Its group.
        group: String,
        /// Its key.
        key: String,
        /// The text in the file.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The origin names no image, though it has the key for one.
    #[error("[origin] container-image-reference: not an image reference: {text:?}")]
    Reference {
        /// The text in the file.
        text: String,
        /// Why not.
        source: oci_manifest::Error,
    },
    /// The format has no way to write this name.
    #[error("not a name of a {what} in a key file: {name:?}")]
    InvalidName {
        /// `group` or `key`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The format has no way to write this value so that it reads back.
    #[error("[{group}] {key}: a key file cannot hold {value:?}: {reason}")]
    Unwritable {
        /// The group.
        group: String,
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// Why not.
        reason: &'static str,
    },
}
