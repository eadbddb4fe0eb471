//! What can go wrong while making test material.

use std::{io, path::PathBuf};

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A line of a listing cannot be read.
    #[error("listing, line {number}: {reason}: {line}")]
    Listing {
        /// Number of the line, from 1.
        number: usize,
        /// The line, trimmed.
        line: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An entry that the chosen tar dialect cannot hold.
    #[error("{path}: {dialect} tar cannot hold {reason}")]
    Dialect {
        /// Path of the entry, escaped.
        path: String,
        /// Name of the dialect.
        dialect: &'static str,
        /// What it cannot hold.
        reason: &'static str,
    },
    /// An entry that an ostree tree cannot hold.
    #[error("{path}: an ostree tree cannot hold {reason}")]
    Tree {
        /// Path of the entry, escaped.
        path: String,
        /// What is in the way.
        reason: String,
    },
    /// An ostree object that could not be made.
    #[error("cannot make an ostree object")]
    Object {
        /// Why.
        #[source]
        source: ostree_objects::Error,
    },
    /// A file that got shorter while it was read.
    #[error("{path}: the file changed while it was read")]
    Changed {
        /// Path of the entry, escaped.
        path: String,
    },
    /// A file or folder that cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something that cannot be written.
    #[error("cannot write {what}")]
    Write {
        /// What.
        what: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}
