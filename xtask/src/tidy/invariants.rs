//! ARCHITECTURE.md: each numbered invariant names the tests that hold it, and these exist.

use super::Findings;
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where the invariants are.
const DOCUMENT: &str = "crates/bootc-storage/ARCHITECTURE.md";

/// A test is named as nextest prints it, with `::` in place of the space: `package::module::name`.
const MARK: &str = "Held by";

pub(super) fn check(files: &[PathBuf], findings: &mut Findings) -> Result<()> {
    let text = std::fs::read_to_string(DOCUMENT).with_context(|| DOCUMENT.to_owned())?;
    let tests = tests_by_package(files)?;
    for invariant in invariants(&text) {
        if invariant.tests.is_empty() {
            findings.fault(format!(
                "{DOCUMENT}: invariant {} names no test",
                invariant.number
            ));
        }
        for test in invariant.tests {
            let package = test.split("::").next().unwrap_or_default();
            let function = test.rsplit("::").next().unwrap_or_default();
            let known = tests
                .get(package)
                .is_some_and(|names| names.contains(&function.to_owned()));
            if !known {
                findings.fault(format!(
                    "{DOCUMENT}: invariant {}: no test {test}",
                    invariant.number
                ));
            }
        }
    }
    Ok(())
}

struct Invariant<'a> {
    number: u32,
    tests: Vec<&'a str>,
}

/// Paragraphs that begin with a number, in the section `Invariants`.
fn invariants(text: &str) -> Vec<Invariant<'_>> {
    let section = text
        .split("\n## ")
        .find(|section| section.starts_with("Invariants"))
        .unwrap_or_default();
    let mut found: Vec<Invariant<'_>> = Vec::new();
    let mut held_by = false;
    for line in section.lines() {
        if let Some((number, _)) = line.split_once(". ")
            && let Ok(number) = number.parse()
        {
            found.push(Invariant {
                number,
                tests: Vec::new(),
            });
            held_by = false;
        }
        let Some(invariant) = found.last_mut() else {
            continue;
        };
        let after_mark = line.split_once(MARK).map(|(_, after)| after);
        held_by |= after_mark.is_some();
        if held_by {
            let quoted = after_mark.unwrap_or(line).split('`').skip(1).step_by(2);
            invariant
                .tests
                .extend(quoted.filter(|name| name.contains("::")));
        }
    }
    found
}

/// The names of all functions under `#[test]` (or in a `proptest!`), by package.
fn tests_by_package(files: &[PathBuf]) -> Result<BTreeMap<String, Vec<String>>> {
    let mut tests: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in files
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
    {
        let Some(package) = package(path) else {
            continue;
        };
        let text = std::fs::read_to_string(path)?;
        tests
            .entry(package)
            .or_default()
            .extend(test_functions(&text).map(str::to_owned));
    }
    Ok(tests)
}

fn package(path: &Path) -> Option<String> {
    let mut parts = path.iter().map(|part| part.to_string_lossy());
    match parts.next()?.as_ref() {
        "crates" => Some(parts.next()?.into_owned()),
        "xtask" => Some("xtask".to_owned()),
        "tests" => Some("whole-program-tests".to_owned()),
        _ => None,
    }
}

fn test_functions(text: &str) -> impl Iterator<Item = &str> {
    let mut marked = false;
    text.lines().filter_map(move |line| {
        let line = line.trim_start();
        if line.starts_with("#[test]") {
            marked = true;
            return None;
        }
        let name = line.strip_prefix("fn ")?.split(['(', '<']).next()?;
        std::mem::take(&mut marked).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invariant_is_a_numbered_paragraph_with_its_tests() {
        let text = "# A\n\n## Invariants\n\n1. First `not::this`.\n   Held by `a::b::c`,\n   `d::e`.\n\
            2. Second.\n\n## Other\n\n3. No invariant.\n";
        let found = invariants(text);
        let numbers: Vec<_> = found.iter().map(|i| (i.number, i.tests.clone())).collect();
        assert_eq!(numbers, [(1, vec!["a::b::c", "d::e"]), (2, vec![])]);
    }

    #[test]
    fn only_functions_marked_as_tests_count() {
        let text = "fn helper() {}\n    #[test]\n    fn real() {}\n fn other(x: u8) {}\n";
        assert_eq!(test_functions(text).collect::<Vec<_>>(), ["real"]);
    }
}
