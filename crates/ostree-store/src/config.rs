//! The repo's `config`: a key file as GLib reads it.

use ostree_objects::RepoMode;

use crate::{Error, FsVerityWish, KeyFile};

/// Largest `config` that is read, in bytes.
pub(crate) const MAX_CONFIG_BYTES: u64 = 1024 * 1024;

/// How much of the file system stays free (`core.min-free-space-size`, `-percent`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinFree {
    /// That many percent of the file system; 3 where nothing is configured.
    Percent(u64),
    /// That many bytes.
    Bytes(u64),
}

/// What the repo's `config` says. Groups and keys that are not read here can be asked for.
#[derive(Clone, Debug)]
pub struct Config {
    values: KeyFile,
    mode: RepoMode,
    min_free: MinFree,
    fsync: bool,
    disable_xattrs: bool,
    zlib_level: u32,
    fs_verity: FsVerityWish,
}

impl Config {
    /// Reads the text of a `config`.
    ///
    /// # Errors
    ///
    /// A line that is none of a key file; `core.repo_version` other than 1; a mode that is not
    /// supported; a value that is none of its type.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let values = KeyFile::parse(text).map_err(|bad| {
            let problem = "neither a group, a key with a value, nor a comment".to_owned();
            wrong(&format!("line {}", bad.line), problem)
        })?;
        let get = |key: &str| values.get("core", key);
        match get("repo_version") {
            Some("1") => {}
            Some(other) => {
                return Err(wrong(
                    "core.repo_version",
                    format!("version {other:?} is not known"),
                ));
            }
            None => return Err(wrong("core.repo_version", "it is missing".to_owned())),
        }
        let mode = mode(get("mode").unwrap_or("bare"))?;
        let min_free = min_free(get("min-free-space-size"), get("min-free-space-percent"))?;
        let fsync = boolean("core.fsync", get("fsync"), true)?;
        let disable_xattrs = boolean("core.disable-xattrs", get("disable-xattrs"), false)?;
        let zlib_level = match values.get("archive", "zlib-level") {
            None => 6,
            Some(level) => level
                .parse::<u32>()
                .map_err(|_| wrong("archive.zlib-level", format!("{level:?} is no level")))?
                .clamp(1, 9),
        };
        let fs_verity = fs_verity(&values)?;
        Ok(Self {
            mode,
            min_free,
            fsync,
            disable_xattrs,
            zlib_level,
            fs_verity,
            values,
        })
    }

    /// Raw value of any key.
    #[must_use]
    pub fn get(&self, group: &str, key: &str) -> Option<&str> {
        self.values.get(group, key)
    }

    /// `core.mode`.
    #[must_use]
    pub const fn mode(&self) -> RepoMode {
        self.mode
    }

    /// `core.min-free-space-size` or else `-percent`.
    #[must_use]
    pub const fn min_free(&self) -> MinFree {
        self.min_free
    }

    /// `core.fsync`: whether anything is synced at all.
    #[must_use]
    pub const fn fsync(&self) -> bool {
        self.fsync
    }

    /// `core.disable-xattrs`: attributes of files in a bare repo are not read.
    #[must_use]
    pub const fn disable_xattrs(&self) -> bool {
        self.disable_xattrs
    }

    /// `archive.zlib-level`, 1 to 9.
    #[must_use]
    pub const fn zlib_level(&self) -> u32 {
        self.zlib_level
    }

    /// Whether file objects get fs-verity: `ex-integrity.fsverity` (`maybe` where it is missing and
    /// `ex-integrity.composefs` is set), or else the older `ex-fsverity.required` and `opportunistic`
    /// (libostree, `ostree-repo-verity.c`).
    #[must_use]
    pub const fn fs_verity(&self) -> FsVerityWish {
        self.fs_verity
    }
}

fn wrong(key: &str, problem: String) -> Error {
    Error::Config {
        key: key.to_owned(),
        problem,
    }
}

fn mode(text: &str) -> Result<RepoMode, Error> {
    let reason = match text {
        "bare-user-only" => {
            "it drops owners and attributes, so an operating system cannot be kept in it"
        }
        "bare-split-xattrs" => {
            "it is the form inside container layers, and libostree refuses to write it"
        }
        _ => match text.parse() {
            Ok(mode) => return Ok(mode),
            Err(_) => "bare, bare-user and archive are",
        },
    };
    Err(Error::UnsupportedMode {
        mode: text.to_owned(),
        reason,
    })
}

fn boolean(key: &str, text: Option<&str>, default: bool) -> Result<bool, Error> {
    match text {
        None => Ok(default),
        Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(other) => Err(wrong(key, format!("{other:?} is neither true nor false"))),
    }
}

fn fs_verity(values: &KeyFile) -> Result<FsVerityWish, Error> {
    let wish = |key: &str| match values.get("ex-integrity", key) {
        None => Ok(None),
        Some(text) => match FsVerityWish::parse(text) {
            Some(wish) => Ok(Some(wish)),
            None => {
                let problem = format!("{text:?} is none of yes, no and maybe");
                Err(wrong(&format!("ex-integrity.{key}"), problem))
            }
        },
    };
    let default = match wish("composefs")? {
        None | Some(FsVerityWish::No) => FsVerityWish::No,
        Some(_) => FsVerityWish::Maybe,
    };
    let wanted = wish("fsverity")?.unwrap_or(default);
    if wanted != FsVerityWish::No {
        return Ok(wanted);
    }
    let older = |key| {
        let value = values.get("ex-fsverity", key);
        boolean(&format!("ex-fsverity.{key}"), value, false)
    };
    Ok(if older("required")? {
        FsVerityWish::Yes
    } else if older("opportunistic")? {
        FsVerityWish::Maybe
    } else {
        FsVerityWish::No
    })
}

/// A size that is not zero wins over a percentage; 3 percent only where neither is there.
fn min_free(size: Option<&str>, percent: Option<&str>) -> Result<MinFree, Error> {
    if let Some(text) = size {
        match size_in_bytes(text) {
            None => {
                let problem = format!("{text:?} is not of the form 123MB, 123GB or 123TB");
                return Err(wrong("core.min-free-space-size", problem));
            }
            Some(bytes) if bytes > 0 || percent.is_none() => return Ok(MinFree::Bytes(bytes)),
            Some(_) => {}
        }
    }
    match percent {
        None => Ok(MinFree::Percent(3)),
        Some(text) => match text.parse() {
            Ok(percent @ 0..=99) => Ok(MinFree::Percent(percent)),
            _ => {
                let problem = format!("{text:?} is no number from 0 to 99");
                Err(wrong("core.min-free-space-percent", problem))
            }
        },
    }
}

fn size_in_bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let shift = match unit {
        "MB" => 20,
        "GB" => 30,
        "TB" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn core(lines: &str) -> Result<Config, Error> {
        Config::parse(&format!("[core]\nrepo_version=1\n{lines}"))
    }

    #[test]
    fn what_ostree_init_writes() {
        let config = core("mode=archive-z2\n").unwrap();
        assert_eq!(config.mode(), RepoMode::Archive);
        assert_eq!(config.min_free(), MinFree::Percent(3));
        assert!(config.fsync());
        assert_eq!(config.zlib_level(), 6);
        assert_eq!(core("").unwrap().mode(), RepoMode::Bare);
    }

    #[test]
    fn values_and_comments() {
        let config = core(
            "# a comment\nmode = bare-user \nfsync=false\nmin-free-space-size=2GB\n\
             [archive]\nzlib-level=99\n[remote \"x\"]\nurl=a=b\n",
        )
        .unwrap();
        assert_eq!(config.mode(), RepoMode::BareUser);
        assert!(!config.fsync());
        assert_eq!(config.min_free(), MinFree::Bytes(2 << 30));
        assert_eq!(config.zlib_level(), 9);
        assert_eq!(config.get("remote \"x\"", "url"), Some("a=b"));
    }

    #[test]
    fn size_and_percent() {
        let both = core("min-free-space-size=5MB\nmin-free-space-percent=7\n").unwrap();
        assert_eq!(both.min_free(), MinFree::Bytes(5 << 20));
        let zero = core("min-free-space-size=0MB\nmin-free-space-percent=7\n").unwrap();
        assert_eq!(zero.min_free(), MinFree::Percent(7));
        let off = core("min-free-space-percent=0\n").unwrap();
        assert_eq!(off.min_free(), MinFree::Percent(0));
        for bad in [
            "min-free-space-percent=100",
            "min-free-space-size=5",
            "min-free-space-size=GB",
        ] {
            assert!(core(bad).is_err(), "{bad}");
        }
        assert!(core("min-free-space-size=99999999999TB").is_err());
    }

    #[test]
    fn fs_verity_as_libostree_reads_it() {
        use FsVerityWish::{Maybe, No, Yes};
        for (lines, wanted) in [
            ("", No),
            ("[ex-integrity]\nfsverity=yes\n", Yes),
            ("[ex-integrity]\nfsverity=true\n", Yes),
            ("[ex-integrity]\nfsverity = maybe\n", Maybe),
            ("[ex-integrity]\nfsverity=no\n", No),
            ("[ex-integrity]\ncomposefs=yes\n", Maybe),
            ("[ex-integrity]\ncomposefs=maybe\n", Maybe),
            ("[ex-integrity]\ncomposefs=no\n", No),
            ("[ex-integrity]\ncomposefs=yes\nfsverity=no\n", No),
            ("[ex-integrity]\ncomposefs=yes\nfsverity=yes\n", Yes),
            ("[ex-fsverity]\nrequired=true\n", Yes),
            ("[ex-fsverity]\nopportunistic=true\n", Maybe),
            ("[ex-fsverity]\nrequired=true\nopportunistic=true\n", Yes),
            (
                "[ex-integrity]\nfsverity=maybe\n[ex-fsverity]\nrequired=true\n",
                Maybe,
            ),
            (
                "[ex-integrity]\nfsverity=no\n[ex-fsverity]\nrequired=true\n",
                Yes,
            ),
        ] {
            assert_eq!(core(lines).unwrap().fs_verity(), wanted, "{lines:?}");
        }
        assert!(core("[ex-integrity]\nfsverity=perhaps\n").is_err());
        assert!(core("[ex-fsverity]\nrequired=maybe\n").is_err());
    }

    #[test]
    fn refused_with_a_reason() {
        for mode in ["bare-user-only", "bare-split-xattrs", "zip"] {
            let error = core(&format!("mode={mode}")).unwrap_err();
            assert!(matches!(&error, Error::UnsupportedMode { mode: m, .. } if m == mode));
            assert!(error.to_string().contains(mode), "{error}");
        }
        assert!(Config::parse("[core]\nmode=bare\n").is_err());
        assert!(Config::parse("[core]\nrepo_version=2\n").is_err());
        assert!(Config::parse("repo_version=1\n").is_err());
        assert!(core("fsync=maybe").is_err());
    }
}
