//! Values of commit metadata: GVariant's `v`.

use crate::Error;
use crate::variant::{Array, close_array, push_text, text};

/// One value. Types that nobody here reads are kept byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `s`.
    Str(String),
    /// `ay`.
    Bytes(Vec<u8>),
    /// `as`.
    StrList(Vec<String>),
    /// `b`.
    Bool(bool),
    /// `t`, in GVariant's own (little endian) byte order. ostree stores some numbers swapped; what
    /// they mean is up to the reader of the key.
    U64(u64),
    /// Any other type, or bytes that are not the normal form of their type.
    Other {
        /// GVariant type string.
        type_string: String,
        /// The value's serialised bytes.
        bytes: Vec<u8>,
    },
}

impl Value {
    /// The GVariant type string.
    #[must_use]
    pub fn type_string(&self) -> &str {
        match self {
            Self::Str(_) => "s",
            Self::Bytes(_) => "ay",
            Self::StrList(_) => "as",
            Self::Bool(_) => "b",
            Self::U64(_) => "t",
            Self::Other { type_string, .. } => type_string,
        }
    }

    /// The text of an `s`.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        const NUL: Error = Error::Nul {
            what: "metadata value",
        };
        match self {
            Self::Str(text) if text.contains('\0') => Err(NUL),
            Self::StrList(list) if list.iter().any(|text| text.contains('\0')) => Err(NUL),
            Self::Other { type_string, .. } if !is_type(type_string.as_bytes()) => {
                Err(Error::Unknown {
                    what: "GVariant type",
                    text: type_string.clone(),
                })
            }
            _ => Ok(()),
        }
    }

    /// Appends value, NUL and type. A variant's alignment is 8, the largest there is, so the
    /// bytes do not depend on where it stands once the caller has aligned to 8.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Str(text) => push_text(out, text),
            Self::Bytes(bytes) | Self::Other { bytes, .. } => out.extend_from_slice(bytes),
            Self::StrList(list) => {
                let start = out.len();
                let mut ends = Vec::with_capacity(list.len());
                for text in list {
                    push_text(out, text);
                    ends.push(out.len() - start);
                }
                close_array(out, start, &ends);
            }
            Self::Bool(value) => out.push(u8::from(*value)),
            Self::U64(value) => out.extend_from_slice(&value.to_le_bytes()),
        }
        out.push(0);
        out.extend_from_slice(self.type_string().as_bytes());
    }

    pub(crate) fn parse(variant: &[u8]) -> Result<Self, Error> {
        let wrong = |problem| Error::Variant {
            what: "variant",
            problem,
            offset: variant.len(),
        };
        let nul = variant
            .iter()
            .rposition(|&byte| byte == 0)
            .ok_or_else(|| wrong("no type is named"))?;
        let (bytes, type_bytes) = (&variant[..nul], &variant[nul + 1..]);
        let type_string = std::str::from_utf8(type_bytes)
            .ok()
            .filter(|_| is_type(type_bytes))
            .ok_or_else(|| wrong("the type is none"))?;
        Ok(
            Self::typed(type_string, bytes).unwrap_or_else(|| Self::Other {
                type_string: type_string.to_owned(),
                bytes: bytes.to_vec(),
            }),
        )
    }

    fn typed(type_string: &str, bytes: &[u8]) -> Option<Self> {
        match type_string {
            "s" => Some(Self::Str(text("s", bytes).ok()?.to_owned())),
            "ay" => Some(Self::Bytes(bytes.to_vec())),
            "as" => {
                let texts = Array::new("as", bytes, 1).ok()?;
                let texts = texts.map(|element| Some(text("as", element.ok()?).ok()?.to_owned()));
                Some(Self::StrList(texts.collect::<Option<_>>()?))
            }
            "b" => match bytes {
                [0] => Some(Self::Bool(false)),
                [1] => Some(Self::Bool(true)),
                _ => None,
            },
            "t" => Some(Self::U64(u64::from_le_bytes(bytes.try_into().ok()?))),
            _ => None,
        }
    }
}

/// Characters that a definite GVariant type is made of; GLib allows at most 255 levels, hence some bound.
fn is_type(text: &[u8]) -> bool {
    !text.is_empty()
        && text.len() <= 1024
        && text
            .iter()
            .all(|byte| b"bynqiuxthdsogvam(){}".contains(byte))
}
