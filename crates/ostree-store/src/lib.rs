#![doc = include_str!("../README.md")]

mod config;
mod content;
mod content_hasher;
mod create;
mod error;
mod file_digests;
mod fs_verity;
mod key_file;
mod linux_verity;
mod list;
mod read;
mod refs;
mod repo;
mod space;
mod stage;
mod sweep;
mod sys;
mod verify;
mod write_out;
mod xattr;

pub use config::{Config, MinFree};
pub use content::{FileObject, FileStat};
pub use content_hasher::ContentHasher;
pub use error::{Error, ErrorKind};
pub use file_digests::{FileDigests, FileFacts};
pub use fs_verity::{FsVerityDigest, FsVerityHasher};
pub use key_file::{BadLine, KeyFile};
pub use linux_verity::{FsVerityWish, enable_fs_verity, measure_fs_verity};
pub use list::{ObjectEntry, Objects};
pub use refs::{BrokenRef, RefList, SyncedRefDirs};
pub use repo::Repo;
pub use space::FreeSpace;
pub use stage::{Hashed, HashedFile, Published, Stage, Unnamed, Written};
pub use sweep::Swept;
pub use verify::Verdict;
