//! A regular expression, as parsed.

use std::ops::RangeInclusive;

/// A part of a regular expression over bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// These bytes. Not empty.
    Literal(Vec<u8>),
    /// One byte of a set.
    Class(ByteSet),
    /// A place between two bytes.
    Look(Look),
    /// One after the other. Empty matches the empty text.
    Concat(Vec<Self>),
    /// One of them.
    Alternation(Vec<Self>),
    /// One node, several times.
    Repeat {
        /// At least so often.
        min: u32,
        /// At most so often; `None` is without end.
        max: Option<u32>,
        /// What is repeated.
        node: Box<Self>,
    },
}

/// What matches no byte, but a place between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// `^` and `\A`: before the first byte.
    Start,
    /// `$` and `\Z`: after the last byte. A newline at the end of a path is the caller's business.
    End,
    /// `\b`: one neighbour is of a word, the other is not.
    WordBoundary,
    /// `\B`: the opposite.
    NoWordBoundary,
}

impl Node {
    /// `.*`
    pub(super) fn anything() -> Self {
        Self::Repeat {
            min: 0,
            max: None,
            node: Box::new(Self::Class(ByteSet::ALL)),
        }
    }

    /// How large the automaton of the node gets, roughly in states: counted repetitions are copies.
    pub(super) fn cost(&self) -> u64 {
        match self {
            Self::Literal(bytes) => bytes.len() as u64,
            Self::Class(_) | Self::Look(_) => 1,
            Self::Concat(nodes) | Self::Alternation(nodes) => {
                nodes.iter().map(Self::cost).fold(1, u64::saturating_add)
            }
            Self::Repeat { min, max, node } => {
                let copies = u64::from(max.unwrap_or(*min).max(1));
                node.cost().saturating_mul(copies).saturating_add(1)
            }
        }
    }

    /// Whether the node can match at least one byte.
    fn consumes(&self) -> bool {
        match self {
            Self::Literal(_) | Self::Class(_) => true,
            Self::Look(_) => false,
            Self::Concat(nodes) | Self::Alternation(nodes) => nodes.iter().any(Self::consumes),
            Self::Repeat { max, node, .. } => *max != Some(0) && node.consumes(),
        }
    }

    /// Whether a byte can be matched behind a [`Look::End`].
    pub(super) fn consumes_after_end(&self) -> bool {
        self.end_is_passed(false)
    }

    fn end_is_passed(&self, more_follows: bool) -> bool {
        match self {
            Self::Look(Look::End) => more_follows,
            Self::Literal(_) | Self::Class(_) | Self::Look(_) => false,
            Self::Alternation(nodes) => nodes.iter().any(|node| node.end_is_passed(more_follows)),
            Self::Concat(nodes) => {
                let mut follows = more_follows;
                nodes.iter().rev().any(|node| {
                    let passed = node.end_is_passed(follows);
                    follows |= node.consumes();
                    passed
                })
            }
            Self::Repeat { max, node, .. } => {
                let again = max.is_none_or(|max| max > 1) && node.consumes();
                node.end_is_passed(more_follows || again)
            }
        }
    }
}

/// A set of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ByteSet([u64; 4]);

impl ByteSet {
    pub(super) const NONE: Self = Self([0; 4]);
    pub(super) const ALL: Self = Self([u64::MAX; 4]);

    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut set = Self::NONE;
        bytes.iter().for_each(|byte| set.insert(*byte));
        set
    }

    pub(super) fn of_ranges(ranges: &[RangeInclusive<u8>]) -> Self {
        let mut set = Self::NONE;
        ranges
            .iter()
            .cloned()
            .for_each(|range| set.insert_range(range));
        set
    }

    pub(super) fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    pub(super) fn insert_range(&mut self, range: RangeInclusive<u8>) {
        range.for_each(|byte| self.insert(byte));
    }

    pub(super) fn insert_all(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a |= b);
    }

    pub(super) fn contains(self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] & (1 << (byte & 63)) != 0
    }

    pub(super) fn inverted(self) -> Self {
        Self(self.0.map(|bits| !bits))
    }

    /// Its bytes as ranges, in order.
    pub(super) fn ranges(self) -> Vec<RangeInclusive<u8>> {
        let mut ranges: Vec<RangeInclusive<u8>> = Vec::new();
        for byte in (0..=u8::MAX).filter(|byte| self.contains(*byte)) {
            match ranges.last_mut() {
                Some(last) if *last.end() + 1 == byte => *last = *last.start()..=byte,
                _ => ranges.push(byte..=byte),
            }
        }
        ranges
    }
}
