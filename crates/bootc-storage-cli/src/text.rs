//! Text for a terminal: sizes, tables, and names that cannot steer it.

use std::fmt::Write as _;

use bootc_storage::Size;

/// A size in the units of podman: powers of ten, three digits.
pub(crate) fn size(bytes: u64) -> String {
    Size(bytes).to_string()
}

/// A number and what it counts.
pub(crate) fn count(number: impl Into<u64>, one: &str) -> String {
    match number.into() {
        1 => format!("1 {one}"),
        number => format!("{number} {one}s"),
    }
}

/// How many, for [`count`].
pub(crate) fn len<T>(things: &[T]) -> u64 {
    things.len().try_into().unwrap_or(u64::MAX)
}

/// The text with control characters spelled out: names come from images.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_bidi_control(character) {
            // Writing to a String cannot fail.
            let _ = write!(plain, "\\u{{{:x}}}", u32::from(character));
        } else {
            plain.push(character);
        }
    }
    plain
}

/// Characters that reorder what stands beside them (Unicode UAX #9).
fn is_bidi_control(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A time of RFC 3339 without fractions of a second. Other text stays as it is: it comes from images.
pub(crate) fn time(text: &str) -> String {
    let plain = plain(text);
    let Some((whole, rest)) = plain.split_once('.') else {
        return plain;
    };
    let zone = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    if whole.contains('T') && (zone == "Z" || zone.starts_with(['+', '-'])) {
        format!("{whole}{zone}")
    } else {
        plain
    }
}

/// Rows under a heading, columns as wide as they need, two blanks between.
pub(crate) fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = heading.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let heading: Vec<String> = heading.iter().map(|cell| (*cell).to_owned()).collect();
    let mut text = String::new();
    for row in std::iter::once(&heading).chain(rows) {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{count, plain, table, time};

    #[test]
    fn one_thing_is_not_things() {
        assert_eq!(count(1_u64, "layer"), "1 layer");
        assert_eq!(count(0_u64, "layer"), "0 layers");
    }

    #[test]
    fn control_characters_cannot_reach_the_terminal() {
        assert_eq!(
            plain("a\u{1b}[2Jb\n\u{202e}c"),
            "a\\u{1b}[2Jb\\u{a}\\u{202e}c"
        );
    }

    #[test]
    fn times_are_shown_to_the_second() {
        for (text, shown) in [
            ("2026-11-25T20:58:10.332958351Z", "2026-11-25T20:58:10Z"),
            ("2026-11-25T20:58:10.3+01:00", "2026-11-25T20:58:10+01:00"),
            ("2026-11-25T20:58:10Z", "2026-11-25T20:58:10Z"),
            ("yesterday at 20.15 or so", "yesterday at 20.15 or so"),
            ("T.5\u{1b}Z", "T.5\\u{1b}Z"),
        ] {
            assert_eq!(time(text), shown);
        }
    }

    #[test]
    fn columns_line_up() {
        let rows = vec![
            vec!["a".into(), "1 B".into()],
            vec!["long".into(), "20 MB".into()],
        ];
        assert_eq!(
            table(&["NAME", "SIZE"], &rows),
            "NAME  SIZE\na     1 B\nlong  20 MB\n"
        );
    }
}
