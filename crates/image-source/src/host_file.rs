//! Whether a file of the host is there.

use std::path::Path;

use cap_std::fs::Dir;
use rustix::fs::{Mode, OFlags, ResolveFlags};

/// Whether `path`, absolute inside `root`, leads to something; absolute links are resolved inside `root`, too.
pub(crate) fn exists(root: &Dir, path: &Path) -> bool {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    rustix::fs::openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT).is_ok()
}
