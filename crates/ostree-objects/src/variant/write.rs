//! Writing: bytes are appended to one buffer, containers are closed with their offsets.

use super::{padding, width_for_body};

/// Zero bytes until the offset from `start` is a multiple of `alignment`.
pub(crate) fn align(out: &mut Vec<u8>, start: usize, alignment: usize) {
    let missing = padding(out.len() - start, alignment);
    out.resize(out.len() + missing, 0);
}

/// A string: its bytes and a NUL.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
    out.push(0);
}

/// Ends a tuple that began at `start`; `ends` are the ends of its members of variable size, except
/// a last one, in order and counted from `start`.
pub(crate) fn close_tuple(out: &mut Vec<u8>, start: usize, ends: &[usize]) {
    let width = width_for_body(out.len() - start, ends.len());
    for &end in ends.iter().rev() {
        push_offset(out, end, width);
    }
}

/// Ends an array of elements of variable size; `ends` counted from `start`.
pub(crate) fn close_array(out: &mut Vec<u8>, start: usize, ends: &[usize]) {
    let width = width_for_body(out.len() - start, ends.len());
    out.reserve(ends.len() * width);
    for &end in ends {
        push_offset(out, end, width);
    }
}

fn push_offset(out: &mut Vec<u8>, offset: usize, width: usize) {
    out.extend_from_slice(&(offset as u64).to_le_bytes()[..width]);
}
