//! A list of images: of several platforms (a multi-architecture image), or of several names (an OCI directory).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use oci_spec::image::ImageIndex;

use crate::descriptor::annotations;
use crate::document::{Kind, examine_as, is_document_type};
use crate::error::{check_count, check_size, quote};
use crate::manifest::at;
use crate::{Descriptor, Error, Platform, limits, shape};

/// Platforms that the message of a failed selection names.
const LISTED: usize = 20;

/// An image index, or Docker's manifest list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    raw: String,
    manifests: Vec<Descriptor>,
    annotations: BTreeMap<String, String>,
}

impl Index {
    /// Parse an index, and refuse a manifest. The `index.json` of an OCI directory is one too.
    ///
    /// # Errors
    /// As [`parse_document`](crate::parse_document), and [`Error::WrongDocument`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_text(examine_as(bytes, Kind::Index)?)
    }

    pub(crate) fn from_text(text: &str) -> Result<Self, Error> {
        let spec: ImageIndex = shape::parse("index", text)?;
        check_count(
            "entries of the index",
            spec.manifests().len(),
            limits::MAX_INDEX_ENTRIES,
        )?;
        let manifests = spec.manifests().iter().enumerate();
        let manifests = manifests
            .map(|(i, entry)| {
                Descriptor::from_spec(entry).map_err(|error| at("manifest", i, error))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            raw: text.to_owned(),
            manifests,
            annotations: annotations(spec.annotations().as_ref())?,
        })
    }

    /// The text it was parsed from, unchanged.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The entries in their order; there may be none.
    #[must_use]
    pub fn manifests(&self) -> &[Descriptor] {
        &self.manifests
    }

    /// The annotations of the index itself.
    #[must_use]
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }

    /// The entry for a platform.
    ///
    /// Operating system and architecture must be equal. Of the variants, the same one is best, then the next lower
    /// one that runs there too, last the entry without a variant; `arm64/v8` is `arm64`, `amd64/v1` is `amd64`. Of
    /// equals the first wins. A single entry that names no platform is taken: its config will be checked.
    /// Entries that are neither manifest nor index are passed over.
    ///
    /// # Errors
    /// [`Error::NoPlatform`], which lists what there is; [`Error::TooLarge`] for an entry over
    /// [`limits::MAX_MANIFEST_BYTES`].
    pub fn select(&self, wanted: &Platform) -> Result<&Descriptor, Error> {
        let images = || {
            self.manifests
                .iter()
                .filter(|entry| is_document_type(&entry.media_type))
        };
        let best = images()
            .filter_map(|entry| Some((wanted.distance(entry.platform.as_ref()?)?, entry)))
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, entry)| entry);
        let chosen = match best {
            Some(entry) => entry,
            None => match (images().next(), images().nth(1)) {
                (Some(only), None) if only.platform.is_none() => only,
                _ => {
                    return Err(Error::NoPlatform {
                        wanted: Box::new(wanted.clone()),
                        available: self.platforms(),
                    });
                }
            },
        };
        check_size("manifest", chosen.size, limits::MAX_MANIFEST_BYTES)?;
        Ok(chosen)
    }

    /// What there is, for people.
    fn platforms(&self) -> String {
        let mut text = String::new();
        for entry in self.manifests.iter().take(LISTED) {
            let name = match &entry.platform {
                Some(platform) => platform.to_string(),
                None => "an entry without platform".to_owned(),
            };
            let quoted = quote(&name);
            let separator = if text.is_empty() { "" } else { ", " };
            text.push_str(separator);
            text.push_str(quoted.trim_matches('"'));
        }
        match self.manifests.len() {
            0 => "nothing".clone_into(&mut text),
            n if n > LISTED => {
                let _infallible = write!(text, " and {} more", n - LISTED);
            }
            _ => {}
        }
        text
    }
}
