//! Why a text is no ref, or a ref no text.

/// What is wrong with a ref, or with the text that should become one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing to name a ref by.
    #[error("invalid empty string for ref")]
    Empty,
    /// A file name ends at a NUL byte.
    #[error("invalid embedded NUL in string for ostree ref, at byte {position}")]
    Nul {
        /// Where it is.
        position: usize,
    },
    /// libostree refuses refs of which a part does not begin with a letter, a digit or `_`.
    #[error(
        "ostree has no ref with a part that begins with {begin:?}: {component:?}; \
         rename that part of the image's name or path"
    )]
    ComponentBegin {
        /// The part, escaped as in the ref.
        component: String,
        /// Its first character.
        begin: char,
    },
    /// A part of a ref is a file name, and the file system ends it.
    #[error(
        "a part of the ref has {length} bytes, more than the {limit} of a file name: {component:?}; \
         every character but letters, digits and - grows by escaping: use a shorter name or path for the image"
    )]
    ComponentLength {
        /// The part, escaped as in the ref, cut to its first characters.
        component: String,
        /// Its length in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A ref is a path, and the kernel ends it.
    #[error(
        "the ref has {length} bytes, more than the {limit} of a path; use a shorter name or path for the image"
    )]
    RefLength {
        /// Its length in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Not a ref name at all.
    #[error("invalid ref name {name:?}: {reason}")]
    InvalidName {
        /// The text.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// A ref of another kind.
    #[error("ref {name:?} is not below {prefix}/")]
    Prefix {
        /// The ref.
        name: String,
        /// What it should be below.
        prefix: &'static str,
    },
    /// Text that the escaping does not make.
    #[error("cannot unescape {text:?}: {reason} at byte {position}")]
    Unescape {
        /// The escaped text.
        text: String,
        /// Where it is wrong.
        position: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// The ref unescapes, but to nothing that names a blob.
    #[error("ref {name:?} names no blob")]
    NoDigest {
        /// The ref.
        name: String,
        /// Why not.
        source: oci_manifest::Error,
    },
    /// The ref unescapes, but to nothing that names an image.
    #[error("ref {name:?} names no image")]
    NoReference {
        /// The ref.
        name: String,
        /// Why not.
        source: oci_manifest::Error,
    },
}
