//! Which files of a tree make its policy.

/// Where a policy can be, relative to the root of the tree: the first that exists counts.
pub const POLICY_DIRS: [&str; 2] = ["etc/selinux", "usr/etc/selinux"];

/// Whether the file of a tree can have a say in labels, by its path below the root, without a slash in front.
#[must_use]
pub fn is_policy_path(path: &str) -> bool {
    POLICY_DIRS.iter().any(|dir| path.starts_with(dir))
}
