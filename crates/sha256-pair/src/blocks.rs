//! Whole blocks of streams into their states, by the fastest way that the processor has.

/// The eight words between blocks (FIPS 180-4, 6.2.2).
pub(crate) type State = [u32; 8];

/// What is compressed at a time.
pub(crate) type Block = [u8; 64];

/// The blocks of one stream.
pub(crate) fn compress(state: &mut State, blocks: &[Block]) {
    sha2::block_api::compress256(state, blocks);
}

/// As many blocks of each of two streams.
pub(crate) fn compress_both(states: [&mut State; 2], blocks: [&[Block]; 2]) {
    debug_assert_eq!(blocks[0].len(), blocks[1].len(), "blocks are paired");
    #[cfg(target_arch = "x86_64")]
    if let Some(processor) = crate::x86::Processor::with_sha() {
        return processor.compress(states, blocks);
    }
    one_after_the_other(states, blocks);
}

fn one_after_the_other(states: [&mut State; 2], blocks: [&[Block]; 2]) {
    for (state, blocks) in states.into_iter().zip(blocks) {
        compress(state, blocks);
    }
}

#[cfg(test)]
mod tests {
    use super::{Block, State, compress_both, one_after_the_other};

    #[test]
    fn both_ways_give_the_same() {
        let one: Vec<Block> = (0..9).map(|seed| [seed; 64]).collect();
        let mut bytes = (0..=255).cycle();
        let other =
            [(); 9].map(|()| -> Block { [(); 64].map(|()| bytes.next().unwrap_or_default()) });
        let start: [State; 2] = [[1, 2, 3, 4, 5, 6, 7, 8], [u32::MAX; 8]];
        for count in 0..=one.len() {
            let blocks = [&one[..count], &other[..count]];
            let (mut by_turns, mut serial) = (start, start);
            compress_both(by_turns.each_mut(), blocks);
            one_after_the_other(serial.each_mut(), blocks);
            assert_eq!(by_turns, serial, "{count} blocks");
        }
    }
}
