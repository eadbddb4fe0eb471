//! Running podman and skopeo where the storage is at its fixed path.
//!
//! podman writes absolute paths into its database and starts helpers that do not inherit file descriptors, so the storage
//! must have a path, and the same one on every host and at installation: [`ALIAS`]. As bootc does, it is bound there in
//! a mount namespace of the one process, and the run root is file descriptor 3. Both strings are in podman's database.
//!
//! The namespace is that of a thread, which then starts the program: a child has its thread's. So no code runs between
//! fork and exec, no shell and no other program is needed, and it ends with the program.

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use cap_std::fs::Dir;
use cap_std_ext::cmdext::{CapStdExtCommandExt as _, CmdFds};
use nix::sched::{CloneFlags, unshare};
use rustix::fd::OwnedFd;
use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::mount::{
    MountFlags, MountPropagationFlags, mount_bind_recursive, mount_change, mount_remount,
};
use rustix::process::fchdir;

use crate::Error;
use crate::limits::MAX_ANSWER_BYTES;

/// Where programs find the storage.
pub(crate) const ALIAS: &str = "/run/bootc/storage";
/// What they call the run root: file descriptor 3.
pub(crate) const RUN_ROOT: &str = "/proc/self/fd/3";
const RUN_ROOT_FD: i32 = 3;
/// How often a running program is looked at for progress.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A program that only waits reads and writes a few bytes all the same: Go's threads wake each other through pipes.
const NOISE_BYTES: u64 = 512;
/// The end of stderr that is kept.
const MAX_STDERR_BYTES: usize = 16 << 10;

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) success: bool,
    pub(crate) status: String,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// What a program is started with beside its arguments.
#[derive(Debug)]
pub(crate) struct Setting<'a> {
    /// The storage, to be found at [`ALIAS`].
    pub(crate) store: &'a Dir,
    /// The run root.
    pub(crate) run: &'a Dir,
    /// A file that is at `/proc/self/fd/4`.
    pub(crate) credentials: Option<Arc<OwnedFd>>,
    /// A directory that is at `/proc/self/fd/5`.
    pub(crate) spool: Option<Arc<OwnedFd>>,
}

/// File descriptor and path of [`Setting::credentials`].
pub(crate) const CREDENTIALS: (i32, &str) = (4, "/proc/self/fd/4");
/// File descriptor and path of [`Setting::spool`].
pub(crate) const SPOOL: (i32, &str) = (5, "/proc/self/fd/5");

/// When some of the programs that run side by side last read or wrote. One that waits for another's lock does neither,
/// and has not stalled as long as that one has not.
#[derive(Debug)]
pub(crate) struct Activity(Mutex<Instant>);

impl Activity {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn idle_for(&self) -> Duration {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.elapsed()
    }
}

/// How a running program is watched.
#[derive(Clone, Copy)]
pub(crate) struct Watch<'a> {
    /// It is killed when for so long neither it nor one beside it reads or writes.
    pub(crate) stall: Duration,
    /// Shared with those that run beside it.
    pub(crate) activity: &'a Activity,
    /// Called now and then.
    pub(crate) look: &'a (dyn Fn() + Sync),
}

/// Runs a program in a setting to its end.
///
/// # Errors
/// It cannot be started there, or stalled ([`io::ErrorKind::TimedOut`]).
pub(crate) fn run_in(
    setting: &Setting<'_>,
    mut command: Command,
    watch: Watch<'_>,
) -> io::Result<Ended> {
    let run_root = Arc::new(OwnedFd::from(setting.run.try_clone()?.into_std_file()));
    let mut files = CmdFds::new();
    files.take_fd_n(run_root, RUN_ROOT_FD);
    if let Some(credentials) = &setting.credentials {
        files.take_fd_n(Arc::clone(credentials), CREDENTIALS.0);
    }
    if let Some(spool) = &setting.spool {
        files.take_fd_n(Arc::clone(spool), SPOOL.0);
        command.env("TMPDIR", SPOOL.1);
    }
    command.take_fds(files);
    let store = setting.store;
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            enter(store)?;
            run(command, watch)
        });
        joined(thread)
    })
}

/// Runs a program where this one runs.
///
/// # Errors
/// As for [`run_in`].
pub(crate) fn run_plain(
    mut command: Command,
    credentials: Option<Arc<OwnedFd>>,
    stall: Duration,
) -> io::Result<Ended> {
    if let Some(credentials) = credentials {
        let mut files = CmdFds::new();
        files.take_fd_n(credentials, CREDENTIALS.0);
        command.take_fds(files);
    }
    let activity = Activity::new();
    let watch = Watch {
        stall,
        activity: &activity,
        look: &|| {},
    };
    run(command, watch)
}

fn joined<T>(thread: ScopedJoinHandle<'_, io::Result<T>>) -> io::Result<T> {
    thread
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("the thread that ran it panicked")))
}

/// Give this thread a mount namespace of its own in which `store` is at [`ALIAS`].
fn enter(store: &Dir) -> io::Result<()> {
    // The working directory becomes this thread's own first. What it names is carried over to the new namespace, which
    // the descriptor is not: only the namespace's own mounts can be bound there.
    unshare(CloneFlags::CLONE_FS)?;
    fchdir(store)?;
    unshare(CloneFlags::CLONE_NEWNS)?;
    isolate("/").or_else(|_| isolate("/run"))?;
    mount_bind_recursive(".", ALIAS)?;
    // A host's physical root is mounted read-only, and podman locks files even to list images.
    if statvfs(ALIAS)?.f_flag.contains(StatVfsMountFlags::RDONLY) {
        mount_remount(ALIAS, MountFlags::BIND, c"")?;
    }
    rustix::process::chdir("/")?;
    Ok(())
}

/// Nothing that is mounted below here is seen outside.
fn isolate(path: &str) -> io::Result<()> {
    let downstream = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    Ok(mount_change(path, downstream)?)
}

fn run(mut command: Command, watching: Watch<'_>) -> io::Result<Ended> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .lifecycle_bind_to_parent_thread();
    let mut child = Running(command.spawn()?);
    let (stdout, stderr) = (child.0.stdout.take(), child.0.stderr.take());
    std::thread::scope(|scope| {
        let (ended, end) = channel();
        let stdout = scope.spawn(move || {
            let read = stdout.map_or_else(|| Ok(Vec::new()), all);
            // Its end is the program's, nearly always, and wakes who waits.
            let _sent = ended.send(());
            read
        });
        let stderr = scope.spawn(move || stderr.map_or_else(|| Ok(Vec::new()), tail));
        watch(&mut child.0, &end, watching)?;
        let status = child.0.wait()?;
        Ok(Ended {
            success: status.success(),
            status: status.to_string(),
            stdout: joined(stdout)?,
            stderr: String::from_utf8_lossy(&joined(stderr)?).into_owned(),
        })
    })
}

/// Waits for the end of a program's output. One that stalls is killed, so that its pipes end.
fn watch(child: &mut Child, end: &Receiver<()>, watch: Watch<'_>) -> io::Result<()> {
    watch.activity.note();
    let mut before = 0;
    while let Err(RecvTimeoutError::Timeout) = end.recv_timeout(LOOK_EVERY) {
        (watch.look)();
        let traffic = traffic(child.id());
        if traffic.abs_diff(before) > NOISE_BYTES || waits_for_disk(child.id()) {
            watch.activity.note();
        }
        before = traffic;
        if watch.activity.idle_for() >= watch.stall {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("it did nothing for {} s", watch.stall.as_secs()),
            ));
        }
    }
    Ok(())
}

/// A number that grows while a process reads and writes, sockets included (`proc_pid_io(5)`).
fn traffic(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/io")).unwrap_or_default();
    text.lines()
        .filter(|line| line.starts_with("rchar:") || line.starts_with("wchar:"))
        .filter_map(|line| line.split_once(' ')?.1.parse::<u64>().ok())
        .fold(0, u64::wrapping_add)
}

/// Whether a thread of a process sleeps until the disk has done something, as while it syncs (`proc_pid_stat(5)`).
fn waits_for_disk(process: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else {
        return false;
    };
    threads.flatten().any(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // The state follows the name, which may have anything in it.
        stat.rsplit_once(')')
            .is_some_and(|(_, rest)| rest.trim_start().starts_with('D'))
    })
}

/// Kills the program if we leave before its end.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _killed = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn all(pipe: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.take(MAX_ANSWER_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn tail(mut pipe: impl Read) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match pipe.read(&mut buffer)? {
            0 => return Ok(kept),
            read => kept.extend_from_slice(&buffer[..read]),
        }
        let excess = kept.len().saturating_sub(MAX_STDERR_BYTES);
        kept.drain(..excess);
    }
}

/// The error for a program that did not come to its end.
pub(crate) fn not_run(program: &'static str, needed_for: &'static str, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        return Error::ProgramMissing {
            program,
            needed_for,
        };
    }
    Error::Io {
        action: match program {
            "skopeo" => "run skopeo",
            _ => "run podman",
        },
        source: error,
    }
}

/// The error for a program that ended badly.
pub(crate) fn failed(program: &'static str, arguments: &[&str], ended: &Ended) -> Error {
    Error::ProgramFailed {
        program,
        arguments: arguments.join(" "),
        status: ended.status.clone(),
        stderr: last_words(&ended.stderr),
    }
}

/// The last of the things that a program said, without a log's decoration, on one line.
pub(crate) fn last_words(stderr: &str) -> String {
    let lines: Vec<&str> = stderr
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let is_error = |line: &&&str| line.starts_with("Error: ") || line.contains("level=fatal");
    let Some(line) = lines.iter().rev().find(is_error).or(lines.last()) else {
        return "it gave no reason".to_owned();
    };
    let message = match line.split_once("level=fatal msg=") {
        Some((_, quoted)) => serde_json::from_str(quoted).unwrap_or_else(|_| quoted.to_owned()),
        None => line.strip_prefix("Error: ").unwrap_or(line).to_owned(),
    };
    message
        .escape_debug()
        .to_string()
        .replace("\\\"", "\"")
        .replace("\\'", "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_a_program_says_and_how_it_ends_is_known() {
        let long = Duration::from_secs(60);
        let ended = run_plain(
            shell("echo out; echo a >&2; echo Error: b >&2; exit 3"),
            None,
            long,
        );
        let ended = ended.unwrap();
        assert!(!ended.success && ended.status.contains('3'), "{ended:?}");
        assert_eq!(ended.stdout, b"out\n");
        assert_eq!(last_words(&ended.stderr), "b");
        let missing = run_plain(Command::new("/no/such/program"), None, long).unwrap_err();
        let error = not_run("podman", "it pulls", missing).to_string();
        assert_eq!(error, "the program podman is not installed, and it pulls");
    }

    #[test]
    fn a_program_that_does_nothing_is_ended() {
        let begun = Instant::now();
        let error =
            run_plain(shell("exec sleep 600"), None, Duration::from_millis(700)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() < Duration::from_secs(300));
        // A little noise is nothing, and whoever transfers something is left alone. (What its children read counts too.)
        let mut noise = Command::new("bash");
        let script = "exec 3<> <(:); while ! read -t 0.1 -u 3; do echo > /dev/null; done";
        noise.args(["-c", script]);
        let error = run_plain(noise, None, Duration::from_millis(1500)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let work = "for _ in 1 2 3 4 5 6 7 8 9; do sleep 0.2; printf %2000s; done";
        let ended = run_plain(shell(work), None, Duration::from_millis(900)).unwrap();
        assert_eq!(ended.stdout.len(), 18_000);
    }

    #[test]
    fn the_last_error_is_what_a_program_says() {
        let check = |stderr: &str, expect: &str| assert_eq!(last_words(stderr), expect);
        check(
            "Trying to pull…\nError: reading manifest\n",
            "reading manifest",
        );
        check("Error: first\nsomething after\n", "first");
        check(
            r#"time="2026" level=fatal msg="no \"x\" there""#,
            r#"no "x" there"#,
        );
        check("only this\n", "only this");
        check("", "it gave no reason");
        check("Error: \u{1b}[2J", "\\u{1b}[2J");
    }
}
