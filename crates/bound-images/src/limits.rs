//! How much of a tree's declarations is believed. Real hosts declare a handful.

/// Entries of the declarations' directory, and of a directory of drop-ins.
pub const MAX_ENTRIES: usize = 1000;

/// Bytes of a unit file or of one of its drop-ins.
pub const MAX_UNIT_BYTES: u64 = 64 << 10;

/// Links that are followed on the way to one file, as Linux has it.
pub const MAX_LINKS: usize = 40;

/// Names that are looked at on the way to one file.
pub const MAX_STEPS: usize = 1000;

/// Bytes of a lock record.
pub const MAX_RECORD_BYTES: u64 = 4 << 20;

/// Bytes that a program may answer with.
pub const MAX_ANSWER_BYTES: u64 = 64 << 20;
