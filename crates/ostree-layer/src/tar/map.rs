//! Where the map of a sparse file is read from.

use std::io::BufRead;

use super::Archive;
use super::entry::{Failure, Flag, malformed};
use super::header::{BLOCK, Block, Format};
use super::pax::Pax;
use super::sparse::{self, Extent, LineMap};
use crate::Problem;

impl<R: BufRead> Archive<'_, R> {
    /// The map in a GNU header and in the blocks that continue it, with the real size.
    #[expect(clippy::type_complexity, reason = "named where it is taken apart")]
    pub(super) fn gnu_map(
        &mut self,
        block: &Block,
        flag: Flag,
        stored: u64,
    ) -> Result<Option<(u64, Option<Vec<Extent>>)>, Failure> {
        if block.format() != Format::Gnu {
            return match flag {
                Flag::SparseFile => Err(malformed("a sparse file without GNU header")),
                _ => Ok(None),
            };
        }
        let (fields, mut continued) = block.sparse();
        let real_size = block.real_size()?;
        if fields[0] == 0 {
            return match real_size {
                _ if continued && flag == Flag::SparseFile => {
                    Err(malformed("an empty map goes on"))
                }
                Some(size) if stored == 0 && flag == Flag::SparseFile => {
                    Ok(Some((size, Some(Vec::new()))))
                }
                Some(size) if size != stored => Err(malformed("a real size without a map")),
                _ => Ok(None),
            };
        }
        let (Some(size), Flag::SparseFile) = (real_size, flag) else {
            return Err(malformed("a map in a file that is not sparse"));
        };
        let limit = self.limits.sparse_extents;
        let mut map = Vec::new();
        sparse::parse_gnu(fields, &mut map, limit)?;
        while continued {
            let fields = self.read_map_block()?;
            let length = sparse::GNU_BLOCK_EXTENTS * 24;
            sparse::parse_gnu(&fields[..length], &mut map, limit)?;
            continued = fields[length] != 0;
            if fields[0] == 0 && continued {
                return Err(malformed("an empty map goes on"));
            }
        }
        Ok(Some((size, Some(map))))
    }

    /// The map in pax records or in front of the data, with the stored bytes that are left and the real size.
    pub(super) fn pax_map(
        &mut self,
        mut stored: u64,
        pax: &mut Pax,
    ) -> Result<(u64, u64, Option<Vec<Extent>>), Failure> {
        let real_size = pax.sparse.size;
        let no_size = Problem::Sparse {
            what: "a map without a real size",
        };
        if !pax.sparse.map_is_in_data() {
            return match (pax.sparse.map.take(), real_size) {
                (Some(map), Some(size)) => Ok((stored, size, Some(map))),
                (Some(_), None) => Err(no_size.into()),
                (None, Some(size)) if size != stored => Err(malformed("a real size without a map")),
                (None, _) => Ok((stored, stored, None)),
            };
        }
        let size = real_size.ok_or(no_size)?;
        let (mut map, mut rest) = (LineMap::default(), Vec::new());
        loop {
            stored = stored.checked_sub(BLOCK as u64).ok_or(Problem::Sparse {
                what: "the map is longer than the data",
            })?;
            let block = self.read_map_block()?;
            if map.push_block(&block, &mut rest, self.limits.sparse_extents)? {
                return Ok((stored, size, Some(map.into_extents())));
            }
        }
    }

    fn read_map_block(&mut self) -> Result<[u8; BLOCK], Failure> {
        let mut block = [0; BLOCK];
        let count = self.read_full(&mut block).map_err(Failure::Input)?;
        if count < BLOCK {
            Err(Problem::CutOff.into())
        } else {
            Ok(block)
        }
    }
}
