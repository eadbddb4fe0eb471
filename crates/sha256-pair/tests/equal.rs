//! What is hashed here is what the `sha2` crate says, however the streams are cut.

use proptest::collection::vec;
use proptest::prelude::{any, proptest};
use sha2::Digest as _;
use sha256_pair::{Sha256, update_both};

fn expected(bytes: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(bytes).into()
}

#[test]
fn every_length_around_the_blocks() {
    let bytes: Vec<u8> = (0..=255).cycle().take(300).collect();
    for length in 0..bytes.len() {
        let mut hasher = Sha256::new();
        hasher.update(&bytes[..length]);
        assert_eq!(
            hasher.finish(),
            expected(&bytes[..length]),
            "{length} bytes"
        );
    }
}

#[test]
fn the_examples_of_the_standard() {
    // "abc" and the two-block message of FIPS 180-2, appendix B.
    let long = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    let (mut one, mut other) = (Sha256::new(), Sha256::new());
    update_both((&mut one, b"abc"), (&mut other, long));
    assert_eq!(one.finish()[..4], [0xba, 0x78, 0x16, 0xbf]);
    assert_eq!(other.finish()[..4], [0x24, 0x8d, 0x6a, 0x61]);
}

proptest! {
    #[test]
    fn two_streams_are_hashed_as_if_each_were_alone(
        parts in vec((vec(any::<u8>(), 0..400), vec(any::<u8>(), 0..400)), 0..12),
    ) {
        let (mut one, mut other) = (Sha256::new(), Sha256::new());
        let (mut one_bytes, mut other_bytes) = (Vec::new(), Vec::new());
        for (one_part, other_part) in &parts {
            update_both((&mut one, one_part), (&mut other, other_part));
            one_bytes.extend_from_slice(one_part);
            other_bytes.extend_from_slice(other_part);
        }
        assert_eq!(one.finish(), expected(&one_bytes));
        assert_eq!(other.finish(), expected(&other_bytes));
    }
}
