//! `cargo xtask test`: every check there is, each timed, all run though an earlier one failed.

use crate::packages::Need;
use crate::reference;
use crate::run::Run;
use crate::setup::{self, cargo};
use crate::tidy;
use crate::vm;
use anyhow::{Result, bail};
use std::io::{BufRead as _, BufReader, IsTerminal as _, Read, Write};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

/// The stages, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Stage {
    /// Install what is missing.
    Setup,
    /// rustfmt has nothing to change.
    Fmt,
    /// The rules that no other tool knows.
    Tidy,
    /// clippy, for all targets.
    Clippy,
    /// Each crate compiles with each set of its features.
    Features,
    /// Licences, sources, duplicates.
    Deny,
    /// The programs that our results are compared with.
    Peers,
    /// Unit, property, crate, program and interop tests.
    Unit,
    /// The examples in the documentation.
    Doctest,
    /// The documentation builds, without a broken link.
    Docs,
    /// A machine boots what was installed, upgrades and rolls back: `cargo xtask vmtest smoke`.
    Machine,
}

const ALL: [Stage; 11] = [
    Stage::Setup,
    Stage::Fmt,
    Stage::Tidy,
    Stage::Clippy,
    Stage::Features,
    Stage::Deny,
    Stage::Peers,
    Stage::Unit,
    Stage::Doctest,
    Stage::Docs,
    Stage::Machine,
];

/// What to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only these stages [default: all].
    #[arg(value_enum)]
    stages: Vec<Stage>,
}

/// Tests seen to pass and to fail.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    passed: u64,
    failed: u64,
}

/// Runs the stages and prints a table of them.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let stages = if options.stages.is_empty() {
        &ALL[..]
    } else {
        &options.stages
    };
    let mut table: Vec<(Stage, Duration, bool)> = Vec::new();
    let mut count = Count::default();
    for stage in stages {
        println!("\n=== {stage:?} ===");
        let begun = Instant::now();
        let result = stage.perform(&mut count);
        if let Err(error) = &result {
            println!("{stage:?} failed: {error:#}");
        }
        table.push((*stage, begun.elapsed(), result.is_ok()));
        if *stage == Stage::Setup && result.is_err() {
            break;
        }
    }
    println!("\n{:<10} {:>8}", "stage", "seconds");
    for (stage, took, good) in &table {
        let verdict = if *good { "ok" } else { "FAILED" };
        println!(
            "{:<10} {:>8.1}  {verdict}",
            format!("{stage:?}"),
            took.as_secs_f64()
        );
    }
    let total: Duration = table.iter().map(|(_, took, _)| *took).sum();
    println!("{:<10} {:>8.1}", "all", total.as_secs_f64());
    let failed = table.iter().filter(|(_, _, good)| !good).count();
    println!("{} stages ok, {failed} failed", table.len() - failed);
    println!("{} tests passed, {} failed", count.passed, count.failed);
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Stage {
    fn perform(self, count: &mut Count) -> Result<()> {
        match self {
            Self::Setup => setup::ensure(&[Need::Test]),
            Self::Fmt => run_all(&[&["fmt", "--all", "--check", "--", "--files-with-diff"]]),
            Self::Tidy => tidy::run(),
            Self::Clippy => clippy(),
            Self::Features => features(),
            Self::Deny => run_all(&[&[
                "deny",
                "--workspace",
                "check",
                "licenses",
                "sources",
                "bans",
            ]]),
            Self::Peers => peers(),
            Self::Unit => unit(count),
            Self::Doctest => counted(
                cargo().args(["test", "--workspace", "--locked", "--doc", "--quiet"]),
                count,
            ),
            Self::Docs => {
                let doc = ["doc", "--workspace", "--locked", "--no-deps", "--quiet"];
                cargo()
                    .args(doc)
                    .env("RUSTDOCFLAGS", "-D warnings")
                    .run()
                    .map(drop)
            }
            Self::Machine => vm::run(&vm::Options::smoke()),
        }
    }
}

fn run_all(commands: &[&[&str]]) -> Result<()> {
    commands
        .iter()
        .try_for_each(|args| cargo().args(*args).run().map(drop))
}

/// A cargo command for a package with its feature `libselinux`.
fn with_libselinux<'a>(command: &[&'a str], package: &'a str) -> Vec<&'a str> {
    let feature = ["--locked", "--package", package, "--features", "libselinux"];
    [command, &feature].concat()
}

/// Looks at all that is built by default, and at what only libselinux's feature brings.
fn clippy() -> Result<()> {
    let flags = ["--all-targets", "--quiet", "--", "-D", "warnings"];
    let default = ["clippy", "--workspace", "--locked"];
    let oracle = with_libselinux(&["clippy"], "selinux-label");
    let engine = with_libselinux(&["clippy"], "bootc-storage-cli");
    run_all(&[
        &[&default[..], &flags].concat(),
        &[&oracle[..], &flags].concat(),
        &[&engine[..], &flags].concat(),
    ])
}

/// Compiles each crate that has features without them, and with each alone.
fn features() -> Result<()> {
    for package in tidy::metadata()?.own() {
        let features: Vec<_> = package
            .features
            .keys()
            .filter(|name| *name != "default")
            .collect();
        if features.is_empty() {
            continue;
        }
        let check = || {
            cargo()
                .args([
                    "check",
                    "--quiet",
                    "--locked",
                    "--no-default-features",
                    "--package",
                ])
                .arg(&package.name)
        };
        check().run()?;
        for feature in features {
            check().args(["--features", feature]).run()?;
        }
    }
    Ok(())
}

/// Unpacks the reference for composefs images, and builds what stands in tests/peers, each a workspace of its own,
/// so that no test waits for it.
fn peers() -> Result<()> {
    reference::ensure()?;
    for manifest in tidy::peers()? {
        cargo()
            .args(["fmt", "--check", "--manifest-path"])
            .arg(&manifest)
            .run()?;
        // As the tests do it, and where they look for it.
        let build = [
            "build",
            "--quiet",
            "--release",
            "--locked",
            "--target-dir",
            "target/peers",
        ];
        cargo()
            .args(build)
            .arg("--manifest-path")
            .arg(&manifest)
            .run()?;
    }
    Ok(())
}

/// The tests of the whole program start it, so it is built before them.
fn unit(count: &mut Count) -> Result<()> {
    cargo()
        .args(["build", "--workspace", "--locked", "--quiet"])
        .run()?;
    let all = [
        "nextest",
        "run",
        "--workspace",
        "--locked",
        "--profile",
        "ci",
    ];
    let all = counted(cargo().args(all), count);
    // With the feature, the workspace would link libselinux, which nobody else needs.
    let oracle = with_libselinux(&["nextest", "run"], "selinux-label");
    let oracle = counted(
        cargo().args(oracle).args(["--profile", "ci", "oracle"]),
        count,
    );
    let engine = with_libselinux(&["nextest", "run"], "bootc-storage-cli");
    let engine = counted(cargo().args(engine).args(["--profile", "ci"]), count);
    all.and(oracle).and(engine)
}

/// Runs a test command, passes on what it prints, and counts the tests in its closing lines.
fn counted(run: Run, count: &mut Count) -> Result<()> {
    let run = run.env(
        "CARGO_TERM_COLOR",
        if std::io::stdout().is_terminal() {
            "always"
        } else {
            "auto"
        },
    );
    let mut command = run.command();
    let mut child = run.start(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let counts = std::thread::scope(|scope| {
        let out = scope.spawn(|| pass_on(out, std::io::stdout()));
        let err = scope.spawn(|| pass_on(err, std::io::stderr()));
        [
            out.join().unwrap_or_default(),
            err.join().unwrap_or_default(),
        ]
    });
    for seen in counts {
        count.passed += seen.passed;
        count.failed += seen.failed;
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("{status}");
    }
    Ok(())
}

fn pass_on(from: Option<impl Read>, mut to: impl Write) -> Count {
    let mut count = Count::default();
    let Some(from) = from else {
        return count;
    };
    for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        let text = String::from_utf8_lossy(&line);
        let _ = writeln!(to, "{text}");
        let seen = closing_line(&text);
        count.passed += seen.passed;
        count.failed += seen.failed;
    }
    count
}

/// The numbers in `Summary [ 1.0s] 9 tests run: 8 passed, 1 failed` and in `test result: …`.
fn closing_line(line: &str) -> Count {
    let plain = without_colour(line);
    if !plain.contains("tests run:")
        && !plain.contains("test run:")
        && !plain.starts_with("test result:")
    {
        return Count::default();
    }
    let words: Vec<_> = plain.split_whitespace().collect();
    let before = |what: &str| {
        let found = words.windows(2).find(|pair| pair[1].starts_with(what));
        found.and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
    };
    Count {
        passed: before("passed"),
        failed: before("failed") + before("timed"),
    }
}

fn without_colour(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some((before, escape)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = escape.split_once('m').map_or("", |(_, after)| after);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_both_test_runners_are_counted() {
        let check = |line, passed, failed| {
            let count = closing_line(line);
            assert_eq!((count.passed, count.failed), (passed, failed), "{line}");
        };
        check(
            "     Summary [   0.2s] 12 tests run: 10 passed (1 slow), 2 failed, 0 skipped",
            10,
            2,
        );
        check(
            "\u{1b}[32;1m Summary\u{1b}[0m [ 9s] \u{1b}[1m3\u{1b}[0m tests run: \u{1b}[1m3\u{1b}[0m passed",
            3,
            0,
        );
        check(
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured",
            3,
            0,
        );
        check("a test that says it passed", 0, 0);
    }
}
