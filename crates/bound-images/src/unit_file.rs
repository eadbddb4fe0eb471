//! The syntax of systemd's unit files, as far as a value is looked up in them (`systemd.syntax(7)`).

use crate::error::UnitFault;

/// The assignments of a unit file and of its drop-ins, in order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct UnitFile {
    assignments: Vec<Assignment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Assignment {
    section: String,
    key: String,
    value: String,
}

impl UnitFile {
    /// Read a file's text after what was read before: assignments of drop-ins come after those of the unit.
    ///
    /// Lines that end in a backslash go on in the next, with a space between; comments among them are passed over.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<(), UnitFault> {
        let text = std::str::from_utf8(bytes).map_err(|_| UnitFault::NotUtf8)?;
        if text
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r'))
        {
            return Err(UnitFault::ControlCharacter);
        }
        let mut section = None;
        let mut begun: Option<(usize, String)> = None;
        for (index, line) in text.lines().enumerate() {
            let trimmed = line.trim();
            if trimmed.starts_with(['#', ';']) || (trimmed.is_empty() && begun.is_none()) {
                continue;
            }
            let (number, mut whole) = match begun.take() {
                Some((number, before)) => (number, before + " " + trimmed),
                None => (index + 1, trimmed.to_owned()),
            };
            if whole.ends_with('\\') {
                whole.pop();
                begun = Some((number, whole.trim_end().to_owned()));
                continue;
            }
            self.line(&mut section, &whole)
                .ok_or(UnitFault::Syntax { line: number })?;
        }
        if let Some((number, whole)) = begun {
            self.line(&mut section, &whole)
                .ok_or(UnitFault::Syntax { line: number })?;
        }
        Ok(())
    }

    /// A section's header or an assignment; `None` for what is neither.
    fn line(&mut self, section: &mut Option<String>, line: &str) -> Option<()> {
        if let Some(header) = line.strip_prefix('[') {
            *section = Some(header.strip_suffix(']')?.to_owned());
            return Some(());
        }
        let (key, value) = line.split_once('=')?;
        let key = key.trim();
        if key.is_empty() {
            return None;
        }
        self.assignments.push(Assignment {
            section: section.clone()?,
            key: key.to_owned(),
            value: value.trim().to_owned(),
        });
        Some(())
    }

    /// The value of a key that can have one: the last; `None` also where that is empty.
    pub(crate) fn last(&self, section: &str, key: &str) -> Option<&str> {
        let last = self.all(section, key).pop();
        last.filter(|value| !value.is_empty())
    }

    /// Every value of a key.
    pub(crate) fn all(&self, section: &str, key: &str) -> Vec<&str> {
        self.assignments
            .iter()
            .filter(|one| one.section == section && one.key == key)
            .map(|one| one.value.as_str())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(texts: &[&str]) -> Result<Option<String>, UnitFault> {
        let mut unit = UnitFile::default();
        for text in texts {
            unit.add(text.as_bytes())?;
        }
        Ok(unit.last("Container", "Image").map(str::to_owned))
    }

    #[test]
    fn values_are_looked_up_as_systemd_does() {
        let check = |texts: &[&str], expect: Option<&str>| {
            assert_eq!(image(texts), Ok(expect.map(str::to_owned)), "{texts:?}");
        };
        check(&["[Container]\nImage=a"], Some("a"));
        check(&["[Container]\r\nImage = a \r\n"], Some("a"));
        check(&["[Container]\nImage=a\nImage=b"], Some("b"));
        check(&["[Container]\nImage=a\nImage="], None);
        check(&["[Container]\n#Image=a\n ; Image=b"], None);
        check(&["[Image]\nImage=a\n[Container]\nExec=x"], None);
        check(
            &["[Image]\nImage=a\n[Container]\nImage=b\n[Image]\nImage=c"],
            Some("b"),
        );
        check(&["[Container]\nImage=\\\n# not this\n  a"], Some("a"));
        check(
            &["[Container]\nExec=x \\\nImage=not-this\nImage=a"],
            Some("a"),
        );
        check(&["[Container]\nImage=a\\"], Some("a"));
        check(&["[Container]\nImage=a", "[Container]\nImage=b"], Some("b"));
        check(&["[Container]\nImage=a=b?c"], Some("a=b?c"));
        check(&[""], None);
    }

    #[test]
    fn what_is_no_unit_file_is_refused_with_its_line() {
        let fault = |line| Err(UnitFault::Syntax { line });
        assert_eq!(image(&["Image=a"]), fault(1), "outside of a section");
        assert_eq!(image(&["[Container]\n\nImage a"]), fault(3));
        assert_eq!(image(&["[Container\nImage=a"]), fault(1));
        assert_eq!(image(&["[Container]\n=a"]), fault(2));
        // A drop-in has sections of its own.
        assert_eq!(image(&["[Container]\nImage=a", "Image=b"]), fault(1));
        assert_eq!(
            image(&["[Container]\nImage=a\u{1b}[2J"]),
            Err(UnitFault::ControlCharacter)
        );
        assert_eq!(
            image(&["[Container]\nImage=a\0"]),
            Err(UnitFault::ControlCharacter)
        );
        assert_eq!(
            UnitFile::default().add(b"[Container]\nImage=\xff"),
            Err(UnitFault::NotUtf8)
        );
    }
}
