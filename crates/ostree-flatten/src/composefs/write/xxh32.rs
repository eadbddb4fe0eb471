//! The 32-bit xxHash of short names, by which EROFS fills its filter of attribute names.
//!
//! Written after the algorithm's description (Cyan4973/xxHash, `doc/xxhash_spec.md`).

const PRIMES: [u32; 5] = [
    2_654_435_761,
    2_246_822_519,
    3_266_489_917,
    668_265_263,
    374_761_393,
];

pub(super) fn xxh32(input: &[u8], seed: u32) -> u32 {
    let [first, second, third, fourth, fifth] = PRIMES;
    let stripes = input.chunks_exact(16);
    let rest = stripes.remainder();
    let mut hash = if input.len() < 16 {
        seed.wrapping_add(fifth)
    } else {
        let mut lanes = [
            seed.wrapping_add(first).wrapping_add(second),
            seed.wrapping_add(second),
            seed,
            seed.wrapping_sub(first),
        ];
        for stripe in stripes {
            for (lane, word) in lanes.iter_mut().zip(stripe.chunks_exact(4)) {
                *lane = lane
                    .wrapping_add(little_endian(word).wrapping_mul(second))
                    .rotate_left(13)
                    .wrapping_mul(first);
            }
        }
        lanes
            .iter()
            .zip([1, 7, 12, 18])
            .fold(0, |sum: u32, (lane, bits)| {
                sum.wrapping_add(lane.rotate_left(bits))
            })
    };
    // The algorithm takes the length modulo 2^32; a name has at most 255 bytes.
    hash = hash.wrapping_add(u32::try_from(input.len()).unwrap_or(u32::MAX));
    let words = rest.chunks_exact(4);
    let bytes = words.remainder();
    for word in words {
        hash = hash
            .wrapping_add(little_endian(word).wrapping_mul(third))
            .rotate_left(17)
            .wrapping_mul(fourth);
    }
    for byte in bytes {
        hash = hash
            .wrapping_add(u32::from(*byte).wrapping_mul(fifth))
            .rotate_left(11)
            .wrapping_mul(first);
    }
    hash = (hash ^ (hash >> 15)).wrapping_mul(second);
    hash = (hash ^ (hash >> 13)).wrapping_mul(third);
    hash ^ (hash >> 16)
}

fn little_endian(word: &[u8]) -> u32 {
    word.iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_reference_implementation() {
        assert_eq!(xxh32(b"", 0), 0x02cc_5d05);
        assert_eq!(xxh32(b"a", 0), 0x550d_7456);
        assert_eq!(xxh32(b"abc", 0), 0x32d1_53ff);
        assert_eq!(
            xxh32(b"Nobody inspects the spammish repetition", 0),
            0xe229_3b2f
        );
    }
}
