//! Rules for the files themselves.

use super::Findings;
use crate::run::Run;
use anyhow::{Context as _, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What may stand at the top, beside dotfiles.
const TOP: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "ci",
    "crates",
    "deny.toml",
    "tests",
    "xtask",
];

const REMARK_LINES: usize = 400;
const MOST_LINES: usize = 600;
const MOST_LIB_LINES: usize = 120;

/// The one file with unsafe code; it says why.
const UNSAFE: &str = "crates/sha256-pair/src/x86.rs";

/// Texts that no source file may hold, in two parts so that this one does not.
const FORBIDDEN: &[(&str, &str, &str)] = &[
    ("#[ign", "ore", "a test runs or goes"),
    ("tod", "o!(", "a stub is not done"),
    ("unimple", "mented!(", "a stub is not done"),
    ("crates", ".io", "names the host of a package registry"),
    (
        "deb.debian",
        ".org",
        "names the host of a package registry: the machine's own sources are read",
    ),
    ("github", "usercontent.com", "names a host to download from"),
    ("Co-authored", "-by", "belongs to no file"),
];

/// Every file of the repository, whether committed yet or not.
pub(super) fn list() -> Result<Vec<PathBuf>> {
    let command = Run::new("git").args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let listing = command.read()?;
    let names: BTreeSet<_> = listing
        .split('\0')
        .filter(|name| !name.is_empty())
        .collect();
    Ok(names
        .into_iter()
        .map(PathBuf::from)
        .filter(|path| path.is_file())
        .collect())
}

/// Looks at each file and at each crate's folder.
pub(super) fn check(files: &[PathBuf], findings: &mut Findings) -> Result<()> {
    top_level(files, findings);
    let root = std::env::current_dir()?;
    for path in files {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        let Ok(text) = String::from_utf8(bytes) else {
            continue;
        };
        words(path, &text, &root, findings);
        if path.extension().is_some_and(|extension| extension == "rs") {
            source(path, &text, findings);
        }
        if path.ends_with("Cargo.toml")
            && !path.starts_with("tests/peers")
            && path.components().count() > 1
        {
            manifest(path, &text, findings);
        }
    }
    Ok(())
}

fn top_level(files: &[PathBuf], findings: &mut Findings) {
    let names: BTreeSet<_> = files
        .iter()
        .filter_map(|path| path.iter().next()?.to_str())
        .collect();
    for name in names {
        if !name.starts_with('.') && !TOP.contains(&name) {
            findings.fault(format!(
                "{name}: does not belong at the top level ({})",
                TOP.join(" ")
            ));
        }
    }
}

fn words(path: &Path, text: &str, root: &Path, findings: &mut Findings) {
    // Cargo writes where packages come from into its lock files.
    if path.file_name().is_some_and(|name| name == "Cargo.lock") {
        return;
    }
    let own_place = root.to_string_lossy();
    for (number, line) in text.lines().enumerate() {
        let place = format!("{}:{}", path.display(), number + 1);
        for (first, second, reason) in FORBIDDEN {
            if line.contains(&format!("{first}{second}")) {
                findings.fault(format!("{place}: `{first}{second}`: {reason}"));
            }
        }
        if own_place.len() > 1 && line.contains(&*own_place) {
            findings.fault(format!("{place}: names a folder of one machine"));
        }
    }
}

fn source(path: &Path, text: &str, findings: &mut Findings) {
    let lines = text.lines().count();
    let place = path.display();
    if lines > MOST_LINES {
        findings.fault(format!(
            "{place}: {lines} lines, at most {MOST_LINES}: one file, one job"
        ));
    } else if lines > REMARK_LINES {
        findings.remark(format!(
            "{place}: {lines} lines, better under {REMARK_LINES}"
        ));
    }
    if text.contains(concat!("unsafe", "_code")) && path != Path::new(UNSAFE) {
        findings.fault(format!("{place}: unsafe code has its place in {UNSAFE}"));
    }
    let name = path.file_name().unwrap_or_default();
    if name == "lib.rs" && lines > MOST_LIB_LINES {
        findings.fault(format!(
            "{place}: {lines} lines, a lib.rs holds docs, `mod` and `pub use` only"
        ));
    }
    if !text.starts_with("//!") && !text.starts_with("#![doc") && !text.contains("\n//!") {
        findings.fault(format!(
            "{place}: no `//!` line that says what the file is for"
        ));
    }
}

fn manifest(path: &Path, text: &str, findings: &mut Findings) {
    let place = path.display();
    if !text.contains("[lints]\nworkspace = true") {
        findings.fault(format!("{place}: does not take the workspace's lints"));
    }
    if !text.contains("license.workspace = true") {
        findings.fault(format!("{place}: does not take the workspace's licence"));
    }
    let folder = path.parent().unwrap_or(path);
    if path.starts_with("crates") {
        readme(folder, findings);
    }
}

/// Each crate explains itself; each library shows an example, which its doctests compile.
fn readme(folder: &Path, findings: &mut Findings) {
    let place = folder.display();
    let Ok(text) = std::fs::read_to_string(folder.join("README.md")) else {
        findings.fault(format!("{place}: no README.md"));
        return;
    };
    if let Ok(lib) = std::fs::read_to_string(folder.join("src/lib.rs")) {
        if !lib.contains("include_str!(\"../README.md\")") {
            findings.fault(format!(
                "{place}: README.md is not the crate's documentation"
            ));
        }
        if !text
            .lines()
            .any(|line| line.starts_with("```rust") || line == "```")
        {
            findings.fault(format!("{place}: README.md has no example"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(check: impl Fn(&mut Findings)) -> usize {
        let mut findings = Findings::default();
        check(&mut findings);
        findings.faults.len()
    }

    #[test]
    fn what_no_file_may_hold_is_found_wherever_it_stands() {
        let root = Path::new("/some/checkout");
        let check = |text: &str| faults(|f| words(Path::new("a.rs"), text, root, f));
        assert_eq!(check("fn main() {}\n"), 0);
        for (first, second, _) in FORBIDDEN {
            assert_eq!(
                check(&format!("// x {first}{second} y\n")),
                1,
                "{first}{second}"
            );
        }
        assert_eq!(check("let a = \"/some/checkout/b\";\n"), 1);
    }

    #[test]
    fn files_say_what_they_are_for_and_stay_small() {
        let check = |name: &str, text: &str| faults(|f| source(Path::new(name), text, f));
        assert_eq!(check("src/a.rs", "//! A.\n"), 0);
        assert_eq!(check("src/a.rs", "fn main() {}\n"), 1);
        assert_eq!(check("src/a.rs", &"//! A.\n".repeat(601)), 1);
        assert_eq!(check("src/lib.rs", &"//! A.\n".repeat(121)), 1);
    }

    #[test]
    fn nothing_new_stands_at_the_top() {
        let check = |name: &str| faults(|f| top_level(&[PathBuf::from(name)], f));
        assert_eq!(check("crates/x/notes.md"), 0);
        assert_eq!(check(".config/x"), 0);
        assert_eq!(check("notes.md"), 1);
    }
}
