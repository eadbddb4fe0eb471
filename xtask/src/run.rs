//! Runs other programs: prints what it runs, and measures wall and CPU time and peak memory.

use anyhow::{Context as _, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A program to run, with all its output on ours.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
}

/// What a finished program cost.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// CPU time in user mode, of the program and of all that it started and waited for.
    pub(crate) user: Duration,
    /// The same in the kernel.
    pub(crate) system: Duration,
    /// Peak resident memory of the program itself.
    pub(crate) peak_bytes: u64,
    /// Of its child processes: the largest sum of their peaks while they lived side by side.
    pub(crate) children_peak_bytes: u64,
}

impl Run {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().into(),
            args: Vec::new(),
            env: Vec::new(),
        }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().into());
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|a| a.as_ref().into()));
        self
    }

    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().into(), value.as_ref().into()));
        self
    }

    /// The same under another program, such as strace, whose options are set already.
    pub(crate) fn under(self, other: Self) -> Self {
        let mut run = other.arg(self.program).args(self.args);
        run.env.extend(self.env);
        run
    }

    /// The command line, quoted so that it can be pasted into a shell.
    pub(crate) fn line(&self) -> String {
        let mut line = String::new();
        for (name, value) in self.env.iter().filter(|(name, _)| name != "PATH") {
            let value = quoted(&value.to_string_lossy());
            let _ = write!(line, "{}={value} ", name.to_string_lossy());
        }
        line.push_str(&quoted(&self.program.to_string_lossy()));
        for arg in &self.args {
            line.push(' ');
            line.push_str(&quoted(&arg.to_string_lossy()));
        }
        line
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(n, v)| (n, v)));
        command
    }

    /// Prints the command and runs it; an error if it fails.
    pub(crate) fn run(&self) -> Result<Cost> {
        println!("$ {}", self.line());
        self.measure(&mut self.command())
    }

    /// Runs it without printing; its standard output. What it says beside is shown if it fails.
    pub(crate) fn read(&self) -> Result<String> {
        let output = self.command().output().with_context(|| self.failed())?;
        if !output.status.success() {
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            bail!("{} ({})", self.failed(), output.status);
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Whether it runs and returns 0; its output is nobody's.
    pub(crate) fn succeeds(&self) -> bool {
        let mut command = self.command();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// Starts it and leaves it running.
    pub(crate) fn start(&self, command: &mut Command) -> Result<Child> {
        println!("$ {} &", self.line());
        command.spawn().with_context(|| self.failed())
    }

    fn measure(&self, command: &mut Command) -> Result<Cost> {
        self.measure_beside(command, || ())
    }

    /// Runs `command`, and `beside` every few milliseconds meanwhile. CPU time is right only while nothing
    /// else that this process started ends.
    pub(crate) fn measure_beside(
        &self,
        command: &mut Command,
        mut beside: impl FnMut() + Send,
    ) -> Result<Cost> {
        let before = cpu_of_children()?;
        let begun = Instant::now();
        let mut child = command.spawn().with_context(|| self.failed())?;
        let mut watch = Watch {
            pid: child.id(),
            cost: Cost::default(),
        };
        let ended = AtomicBool::new(false);
        let (status, wall, mut cost) = std::thread::scope(|scope| {
            let watcher = scope.spawn(|| {
                watch.until(&ended, &mut beside);
                watch.cost
            });
            let status = child.wait();
            let wall = begun.elapsed();
            ended.store(true, Ordering::Relaxed);
            (status, wall, watcher.join().unwrap_or_default())
        });
        let after = cpu_of_children()?;
        cost.wall = wall;
        cost.user = after.0.saturating_sub(before.0);
        cost.system = after.1.saturating_sub(before.1);
        let status = status?;
        if !status.success() {
            bail!("{} ({status})", self.failed());
        }
        Ok(cost)
    }

    fn failed(&self) -> String {
        format!("failed: {}", self.line())
    }
}

/// Watches a process and its descendants through /proc.
struct Watch {
    pid: u32,
    cost: Cost,
}

impl Watch {
    /// The kernel keeps the peak of a living process, so a sample now and then is enough.
    fn until(&mut self, ended: &AtomicBool, beside: &mut impl FnMut()) {
        for turn in 0_u64.. {
            if ended.load(Ordering::Relaxed) {
                return;
            }
            self.sample();
            if turn % 10 == 0 {
                self.sample_children();
                beside();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn sample(&mut self) {
        if let Some(bytes) = peak_of(self.pid) {
            self.cost.peak_bytes = self.cost.peak_bytes.max(bytes);
        }
    }

    fn sample_children(&mut self) {
        let sum = descendants(self.pid).into_iter().filter_map(peak_of).sum();
        self.cost.children_peak_bytes = self.cost.children_peak_bytes.max(sum);
    }
}

/// User and system time of all ended children, and of theirs.
fn cpu_of_children() -> Result<(Duration, Duration)> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let time = |micros: i64| Duration::from_micros(u64::try_from(micros).unwrap_or(0));
    Ok((
        time(usage.user_time().num_microseconds()),
        time(usage.system_time().num_microseconds()),
    ))
}

/// `VmHWM`, the peak of a process, in bytes.
fn peak_of(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The children of a process, and theirs. Those that end meanwhile are left out.
fn descendants(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut queue = vec![pid];
    while let Some(pid) = queue.pop() {
        // Each thread has its own list.
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))
            .into_iter()
            .flatten()
            .flatten();
        let lists =
            tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
        for list in lists {
            let children = list
                .split_whitespace()
                .filter_map(|child| child.parse::<u32>().ok());
            queue.extend(children.clone());
            found.extend(children);
        }
    }
    found
}

fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Bytes as people read them: `1.2 GB`.
pub(crate) fn bytes(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let count = count as f64;
    match count {
        c if c >= 1e9 => format!("{:.2} GB", c / 1e9),
        c if c >= 1e6 => format!("{:.1} MB", c / 1e6),
        c => format!("{:.1} kB", c / 1e3),
    }
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let wall = self.wall.as_secs_f64();
        write!(f, "{wall:.1} s, peak memory {}", bytes(self.peak_bytes))?;
        match self.children_peak_bytes {
            0 => Ok(()),
            peak => write!(f, " (child processes {})", bytes(peak)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_only_what_a_shell_would_take_apart() {
        let line = Run::new("echo").args(["a b", "it's", "--x=1", ""]).line();
        assert_eq!(line, r"echo 'a b' 'it'\''s' --x=1 ''");
    }

    #[test]
    fn memory_of_a_program_and_of_its_children_is_seen() {
        let run = Run::new("sh").args(["-c", "sleep 0.3; exit 0"]);
        let cost = run.measure(&mut run.command()).unwrap();
        assert!(cost.wall >= Duration::from_millis(300), "{cost}");
        assert!(cost.wall < Duration::from_secs(60), "{cost}");
        assert!(cost.peak_bytes > 100_000, "{cost}");
        assert!(cost.children_peak_bytes > 100_000, "{cost}");
    }

    #[test]
    fn a_failing_program_is_an_error_that_names_it() {
        let error = Run::new("false").run().unwrap_err().to_string();
        assert!(error.contains("failed: false"), "{error}");
    }
}
