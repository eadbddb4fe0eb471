//! Running skopeo. The one file that starts programs: what cannot be read directly (registries, podman's storage,
//! docker) is skopeo's business, and its policy checks are the only ones that the field trusts.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cap_std_ext::cmdext::CapStdExtCommandExt as _;

use crate::{Auth, Error, SourceConfig};

/// The end of stderr that is kept: 16 KiB.
const MAX_STDERR_BYTES: usize = 16 << 10;
/// How often a running program is looked at.
const POLL: Duration = Duration::from_millis(20);
/// How often its progress is measured.
const MEASURE: Duration = Duration::from_millis(200);

/// skopeo with its global options: the platform, the policy, and where temporary files go. It ends when the thread
/// that started it ends.
pub(crate) fn skopeo(config: &SourceConfig, policy: Policy<'_>, tmp: Option<&Path>) -> Command {
    let mut command = Command::new(&config.skopeo);
    command.lifecycle_bind_to_parent_thread();
    let platform = &config.platform;
    command.args([
        "--override-os",
        &platform.os,
        "--override-arch",
        &platform.architecture,
    ]);
    if let Some(variant) = &platform.variant {
        command.args(["--override-variant", variant]);
    }
    match policy {
        Policy::SkopeosOwn => {}
        Policy::File(path) => {
            command.arg("--policy").arg(path);
        }
        Policy::None => {
            command.arg("--insecure-policy");
        }
    }
    if let Some(tmp) = tmp {
        command.arg("--tmpdir").arg(tmp);
    }
    command
}

/// Which containers policy a skopeo is given.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Policy<'a> {
    /// The one it finds itself.
    #[cfg_attr(
        not(feature = "proxy"),
        expect(dead_code, reason = "only the proxy runs without a word about it")
    )]
    SkopeosOwn,
    /// This one.
    File(&'a Path),
    /// None at all.
    None,
}

/// `skopeo copy` of `from` into the directory `to`, verbatim: blobs and manifest keep their bytes wherever the source
/// has them as they are. Temporary files go to `tmp`.
pub(crate) fn copy(
    config: &SourceConfig,
    policy: Policy<'_>,
    from: &str,
    to: &Path,
    tmp: &Path,
) -> Command {
    let mut command = skopeo(config, policy, Some(tmp));
    // Signatures are checked first and then left out: with them, skopeo refuses to describe podman's layers anew.
    command.args(["copy", "--quiet", "--remove-signatures"]);
    match &config.auth {
        Auth::Anonymous => {
            command.arg("--src-no-creds");
        }
        Auth::File(path) => {
            command.arg("--src-authfile").arg(path);
        }
        Auth::Default => {}
    }
    if let Some(dir) = &config.cert_dir {
        command.arg("--src-cert-dir").arg(dir);
    }
    if let Some(verify) = config.tls_verify {
        command.arg(format!("--src-tls-verify={verify}"));
    }
    let mut target = std::ffi::OsString::from("dir:");
    target.push(to);
    command.arg(from).arg(target);
    command
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) success: bool,
    /// Its exit status in words.
    pub(crate) status: String,
    /// The end of what it wrote to stderr.
    pub(crate) stderr: String,
    /// All of its stdout, up to the same limit.
    #[cfg_attr(
        not(feature = "proxy"),
        expect(dead_code, reason = "only a proxy's version is asked")
    )]
    pub(crate) stdout: String,
}

/// Why a program did not come to its end.
#[derive(Debug)]
pub(crate) enum RunError {
    /// It could not be started, or waited for.
    Start(io::Error),
    /// It made no progress for the whole timeout, and was killed.
    Stalled,
}

/// Runs a program to its end. `measure` gives a number that changes as long as there is progress; without a change
/// for `stall` it is killed.
pub(crate) fn run(
    command: &mut Command,
    stall: Duration,
    mut measure: impl FnMut() -> u64,
) -> Result<Ended, RunError> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = Running(command.spawn().map_err(RunError::Start)?);
    let stdout = keep_tail(child.0.stdout.take());
    let stderr = keep_tail(child.0.stderr.take());
    let mut progress = measure();
    let mut moved = Instant::now();
    let mut measured = Instant::now();
    let status = loop {
        if let Some(status) = child.0.try_wait().map_err(RunError::Start)? {
            break status;
        }
        if measured.elapsed() >= MEASURE {
            measured = Instant::now();
            let now = measure();
            if now != progress {
                progress = now;
                moved = Instant::now();
            }
        }
        if moved.elapsed() >= stall {
            return Err(RunError::Stalled);
        }
        std::thread::sleep(POLL);
    };
    Ok(Ended {
        success: status.success(),
        status: status.to_string(),
        stderr: tail_text(stderr),
        stdout: tail_text(stdout),
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

fn keep_tail(pipe: Option<impl Read + Send + 'static>) -> Option<JoinHandle<Vec<u8>>> {
    let mut pipe = pipe?;
    Some(std::thread::spawn(move || {
        let mut tail = VecDeque::new();
        let mut buffer = [0_u8; 4096];
        while let Ok(read @ 1..) = pipe.read(&mut buffer) {
            tail.extend(&buffer[..read]);
            let excess = tail.len().saturating_sub(MAX_STDERR_BYTES);
            tail.drain(..excess);
        }
        tail.into()
    }))
}

fn tail_text(reader: Option<JoinHandle<Vec<u8>>>) -> String {
    let bytes = reader
        .and_then(|thread| thread.join().ok())
        .unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The arguments of a command, for messages. Credentials are only ever passed as the path of a file.
pub(crate) fn args_of(command: &Command) -> Vec<String> {
    command
        .get_args()
        .map(|arg: &OsStr| arg.to_string_lossy().into_owned())
        .collect()
}

/// The error for a skopeo that could not be started.
pub(crate) fn start_error(config: &SourceConfig, needed_for: &str, source: io::Error) -> Error {
    if source.kind() == io::ErrorKind::NotFound {
        return Error::ToolMissing {
            program: config.skopeo.clone(),
            needed_for: needed_for.to_owned(),
            package: "skopeo",
        };
    }
    Error::Io {
        action: "run",
        path: config.skopeo.display().to_string(),
        source,
    }
}

/// The last of the things that a program wrote, without skopeo's log decoration.
pub(crate) fn last_words(stderr: &str) -> String {
    let fatal = stderr
        .lines()
        .rev()
        .find(|line| line.contains("level=fatal"));
    if let Some(message) = fatal
        .and_then(|line| line.split_once("msg="))
        .map(|(_, message)| message)
    {
        return serde_json::from_str::<String>(message.trim())
            .unwrap_or_else(|_| message.trim().to_owned());
    }
    let lines: Vec<&str> = stderr
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

/// Says why an image proxy did not even come up, by starting it once more where its last words can be heard.
#[cfg(feature = "proxy")]
pub(crate) fn why_no_proxy(
    config: &SourceConfig,
    policy: Policy<'_>,
    needed_for: &str,
) -> Option<Error> {
    const NEEDED: &str = "skopeo 1.5 or later";
    let mut command = skopeo(config, policy, None);
    command.arg("experimental-image-proxy");
    let ended = match run(&mut command, config.stall_timeout, || 0) {
        Ok(ended) => ended,
        Err(RunError::Start(source)) => return Some(start_error(config, needed_for, source)),
        Err(RunError::Stalled) => return None,
    };
    if ended.stderr.contains("unknown command") || ended.stderr.contains("unknown flag") {
        let version = run(
            Command::new(&config.skopeo).arg("--version"),
            config.stall_timeout,
            || 0,
        );
        return Some(Error::ToolTooOld {
            program: config.skopeo.clone(),
            found: version.map_or_else(
                |_| "of unknown version".to_owned(),
                |v| v.stdout.trim().to_owned(),
            ),
            needed_for: needed_for.to_owned(),
            needed: NEEDED.to_owned(),
        });
    }
    Some(Error::ToolFailed {
        program: config.skopeo.clone(),
        args: args_of(&command),
        status: ended.status,
        stderr: last_words(&ended.stderr),
    })
}
