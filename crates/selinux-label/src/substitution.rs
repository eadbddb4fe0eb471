//! `file_contexts.subs` and `file_contexts.subs_dist`: prefixes of paths that stand for others.

use crate::limits::{MAX_SUBSTITUTION_BYTES, MAX_SUBSTITUTIONS};
use crate::rule_file::{is_space, lines};
use crate::steps::Steps;
use crate::{Error, Result};

/// The lines of one such file.
#[derive(Debug, Default)]
pub(crate) struct Substitutions {
    /// In the order in which they are tried.
    lines: Vec<Line>,
}

/// One line.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) number: u32,
    pub(crate) alias: Box<str>,
    pub(crate) target: Box<str>,
}

impl Substitutions {
    /// Parses a file; `path` is for messages.
    pub(crate) fn parse(path: &str, bytes: &[u8]) -> Result<Self> {
        let mut parsed = Vec::new();
        for (number, bytes) in lines(bytes) {
            let bad = |reason: String| Error::BadLine {
                file: path.to_owned(),
                line: number,
                reason,
            };
            if bytes.len() > MAX_SUBSTITUTION_BYTES {
                let reason = format!("{} bytes, more than {MAX_SUBSTITUTION_BYTES}", bytes.len());
                return Err(bad(reason));
            }
            let mut words = bytes
                .split(|byte| is_space(*byte))
                .filter(|word| !word.is_empty());
            let (alias, target) = match (words.next(), words.next()) {
                // libselinux passes over a line of one word too.
                (None | Some([b'#', ..]), _) | (Some(_), None) => continue,
                (Some(alias), Some(target)) => (alias, target),
            };
            if bytes.contains(&0) {
                return Err(bad("NUL byte".to_owned()));
            }
            let text = |word: &[u8]| match std::str::from_utf8(word) {
                Ok(text) => Ok(text.into()),
                Err(_) => Err(bad("not UTF-8".to_owned())),
            };
            let (alias, target) = (text(alias)?, text(target)?);
            if parsed.len() == MAX_SUBSTITUTIONS {
                return Err(bad(format!("more than {MAX_SUBSTITUTIONS} substitutions")));
            }
            parsed.push(Line {
                number,
                alias,
                target,
            });
        }
        // libselinux makes a list of them from its head: the last line is tried first.
        parsed.reverse();
        Ok(Self { lines: parsed })
    }

    /// How many lines there are.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The path with its beginning substituted, and by which line; `None` if none fits.
    pub(crate) fn apply(&self, path: &str, steps: &mut Steps) -> Option<(String, &Line)> {
        self.lines.iter().find_map(|line| {
            steps.compare(line.alias.len());
            let rest = path.strip_prefix(&*line.alias)?;
            let rest = match rest.strip_prefix('/') {
                Some(below) if &*line.target == "/" => below,
                None if !rest.is_empty() => return None,
                _ => rest,
            };
            Some((format!("{}{rest}", line.target), line))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(text: &str, path: &str) -> Option<(String, u32)> {
        let substitutions = Substitutions::parse("file", text.as_bytes()).unwrap();
        let (path, line) = substitutions.apply(path, &mut Steps::default())?;
        Some((path, line.number))
    }

    #[test]
    fn whole_names_are_substituted_by_the_last_line_that_fits() {
        let text =
            "# /x /y\n/lib /usr/lib\n\n/lib/systemd /other\n /lib /last more words\n/alone\n";
        let check = |path, expected: Option<(&str, u32)>| {
            let expected = expected.map(|(path, line)| (path.to_owned(), line));
            assert_eq!(applied(text, path), expected, "{path}");
        };
        check("/lib", Some(("/last", 5)));
        check("/lib/systemd/x", Some(("/last/systemd/x", 5)));
        check("/lib64", None);
        check("/usr/lib", None);
        check("/alone", None);
        check("/x", None);
        check("#", None);
    }

    #[test]
    fn the_root_as_target_takes_the_slash_and_as_alias_stands_for_itself_only() {
        assert_eq!(applied("/a /", "/a/b"), Some(("/b".to_owned(), 1)));
        assert_eq!(applied("/a /", "/a"), Some(("/".to_owned(), 1)));
        assert_eq!(applied("/ /a", "/"), Some(("/a".to_owned(), 1)));
        assert_eq!(applied("/ /a", "/b"), None);
        assert_eq!(applied("/a/ /b", "/a/c"), None);
        assert_eq!(applied("/a/ /b", "/a//c"), Some(("/b/c".to_owned(), 1)));
    }

    #[test]
    fn bad_lines_are_named() {
        let message = |text: &[u8]| Substitutions::parse("file", text).unwrap_err().to_string();
        assert_eq!(message(b"\n/a /\xff"), "file, line 2: not UTF-8");
        assert_eq!(message(b"/a /b\0"), "file, line 1: NUL byte");
        let long = format!("/a {}", "b".repeat(MAX_SUBSTITUTION_BYTES));
        assert_eq!(
            message(long.as_bytes()),
            "file, line 1: 1025 bytes, more than 1022"
        );
        let many = "/a /b\n".repeat(MAX_SUBSTITUTIONS + 1);
        assert_eq!(
            message(many.as_bytes()),
            "file, line 10001: more than 10000 substitutions"
        );
    }
}
