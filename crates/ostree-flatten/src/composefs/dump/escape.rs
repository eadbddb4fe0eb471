//! Bytes in a field: `\n`, `\r`, `\t`, `\\`, and `\xNN` for all that is not a visible ASCII character.

use std::borrow::Cow;

use super::super::{Error, error::shown};

/// What is escaped besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Also {
    Nothing,
    /// The sign between name and value of an attribute.
    Equals,
    /// A text that is one dash, which alone means that there is none.
    LoneDash,
}

/// The bytes for which a field stands.
pub(super) fn unescape<'a>(field: &'static str, text: &'a [u8]) -> Result<Cow<'a, [u8]>, Error> {
    let Some(first) = text.iter().position(|byte| *byte == b'\\') else {
        return Ok(text.into());
    };
    let wrong = |problem| Error::Field {
        field,
        problem,
        text: shown(text),
    };
    let mut bytes = text[..first].to_vec();
    let mut rest = text[first..].iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next() {
            Some(b'\\') => b'\\',
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'x') => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = digit()
                    .zip(digit())
                    .ok_or_else(|| wrong("escaped wrongly (two hexadecimal digits follow \\x)"))?;
                u8::try_from(high << 4 | low).unwrap_or(u8::MAX)
            }
            Some(_) => return Err(wrong("escaped wrongly (with an unknown letter)")),
            None => return Err(wrong("escaped wrongly (nothing follows the backslash)")),
        });
    }
    Ok(bytes.into())
}

/// Appends the bytes as a field has them.
pub(super) fn escape(bytes: &[u8], also: Also, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    if also == Also::LoneDash && bytes == b"-" {
        out.extend_from_slice(b"\\x2d");
        return;
    }
    for byte in bytes {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte if byte.is_ascii_graphic() && (also != Also::Equals || *byte != b'=') => {
                out.push(*byte);
            }
            byte => {
                let digit = |bits: u8| DIGITS[usize::from(bits & 15)];
                out.extend_from_slice(&[b'\\', b'x', digit(byte >> 4), digit(*byte)]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        for also in [Also::Nothing, Also::Equals, Also::LoneDash] {
            let mut text = Vec::new();
            escape(&all, also, &mut text);
            assert!(text.iter().all(u8::is_ascii_graphic));
            assert_eq!(text.contains(&b'='), also != Also::Equals);
            assert_eq!(*unescape("PATH", &text).unwrap(), *all);
        }
    }

    #[test]
    fn a_lone_dash_is_told_from_nothing() {
        let mut text = Vec::new();
        escape(b"-", Also::LoneDash, &mut text);
        assert_eq!(text, b"\\x2d");
    }

    #[test]
    fn wrong_escapes_are_refused() {
        for text in ["\\", "a\\q", "\\x", "\\x1", "\\xg0", "\\x0g"] {
            let error = unescape("PATH", text.as_bytes()).unwrap_err();
            assert!(
                error.to_string().contains("PATH is escaped wrongly"),
                "{text}: {error}"
            );
        }
    }
}
