//! What a merge accepts at most.

/// Most levels of directories below the root that a merged tree may have.
///
/// A path of one-character names reaches Linux's `PATH_MAX` (4096 bytes) at 2048 levels; nothing deeper
/// can be checked out. No step here recurses, so the limit guards time and paths, not the stack.
pub const MAX_DEPTH: usize = 2048;
