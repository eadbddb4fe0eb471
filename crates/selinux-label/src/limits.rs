//! How much of a policy is believed: one table, each line with its reason and a test.

/// Bytes of `config`. Real ones have 1 KiB, most of it comment.
pub const MAX_CONFIG_BYTES: u64 = 64 << 10;

/// Bytes of each of the files with rules or substitutions. Fedora's largest has 0.5 MiB.
pub const MAX_RULES_BYTES: u64 = 16 << 20;
