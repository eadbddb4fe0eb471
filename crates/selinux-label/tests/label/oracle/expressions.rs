//! Regular expressions, one at a time.

use super::sample::Random;
use super::{Pair, is_classic};
use crate::refusals::{INVALID, UNSUPPORTED};
use crate::support::{FILE, tree};
use selinux_label::{Engine, Error, MemoryTree, OraclePolicy, Policy};

/// Pieces of regular expressions; put together, many are none.
const PIECES: &[&str] = &[
    "a",
    "b",
    "/",
    "-",
    "_",
    "{",
    "}",
    "]",
    "[",
    "(",
    ")",
    "|",
    "^",
    "$",
    "?",
    "*",
    "+",
    ".",
    "\\",
    ",",
    ":",
    "=",
    "#",
    "!",
    "<",
    "1",
    "2",
    "(a|b)",
    "(?:a)",
    "()",
    "[ab]",
    "[^a]",
    "[a-c]",
    "[]a]",
    "[^]a]",
    "[a-]",
    "[-a]",
    "[[:alpha:]]",
    "[[:^digit:]x]",
    "[[:punct:]]",
    "[\\d_]",
    "[\\w-]",
    "[a[]",
    "[+--]",
    "[\\x61-\\x63]",
    "[\\]]",
    "[\\b]",
    "{2}",
    "{1,2}",
    "{0,1}",
    "{2,}",
    "{,2}",
    "{a}",
    "{1,",
    "??",
    "*?",
    "+?",
    "\\d",
    "\\D",
    "\\w",
    "\\W",
    "\\s",
    "\\S",
    "\\h",
    "\\v",
    "\\H",
    "\\V",
    "\\N",
    "\\b",
    "\\B",
    "\\A",
    "\\Z",
    "\\x61",
    "\\0",
    "\\012",
    "\\n",
    "\\t",
    "\\e",
    "\\a",
    "\\f",
    "\\r",
    "\\-",
    "\\_",
    "\\@",
    "\\.",
    "\\/",
    "\\<",
    "\\\"",
    ".*",
    "(/.*)?",
    "a|b",
    "[[:space:]]",
    "[:a:]",
    "[[.a.]]",
    "\\y",
];

/// Pieces of paths.
const NAMES: &[&str] = &[
    "a", "b", "c", "aa", "ab", "/", "x", "_", "-", "{", "}", "]", "[", "\n", "é", "1", "2", "A",
    "{2}", "$", "^", ".", "\\", " ", "\t", "{1,", "|", "@", "<", "\x07", "\x08", "\x1b", ",",
];

/// Rules with expressions, each asked about paths below a directory of its own: libselinux tries it on no others.
struct Batch {
    rules: String,
    paths: Vec<String>,
}

impl Batch {
    fn new() -> Self {
        Self {
            rules: String::new(),
            paths: Vec::new(),
        }
    }

    fn tree(&self) -> MemoryTree {
        tree(&[("file_contexts", &self.rules)])
    }
}

#[test]
fn random_expressions() {
    if !is_classic() {
        return;
    }
    let mut random = Random(3);
    let (mut compared, mut matched, mut invalid, mut unsupported) = (0, 0, 0, 0);
    for _ in 0..150 {
        let (mut good, mut bad) = (Batch::new(), Batch::new());
        for place in 0..200 {
            let regex: String = (0..=random.below(6)).map(|_| random.pick(PIECES)).collect();
            let rule = format!("/{place}/{regex} x\n");
            let batch = match Policy::open(&tree(&[("file_contexts", &rule)])) {
                Ok(_) => &mut good,
                Err(Error::InvalidRegex { .. }) => {
                    invalid += 1;
                    &mut bad
                }
                Err(Error::UnsupportedRegex { .. }) => {
                    unsupported += 1;
                    continue;
                }
                Err(other) => panic!("{regex}: {other}"),
            };
            batch.rules += &rule;
            batch.paths.extend((0..8).map(|_| {
                let path: String = (0..random.below(5)).map(|_| random.pick(NAMES)).collect();
                format!("/{place}/{path}")
            }));
        }
        let pair = Pair::open(&good.tree());
        for path in &good.paths {
            compared += 1;
            matched += u32::from(pair.check(path, FILE).is_some());
        }
        never_labels(&bad);
    }
    // The test means something only as long as all of this happens.
    assert!(
        compared > 100_000 && matched > 5000,
        "{matched} of {compared}"
    );
    assert!(
        invalid > 3000 && unsupported > 100,
        "{invalid}, {unsupported}"
    );
}

fn never_labels(batch: &Batch) {
    let theirs = OraclePolicy::open(&batch.tree()).unwrap().unwrap();
    for path in &batch.paths {
        // What is left in errno says whether this is no label or an error.
        assert!(
            !matches!(theirs.label(path, FILE), Ok(Some(_))),
            "{path}\n{}",
            batch.rules
        );
    }
}

#[test]
fn what_we_call_invalid_labels_nothing() {
    let paths = [
        "/", "/a", "/aa", "/ab", "/a*", "/b", "/[", "/:", "/l", "/a{2,1}",
    ];
    for (regex, _) in INVALID {
        never_labels(&Batch {
            rules: format!("{regex} x\n"),
            paths: paths.map(str::to_owned).into(),
        });
    }
}

#[test]
fn what_we_cannot_do_libselinux_can() {
    // The first path that each matches; none for those that only look like something.
    let paths = [
        "/a", "/b", "/aa", "/ab", "/aab", "/\n", "/a{,2}", "/A", "/a\n",
    ];
    let mut matching = 0;
    for (regex, _) in UNSUPPORTED {
        let tree = tree(&[("file_contexts", &format!("{regex} x\n"))]);
        let policy = Policy::open_with(&tree, Engine::Libselinux)
            .unwrap()
            .unwrap();
        let labels = paths
            .iter()
            .filter(|path| policy.label(path, FILE).is_ok_and(|label| label.is_some()));
        matching += usize::from(labels.count() > 0);
    }
    assert!(matching >= UNSUPPORTED.len() - 4, "{matching}");
}
