//! A tail as a finite automaton: linear in the path, whatever the rule.

use super::ast::{ByteSet, Look, Node};
use crate::limits::{MAX_AUTOMATA_BYTES, MAX_DFA_BYTES};
use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::{Anchored, Input, meta};
use regex_syntax::hir::{self, Class, ClassBytes, ClassBytesRange, Hir, Repetition};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The memory that the automata of one policy may take together.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    used: AtomicUsize,
}

/// The automata of the policy have taken all they may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OverBudget;

impl Budget {
    fn take(&self, bytes: usize) -> Result<(), OverBudget> {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > MAX_AUTOMATA_BYTES {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
            return Err(OverBudget);
        }
        Ok(())
    }
}

/// An automaton for paths from some byte on.
#[derive(Debug)]
pub(super) enum Automaton {
    /// All states made in advance: nearly every rule.
    Dense(Box<dense::DFA<Vec<u32>>>),
    /// States made as they are met, in bounded memory, for rules that would have too many.
    Lazy(Box<meta::Regex>),
}

impl Automaton {
    pub(super) fn new(node: &Node, budget: &Budget) -> Result<Self, OverBudget> {
        let hir = hir(node);
        if let Some(dfa) = dense(&hir) {
            budget.take(dfa.memory_usage())?;
            return Ok(Self::Dense(Box::new(dfa)));
        }
        let config = meta::Config::new()
            .utf8_empty(false)
            .nfa_size_limit(Some(MAX_AUTOMATA_BYTES))
            .hybrid_cache_capacity(LAZY_CACHE_BYTES)
            .dfa(false)
            .onepass(false)
            .backtrack(false);
        let regex = meta::Builder::new()
            .configure(config)
            .build_from_hir(&hir)
            .map_err(|_| OverBudget)?;
        budget.take(regex.memory_usage() + LAZY_CACHE_BYTES)?;
        Ok(Self::Lazy(Box::new(regex)))
    }

    /// Steps for each byte of a path, if the pattern has so many states.
    pub(super) fn steps_per_byte(&self, states: u64) -> u64 {
        match self {
            Self::Dense(_) => 1,
            // At worst every state is looked at for every byte.
            Self::Lazy(_) => states.max(1),
        }
    }

    /// Whether the path matches from `begin` on.
    pub(super) fn matches(&self, path: &[u8], begin: usize) -> bool {
        let input = Input::new(path)
            .range(begin..)
            .anchored(Anchored::Yes)
            .earliest(true);
        match self {
            // It quits at no byte and never gives up, and the whole path is given: there is no error.
            Self::Dense(dfa) => matches!(dfa.try_search_fwd(&input), Ok(Some(_))),
            Self::Lazy(regex) => regex.search_half(&input).is_some(),
        }
    }
}

/// The cache of a lazy automaton, for each thread that asks it.
const LAZY_CACHE_BYTES: usize = 256 << 10;

fn dense(hir: &Hir) -> Option<dense::DFA<Vec<u32>>> {
    let nfa = thompson::Compiler::new()
        .configure(
            thompson::Config::new()
                .utf8(false)
                .which_captures(thompson::WhichCaptures::None)
                .nfa_size_limit(Some(MAX_DFA_BYTES)),
        )
        .build_from_hir(hir)
        .ok()?;
    dense::Builder::new()
        .configure(
            dense::Config::new()
                .start_kind(StartKind::Anchored)
                .accelerate(false)
                .dfa_size_limit(Some(MAX_DFA_BYTES))
                .determinize_size_limit(Some(4 * MAX_DFA_BYTES)),
        )
        .build_from_nfa(&nfa)
        .ok()
}

fn hir(node: &Node) -> Hir {
    match node {
        Node::Literal(bytes) => Hir::literal(bytes.clone()),
        Node::Class(set) => class(*set),
        Node::Look(look) => Hir::look(match look {
            Look::Start => hir::Look::Start,
            Look::End => hir::Look::End,
            Look::WordBoundary => hir::Look::WordAscii,
            Look::NoWordBoundary => hir::Look::WordAsciiNegate,
        }),
        Node::Concat(nodes) => Hir::concat(nodes.iter().map(hir).collect()),
        Node::Alternation(nodes) => Hir::alternation(nodes.iter().map(hir).collect()),
        Node::Repeat { min, max, node } => Hir::repetition(Repetition {
            min: *min,
            max: *max,
            greedy: true,
            sub: Box::new(hir(node)),
        }),
    }
}

fn class(set: ByteSet) -> Hir {
    let ranges = set.ranges();
    let ranges = ranges
        .iter()
        .map(|range| ClassBytesRange::new(*range.start(), *range.end()));
    Hir::class(Class::Bytes(ClassBytes::new(ranges)))
}
