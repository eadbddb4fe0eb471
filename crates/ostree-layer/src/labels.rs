//! SELinux labels for what a layer brings.

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
}

/// No labels: whatever labels a derived layer carries are dropped, and none are added.
///
/// Layers are shared by hosts and images with different policies, so a label in a layer is no more than its
/// builder's; the merged tree's own policy decides later.
#[derive(Debug, Clone, Copy, Default)]
pub struct AsTheyCome;

impl Labels for AsTheyCome {
    fn label(&self, _path: &str, _mode: u32) -> Result<Option<Vec<u8>>, LabelError> {
        Ok(None)
    }
}

/// Why no label could be found.
pub type LabelError = Box<dyn std::error::Error + Send + Sync>;
