//! Sparse files in each of tar's formats.

use super::{Header, Kind, RawTar, header::number_field, pax_records};

/// Where a piece of data stands in a sparse file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SparsePart {
    /// First byte of the piece in the file.
    pub offset: u64,
    /// Length of the piece in bytes, as the map claims it.
    pub length: u64,
}

impl SparsePart {
    /// A piece of `length` bytes at `offset`.
    #[must_use]
    pub fn new(offset: u64, length: u64) -> Self {
        Self { offset, length }
    }
}

impl RawTar {
    /// A sparse file in GNU tar's old format: four map places in the header, 21 in each extension
    /// block. `data` is the pieces' bytes; nothing checks that the map agrees with them.
    #[must_use]
    pub fn sparse_gnu(self, name: &str, map: &[SparsePart], real_size: u64, data: &[u8]) -> Self {
        let mut header = Header::new(Kind::GnuSparse, name)
            .gnu_magic()
            .size(data.len() as u64)
            .number(483, 12, real_size);
        let (first, rest) = map.split_at(map.len().min(4));
        for (place, part) in first.iter().enumerate() {
            let at = 386 + place * 24;
            header = header
                .number(at, 12, part.offset)
                .number(at + 12, 12, part.length);
        }
        let extended = u8::from(!rest.is_empty());
        let mut tar = self.raw(&header.bytes_at(482, &[extended]).to_bytes());
        let blocks = rest.chunks(21);
        let last = blocks.len().saturating_sub(1);
        for (number, parts) in blocks.enumerate() {
            tar = tar.raw(&extension_block(parts, number < last));
        }
        tar.raw(data).align()
    }

    /// A sparse file in PAX format 0.0: a pair of records for each piece.
    #[must_use]
    pub fn sparse_pax_0_0(
        self,
        name: &str,
        map: &[SparsePart],
        real_size: u64,
        data: &[u8],
    ) -> Self {
        let mut records = vec![
            ("GNU.sparse.size", real_size.to_string()),
            ("GNU.sparse.numblocks", map.len().to_string()),
        ];
        for part in map {
            records.push(("GNU.sparse.offset", part.offset.to_string()));
            records.push(("GNU.sparse.numbytes", part.length.to_string()));
        }
        self.pax_verbatim(&pax_records(records)).file(name, data)
    }

    /// A sparse file in PAX format 0.1: the map in one record, the true name in another.
    #[must_use]
    pub fn sparse_pax_0_1(
        self,
        name: &str,
        map: &[SparsePart],
        real_size: u64,
        data: &[u8],
    ) -> Self {
        let numbers: Vec<String> = map
            .iter()
            .flat_map(|part| [part.offset.to_string(), part.length.to_string()])
            .collect();
        let records = [
            ("GNU.sparse.name", name.to_owned()),
            ("GNU.sparse.size", real_size.to_string()),
            ("GNU.sparse.numblocks", map.len().to_string()),
            ("GNU.sparse.map", numbers.join(",")),
        ];
        self.pax_verbatim(&pax_records(records))
            .file("GNUSparseFile.0/x", data)
    }

    /// A sparse file in PAX format 1.0: the map stands before the data, in the body.
    #[must_use]
    pub fn sparse_pax_1_0(
        self,
        name: &str,
        map: &[SparsePart],
        real_size: u64,
        data: &[u8],
    ) -> Self {
        let records = [
            ("GNU.sparse.major", "1".to_owned()),
            ("GNU.sparse.minor", "0".to_owned()),
            ("GNU.sparse.name", name.to_owned()),
            ("GNU.sparse.realsize", real_size.to_string()),
        ];
        let mut body = format!("{}\n", map.len()).into_bytes();
        for part in map {
            body.extend(format!("{}\n{}\n", part.offset, part.length).into_bytes());
        }
        body.resize(body.len() + super::padding(body.len() as u64), 0);
        body.extend_from_slice(data);
        self.pax_verbatim(&pax_records(records))
            .file("GNUSparseFile.0/x", body)
    }
}

/// 21 map places, then the byte that says whether another block follows.
fn extension_block(parts: &[SparsePart], more: bool) -> [u8; 512] {
    let mut block = [0; 512];
    for (place, part) in parts.iter().enumerate() {
        for (at, value) in [(place * 24, part.offset), (place * 24 + 12, part.length)] {
            let field = number_field(12, value);
            block[at..at + field.len()].copy_from_slice(&field);
        }
    }
    block[504] = u8::from(more);
    block
}
