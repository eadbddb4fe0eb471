//! The machine an image is for.

use std::fmt;
use std::str::FromStr;

use crate::Error;
use crate::error::quote;

/// Operating system, architecture and variant in the names that OCI took from Go: `linux/amd64`, `linux/arm64/v8`.
///
/// ```
/// use oci_manifest::Platform;
///
/// let platform: Platform = "linux/arm64/v8".parse()?;
/// assert_eq!(platform.architecture, "arm64");
/// assert_eq!(platform.to_string(), "linux/arm64/v8");
/// # Ok::<(), oci_manifest::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// `linux` for everything that boots from ostree.
    pub os: String,
    /// `amd64`, `arm64`, `ppc64le`, `s390x`, `riscv64` …
    pub architecture: String,
    /// The generation of the architecture: `v7` for `arm`, `v3` for `amd64` …
    pub variant: Option<String>,
}

impl Platform {
    /// The platform that this program was compiled for, without a variant.
    #[must_use]
    pub fn host() -> Self {
        Self {
            os: std::env::consts::OS.to_owned(),
            architecture: oci_architecture(std::env::consts::ARCH).to_owned(),
            variant: None,
        }
    }

    /// How far `other` is from this platform: 0 the same, then the variants that run here too, the best first;
    /// `None` for what does not run here.
    pub(crate) fn distance(&self, other: &Self) -> Option<usize> {
        if self.os != other.os || self.architecture != other.architecture {
            return None;
        }
        let theirs = normal_variant(&other.architecture, other.variant.as_deref());
        self.runnable_variants()
            .iter()
            .position(|variant| *variant == theirs)
    }

    /// The variants that run on this platform, the best first; `None` is the architecture's baseline.
    fn runnable_variants(&self) -> Vec<Option<&str>> {
        let falling: &[&str] = match self.architecture.as_str() {
            "amd64" => &["v4", "v3", "v2"],
            "arm" => &["v8", "v7", "v6", "v5"],
            _ => &[],
        };
        let Some(own) = normal_variant(&self.architecture, self.variant.as_deref()) else {
            return vec![None];
        };
        let lower = falling
            .iter()
            .skip_while(|variant| **variant != own)
            .skip(1);
        let mut variants = vec![Some(own)];
        variants.extend(lower.copied().map(Some));
        variants.push(None);
        variants
    }
}

/// One spelling for each variant: none where it is what every machine of the architecture has.
fn normal_variant<'a>(architecture: &str, variant: Option<&'a str>) -> Option<&'a str> {
    match (architecture, variant) {
        (_, Some("")) | ("arm64", Some("v8" | "8")) | ("amd64", Some("v1")) => None,
        ("arm", Some("5")) => Some("v5"),
        ("arm", Some("6")) => Some("v6"),
        ("arm", Some("7")) => Some("v7"),
        (_, variant) => variant,
    }
}

/// OCI's name of an architecture that Rust or the kernel names otherwise.
fn oci_architecture(name: &str) -> &str {
    match name {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" | "i386" | "i686" => "386",
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        "powerpc64" => "ppc64",
        "powerpc64le" => "ppc64le",
        "loongarch64" => "loong64",
        other => other,
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Platform {
    type Err = Error;

    /// `os/architecture[/variant]`; `x86_64` and `aarch64` are taken for `amd64` and `arm64`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || Error::InvalidPlatform { text: quote(text) };
        let parts: Vec<&str> = text.split('/').collect();
        let (os, architecture, variant) = match parts.as_slice() {
            [os, architecture] => (*os, *architecture, None),
            [os, architecture, variant] => (*os, *architecture, Some(*variant)),
            _ => return Err(bad()),
        };
        if !parts.iter().all(|part| is_word(part)) {
            return Err(bad());
        }
        Ok(Self {
            os: os.to_owned(),
            architecture: oci_architecture(architecture).to_owned(),
            variant: variant.map(str::to_owned),
        })
    }
}

fn is_word(part: &str) -> bool {
    (1..=64).contains(&part.len())
        && part
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}
