//! The escaping: any text to a text that ostree takes as a ref, and back.

use std::fmt::Write as _;

use crate::Error;

/// Escape a text for use as a part of a ref, below a prefix.
///
/// ASCII letters and digits, and `-`, stand for themselves; so does `/` after a letter or digit, unless it ends the text;
/// `_` doubles; everything else becomes `_HEX_`, the code point in upper-case hexadecimal of at least two digits.
///
/// ```
/// assert_eq!(ostree_refs::escape("localhost:5000/foo_bar")?, "localhost_3A_5000/foo__bar");
/// assert_eq!(ostree_refs::escape("a//b")?, "a/_2F_b");
/// # Ok::<(), ostree_refs::Error>(())
/// ```
///
/// # Errors
/// [`Error::Empty`], [`Error::Nul`]. The result may still be no ref: [`RefName`](crate::RefName) says.
pub fn escape(text: &str) -> Result<String, Error> {
    if text.is_empty() {
        return Err(Error::Empty);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut after_alphanumeric = false;
    for (position, c) in text.char_indices() {
        let last = position + c.len_utf8() == text.len();
        match c {
            '\0' => return Err(Error::Nul { position }),
            '-' => out.push('-'),
            '_' => out.push_str("__"),
            '/' if after_alphanumeric && !last => out.push('/'),
            c if c.is_ascii_alphanumeric() => out.push(c),
            c => {
                let _infallible = write!(out, "_{:02X}_", u32::from(c));
            }
        }
        after_alphanumeric = c.is_ascii_alphanumeric();
    }
    Ok(out)
}

/// Reverse [`escape`].
///
/// Accepts a little more than `escape` makes (hexadecimal digits of any case and number, `/` anywhere), so that refs of
/// other tools read; `unescape(escape(x)) == x` for every text that can be escaped.
///
/// # Errors
/// [`Error::Unescape`] for a character that `escape` never leaves as it is, an escape that does not end or stands for no
/// character, or NUL; [`Error::Empty`].
pub fn unescape(text: &str) -> Result<String, Error> {
    if text.is_empty() {
        return Err(Error::Empty);
    }
    let bad = |position, reason| Error::Unescape {
        text: text.to_owned(),
        position,
        reason,
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let position = text.len() - rest.len();
        rest = &rest[c.len_utf8()..];
        match c {
            '_' => {
                let (code, after) = rest
                    .split_once('_')
                    .ok_or_else(|| bad(position, "an escape without its end"))?;
                out.push(if code.is_empty() {
                    '_'
                } else {
                    decode(code)
                        .ok_or_else(|| bad(position, "an escape that stands for no character"))?
                });
                rest = after;
            }
            '-' | '/' => out.push(c),
            c if c.is_ascii_alphanumeric() => out.push(c),
            _ => return Err(bad(position, "a character that should be escaped")),
        }
    }
    Ok(out)
}

/// The character of some hexadecimal digits, NUL excepted.
fn decode(code: &str) -> Option<char> {
    if !code.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let number = u32::from_str_radix(code, 16).ok()?;
    char::from_u32(number).filter(|c| *c != '\0')
}
