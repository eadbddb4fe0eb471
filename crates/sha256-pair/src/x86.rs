//! Two streams by turns through the SHA instructions of x86-64.
//!
//! `sha256rnds2` does two rounds and gives its result four cycles later, but takes the next one after two: with one
//! stream, whose rounds need each other's results, half of the time is waiting. The layout of the state in two
//! registers, and how the message schedule is made of `sha256msg1` and `sha256msg2`, are Intel's ("Intel SHA
//! Extensions", 2013).

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi32, _mm_set_epi64x,
    _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8,
    _mm_shuffle_epi32,
};

use crate::blocks::{Block, State};

/// That the processor has the instructions.
#[derive(Clone, Copy)]
pub(crate) struct Processor(());

impl Processor {
    /// Asks it; the answer is remembered by the standard library.
    pub(crate) fn with_sha() -> Option<Self> {
        let has_all = is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("sse2")
            && is_x86_feature_detected!("ssse3")
            && is_x86_feature_detected!("sse4.1");
        has_all.then_some(Self(()))
    }

    /// As many blocks of each stream as the shorter has.
    #[expect(
        unsafe_code,
        reason = "what is compiled for instructions that not every x86-64 has can be called in no other way"
    )]
    pub(crate) fn compress(self, states: [&mut State; 2], blocks: [&[Block]; 2]) {
        // SAFETY: a `Processor` is only made where all features that the function enables were detected.
        unsafe { compress(states, blocks) }
    }
}

/// The words of a state as the instructions want them.
#[derive(Clone, Copy)]
struct Lane {
    abef: __m128i,
    cdgh: __m128i,
}

/// The last sixteen words of a message schedule.
type Schedule = [__m128i; 4];

#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn compress([one, other]: [&mut State; 2], [one_blocks, other_blocks]: [&[Block]; 2]) {
    let mut lanes = [lane(one), lane(other)];
    for (one_block, other_block) in one_blocks.iter().zip(other_blocks) {
        let before = lanes;
        let mut schedules = [schedule(one_block), schedule(other_block)];
        for step in 0..16 {
            for (lane, schedule) in lanes.iter_mut().zip(&mut schedules) {
                if step >= 4 {
                    advance(schedule);
                }
                four_rounds(lane, schedule[step.min(3)], step);
            }
        }
        for (lane, before) in lanes.iter_mut().zip(before) {
            lane.abef = _mm_add_epi32(lane.abef, before.abef);
            lane.cdgh = _mm_add_epi32(lane.cdgh, before.cdgh);
        }
    }
    *one = state(lanes[0]);
    *other = state(lanes[1]);
}

#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn lane(&[a, b, c, d, e, f, g, h]: &State) -> Lane {
    let pack = |[a, b, c, d]: [u32; 4]| {
        _mm_set_epi32(
            a.cast_signed(),
            b.cast_signed(),
            c.cast_signed(),
            d.cast_signed(),
        )
    };
    Lane {
        abef: pack([a, b, e, f]),
        cdgh: pack([c, d, g, h]),
    }
}

#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn state(Lane { abef, cdgh }: Lane) -> State {
    let unpack = |packed| {
        [
            _mm_extract_epi32::<3>(packed).cast_unsigned(),
            _mm_extract_epi32::<2>(packed).cast_unsigned(),
            _mm_extract_epi32::<1>(packed).cast_unsigned(),
            _mm_extract_epi32::<0>(packed).cast_unsigned(),
        ]
    };
    let ([a, b, e, f], [c, d, g, h]) = (unpack(abef), unpack(cdgh));
    [a, b, c, d, e, f, g, h]
}

/// The block's own words, which are big-endian.
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn schedule(block: &Block) -> Schedule {
    let swap = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let (halves, _) = block.as_chunks::<8>();
    let words = |at: usize| {
        let low = i64::from_le_bytes(halves[2 * at]);
        let high = i64::from_le_bytes(halves[2 * at + 1]);
        _mm_shuffle_epi8(_mm_set_epi64x(high, low), swap)
    };
    [words(0), words(1), words(2), words(3)]
}

/// Four more words.
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn advance(words: &mut Schedule) {
    let [first, second, third, fourth] = *words;
    let sum = _mm_add_epi32(
        _mm_sha256msg1_epu32(first, second),
        _mm_alignr_epi8::<4>(fourth, third),
    );
    *words = [second, third, fourth, _mm_sha256msg2_epu32(sum, fourth)];
}

#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn four_rounds(lane: &mut Lane, words: __m128i, step: usize) {
    let [a, b, c, d] = ROUND_CONSTANTS[step].map(u32::cast_signed);
    let words = _mm_add_epi32(words, _mm_set_epi32(d, c, b, a));
    lane.cdgh = _mm_sha256rnds2_epu32(lane.cdgh, lane.abef, words);
    // The upper two words.
    let words = _mm_shuffle_epi32::<0x0e>(words);
    lane.abef = _mm_sha256rnds2_epu32(lane.abef, lane.cdgh, words);
}

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2).
#[rustfmt::skip]
const ROUND_CONSTANTS: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5], [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3], [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc], [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7], [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13], [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3], [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5], [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208], [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];
