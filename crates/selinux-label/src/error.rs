//! What can be wrong with a policy or a look-up.

use crate::TreeError;

/// Why a policy was refused, or a look-up.
///
/// Files are named relative to the root of the tree. Text that came from a policy is shown escaped and cut to a line,
/// so that a message can go to a terminal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or a directory of the policy cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: String,
        /// Why not.
        source: TreeError,
    },
    /// There is a policy, but no `config` that names it.
    #[error("{file} is missing, though there is a policy in {policy}")]
    NoConfig {
        /// The file that is missing.
        file: String,
        /// The directory of a policy.
        policy: String,
    },
    /// `config` turns SELinux on, but names no policy.
    #[error("{file} turns SELinux on, but has no SELINUXTYPE")]
    NoType {
        /// The file.
        file: String,
    },
    /// The policy that `config` names lacks a file.
    #[error("{file} is missing, though {config} names this policy")]
    Missing {
        /// The file that names the policy.
        config: String,
        /// The file that is missing.
        file: String,
    },
    /// A line cannot be understood.
    #[error("{file}, line {line}: {reason}")]
    BadLine {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u32,
        /// What is wrong with it.
        reason: String,
    },
    /// A regular expression that is none for libselinux either.
    #[error("{file}, line {line}: invalid regular expression {regex}: {reason}")]
    InvalidRegex {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u32,
        /// The regular expression, quoted.
        regex: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A regular expression that libselinux can match and we cannot, not in bounded time.
    #[error(
        "{file}, line {line}: regular expression {regex} needs libselinux: {feature} is not supported"
    )]
    UnsupportedRegex {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u32,
        /// The regular expression, quoted.
        regex: String,
        /// What it uses.
        feature: &'static str,
    },
    /// A regular expression whose automaton would be larger than [`limits`](crate::limits) allow.
    #[error(
        "{file}, line {line}: regular expression {regex} needs {cost} states, more than {limit}"
    )]
    RegexTooLarge {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u32,
        /// The regular expression, quoted.
        regex: String,
        /// About so many.
        cost: u64,
        /// So many may be.
        limit: u64,
    },
    /// The look-ups so far have reached regular expressions whose automata take all the memory that
    /// [`limits`](crate::limits) allow.
    #[error("{file}, line {line}: no memory is left for regular expression {regex}")]
    OutOfMemory {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u32,
        /// The regular expression, quoted.
        regex: String,
    },
    /// Matching takes so long that labelling a tree had no end in sight: longer on average than [`limits`](crate::limits)
    /// allow.
    #[error(
        "{}: rules take too long to match: {steps} steps for {path} alone, {limit} are allowed on average", place(.file, *.line)
    )]
    TooSlow {
        /// The file whose rules, or substitutions, took most.
        file: String,
        /// The line, from 1, if one rule took more than half.
        line: Option<u32>,
        /// The path that was looked up when all was used up, quoted.
        path: String,
        /// So many it took until then.
        steps: u64,
        /// So many may be, on average.
        limit: u64,
    },
    /// A policy has more of something than [`limits`](crate::limits) allow.
    #[error("{place} has more than {limit} {what}")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// A file or a directory.
        place: String,
        /// How many there may be.
        limit: u64,
    },
    /// The path of a look-up is not absolute, or has a NUL byte.
    #[error("{path} is no absolute path")]
    BadPath {
        /// The path, quoted.
        path: String,
    },
    /// Not a fingerprint.
    #[error("a fingerprint has 64 hexadecimal digits: {text}")]
    BadFingerprint {
        /// The text, quoted.
        text: String,
    },
    /// libselinux failed.
    #[cfg(feature = "libselinux")]
    #[error("libselinux cannot {action}")]
    Libselinux {
        /// What it should have done.
        action: String,
        /// Its own words.
        source: TreeError,
    },
}

fn place(file: &str, line: Option<u32>) -> String {
    match line {
        Some(line) => format!("{file}, line {line}"),
        None => file.to_owned(),
    }
}

/// Characters of foreign text that a message shows.
const SHOWN: usize = 200;

/// Quotes text from outside for a message: control characters escaped, cut to [`SHOWN`] characters.
pub(crate) fn quote(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
