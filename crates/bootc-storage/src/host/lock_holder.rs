//! Who holds the sysroot lock, for a message.

use std::fmt::Write as _;

use cap_std::fs::{Dir, MetadataExt as _};
use rustix::fs::{major, minor};

/// libostree's lock file (`ostree-sysroot.c`, `OSTREE_SYSROOT_LOCKFILE`).
const LOCK_FILE: &str = "ostree/lock";

/// The program that holds the lock, as `NAME (process N)`. Best effort: a process of another user is not looked into.
pub(super) fn lock_holder(root: &Dir) -> Option<String> {
    let lock = root.metadata(LOCK_FILE).ok()?;
    let mut file = String::new();
    // As the kernel prints it in fdinfo (fs/locks.c, lock_get_status).
    write!(
        file,
        "{:02x}:{:02x}:{}",
        major(lock.dev()),
        minor(lock.dev()),
        lock.ino()
    )
    .ok()?;
    processes()?
        .find(|process| holds(process, &file))
        .map(|process| {
            let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
            format!("{} (process {process})", name.trim_end())
        })
}

fn processes() -> Option<impl Iterator<Item = u32>> {
    let listing = std::fs::read_dir("/proc").ok()?;
    let own = std::process::id();
    Some(
        listing
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(move |process| *process != own),
    )
}

/// The locks of an open file stand in its fdinfo: `lock: 1: OFDLCK ADVISORY WRITE -1 fe:00:123 0 EOF`.
fn holds(process: &u32, file: &str) -> bool {
    let Ok(listing) = std::fs::read_dir(format!("/proc/{process}/fdinfo")) else {
        return false;
    };
    listing.filter_map(Result::ok).any(|fd| {
        std::fs::read_to_string(fd.path()).is_ok_and(|text| {
            text.lines()
                .filter_map(|line| line.strip_prefix("lock:"))
                .any(|lock| lock.split_ascii_whitespace().any(|word| word == file))
        })
    })
}
