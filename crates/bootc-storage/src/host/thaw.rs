//! A file system that is frozen does not stay so when we are killed.
//!
//! libostree freezes the file system of `/boot` for the moment in which the boot order is synced (XFS: a boot loader does
//! not read its log). Its own watchdog does not thaw after a SIGKILL: it takes the closed socket for the word that all is
//! done (`ostree-sysroot-deploy.c`, `fsfreeze_thaw_cycle`). What is left is a machine on which nothing can be written.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Waits for a line; where the writer is gone without one, thaws. Where nothing is frozen, that changes nothing.
const SCRIPT: &str = r#"read -r _ || exec fsfreeze --unfreeze "$1""#;

/// While this lives, a process of its own waits for our end.
#[derive(Debug)]
pub(super) struct ThawGuard(Option<Child>);

impl ThawGuard {
    /// Begin to watch. Without a shell or fsfreeze(8) there is no guard, as with every other program.
    pub(super) fn over(directory: &Path) -> Self {
        let guard = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(directory)
            // Out of reach of what is sent to our group.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(guard.ok())
    }
}

impl Drop for ThawGuard {
    fn drop(&mut self) {
        let Some(mut guard) = self.0.take() else {
            return;
        };
        if let Some(mut input) = guard.stdin.take() {
            // A guard that is gone already has nothing to be told.
            drop(input.write_all(b"done\n"));
        }
        drop(guard.wait());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::ThawGuard;

    #[test]
    fn it_ends_with_the_work() {
        let mut guard = ThawGuard::over(Path::new("/nowhere"));
        let child = guard.0.as_mut().unwrap();
        assert!(child.try_wait().unwrap().is_none(), "it waits");
        drop(guard);
    }

    #[test]
    fn it_thaws_when_nobody_says_done() {
        let mut guard = ThawGuard::over(Path::new("/nowhere"));
        let mut child = guard.0.take().unwrap();
        drop(child.stdin.take());
        // fsfreeze was started, and has nothing there to thaw.
        assert_eq!(child.wait().unwrap().code(), Some(1));
    }
}
