//! The config of one image: platform, labels, diff_ids, history.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::{check_count, check_size, length, quote};
use crate::manifest::at;
use crate::{DiffId, Error, Platform, limits, shape};

/// The label by which images say their version.
const LABEL_VERSION: &str = "org.opencontainers.image.version";

/// The label of older images.
const LABEL_VERSION_OLD: &str = "version";

/// The keys that are read, once each.
const KEYS: [&str; 7] = [
    "architecture",
    "os",
    "variant",
    "created",
    "config",
    "rootfs",
    "history",
];

/// One line of an image's history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// When, as RFC 3339 text.
    pub created: Option<String>,
    /// The command.
    pub created_by: Option<String>,
    /// Who.
    pub author: Option<String>,
    /// Free text.
    pub comment: Option<String>,
    /// Whether the line made no layer.
    pub empty_layer: bool,
}

/// An image config, OCI's or Docker's, and the text it was read from.
///
/// Only what we read is checked: ports, volumes, users and the like may have any form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    raw: String,
    architecture: String,
    os: String,
    variant: Option<String>,
    created: Option<String>,
    labels: BTreeMap<String, String>,
    diff_ids: Vec<DiffId>,
    history: Vec<History>,
}

/// The form in JSON. Looser than the specification where real configs are: `null` for what is empty.
#[derive(Deserialize)]
struct Json {
    architecture: Option<String>,
    os: Option<String>,
    variant: Option<String>,
    created: Option<String>,
    config: Option<RuntimeJson>,
    rootfs: Option<RootFsJson>,
    history: Option<Vec<oci_spec::image::History>>,
}

#[derive(Deserialize)]
struct RuntimeJson {
    #[serde(rename = "Labels")]
    labels: Option<BTreeMap<String, Option<String>>>,
}

#[derive(Deserialize)]
struct RootFsJson {
    #[serde(rename = "type")]
    kind: Option<String>,
    diff_ids: Option<Vec<String>>,
}

impl Config {
    /// Parse a config as an image brings it.
    ///
    /// # Errors
    /// Over [`limits::MAX_CONFIG_BYTES`] (checked before parsing) or another limit; not UTF-8 or not JSON; no
    /// `rootfs`, or one that is not made of layers; a diff_id that is no digest.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let text = shape::text_of("config", bytes, limits::MAX_CONFIG_BYTES)?;
        shape::shape("config", text, &KEYS)?;
        let json: Json = shape::parse("config", text)?;
        if json.rootfs.is_none() {
            return Err(Error::NoRootFs);
        }
        Self::from_json(text, json)
    }

    /// Parse a config as a host has stored it in a merge commit. Older hosts stored the literal `null`, which reads as
    /// a config that says nothing; a missing `rootfs` reads as no diff_ids.
    ///
    /// # Errors
    /// As [`Config::parse`] otherwise.
    pub fn parse_stored(bytes: &[u8]) -> Result<Self, Error> {
        let text = shape::text_of("config", bytes, limits::MAX_CONFIG_BYTES)?;
        match shape::parse::<Option<Json>>("config", text)? {
            Some(json) => Self::from_json(text, json),
            None => Ok(Self {
                raw: text.to_owned(),
                ..Self::default()
            }),
        }
    }

    fn from_json(text: &str, json: Json) -> Result<Self, Error> {
        Ok(Self {
            raw: text.to_owned(),
            architecture: json.architecture.unwrap_or_default(),
            os: json.os.unwrap_or_default(),
            variant: json.variant.filter(|v| !v.is_empty()),
            created: json.created,
            labels: labels(json.config.and_then(|c| c.labels).unwrap_or_default())?,
            diff_ids: diff_ids(json.rootfs)?,
            history: history(json.history.unwrap_or_default())?,
        })
    }

    /// The text it was parsed from, unchanged.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The architecture in OCI's naming; empty when the config does not say.
    #[must_use]
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// The operating system; empty when the config does not say.
    #[must_use]
    pub fn os(&self) -> &str {
        &self.os
    }

    /// The variant of the architecture.
    #[must_use]
    pub fn variant(&self) -> Option<&str> {
        self.variant.as_deref()
    }

    /// When the image was made, as RFC 3339 text.
    #[must_use]
    pub fn created(&self) -> Option<&str> {
        self.created.as_deref()
    }

    /// The labels.
    #[must_use]
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    /// The digests of the uncompressed layers, lowest first.
    #[must_use]
    pub fn diff_ids(&self) -> &[DiffId] {
        &self.diff_ids
    }

    /// How the image came to be, oldest first; optional in the specification, so often empty.
    #[must_use]
    pub fn history(&self) -> &[History] {
        &self.history
    }

    /// The version shown to people: label `org.opencontainers.image.version`, else `version`.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        let label = |name| self.labels.get(name).map(String::as_str);
        label(LABEL_VERSION).or_else(|| label(LABEL_VERSION_OLD))
    }

    /// Whether the image runs on a platform, by the rules of [`Index::select`](crate::Index::select). What the config
    /// does not say is not held against it, but the architecture must be there.
    ///
    /// # Errors
    /// [`Error::WrongPlatform`].
    pub fn check_platform(&self, expected: &Platform) -> Result<(), Error> {
        let os = if self.os.is_empty() {
            &expected.os
        } else {
            &self.os
        };
        let own = Platform {
            os: os.clone(),
            architecture: self.architecture.clone(),
            variant: self.variant.clone(),
        };
        if expected.distance(&own).is_some() {
            return Ok(());
        }
        Err(Error::WrongPlatform {
            found: quote(&own.to_string()),
            expected: Box::new(expected.clone()),
        })
    }
}

fn labels(given: BTreeMap<String, Option<String>>) -> Result<BTreeMap<String, String>, Error> {
    check_count("labels", given.len(), limits::MAX_LABELS)?;
    let mut labels = BTreeMap::new();
    for (name, value) in given {
        let value = value.unwrap_or_default();
        let size = length(name.as_bytes()) + length(value.as_bytes());
        check_size("label", size, limits::MAX_LABEL_BYTES)?;
        labels.insert(name, value);
    }
    Ok(labels)
}

fn diff_ids(rootfs: Option<RootFsJson>) -> Result<Vec<DiffId>, Error> {
    let Some(rootfs) = rootfs else {
        return Ok(Vec::new());
    };
    if let Some(kind) = rootfs.kind.filter(|kind| kind != "layers") {
        return Err(Error::RootFsType {
            found: quote(&kind),
        });
    }
    let texts = rootfs.diff_ids.unwrap_or_default();
    check_count("diff_ids", texts.len(), limits::MAX_LAYERS)?;
    let parsed = texts.iter().enumerate();
    parsed
        .map(|(i, text)| text.parse().map_err(|error| at("diff_id", i, error)))
        .collect()
}

fn history(given: Vec<oci_spec::image::History>) -> Result<Vec<History>, Error> {
    check_count("history entries", given.len(), limits::MAX_HISTORY)?;
    let convert = |line: oci_spec::image::History| History {
        created: line.created().clone(),
        created_by: line.created_by().clone(),
        author: line.author().clone(),
        comment: line.comment().clone(),
        empty_layer: line.empty_layer().unwrap_or(false),
    };
    Ok(given.into_iter().map(convert).collect())
}
