//! One rule's regular expression, ready to be asked.
//!
//! Rules of real policies nearly always begin with literal text and mostly end in `(/.*)?`, so a pattern is that
//! text and a tail; only the tails that are nothing simple need an automaton, which is made when it is first
//! reached.

mod ast;
mod automaton;
mod class;
mod parse;

use crate::limits::MAX_REGEX_STATES;
use crate::steps::Steps;
use ast::{Look, Node};
use automaton::Automaton;
pub(crate) use automaton::{Budget, OverBudget};
pub(crate) use parse::Fault;
use std::sync::OnceLock;

/// A regular expression as libselinux means it: `^`, the text of the rule, `$`.
#[derive(Debug)]
pub(crate) struct Pattern {
    prefix: Box<[u8]>,
    tail: Tail,
    cost: u64,
}

/// What follows the literal beginning.
#[derive(Debug)]
enum Tail {
    /// Nothing.
    End,
    /// `.*`
    Anything,
    /// `(/.*)?`
    Subtree,
    /// Something else.
    Other(Box<Other>),
}

#[derive(Debug)]
struct Other {
    node: Node,
    /// What every match ends with.
    suffix: Box<[u8]>,
    automaton: OnceLock<Automaton>,
}

impl Pattern {
    /// Parses the regular expression of a rule.
    pub(crate) fn parse(regex: &str) -> Result<Self, Fault> {
        // As libselinux does it, not ^(?:…)$: `a|b` is `^a` or `b$`, and a backslash at the end takes the `$`.
        let node = parse::parse(format!("^{regex}$").as_bytes())?;
        let cost = node.cost();
        if cost > MAX_REGEX_STATES {
            return Err(Fault::TooLarge { cost });
        }
        Ok(match node {
            Node::Concat(nodes) if nodes.first() == Some(&Node::Look(Look::Start)) => {
                Self::anchored(nodes, cost)
            }
            other => Self {
                prefix: Box::default(),
                tail: Tail::other(Node::Concat(vec![Node::anything(), other]), &[]),
                cost,
            },
        })
    }

    fn anchored(nodes: Vec<Node>, cost: u64) -> Self {
        let mut nodes: std::collections::VecDeque<_> = nodes.into();
        nodes.pop_front();
        let prefix: Box<[u8]> = match nodes.pop_front() {
            Some(Node::Literal(bytes)) => bytes.into(),
            Some(other) => {
                nodes.push_front(other);
                Box::default()
            }
            None => Box::default(),
        };
        let mut to_the_end = false;
        while nodes.back() == Some(&Node::Look(Look::End)) {
            nodes.pop_back();
            to_the_end = true;
        }
        let mut nodes = Vec::from(nodes);
        let tail = match nodes.as_slice() {
            [] if to_the_end => Tail::End,
            [] => Tail::Anything,
            [node] if *node == Node::anything() => Tail::Anything,
            [node] if to_the_end && is_subtree(node) => Tail::Subtree,
            _ => {
                let suffix = match nodes.last() {
                    Some(Node::Literal(bytes)) if to_the_end => bytes.clone(),
                    _ => Vec::new(),
                };
                if to_the_end {
                    nodes.push(Node::Look(Look::End));
                }
                Tail::other(Node::Concat(nodes), &suffix)
            }
        };
        Self { prefix, tail, cost }
    }

    /// What every match begins with.
    pub(crate) fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// Whether the pattern is a text, which only that text matches.
    pub(crate) fn is_literal(&self) -> bool {
        matches!(self.tail, Tail::End)
    }

    /// About so many states an automaton needs.
    pub(crate) fn cost(&self) -> u64 {
        self.cost
    }

    /// Whether a path matches that is known to begin with [`prefix`](Self::prefix).
    pub(crate) fn matches(
        &self,
        path: &[u8],
        budget: &Budget,
        steps: &mut Steps,
    ) -> Result<bool, OverBudget> {
        let begin = self.prefix.len();
        let Some(rest) = path.get(begin..) else {
            return Ok(false);
        };
        match &self.tail {
            Tail::End => Ok(rest.is_empty()),
            Tail::Anything => Ok(true),
            Tail::Subtree => Ok(matches!(rest.first(), None | Some(b'/'))),
            Tail::Other(other) => {
                if !rest.ends_with(&other.suffix) {
                    return Ok(false);
                }
                let automaton = match other.automaton.get() {
                    Some(automaton) => automaton,
                    None => {
                        let made = Automaton::new(&other.node, budget)?;
                        other.automaton.get_or_init(|| made)
                    }
                };
                steps.add(automaton.steps_per_byte(self.cost) * rest.len() as u64);
                Ok(automaton.matches(path, begin))
            }
        }
    }
}

impl Tail {
    fn other(node: Node, suffix: &[u8]) -> Self {
        Self::Other(Box::new(Other {
            node,
            suffix: suffix.into(),
            automaton: OnceLock::new(),
        }))
    }
}

/// `(/.*)?`
fn is_subtree(node: &Node) -> bool {
    let Node::Repeat {
        min: 0,
        max: Some(1),
        node,
    } = node
    else {
        return false;
    };
    let Node::Concat(nodes) = node.as_ref() else {
        return false;
    };
    matches!(nodes.as_slice(), [Node::Literal(slash), rest]
        if slash == b"/" && *rest == Node::anything())
}
