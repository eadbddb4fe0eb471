//! Why kernel arguments cannot be read, or not be changed as asked.

use std::io;

/// What is wrong with a kernel argument, with a change of them, or with a file that brings some.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No boot entry can hold this text, or the kernel would read other arguments from it.
    #[error("not a kernel argument: {text:?}: {reason}")]
    Invalid {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There is no argument to change.
    #[error("no kernel argument {argument:?}")]
    NotFound {
        /// What was asked for: a key, or a key with its value.
        argument: String,
    },
    /// There are several, and the change says of none that it is the one.
    #[error("{key} has several values; name one: {key}=VALUE")]
    Ambiguous {
        /// The key.
        key: String,
    },
    /// A file of an image's `kargs.d` cannot be read.
    #[error("{}/{name} cannot be read", super::KARGS_DIRECTORY)]
    Read {
        /// Its name.
        name: String,
        /// Why not.
        source: io::Error,
    },
    /// A file of an image's `kargs.d` is larger than any list of arguments.
    #[error(
        "{}/{name} has {size_bytes} bytes, more than {}",
        super::KARGS_DIRECTORY,
        super::MAX_FILE_BYTES
    )]
    TooLarge {
        /// Its name.
        name: String,
        /// Its size in bytes.
        size_bytes: usize,
    },
    /// A file of an image's `kargs.d` is not what one is.
    #[error(
        "{}/{name} is damaged in line {line}: {reason}",
        super::KARGS_DIRECTORY
    )]
    Format {
        /// Its name.
        name: String,
        /// Where it is wrong, from 1.
        line: usize,
        /// What is wrong with it there.
        reason: String,
    },
    /// A file of an image's `kargs.d` has an argument that is none.
    #[error("{}/{name} has a wrong kernel argument", super::KARGS_DIRECTORY)]
    Argument {
        /// Its name.
        name: String,
        /// What is wrong.
        source: Box<Self>,
    },
}
