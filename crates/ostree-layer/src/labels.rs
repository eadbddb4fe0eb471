//! SELinux labels for what a layer brings.

use std::fmt;

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

/// When the labels of a derived layer's files are known.
#[derive(Clone, Copy)]
pub enum Labelling<'a> {
    /// Now: each object is written with its label.
    By(&'a dyn Labels),
    /// Once other layers have been read: content is written at once, and named by
    /// [`UnlabelledLayer::label`](crate::UnlabelledLayer::label).
    Later,
}

impl fmt::Debug for Labelling<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::By(labels) => f.debug_tuple("By").field(&labels.policy()).finish(),
            Self::Later => f.write_str("Later"),
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
