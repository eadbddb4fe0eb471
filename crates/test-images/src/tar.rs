//! Tar archives, written by hand: from a [`Listing`](crate::Listing) in a chosen [`Dialect`], or
//! header by header with [`RawTar`] for what no honest tool would write.

mod dialect;
mod header;
mod pax;
mod raw;
mod sparse;

pub use dialect::{Dialect, TarWriter};
pub use header::{Header, Kind};
pub use pax::{pax_record, pax_records};
pub use raw::RawTar;
pub use sparse::SparsePart;

/// Size of a tar block, in bytes: headers are one block, bodies are padded to whole blocks.
pub const BLOCK: usize = 512;

/// How many zero bytes follow a body of `size` bytes.
pub(crate) fn padding(size: u64) -> usize {
    let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
    if over == 0 { 0 } else { BLOCK - over }
}
