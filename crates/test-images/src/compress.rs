//! Compressed streams, right ones and broken ones.
//!
//! To cut a stream, truncate it; to add garbage, append it. What needs knowledge of the format is
//! here.

use std::io::Write as _;

/// How a layer is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// The tar as it is.
    None,
    /// One gzip member.
    Gzip {
        /// 0 (stored) to 9.
        level: u32,
    },
    /// One zstd frame.
    Zstd {
        /// 1 to 19.
        level: i32,
    },
}

impl Packing {
    /// Gzip at the usual level, 6.
    pub const GZIP: Self = Self::Gzip { level: 6 };
    /// Zstd at the usual level, 3.
    pub const ZSTD: Self = Self::Zstd { level: 3 };

    /// Media type of a layer packed so.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::None => "application/vnd.oci.image.layer.v1.tar",
            Self::Gzip { .. } => "application/vnd.oci.image.layer.v1.tar+gzip",
            Self::Zstd { .. } => "application/vnd.oci.image.layer.v1.tar+zstd",
        }
    }

    /// The bytes, packed.
    #[must_use]
    pub fn pack(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::None => bytes.to_vec(),
            Self::Gzip { level } => gzip(bytes, level),
            Self::Zstd { level } => zstd(bytes, level),
        }
    }
}

/// One gzip member. The same bytes and level give the same stream.
#[must_use]
pub fn gzip(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    // A Vec takes all that is written.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// A gzip member for each `member_size` bytes, as `pigz -i` and eStargz write (RFC 1952, 2.2).
#[must_use]
pub fn gzip_members(bytes: &[u8], member_size: usize) -> Vec<u8> {
    bytes
        .chunks(member_size)
        .flat_map(|part| gzip(part, 6))
        .collect()
}

/// One gzip member whose CRC-32 is wrong.
#[must_use]
pub fn gzip_wrong_crc(bytes: &[u8]) -> Vec<u8> {
    let mut stream = gzip(bytes, 6);
    let at = stream.len() - GZIP_TRAILER;
    stream[at] ^= 0xff;
    stream
}

/// CRC-32 and size at the end of a gzip member, in bytes.
pub const GZIP_TRAILER: usize = 8;

/// One zstd frame.
#[must_use]
pub fn zstd(bytes: &[u8], level: i32) -> Vec<u8> {
    zstd::bulk::compress(bytes, level).unwrap_or_default()
}

/// A zstd frame for each `frame_size` bytes, as zstd:chunked writes.
#[must_use]
pub fn zstd_frames(bytes: &[u8], frame_size: usize) -> Vec<u8> {
    bytes
        .chunks(frame_size)
        .flat_map(|part| zstd(part, 3))
        .collect()
}

/// A skippable zstd frame (RFC 8878, 3.1.2) around `payload`.
#[must_use]
pub fn zstd_skippable_frame(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut frame = 0x184d_2a50_u32.to_le_bytes().to_vec();
    frame.extend(length.to_le_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// One zstd frame of stored blocks that asks the reader for a window of 2^`window_log` bytes
/// (RFC 8878, 3.1.1.1.2): 10 to 41. No compressor is needed, and no memory of that size.
#[must_use]
pub fn zstd_with_window(bytes: &[u8], window_log: u8) -> Vec<u8> {
    const BLOCK: usize = 128 * 1024;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, (window_log - 10) << 3];
    let mut blocks = bytes.chunks(BLOCK).peekable();
    while let Some(block) = blocks.next() {
        let last = u32::from(blocks.peek().is_none());
        let header = u32::try_from(block.len()).unwrap_or(0) << 3 | last;
        frame.extend(&header.to_le_bytes()[..3]);
        frame.extend_from_slice(block);
    }
    frame
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn members_and_frames_read_back() {
        let bytes: Vec<u8> = (0..1000_u32).flat_map(u32::to_le_bytes).collect();
        let mut back = Vec::new();
        flate2::read::MultiGzDecoder::new(&*gzip_members(&bytes, 100))
            .read_to_end(&mut back)
            .unwrap();
        assert_eq!(back, bytes);
        let stream = [zstd_skippable_frame(b"toc"), zstd_frames(&bytes, 100)].concat();
        assert_eq!(zstd::decode_all(&*stream).unwrap(), bytes);
        assert_eq!(
            zstd::decode_all(&*zstd_with_window(&bytes, 20)).unwrap(),
            bytes
        );
    }

    #[test]
    fn broken_ones_are_refused() {
        let read =
            |stream: &[u8]| flate2::read::MultiGzDecoder::new(stream).read_to_end(&mut Vec::new());
        assert!(read(&gzip_wrong_crc(b"text")).is_err());
        let whole = gzip(b"text", 6);
        assert!(read(&whole[..whole.len() - GZIP_TRAILER]).is_err());
        assert!(zstd::decode_all(&*zstd_with_window(b"text", 40)).is_err());
    }
}
