//! Damage, the same for the same seed.

/// A small generator of numbers (xorshift), so that a seed says all.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            dice.next();
        }
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `limit`.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap()
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// An archive with one thing wrong, or a few.
pub(super) fn mutated(tar: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut tar = tar.to_vec();
    let blocks = tar.len() / 512;
    if blocks == 0 {
        return tar;
    }
    let block = dice.below(blocks) * 512;
    match dice.below(12) {
        0 => tar.truncate(dice.below(tar.len())),
        1 => drop(tar.drain(block..block + 512)),
        2 => {
            let copy = tar[block..block + 512].to_vec();
            let to = dice.below(blocks) * 512;
            tar.splice(to..to, copy);
        }
        3 => tar[block..block + 512].fill(0),
        _ => {
            for _ in 0..=dice.below(3) {
                change_field(&mut tar, dice);
            }
        }
    }
    tar
}

/// Where a header's fields are: name, mode, uid, gid, size, time, checksum, type, link, magic, devices, the rest.
const FIELDS: [(usize, usize); 12] = [
    (0, 100),
    (100, 8),
    (108, 8),
    (116, 8),
    (124, 12),
    (136, 12),
    (148, 8),
    (156, 1),
    (157, 100),
    (257, 8),
    (329, 16),
    (345, 167),
];

fn change_field(tar: &mut [u8], dice: &mut Dice) {
    let headers: Vec<usize> = (0..tar.len() / 512)
        .map(|block| block * 512)
        .filter(|at| tar[at + 257..at + 262] == *b"ustar" || tar[at + 148] == b'0')
        .collect();
    if headers.is_empty() || dice.below(5) == 0 {
        let at = dice.below(tar.len());
        tar[at] = dice.one_of(b"\0 /.=\n0123456789x\xff");
        return;
    }
    let header = dice.one_of(&headers);
    let (start, length) = dice.one_of(&FIELDS);
    let at = header + start + dice.below(length.min(14));
    tar[at] = match start {
        156 => dice.one_of(b"\x000123456789xgXLKSVMNAZ"),
        0 | 157 => dice.one_of(b"\0/.abc"),
        _ => dice.one_of(b"\0 01234567\x80\xff-/"),
    };
    if start != 148 {
        fix_checksum(&mut tar[header..header + 512]);
    }
}

/// Give a header the checksum of what it now holds.
pub(super) fn fix_checksum(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}
