//! Values: what is between the `=` and the end of the line, and what it means.

use super::line::is_space;

/// Takes the escapes out: `\s` space, `\n` newline, `\t` tab, `\r` carriage return, `\\` backslash.
pub(super) fn unescape(value: &str) -> Result<String, &'static str> {
    let mut text = String::with_capacity(value.len());
    let mut rest = value.chars();
    while let Some(c) = rest.next() {
        text.push(match c {
            '\\' => match rest.next() {
                Some('s') => ' ',
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('\\') => '\\',
                Some(_) => return Err("invalid escape sequence"),
                None => return Err("escape character at the end of the line"),
            },
            c => c,
        });
    }
    Ok(text)
}

/// Puts escapes in, byte for byte where GLib does: spaces and tabs only before all other characters.
pub(super) fn escape(text: &str) -> Result<String, &'static str> {
    let mut value = String::with_capacity(text.len());
    let mut leading = true;
    for c in text.chars() {
        match c {
            ' ' if leading => value.push_str("\\s"),
            '\t' if leading => value.push_str("\\t"),
            '\n' => value.push_str("\\n"),
            '\r' => value.push_str("\\r"),
            '\0' => return Err("it has a NUL character"),
            '\\' => {
                leading = false;
                value.push_str("\\\\");
            }
            c => {
                leading = false;
                value.push(c);
            }
        }
    }
    if value.starts_with(is_space) {
        return Err("it begins with a form feed, which has no escape");
    }
    Ok(value)
}

/// `true` or `1`, `false` or `0`; spaces may follow.
pub(super) fn boolean(value: &str) -> Result<bool, &'static str> {
    match value.trim_end_matches(is_space) {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("neither true nor false"),
    }
}
