//! The serialised form of GLib's GVariant, as far as ostree objects need it.
//!
//! The format is that of the GVariant specification: containers with members of variable size end
//! in framing offsets (little endian, 1, 2, 4 or 8 bytes by the size of the whole container); those
//! of a tuple in reverse order and without its last member, those of an array in order. One value has
//! one normal form; the reader takes nothing else, so that equal values have equal checksums.

mod read;
mod write;

pub(crate) use read::{Array, Tuple, text};
pub(crate) use write::{align, close_array, close_tuple, push_text};

/// Bytes of each framing offset in a container of that size.
const fn offset_width(size: usize) -> usize {
    match size {
        0 => 0,
        1..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    }
}

/// Width of the offsets for a body of that size: the smallest with which the whole still fits.
const fn width_for_body(body: usize, offsets: usize) -> usize {
    if body + offsets <= 0xff {
        1
    } else if body + 2 * offsets <= 0xffff {
        2
    } else if body + 4 * offsets <= 0xffff_ffff {
        4
    } else {
        8
    }
}

const fn padding(offset: usize, alignment: usize) -> usize {
    offset.next_multiple_of(alignment) - offset
}
