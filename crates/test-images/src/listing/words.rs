//! Words of a listing's line: separated by spaces, quotable in whole or in part, with escapes.

/// One word, and whether it began with a quote (a content may look like a number).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) bytes: Vec<u8>,
    pub(super) quoted: bool,
}

/// Splits a line into words. A `#` at the start of a word begins a comment.
pub(super) fn split(line: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = line.chars().peekable();
    loop {
        while rest.next_if(|letter| letter.is_whitespace()).is_some() {}
        match rest.peek() {
            None | Some('#') => return Ok(words),
            Some(first) => {
                let quoted = *first == '"';
                let bytes = word(&mut rest)?;
                words.push(Word { bytes, quoted });
            }
        }
    }
}

type Letters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn word(rest: &mut Letters<'_>) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut inside_quotes = false;
    while let Some(letter) = rest.next_if(|letter| inside_quotes || !letter.is_whitespace()) {
        match letter {
            '"' => inside_quotes = !inside_quotes,
            '\\' => bytes.push(escape(rest)?),
            other => bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    if inside_quotes {
        return Err("a quote is not closed".to_owned());
    }
    Ok(bytes)
}

fn escape(rest: &mut Letters<'_>) -> Result<u8, String> {
    match rest.next() {
        Some('n') => Ok(b'\n'),
        Some('t') => Ok(b'\t'),
        Some('0') => Ok(0),
        Some('\\') => Ok(b'\\'),
        Some('"') => Ok(b'"'),
        Some('x') => {
            let digits: String = rest.by_ref().take(2).collect();
            u8::from_str_radix(&digits, 16).map_err(|_| format!("bad escape '\\x{digits}'"))
        }
        Some(other) => Err(format!("unknown escape '\\{other}'")),
        None => Err("the line ends in a backslash".to_owned()),
    }
}
