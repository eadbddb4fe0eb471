//! Names of stateroots.

use std::fmt;
use std::str::FromStr;

use super::HostError;

/// The name of a stateroot: a directory below `ostree/deploy`, and a word in boot entries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stateroot(String);

impl Stateroot {
    /// What ostree hosts call it where nobody said otherwise.
    pub const DEFAULT: &'static str = "default";

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Stateroot {
    fn default() -> Self {
        Self(Self::DEFAULT.to_owned())
    }
}

impl FromStr for Stateroot {
    type Err = HostError;

    fn from_str(name: &str) -> Result<Self, HostError> {
        let is_plain = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        if is_plain && !matches!(name, "" | "." | "..") && !name.starts_with('-') {
            Ok(Self(name.to_owned()))
        } else {
            Err(HostError::BadStateroot {
                name: name.to_owned(),
            })
        }
    }
}

impl fmt::Display for Stateroot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Stateroot;

    #[test]
    fn a_stateroot_is_one_plain_name() {
        for name in ["default", "fedora-coreos", "a.b_c"] {
            assert_eq!(name.parse::<Stateroot>().unwrap().as_str(), name);
        }
        for name in ["", ".", "..", "a/b", "a b", "-x", "ä", "a\n"] {
            assert!(name.parse::<Stateroot>().is_err(), "{name:?}");
        }
    }
}
