//! What the running libostree can do.

/// Whether libostree keeps `/var` of a commit as the seed of an empty stateroot (2024.3); before that, ostree-ext
/// moves it to `/usr/share/factory/var`.
pub(crate) fn seeds_var() -> bool {
    ostree::check_version(2024, 3)
}
