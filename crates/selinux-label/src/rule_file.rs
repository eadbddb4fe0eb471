//! The text of a `file_contexts` file, line by line, as libselinux reads it (`label_support.c`, `label_file.h`).

use crate::error::quote;
use crate::file_type::FileType;
use crate::limits::MAX_FIELD_BYTES;
use crate::{Error, Result};

/// One rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// From 1.
    pub(crate) number: u32,
    pub(crate) regex: &'a str,
    pub(crate) file_type: Option<FileType>,
    pub(crate) context: &'a str,
}

/// The rules of a file, in its order. `path` is for messages.
pub(crate) fn parse<'a>(path: &'a str, bytes: &'a [u8]) -> impl Iterator<Item = Result<Line<'a>>> {
    lines(bytes).filter_map(move |(number, bytes)| line(path, number, bytes).transpose())
}

/// The lines of a file with their numbers, from 1.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    (1..).zip(bytes.split(|byte| *byte == b'\n'))
}

/// The C locale's `isspace`.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn line<'a>(path: &str, number: u32, bytes: &'a [u8]) -> Result<Option<Line<'a>>> {
    let bad = |reason| Error::BadLine {
        file: path.to_owned(),
        line: number,
        reason,
    };
    // A comment may hold anything.
    if bytes.iter().find(|byte| !is_space(**byte)) == Some(&b'#') {
        return Ok(None);
    }
    if bytes.contains(&0) {
        return Err(bad("NUL byte".to_owned()));
    }
    // What follows the third field is not looked at.
    let mut fields = bytes
        .split(|byte| is_space(*byte))
        .filter(|field| !field.is_empty());
    let mut next = || -> Result<Option<&'a str>> {
        let Some(field) = fields.next() else {
            return Ok(None);
        };
        if field.len() > MAX_FIELD_BYTES {
            let reason = format!(
                "field of {} bytes, more than {MAX_FIELD_BYTES}",
                field.len()
            );
            return Err(bad(reason));
        }
        match std::str::from_utf8(field) {
            Ok(text) if text.is_ascii() => Ok(Some(text)),
            _ => Err(bad("not ASCII".to_owned())),
        }
    };
    let Some(regex) = next()? else {
        return Ok(None);
    };
    let (file_type, context) = match (next()?, next()?) {
        (None, _) => return Err(bad("rule without a context".to_owned())),
        (Some(context), None) => (None, context),
        (Some(field), Some(context)) => match FileType::from_field(field) {
            Some(file_type) => (Some(file_type), context),
            None => return Err(bad(format!("unknown file type {}", quote(field)))),
        },
    };
    Ok(Some(Line {
        number,
        regex,
        file_type,
        context,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &[u8]) -> Vec<(u32, String, Option<&'static str>, String)> {
        parse("file", text)
            .map(|line| line.unwrap())
            .map(|line| {
                let file_type = line.file_type.map(FileType::field);
                (
                    line.number,
                    line.regex.to_owned(),
                    file_type,
                    line.context.to_owned(),
                )
            })
            .collect()
    }

    fn message(text: &[u8]) -> String {
        let error = parse("file", text).find_map(Result::err).unwrap();
        error.to_string()
    }

    #[test]
    fn fields_are_divided_by_any_space_and_further_ones_ignored() {
        let text = b"\n  # \xff comment\n/a\tx:y:z\r\n \x0b/b  --\x0cc d e\n\n/e -d <<none>>";
        assert_eq!(
            rules(text),
            [
                (3, "/a".to_owned(), None, "x:y:z".to_owned()),
                (4, "/b".to_owned(), Some("--"), "c".to_owned()),
                (6, "/e".to_owned(), Some("-d"), "<<none>>".to_owned()),
            ]
        );
    }

    #[test]
    fn a_bad_line_is_named() {
        let check = |text: &[u8], expected: &str| assert_eq!(message(text), expected);
        check(b"/a x\n/b", "file, line 2: rule without a context");
        check(b"/a x y", "file, line 1: unknown file type \"x\"");
        check(b"/a --x y", "file, line 1: unknown file type \"--x\"");
        check(b"/a -x y", "file, line 1: unknown file type \"-x\"");
        check(b"/\xc3\xa4 x", "file, line 1: not ASCII");
        check(b"/a x\xff", "file, line 1: not ASCII");
        check(b"/a x\0", "file, line 1: NUL byte");
        let long = [b"/a ".to_vec(), vec![b'x'; MAX_FIELD_BYTES + 1]].concat();
        check(&long, "file, line 1: field of 4096 bytes, more than 4095");
    }
}
