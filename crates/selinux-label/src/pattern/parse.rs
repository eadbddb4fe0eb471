//! PCRE2's syntax, as far as policies need it.
//!
//! What PCRE2 refuses is [`Fault::Invalid`], in its words. What it takes but an automaton cannot do, or what no
//! policy was seen to use, is [`Fault::Unsupported`]. Nothing is read in another sense than PCRE2's
//! (`pcre2pattern(3)`, options `DOTALL` alone: bytes, not characters; no `MULTILINE`).

use super::ast::{ByteSet, Look, Node};
use super::class;
use crate::limits::MAX_REGEX_DEPTH;

/// What is wrong with a regular expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// PCRE2 refuses it too.
    Invalid(&'static str),
    /// PCRE2 knows it, we do not.
    Unsupported(&'static str),
    /// Its automaton would be too large.
    TooLarge {
        /// About so many states.
        cost: u64,
    },
}

/// Parses a whole pattern, anchors included.
pub(super) fn parse(text: &[u8]) -> Result<Node, Fault> {
    let mut parser = Parser {
        input: Input { text, at: 0 },
        depth: 0,
    };
    let node = parser.alternation()?;
    if parser.input.peek().is_some() {
        return Err(Fault::Invalid("unmatched closing parenthesis"));
    }
    if node.consumes_after_end() {
        return Err(Fault::Unsupported("$ with more behind it"));
    }
    Ok(node)
}

/// The text, and how far it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Input<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    pub(super) fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Reads `expected` if it comes next.
    pub(super) fn eat(&mut self, expected: &[u8]) -> bool {
        let found = self.rest().starts_with(expected);
        if found {
            self.at += expected.len();
        }
        found
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Reads the bytes that come next and satisfy `wanted`, at most so many.
    pub(super) fn take_while(&mut self, most: usize, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let length = rest
            .iter()
            .take(most)
            .take_while(|byte| wanted(**byte))
            .count();
        self.at += length;
        &rest[..length]
    }
}

/// How often: `{min,max}`.
type Count = (u32, Option<u32>);

struct Parser<'a> {
    input: Input<'a>,
    depth: usize,
}

impl Parser<'_> {
    fn alternation(&mut self) -> Result<Node, Fault> {
        let mut branches = vec![self.concat()?];
        while self.input.eat(b"|") {
            branches.push(self.concat()?);
        }
        Ok(if branches.len() == 1 {
            branches.swap_remove(0)
        } else {
            Node::Alternation(branches)
        })
    }

    fn concat(&mut self) -> Result<Node, Fault> {
        let mut nodes: Vec<Node> = Vec::new();
        while !matches!(self.input.peek(), None | Some(b'|' | b')')) {
            let node = self.atom()?;
            if let Some((min, max)) = self.quantifier()? {
                if matches!(node, Node::Look(_)) {
                    return Err(NOTHING_TO_REPEAT);
                }
                let node = Box::new(node);
                nodes.push(Node::Repeat { min, max, node });
            } else {
                push(&mut nodes, node);
            }
        }
        Ok(if nodes.len() == 1 {
            nodes.swap_remove(0)
        } else {
            Node::Concat(nodes)
        })
    }

    fn atom(&mut self) -> Result<Node, Fault> {
        let Some(byte) = self.input.next() else {
            return Ok(Node::Concat(Vec::new()));
        };
        match byte {
            b'.' => Ok(Node::Class(ByteSet::ALL)),
            b'^' => Ok(Node::Look(Look::Start)),
            b'$' => Ok(Node::Look(Look::End)),
            b'[' => class::class(&mut self.input).map(Node::Class),
            b'(' => self.group(),
            b'\\' => class::escape(&mut self.input),
            b'*' | b'+' | b'?' => Err(NOTHING_TO_REPEAT),
            b'{' => {
                let mut after = self.input;
                match counted(&mut after)? {
                    Some(_) => Err(NOTHING_TO_REPEAT),
                    None => Ok(Node::Literal(vec![byte])),
                }
            }
            _ => Ok(Node::Literal(vec![byte])),
        }
    }

    /// What stands behind `(`.
    fn group(&mut self) -> Result<Node, Fault> {
        if self.input.eat(b"*") {
            return Err(Fault::Unsupported("a verb: (*"));
        }
        if self.input.eat(b"?") && !self.input.eat(b":") {
            return Err(Fault::Unsupported(special_group(self.input.rest())));
        }
        self.depth += 1;
        if self.depth > MAX_REGEX_DEPTH {
            return Err(Fault::Invalid("parentheses are too deeply nested"));
        }
        let inner = self.alternation()?;
        if !self.input.eat(b")") {
            return Err(Fault::Invalid("missing closing parenthesis"));
        }
        self.depth -= 1;
        // Unlike the bare `^`, a group around it may be repeated.
        Ok(match inner {
            Node::Look(_) => Node::Concat(vec![inner]),
            other => other,
        })
    }

    /// What stands behind an atom: how often it is repeated.
    fn quantifier(&mut self) -> Result<Option<Count>, Fault> {
        let count = if self.input.eat(b"*") {
            (0, None)
        } else if self.input.eat(b"+") {
            (1, None)
        } else if self.input.eat(b"?") {
            (0, Some(1))
        } else {
            let mut after = self.input;
            let found = if after.eat(b"{") {
                counted(&mut after)?
            } else {
                None
            };
            let Some(count) = found else {
                return Ok(None);
            };
            self.input = after;
            count
        };
        // Lazy or greedy is the same where only the whole counts.
        if !self.input.eat(b"?") && self.input.eat(b"+") {
            return Err(Fault::Unsupported("a possessive quantifier"));
        }
        Ok(Some(count))
    }
}

const NOTHING_TO_REPEAT: Fault = Fault::Invalid("quantifier does not follow a repeatable item");

/// Appends a node; literals that follow each other become one.
fn push(nodes: &mut Vec<Node>, node: Node) {
    match (nodes.last_mut(), node) {
        (Some(Node::Literal(before)), Node::Literal(bytes)) => before.extend(bytes),
        // Groups only say what is repeated.
        (_, Node::Concat(inner)) => inner.into_iter().for_each(|node| push(nodes, node)),
        (_, node) => nodes.push(node),
    }
}

/// What stands behind `{`, if it is a quantifier; otherwise the brace is itself.
fn counted(input: &mut Input<'_>) -> Result<Option<Count>, Fault> {
    let digits = |byte: u8| byte.is_ascii_digit();
    let min = input.take_while(usize::MAX, digits);
    let comma = input.eat(b",");
    let max = input.take_while(usize::MAX, digits);
    if !input.eat(b"}") || (min.is_empty() && max.is_empty()) {
        return Ok(None);
    }
    if min.is_empty() {
        return Err(Fault::Unsupported(
            "{,n}, which is a quantifier from PCRE2 10.43 on and text before",
        ));
    }
    let min = number(min)?;
    Ok(Some(match (comma, max.is_empty()) {
        (false, _) => (min, Some(min)),
        (true, true) => (min, None),
        (true, false) => {
            let max = number(max)?;
            if max < min {
                return Err(Fault::Invalid("numbers out of order in {} quantifier"));
            }
            (min, Some(max))
        }
    }))
}

fn number(digits: &[u8]) -> Result<u32, Fault> {
    digits.iter().try_fold(0_u32, |sum, digit| {
        let sum = sum * 10 + u32::from(digit - b'0');
        if sum > 65_535 {
            return Err(Fault::Invalid("number too big in {} quantifier"));
        }
        Ok(sum)
    })
}

fn special_group(rest: &[u8]) -> &'static str {
    match rest {
        [b'=' | b'!', ..] => "a look-ahead",
        [b'<', b'=' | b'!', ..] => "a look-behind",
        [b'>', ..] => "an atomic group",
        [b'|', ..] => "a branch reset",
        [b'#', ..] => "a comment",
        [b'(', ..] => "a condition",
        [b'<' | b'\'' | b'P', ..] => "a named group",
        [b'R' | b'&' | b'+' | b'0'..=b'9', ..] => "a recursion",
        _ => "an option: (?",
    }
}
