//! Bytes of an archive as one line of text.

use std::fmt::Write as _;

/// `bytes` with control characters and whatever is not UTF-8 escaped, so that a hostile name can neither move
/// a terminal's cursor nor be mistaken for another name.
pub(crate) fn show(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == '\\' || character.is_control() || is_bidi_control(character) {
                text.extend(character.escape_default());
            } else {
                text.push(character);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// Characters that reorder what follows them on a terminal.
fn is_bidi_control(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::show;

    #[test]
    fn text_stays_and_the_rest_is_escaped() {
        for (bytes, text) in [
            (&b"usr/bin/sh"[..], "usr/bin/sh"),
            ("ü €".as_bytes(), "ü €"),
            (b"a\nb", "a\\nb"),
            (b"\x1b[2J", "\\u{1b}[2J"),
            (b"a\xffb", "a\\xffb"),
            (b"a\\xff", "a\\\\xff"),
            ("a\u{202e}b".as_bytes(), "a\\u{202e}b"),
        ] {
            assert_eq!(show(bytes), text);
        }
    }
}
