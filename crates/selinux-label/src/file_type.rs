//! The type of a file, as rules name it and as modes hold it.

/// The bits of a mode that are its type.
const MASK: u32 = 0o170_000;

/// A file type in a rule's second field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileType {
    bits: u32,
    field: &'static str,
}

const TYPES: [FileType; 7] = [
    FileType {
        bits: 0o100_000,
        field: "--",
    },
    FileType {
        bits: 0o040_000,
        field: "-d",
    },
    FileType {
        bits: 0o120_000,
        field: "-l",
    },
    FileType {
        bits: 0o020_000,
        field: "-c",
    },
    FileType {
        bits: 0o060_000,
        field: "-b",
    },
    FileType {
        bits: 0o010_000,
        field: "-p",
    },
    FileType {
        bits: 0o140_000,
        field: "-s",
    },
];

impl FileType {
    /// Reads a rule's second field.
    pub(crate) fn from_field(field: &str) -> Option<Self> {
        TYPES.into_iter().find(|known| known.field == field)
    }

    /// How a rule names it.
    pub(crate) fn field(self) -> &'static str {
        self.field
    }

    /// Whether a file of this mode can be of the type; a mode without a type can be of every.
    pub(crate) fn fits(self, mode: u32) -> bool {
        mode & MASK == 0 || mode & MASK == self.bits
    }
}
