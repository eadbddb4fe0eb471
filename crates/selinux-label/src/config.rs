//! `config`, which says whether there is a policy, and which.

use crate::error::quote;
use crate::rule_file::lines;
use crate::{Error, Result};

/// The name of the policy; `None` if the file turns SELinux off.
///
/// Read as libostree does (`ostree-sepolicy.c`): a line must begin with the key; any line can turn SELinux on, and the
/// last that names a policy counts.
pub(crate) fn policy_name(path: &str, bytes: &[u8]) -> Result<Option<String>> {
    let mut enabled = false;
    let mut name = None;
    for (number, line) in lines(bytes) {
        let Ok(line) = std::str::from_utf8(line) else {
            return Err(Error::BadLine {
                file: path.to_owned(),
                line: number,
                reason: "not UTF-8".to_owned(),
            });
        };
        if let Some(value) = line.strip_prefix("SELINUXTYPE=") {
            name = Some((number, value.trim_ascii()));
        } else if let Some(value) = line.strip_prefix("SELINUX=") {
            enabled |= ["enforcing", "permissive"].iter().any(|on| {
                value
                    .get(..on.len())
                    .is_some_and(|begin| begin.eq_ignore_ascii_case(on))
            });
        }
    }
    if !enabled {
        return Ok(None);
    }
    let Some((number, name)) = name else {
        return Err(Error::NoType {
            file: path.to_owned(),
        });
    };
    if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
        return Err(Error::BadLine {
            file: path.to_owned(),
            line: number,
            reason: format!("SELINUXTYPE={} is no name of a directory", quote(name)),
        });
    }
    Ok(Some(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_turns_it_on_and_the_last_names_the_policy() {
        let check = |text: &str, expected: Option<&str>| {
            let found = policy_name("config", text.as_bytes()).unwrap();
            assert_eq!(found.as_deref(), expected, "{text:?}");
        };
        check(
            "SELINUX=enforcing\nSELINUXTYPE=targeted\n",
            Some("targeted"),
        );
        check(
            "SELINUXTYPE= a \r\nSELINUXTYPE=\tmls\r\nSELINUX=Permissive # why\r\n",
            Some("mls"),
        );
        check(
            "SELINUX=enforcing\nSELINUX=disabled\nSELINUXTYPE=x",
            Some("x"),
        );
        check("SELINUX=disabled\nSELINUXTYPE=targeted\n", None);
        check(
            "#SELINUX=enforcing\n SELINUX=enforcing\nSELINUXTYPE=targeted\n",
            None,
        );
        check("SELINUX= enforcing\nSELINUXTYPE=targeted\n", None);
        check("SELINUX=enforcin", None);
        check("SELINUXTYPE=targeted\n", None);
        check("", None);
    }

    #[test]
    fn a_policy_without_a_fit_name_is_refused() {
        let check = |text: &[u8], expected: &str| {
            let error = policy_name("config", text).unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check(
            b"SELINUX=enforcing\n",
            "config turns SELinux on, but has no SELINUXTYPE",
        );
        for (name, shown) in [("", "\"\""), ("..", "\"..\""), ("a/b", "\"a/b\"")] {
            let text = format!("SELINUX=enforcing\nSELINUXTYPE={name}");
            let expected = format!("config, line 2: SELINUXTYPE={shown} is no name of a directory");
            check(text.as_bytes(), &expected);
        }
        check(b"#\n\xff", "config, line 2: not UTF-8");
    }
}
