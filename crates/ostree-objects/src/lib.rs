#![doc = include_str!("../README.md")]

mod checksum;
mod commit;
mod dirmeta;
mod dirtree;
mod error;
mod file;
mod hasher;
mod metadata;
mod mode;
mod name;
mod value;
mod variant;
mod xattrs;

pub use checksum::Checksum;
pub use commit::Commit;
pub use dirmeta::DirMeta;
pub use dirtree::DirTree;
pub use error::Error;
pub use file::{FileHeader, HEADER_PREFIX_BYTES, MAX_HEADER_BYTES, header_length};
pub use hasher::FileHasher;
pub use metadata::Metadata;
pub use mode::{S_IFDIR, S_IFLNK, S_IFMT, S_IFREG};
pub use name::{ObjectName, ObjectType, RepoMode};
pub use value::Value;
pub use xattrs::Xattrs;

/// Largest metadata object that is read, in bytes: what libostree allows since 2024 (older
/// versions fetch at most 10 MiB). A dirtree of 100,000 entries has about 11 MiB.
pub const MAX_METADATA_BYTES: u64 = 128 * 1024 * 1024;
