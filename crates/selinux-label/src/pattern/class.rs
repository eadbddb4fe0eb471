//! Escapes and character classes.

use super::ast::{ByteSet, Look, Node};
use super::parse::{Fault, Input};

/// What stands behind a backslash, outside of classes.
pub(super) fn escape(input: &mut Input<'_>) -> Result<Node, Fault> {
    let Some(byte) = input.next() else {
        return Err(Fault::Invalid("\\ at end of pattern"));
    };
    if let Some(set) = set(byte) {
        return Ok(Node::Class(set));
    }
    match byte {
        b'b' => Ok(Node::Look(Look::WordBoundary)),
        b'B' => Ok(Node::Look(Look::NoWordBoundary)),
        b'A' => Ok(Node::Look(Look::Start)),
        b'Z' => Ok(Node::Look(Look::End)),
        _ => Ok(Node::Literal(vec![one(byte, input)?])),
    }
}

/// The escapes that stand for a set, inside and outside of classes.
fn set(byte: u8) -> Option<ByteSet> {
    let set = match byte.to_ascii_lowercase() {
        b'd' => ByteSet::of_ranges(&[b'0'..=b'9']),
        b'w' => ByteSet::of_ranges(&[b'0'..=b'9', b'A'..=b'Z', b'a'..=b'z', b'_'..=b'_']),
        b's' => ByteSet::of_ranges(&[b'\t'..=b'\r', b' '..=b' ']),
        b'h' => ByteSet::of(b"\t \xa0"),
        b'v' => ByteSet::of(b"\n\x0b\x0c\r\x85"),
        _ => return None,
    };
    Some(if byte.is_ascii_uppercase() {
        set.inverted()
    } else {
        set
    })
}

/// The escapes that stand for one byte, inside and outside of classes.
fn one(byte: u8, input: &mut Input<'_>) -> Result<u8, Fault> {
    match byte {
        b'a' => Ok(0x07),
        b'e' => Ok(0x1b),
        b'f' => Ok(0x0c),
        b'n' => Ok(b'\n'),
        b'r' => Ok(b'\r'),
        b't' => Ok(b'\t'),
        b'x' => match input.take_while(2, |b| b.is_ascii_hexdigit()) {
            // Without digits it was NUL once; newer versions of PCRE2 refuse it.
            [] => Err(Fault::Unsupported("\\x without two digits")),
            digits => Ok(based(16, digits)),
        },
        b'0' => Ok(based(8, input.take_while(2, |b| matches!(b, b'0'..=b'7')))),
        b'1'..=b'9' | b'g' | b'k' => Err(Fault::Unsupported("a back reference")),
        b'Q' | b'E' => Err(Fault::Unsupported("\\Q or \\E")),
        b'K' | b'G' | b'N' | b'z' | b'R' | b'X' | b'C' | b'p' | b'P' | b'o' | b'c' => {
            Err(Fault::Unsupported("an escape that no policy uses"))
        }
        _ if byte.is_ascii_alphanumeric() => {
            Err(Fault::Invalid("unrecognized character follows \\"))
        }
        _ => Ok(byte),
    }
}

/// The number of at most two digits.
fn based(base: u8, digits: &[u8]) -> u8 {
    digits.iter().fold(0, |sum: u8, digit| {
        let digit = char::from(*digit).to_digit(16).unwrap_or(0);
        sum.wrapping_mul(base).wrapping_add(digit.to_le_bytes()[0])
    })
}

/// One thing in a class.
enum Item {
    Byte(u8),
    Set(ByteSet),
}

/// What stands behind `[`.
pub(super) fn class(input: &mut Input<'_>) -> Result<ByteSet, Fault> {
    if posix_length(input.rest()).is_some() {
        return Err(Fault::Invalid(
            "POSIX named classes are supported only within a class",
        ));
    }
    let negated = input.eat(b"^");
    let mut set = ByteSet::NONE;
    let mut first = true;
    loop {
        if input.peek() == Some(b']') && !first {
            input.next();
            break;
        }
        first = false;
        let low = item(input)?;
        let mut after = *input;
        let is_range = after.eat(b"-") && !matches!(after.peek(), None | Some(b']'));
        match low {
            Item::Byte(byte) if !is_range => set.insert(byte),
            Item::Set(other) if !is_range => set.insert_all(other),
            Item::Set(_) => return Err(BAD_RANGE),
            Item::Byte(low) => {
                *input = after;
                let Item::Byte(high) = item(input)? else {
                    return Err(BAD_RANGE);
                };
                if high < low {
                    return Err(Fault::Invalid("range out of order in character class"));
                }
                set.insert_range(low..=high);
            }
        }
    }
    Ok(if negated { set.inverted() } else { set })
}

const BAD_RANGE: Fault = Fault::Invalid("invalid range in character class");

fn item(input: &mut Input<'_>) -> Result<Item, Fault> {
    match input.next() {
        None => Err(Fault::Invalid("missing terminating ] for character class")),
        Some(b'\\') => {
            let Some(byte) = input.next() else {
                return Err(Fault::Invalid("\\ at end of pattern"));
            };
            match set(byte) {
                Some(set) => Ok(Item::Set(set)),
                None if byte == b'b' => Ok(Item::Byte(0x08)),
                None if byte == b'B' => Err(Fault::Invalid(
                    "escape sequence is invalid in character class",
                )),
                None => one(byte, input).map(Item::Byte),
            }
        }
        Some(b'[') if posix_length(input.rest()).is_some() => posix(input).map(Item::Set),
        Some(byte) => Ok(Item::Byte(byte)),
    }
}

/// Of `:alpha:]…`, `.a.]…` and `=a=]…` the length without the bracket; `None` if that is no such name.
fn posix_length(rest: &[u8]) -> Option<usize> {
    let mark = *rest.first().filter(|byte| b":.=".contains(byte))?;
    let mut at = 1;
    loop {
        match (rest.get(at)?, rest.get(at + 1)) {
            (b'\\', Some(b']' | b'\\')) => at += 1,
            (b']', _) => return None,
            (b'[', Some(next)) if *next == mark => return None,
            (byte, Some(b']')) if *byte == mark => return Some(at + 1),
            _ => {}
        }
        at += 1;
    }
}

/// A named class, behind its `[`.
fn posix(input: &mut Input<'_>) -> Result<ByteSet, Fault> {
    let length = posix_length(input.rest()).unwrap_or(0);
    let text = input.take_while(length, |_| true);
    input.eat(b"]");
    let Some(name) = text
        .strip_prefix(b":")
        .and_then(|text| text.strip_suffix(b":"))
    else {
        return Err(Fault::Invalid("POSIX collating elements are not supported"));
    };
    let (name, negated) = match name.strip_prefix(b"^") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let set = ByteSet::of_ranges(match name {
        b"alpha" => &[b'A'..=b'Z', b'a'..=b'z'],
        b"lower" => &[b'a'..=b'z'],
        b"upper" => &[b'A'..=b'Z'],
        b"alnum" => &[b'0'..=b'9', b'A'..=b'Z', b'a'..=b'z'],
        b"ascii" => &[0..=0x7f],
        b"blank" => &[b'\t'..=b'\t', b' '..=b' '],
        b"cntrl" => &[0..=0x1f, 0x7f..=0x7f],
        b"digit" => &[b'0'..=b'9'],
        b"graph" => &[b'!'..=b'~'],
        b"print" => &[b' '..=b'~'],
        b"punct" => &[b'!'..=b'/', b':'..=b'@', b'['..=b'`', b'{'..=b'~'],
        b"space" => &[b'\t'..=b'\r', b' '..=b' '],
        b"word" => &[b'0'..=b'9', b'A'..=b'Z', b'a'..=b'z', b'_'..=b'_'],
        b"xdigit" => &[b'0'..=b'9', b'A'..=b'F', b'a'..=b'f'],
        b"<" | b">" => return Err(Fault::Unsupported("[[:<:]] or [[:>:]]")),
        _ => return Err(Fault::Invalid("unknown POSIX class name")),
    });
    Ok(if negated { set.inverted() } else { set })
}
