//! What a merge accepts at most.

/// Most levels of directories below the root that a merged tree may have.
///
/// A path of one-character names reaches Linux's `PATH_MAX` (4096 bytes) at 2048 levels; nothing deeper
/// can be checked out. No step here recurses, so the limit guards time and paths, not the stack.
pub const MAX_DEPTH: usize = 2048;

/// Most paths that a tree may have whose labels are looked at.
///
/// Twice as many as the entries that a layer may have. Paths count, not objects: two directories with the same content
/// are one object.
pub const MAX_PATHS: u64 = 4_000_000;
