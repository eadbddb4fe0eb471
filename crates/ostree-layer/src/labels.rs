//! SELinux labels for what a layer brings.

use std::fmt;

use crate::Error;

/// Says which SELinux label a path gets.
pub trait Labels: Send + Sync {
    /// The value of `security.selinux` for `path`, a path of the final tree without a leading slash (the root
    /// is the empty string), whose `mode` includes the file type. The value ends with a NUL byte, as the
    /// kernel stores it. `None`: the path gets no label.
    ///
    /// # Errors
    ///
    /// Whatever keeps the policy from answering; it fails the import.
    fn label(&self, path: &str, mode: u32) -> Result<Option<Vec<u8>>, LabelError>;

    /// The fingerprint of the policy behind the labels, for [`LABEL_POLICY_KEY`](crate::LABEL_POLICY_KEY): equal ones
    /// label alike. `None`: there is no policy, and no path gets a label.
    fn policy(&self) -> Option<String>;
}

/// The files of a layer that have come so far.
pub trait LayerFiles {
    /// The content of a regular file; `None` where `path` (of the final tree, without a leading slash) is none. Links
    /// are not followed.
    ///
    /// # Errors
    ///
    /// A file of more than `limit` bytes; one that cannot be read.
    fn read_file(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, Error>;

    /// The names in a directory, in no order; `None` where `path` is none.
    fn names(&self, path: &str) -> Option<Vec<String>>;
}

/// Who finds out which labels apply, while layers come in.
pub trait SeekLabels: Sync {
    /// The labels, if they are known by now.
    fn known(&self) -> Option<&dyn Labels>;

    /// Whether a file at `path` (of the final tree, without a leading slash) may tell the labels.
    fn tells(&self, path: &str) -> bool;

    /// Such files have come, and others after them: look.
    fn look(&self, files: &dyn LayerFiles) -> Option<&dyn Labels>;
}

/// When the labels of a derived layer's files are known.
#[derive(Clone, Copy)]
pub enum Labelling<'a> {
    /// Now: each object is written with its label.
    By(&'a dyn Labels),
    /// Once this or another layer has told them. Until then content is written at once and named later: when the layer
    /// ends, or by [`UnlabelledLayer::label`](crate::UnlabelledLayer::label).
    Sought(&'a dyn SeekLabels),
}

impl fmt::Debug for Labelling<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::By(labels) => f.debug_tuple("By").field(&labels.policy()).finish(),
            Self::Sought(_) => f.write_str("Sought"),
        }
    }
}

/// No labels: whatever labels a derived layer carries are dropped, and none are added.
///
/// A label in a layer is no more than its builder's; the merged tree's own policy decides.
#[derive(Debug, Clone, Copy, Default)]
pub struct AsTheyCome;

impl Labels for AsTheyCome {
    fn label(&self, _path: &str, _mode: u32) -> Result<Option<Vec<u8>>, LabelError> {
        Ok(None)
    }

    fn policy(&self) -> Option<String> {
        None
    }
}

/// Why no label could be found.
pub type LabelError = Box<dyn std::error::Error + Send + Sync>;
