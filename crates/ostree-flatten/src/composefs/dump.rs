//! Dump files: a tree as lines of text, as `mkcomposefs --from-file` reads and `composefs-info dump` writes them.
//!
//! Each line is a path, ten fixed fields and the extended attributes, separated by one space
//! (`composefs-dump(5)`).

mod escape;
mod number;
mod parse;
mod write;

pub use parse::parse_dump;
pub use write::write_dump;
