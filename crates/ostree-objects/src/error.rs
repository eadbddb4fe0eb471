//! What can be wrong with the bytes or the values of an object.

/// Why bytes are no object, or values cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Text that should be a checksum is something else.
    #[error("{text:?} is no checksum: 64 lower-case hexadecimal digits are needed")]
    Checksum {
        /// The text, shortened to 80 characters.
        text: String,
    },
    /// A checksum inside an object does not have 32 bytes.
    #[error("{what} has {length} bytes where a checksum has 32")]
    ChecksumLength {
        /// Which field.
        what: &'static str,
        /// How many bytes it has.
        length: usize,
    },
    /// The bytes are not the one serialised form of the type.
    #[error("{what}: {problem} (at byte {offset})")]
    Variant {
        /// Which type or field was read.
        what: &'static str,
        /// What is wrong.
        problem: &'static str,
        /// Byte offset within that field.
        offset: usize,
    },
    /// The bytes end before the object does.
    #[error("{what} is cut: {needed} bytes are needed, there are {available}")]
    Cut {
        /// Which object or field.
        what: &'static str,
        /// Bytes that its own length calls for.
        needed: u64,
        /// Bytes that there are.
        available: u64,
    },
    /// A length is over its limit.
    #[error("{what} has {length} bytes, over the limit of {limit}")]
    TooLong {
        /// Which object or field.
        what: &'static str,
        /// Its length.
        length: u64,
        /// The limit.
        limit: u64,
    },
    /// A name that no directory entry can have.
    #[error("{name:?} cannot be the name of a directory entry")]
    EntryName {
        /// The name.
        name: String,
    },
    /// Two entries, or metadata keys, out of order or of one name.
    #[error("{name:?} is out of order or there twice")]
    EntryOrder {
        /// The later one.
        name: String,
    },
    /// Text that holds a NUL byte, which no serialised string can.
    #[error("{what} holds a NUL byte")]
    Nul {
        /// Which field.
        what: &'static str,
    },
    /// The name of an extended attribute is empty or holds a NUL byte.
    #[error("{name:?} cannot be the name of an extended attribute")]
    XattrName {
        /// The name, bytes that are no UTF-8 replaced.
        name: String,
    },
    /// The same extended attribute twice.
    #[error("extended attribute {name:?} is there twice")]
    XattrTwice {
        /// The name, bytes that are no UTF-8 replaced.
        name: String,
    },
    /// A mode that the kind of object cannot have.
    #[error("mode {mode:o} is not that of {wanted}")]
    Mode {
        /// The mode, file type included.
        mode: u32,
        /// What the object should be.
        wanted: &'static str,
    },
    /// A symbolic link without a target, or a target on something else.
    #[error("a symbolic link needs a target, and nothing else has one")]
    SymlinkTarget,
    /// A device number where ostree knows no devices.
    #[error("the file header has device number {rdev}")]
    DeviceNumber {
        /// The number found.
        rdev: u32,
    },
    /// A commit with related objects: libostree never wrote one.
    #[error("the commit lists related objects, which no version of ostree writes")]
    RelatedObjects,
    /// A repo mode or object type of another name.
    #[error("{text:?} is no {what} known here")]
    Unknown {
        /// What was looked for.
        what: &'static str,
        /// What was there.
        text: String,
    },
}
