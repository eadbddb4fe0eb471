//! Extended attributes as libarchive writes them: names with `%xx`, values in base 64.

use crate::Problem;
use crate::show::show;

/// An attribute of this name cannot be decoded.
pub(super) fn malformed(name: &[u8]) -> Problem {
    Problem::Xattr { name: show(name) }
}

/// `%41` is `A`; a `%` that is not followed by two hexadecimal digits stands for itself.
pub(super) fn unescape(name: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name;
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'%', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                let value = hex(*high).unwrap_or_default() << 4 | hex(*low).unwrap_or_default();
                bytes.push(value);
                rest = after;
            }
            _ => bytes.push(*first),
        }
    }
    bytes
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Base 64 (RFC 4648, section 4), with or without padding; `None` for anything else.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    if padding > 2 {
        return None;
    }
    let text = &text[..text.len() - padding];
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    for group in text.chunks(4) {
        let mut value = 0_u32;
        for character in group {
            value = value << 6 | digit(*character)?;
        }
        let missing = 4 - group.len();
        if missing == 3 {
            return None;
        }
        let [_, decoded @ ..] = (value << (6 * missing)).to_be_bytes();
        bytes.extend_from_slice(&decoded[..3 - missing]);
    }
    Some(bytes)
}

fn digit(character: u8) -> Option<u32> {
    let value = match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::{base64, unescape};

    #[test]
    fn values() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("Zg==", b"f"),
            ("Zg", b"f"),
            ("Zm8=", b"fo"),
            ("Zm9v", b"foo"),
            ("Zm9vYmFy", b"foobar"),
            ("AQAAAg==", b"\x01\0\0\x02"),
            ("/+8", b"\xff\xef"),
        ] {
            assert_eq!(base64(text.as_bytes()).as_deref(), Some(bytes), "{text}");
        }
        for text in ["Z", "Zm9vY", "Zm=v", "Zg===", "Zm 9", "Zm9v\n"] {
            assert_eq!(base64(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn names() {
        assert_eq!(unescape(b"user.%61%2E%2eb"), b"user.a..b");
        assert_eq!(unescape(b"%zz%4"), b"%zz%4");
    }
}
