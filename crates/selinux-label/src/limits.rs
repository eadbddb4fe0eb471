//! How much of a policy is believed: one table, each line with its reason and a test.
//!
//! A policy comes with an image. Real ones have under 10,000 rules and 1 MiB of text; these bounds let all of them
//! through, and keep a hostile one from taking the memory or the day of who pulls it.

/// Bytes of `config`. Real ones have 1 KiB, most of it comment.
pub const MAX_CONFIG_BYTES: u64 = 64 << 10;

/// Bytes of each of the files with rules or substitutions.
pub const MAX_RULES_BYTES: u64 = 16 << 20;

/// Rules of one policy, all its files together.
pub const MAX_RULES: usize = 50_000;

/// Bytes of a field of a rule. libselinux ends regular expressions here from 3.10 on; the kernel ends contexts at
/// a page.
pub const MAX_FIELD_BYTES: usize = 4095;

/// Substitutions of one policy, all its files together.
pub const MAX_SUBSTITUTIONS: usize = 10_000;

/// Bytes of a line with a substitution. libselinux reads longer ones as two.
pub const MAX_SUBSTITUTION_BYTES: usize = 1022;

/// Nested groups of a regular expression, as PCRE2 is built.
pub const MAX_REGEX_DEPTH: usize = 250;

/// States that the automaton of one regular expression may need: counted repetitions are copies. PCRE2 ends at
/// 64 KiB of its own code, which is of the same order.
pub const MAX_REGEX_STATES: u64 = 10_000;

/// The same, of all regular expressions of a policy together. Debian's need 144,000, Fedora's 181,000; none of theirs needs
/// more than 75.
pub const MAX_POLICY_STATES: u64 = 1_000_000;

/// Bytes of an automaton that is made in advance; larger ones are made as they are run.
pub const MAX_DFA_BYTES: usize = 32 << 10;

/// Bytes of all automata of a policy that look-ups have reached.
pub const MAX_AUTOMATA_BYTES: usize = 256 << 20;

/// Steps that looking up a path may take on average; a step is about a nanosecond: a byte that an automaton reads, an eighth of
/// coming to a rule. Debian's policy takes 356 on average over a Debian image, and at most 1,904.
pub const MAX_STEPS_PER_PATH: u64 = 20_000;

/// Steps that the look-ups of a policy may take beyond that, all together: paths that take long may come first.
pub const STEPS_IN_ADVANCE: u64 = 1_000_000_000;

/// Entries of a directory that may hold policies.
pub const MAX_NAMES: usize = 10_000;

/// Links that are followed on the way to one file, as Linux has it.
pub const MAX_LINKS: usize = 40;
