//! What can be said of a JSON document before it is given to a typed parser: size, encoding, depth, and the keys at
//! its top, each once. Two readers that see different documents in the same bytes are how one of them is fooled.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::error::{check_size, clean, length, quote};
use crate::{Error, limits};

/// A value at the top of a document, as far as it decides what the document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Peek {
    Null,
    Text(String),
    Number(u64),
    Other,
}

/// The top of a document.
#[derive(Debug)]
pub(crate) struct Shape(BTreeMap<String, Peek>);

impl Shape {
    /// Whether the key is there and not null.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|value| *value != Peek::Null)
    }

    /// The text under the key, if it is one.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        match self.0.get(key) {
            Some(Peek::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The number under the key, if it is a natural one.
    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        match self.0.get(key) {
            Some(Peek::Number(number)) => Some(*number),
            _ => None,
        }
    }
}

/// Check size, encoding and depth; nothing is parsed before.
pub(crate) fn text_of<'a>(
    what: &'static str,
    bytes: &'a [u8],
    limit: u64,
) -> Result<&'a str, Error> {
    check_size(what, length(bytes), limit)?;
    let text = std::str::from_utf8(bytes).map_err(|source| Error::NotUtf8 { what, source })?;
    check_depth(what, bytes)?;
    Ok(text)
}

/// Parse with `serde_json`, its words made fit for a message.
pub(crate) fn parse<'a, T: Deserialize<'a>>(what: &'static str, text: &'a str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Json {
        what,
        detail: clean(&error.to_string()),
    })
}

/// Read the keys at the top of an object. `known` are those that Go's readers would take in any case.
pub(crate) fn shape(what: &'static str, text: &str, known: &[&str]) -> Result<Shape, Error> {
    let Top(pairs) = parse(what, text)?;
    let mut map = BTreeMap::new();
    for (key, value) in pairs {
        let folded = fold(&key);
        let misspelt = known.iter().any(|k| *k != key && fold(k) == folded);
        if misspelt || map.contains_key(&key) {
            return Err(Error::AmbiguousKey {
                what,
                key: quote(&key),
            });
        }
        map.insert(key, value);
    }
    Ok(Shape(map))
}

/// Fold case as Go's `encoding/json` does for keys: ASCII, the long s and the Kelvin sign.
fn fold(key: &str) -> String {
    key.chars()
        .map(|c| match c {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            c => c.to_ascii_lowercase(),
        })
        .collect()
}

fn check_depth(what: &'static str, bytes: &[u8]) -> Result<(), Error> {
    let limit = limits::MAX_JSON_DEPTH;
    let (mut depth, mut in_string, mut escaped) = (0_u64, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                if depth > limit {
                    return Err(Error::TooDeep { what, limit });
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

struct Top(Vec<(String, Peek)>);

impl<'de> Deserialize<'de> for Top {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Top;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Top, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Top(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

impl<'de> Deserialize<'de> for Peek {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Peek;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON value")
            }
            fn visit_unit<E>(self) -> Result<Peek, E> {
                Ok(Peek::Null)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Peek, E> {
                Ok(Peek::Other)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Peek, E> {
                Ok(Peek::Other)
            }
            fn visit_u64<E>(self, number: u64) -> Result<Peek, E> {
                Ok(Peek::Number(number))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Peek, E> {
                Ok(Peek::Other)
            }
            fn visit_str<E>(self, text: &str) -> Result<Peek, E> {
                Ok(Peek::Text(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Peek, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Peek::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Peek, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Peek::Other)
            }
        }
        deserializer.deserialize_any(Any)
    }
}
