//! Sparse files: where in the file its stored data belongs.
//!
//! Old GNU headers carry the map in themselves and in blocks that follow; GNU's pax formats 0.0 and 0.1 carry it
//! in pax records, 1.0 in front of the data. Solaris only says where zeros are that are stored nonetheless.

use super::number;
use crate::Problem;

/// One run of stored data.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// Where in the file it begins.
    pub(super) start: u64,
    /// Its bytes.
    pub(super) length: u64,
}

impl Extent {
    fn end(self) -> Option<u64> {
        self.start.checked_add(self.length)
    }
}

fn malformed(what: &'static str) -> Problem {
    Problem::Sparse { what }
}

/// Bytes of one extent in an old GNU header.
const GNU_EXTENT: usize = 24;
/// Extents in a block that continues such a header.
pub(super) const GNU_BLOCK_EXTENTS: usize = 21;

/// Append the extents of an old GNU header or of a block that continues one. An empty field ends the list.
pub(super) fn parse_gnu(
    bytes: &[u8],
    extents: &mut Vec<Extent>,
    limit: usize,
) -> Result<(), Problem> {
    for field in bytes.chunks_exact(GNU_EXTENT) {
        if field[0] == 0 {
            return Ok(());
        }
        let start = number::field(&field[..12], "start of an extent")?;
        let length = number::field(&field[12..], "length of an extent")?;
        push(extents, Extent { start, length }, limit)?;
    }
    Ok(())
}

fn push(extents: &mut Vec<Extent>, extent: Extent, limit: usize) -> Result<(), Problem> {
    if extents.len() >= limit {
        return Err(malformed("too many extents"));
    }
    extents.push(extent);
    Ok(())
}

/// Whether the extents are in order, inside a file of `size` bytes, and are exactly the `stored` bytes.
pub(super) fn check(extents: &[Extent], size: u64, stored: u64) -> Result<(), Problem> {
    let mut at = 0;
    let mut sum = 0_u64;
    for extent in extents {
        if extent.start < at {
            return Err(malformed("extents overlap or are out of order"));
        }
        at = extent
            .end()
            .filter(|end| *end <= size)
            .ok_or(malformed("an extent ends after the file"))?;
        sum += extent.length;
    }
    if sum != stored {
        return Err(malformed("the extents are not the stored data"));
    }
    Ok(())
}

/// What pax records say about a sparse file.
#[derive(Debug, Default)]
pub(super) struct PaxSparse {
    /// The file's own name, where `path` is a made-up one.
    pub(super) name: Option<Vec<u8>>,
    /// Its size with holes.
    pub(super) size: Option<u64>,
    /// star's keyword for the same.
    pub(super) star_size: Option<u64>,
    /// Major and minor number of the format, which only 1.0 has: the map is in front of the data.
    pub(super) version: Option<(u64, u64)>,
    /// The map, where it is in the records.
    pub(super) map: Option<Vec<Extent>>,
    /// Solaris: runs of zeros that are stored.
    pub(super) zeros: Vec<Extent>,
    /// Format 0.0: an extent's start, until its length comes.
    start: Option<u64>,
}

impl PaxSparse {
    /// Take in `GNU.sparse.` and `keyword`.
    pub(super) fn set(
        &mut self,
        keyword: &[u8],
        value: &[u8],
        limit: usize,
    ) -> Result<(), Problem> {
        match keyword {
            b"name" if value.contains(&0) => return Err(Problem::Nul { what: "name" }),
            b"name" => self.name = (!value.is_empty()).then(|| value.to_vec()),
            b"size" | b"realsize" => self.size = Some(number::decimal(value, "real size")?),
            b"major" => {
                let minor = self.version.map_or(0, |(_, minor)| minor);
                self.version = Some((number::decimal(value, "sparse format")?, minor));
            }
            b"minor" => {
                let major = self.version.map_or(0, |(major, _)| major);
                self.version = Some((major, number::decimal(value, "sparse format")?));
            }
            b"numblocks" => self.map = Some(Vec::new()),
            b"offset" => {
                let start = number::decimal(value, "start of an extent")?;
                if self.start.replace(start).is_some() {
                    return Err(malformed("an extent without length"));
                }
            }
            b"numbytes" => {
                let length = number::decimal(value, "length of an extent")?;
                let start = self
                    .start
                    .take()
                    .ok_or(malformed("an extent without start"))?;
                push(
                    self.map.get_or_insert_default(),
                    Extent { start, length },
                    limit,
                )?;
            }
            b"map" => self.map = Some(parse_list(value, limit)?),
            _ => {}
        }
        Ok(())
    }

    /// Take in `SUN.holesdata`: where, in turn, data and holes begin, after a blank each.
    pub(super) fn set_solaris(&mut self, value: &[u8], limit: usize) -> Result<(), Problem> {
        const BAD: &str = "SUN.holesdata is no list of offsets";
        self.zeros.clear();
        let value = value.strip_prefix(b" ").ok_or(malformed(BAD))?;
        let mut at = 0;
        for (index, number) in value.split(|byte| *byte == b' ').enumerate() {
            let end = number::decimal(number, "offset of a hole")?;
            let length = end.checked_sub(at).ok_or(malformed(BAD))?;
            if index % 2 == 0 && length > 0 {
                push(&mut self.zeros, Extent { start: at, length }, limit)?;
            }
            at = end;
        }
        Ok(())
    }

    /// Nothing is left half said.
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.start.is_some() {
            return Err(malformed("an extent without length"));
        }
        match self.version {
            None | Some((1, 0)) => Ok(()),
            Some(_) => Err(malformed("a format that is not known here")),
        }
    }

    /// The map is in front of the data.
    pub(super) fn map_is_in_data(&self) -> bool {
        self.version == Some((1, 0))
    }
}

/// `start,length,start,length…`
fn parse_list(value: &[u8], limit: usize) -> Result<Vec<Extent>, Problem> {
    let mut extents = Vec::new();
    if value.is_empty() {
        return Ok(extents);
    }
    let mut numbers = value.split(|byte| *byte == b',');
    while let Some(start) = numbers.next() {
        let start = number::decimal(start, "start of an extent")?;
        let length = numbers
            .next()
            .ok_or(malformed("an extent without length"))?;
        let length = number::decimal(length, "length of an extent")?;
        push(&mut extents, Extent { start, length }, limit)?;
    }
    Ok(extents)
}

/// The map in front of the data: decimal numbers, a line each, first how many extents there are.
#[derive(Debug, Default)]
pub(super) struct LineMap {
    count: Option<u64>,
    start: Option<u64>,
    extents: Vec<Extent>,
}

/// A line of the map is no longer than this.
const MAX_LINE: usize = 21;

impl LineMap {
    /// Take in a block of the map; its lines may go on in the next one. `rest`: an unfinished line of the block
    /// before, and then of this one. True when the map is complete.
    pub(super) fn push_block(
        &mut self,
        block: &[u8],
        rest: &mut Vec<u8>,
        limit: usize,
    ) -> Result<bool, Problem> {
        for byte in block {
            if self.is_complete() {
                return Ok(true);
            }
            if *byte != b'\n' {
                rest.push(*byte);
                if rest.len() > MAX_LINE {
                    return Err(malformed("a line of the map is too long"));
                }
                continue;
            }
            let number = number::decimal(rest, "number in the map of a sparse file")?;
            rest.clear();
            match (self.count, self.start.take()) {
                (None, _) => self.count = Some(number),
                (Some(_), None) => self.start = Some(number),
                (Some(_), Some(start)) => {
                    push(
                        &mut self.extents,
                        Extent {
                            start,
                            length: number,
                        },
                        limit,
                    )?;
                }
            }
        }
        Ok(self.is_complete())
    }

    fn is_complete(&self) -> bool {
        self.count
            .is_some_and(|count| self.extents.len() as u64 >= count)
    }

    pub(super) fn into_extents(self) -> Vec<Extent> {
        self.extents
    }
}

#[cfg(test)]
mod tests {
    use super::{Extent, LineMap, PaxSparse, check, parse_gnu, parse_list};

    fn extents(pairs: &[(u64, u64)]) -> Vec<Extent> {
        pairs
            .iter()
            .map(|&(start, length)| Extent { start, length })
            .collect()
    }

    #[test]
    fn maps_that_make_sense() {
        for (pairs, size, stored, good) in [
            (&[][..], 0, 0, true),
            (&[], 10, 0, true),
            (&[(0, 10)], 10, 10, true),
            (&[(2, 3), (5, 1), (10, 0)], 10, 4, true),
            (&[(0, 10)], 9, 10, false),
            (&[(0, 10)], 10, 9, false),
            (&[(0, 5), (4, 5)], 10, 10, false),
            (&[(5, 1), (0, 1)], 10, 2, false),
            (&[(u64::MAX, 1)], 10, 1, false),
        ] {
            assert_eq!(
                check(&extents(pairs), size, stored).is_ok(),
                good,
                "{pairs:?}"
            );
        }
    }

    #[test]
    fn gnu_fields() {
        let mut bytes = [0; 96];
        bytes[..24].copy_from_slice(b"00000000010\x0000000000020\0");
        bytes[24..48].copy_from_slice(b"00000001000\x0000000000000\0");
        let mut found = Vec::new();
        parse_gnu(&bytes, &mut found, 2).unwrap();
        assert_eq!(found, extents(&[(8, 16), (512, 0)]));
        assert!(parse_gnu(&bytes, &mut found, 3).is_err());
        assert!(parse_gnu(&[b'x'; 96], &mut Vec::new(), 9).is_err());
    }

    #[test]
    fn lists() {
        assert_eq!(
            parse_list(b"1,2,3,4", 9).unwrap(),
            extents(&[(1, 2), (3, 4)])
        );
        assert_eq!(parse_list(b"", 9).unwrap(), []);
        for list in [&b"1"[..], b"1,", b"1,2,", b"a,b", b"1,2,3"] {
            assert!(parse_list(list, 9).is_err());
        }
        assert!(parse_list(b"1,2,3,4", 1).is_err());
    }

    #[test]
    fn records_of_format_0_0() {
        let mut sparse = PaxSparse::default();
        for (keyword, value) in [
            ("size", "99"),
            ("numblocks", "2"),
            ("offset", "1"),
            ("numbytes", "2"),
            ("offset", "5"),
        ] {
            sparse.set(keyword.as_bytes(), value.as_bytes(), 9).unwrap();
        }
        assert!(sparse.check().is_err());
        sparse.set(b"numbytes", b"4", 9).unwrap();
        sparse.check().unwrap();
        assert_eq!(
            (sparse.size, sparse.map),
            (Some(99), Some(extents(&[(1, 2), (5, 4)])))
        );
        assert!(PaxSparse::default().set(b"numbytes", b"4", 9).is_err());
    }

    #[test]
    fn solaris_zeros() {
        let mut sparse = PaxSparse::default();
        sparse.set_solaris(b" 0 10 30 40", 9).unwrap();
        assert_eq!(sparse.zeros, extents(&[(10, 20)]));
        sparse.set_solaris(b" 5 10", 9).unwrap();
        assert_eq!(sparse.zeros, extents(&[(0, 5)]));
        for bad in [&b"0 1"[..], b" 5 4", b" ", b" x", b""] {
            assert!(sparse.set_solaris(bad, 9).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn lines_across_blocks() {
        let text = b"2\n10\n20\n40\n5\n\0\0\0";
        for cut in 0..text.len() {
            let (mut map, mut rest) = (LineMap::default(), Vec::new());
            let done = map.push_block(&text[..cut], &mut rest, 9).unwrap();
            if !done {
                assert!(map.push_block(&text[cut..], &mut rest, 9).unwrap());
            }
            assert_eq!(map.into_extents(), extents(&[(10, 20), (40, 5)]), "{cut}");
        }
        let long = [b'1'; 30];
        assert!(
            LineMap::default()
                .push_block(&long, &mut Vec::new(), 9)
                .is_err()
        );
        assert!(
            LineMap::default()
                .push_block(b"-1\n", &mut Vec::new(), 9)
                .is_err()
        );
        assert!(
            LineMap::default()
                .push_block(b"2\n1\n1\n1\n1\n", &mut Vec::new(), 1)
                .is_err()
        );
    }
}
