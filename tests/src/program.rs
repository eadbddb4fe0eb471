//! Finding and running programs.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
    time::SystemTime,
};

/// Names another `bootc-storage` to test than the one that cargo built.
const PROGRAM_VARIABLE: &str = "BOOTC_STORAGE_TEST_PROGRAM";
const HOW_TO_BUILD: &str = "build it: cargo build -p bootc-storage-cli";

/// How a program ended and what it said.
#[derive(Clone, Debug)]
pub struct Run {
    /// The command line, for messages.
    pub command: String,
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Run {
    fn new(command: &Command, output: Output) -> Self {
        Self {
            command: format!("{command:?}"),
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Panics unless the program ended with 0.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self}");
        self
    }

    /// Panics unless the program ended with another code than 0, and not by a signal or a panic.
    #[track_caller]
    pub fn failed(self) -> Self {
        assert!(
            self.code.is_some_and(|code| code != 0 && code != 101),
            "{self}"
        );
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_str(&self.stdout) {
            Ok(json) => json,
            Err(error) => panic!("no JSON ({error}): {self}"),
        }
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            command,
            code,
            stdout,
            stderr,
        } = self;
        write!(
            formatter,
            "{command}\nended with {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        )
    }
}

/// The program under test: the one beside this test's own executable, which must not be older than its sources.
#[must_use]
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(path) = env::var_os(PROGRAM_VARIABLE) {
            return path.into();
        }
        let this = env::current_exe().expect("a test knows its own executable");
        let target = this
            .parent()
            .and_then(Path::parent)
            .expect("tests lie in target/PROFILE/deps");
        let program = target.join("bootc-storage");
        let built = fs::metadata(&program).and_then(|metadata| metadata.modified());
        let Ok(built) = built else {
            panic!("{} is missing; {HOW_TO_BUILD}", program.display());
        };
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
        if let Some(newer) = newer_source(&crates, built) {
            panic!(
                "{} is older than {}; {HOW_TO_BUILD}",
                program.display(),
                newer.display()
            );
        }
        program
    })
}

/// A source file of the program that changed after `built`; what only tests read does not count.
fn newer_source(folder: &Path, built: SystemTime) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?;
    entries.filter_map(Result::ok).find_map(|entry| {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            let skipped = ["tests", "benches", "examples", "test-images"];
            let wanted = !skipped.iter().any(|skipped| name == *skipped);
            return wanted.then(|| newer_source(&path, built)).flatten();
        }
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        let modified = entry.metadata().ok()?.modified().ok()?;
        (is_source && modified > built).then_some(path)
    })
}

/// Runs a command to its end.
#[track_caller]
#[must_use]
pub fn run(command: &mut Command) -> Run {
    match command.env("LC_ALL", "C.UTF-8").output() {
        Ok(output) => Run::new(command, output),
        Err(error) => panic!("{command:?} does not start: {error}"),
    }
}

/// Runs a tool that must succeed; its standard output.
#[track_caller]
pub fn tool<A: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = A>) -> String {
    run(Command::new(name).args(arguments)).ok().stdout
}

/// A command that runs as the user `nobody`, without any privilege. Needs root.
#[must_use]
pub fn as_nobody(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--inh-caps=-all",
        "--bounding-set=-all",
        "--no-new-privs",
        "--",
    ]);
    command.arg(program);
    command
}
