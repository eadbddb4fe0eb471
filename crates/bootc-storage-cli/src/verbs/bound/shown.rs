//! Views that several verbs share.

use bootc_storage::host::bound::BoundImage;
use bound_images::{ImageState, PlannedImage, StoredImage};
use serde::Serialize;

use crate::text::count;

/// An image that a deployment is bound to.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "BoundImage"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImageView {
    /// Registry, repository, and tag or digest.
    image: String,
    /// Whether it is there; none where that could not be looked at, as without root.
    state: Option<StateView>,
    /// Digest of the manifest of the image that has the name.
    digest: Option<String>,
    /// Digest of the manifest that had the name when the deployment was made, where another one has it now or none.
    recorded_digest: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename = "BoundImageState")
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StateView {
    /// It is there.
    Present,
    /// It is not.
    Missing,
    /// Its name is that of another image than the deployment was made with.
    Drifted,
}

impl ImageView {
    pub(crate) fn of(image: &BoundImage) -> Self {
        Self::new(image.reference.to_string(), image.state.as_ref())
    }

    pub(crate) fn planned(image: &PlannedImage) -> Self {
        Self::new(image.reference.to_string(), Some(&image.state))
    }

    fn new(image: String, state: Option<&ImageState>) -> Self {
        let (view, digest, recorded) = match state {
            None => (None, None, None),
            Some(ImageState::Present { digest }) => (Some(StateView::Present), Some(digest), None),
            Some(ImageState::Missing { recorded }) => {
                (Some(StateView::Missing), None, recorded.as_ref())
            }
            Some(ImageState::Drifted { recorded, now, .. }) => {
                (Some(StateView::Drifted), Some(now), Some(recorded))
            }
        };
        Self {
            image,
            state: view,
            digest: digest.map(ToString::to_string),
            recorded_digest: recorded.map(ToString::to_string),
        }
    }

    pub(crate) fn state(&self) -> Option<StateView> {
        self.state
    }

    /// The image and its state in a line.
    pub(crate) fn human(&self) -> String {
        let state = match self.state {
            None => return self.image.clone(),
            Some(StateView::Present) => "present",
            Some(StateView::Missing) => "missing",
            Some(StateView::Drifted) => "drifted",
        };
        let mut text = format!("{}  {state}", self.image);
        if let Some(digest) = &self.digest {
            text.push_str(&format!(" {digest}"));
        }
        if let Some(recorded) = &self.recorded_digest {
            text.push_str(&format!(", deployed with {recorded}"));
        }
        text
    }
}

/// How many are there, missing and drifted; none for a deployment that is bound to nothing.
pub(crate) fn summary(images: &[ImageView]) -> Option<String> {
    if images.is_empty() {
        return None;
    }
    let count_of = |state| images.iter().filter(|one| one.state == Some(state)).count();
    let parts: Vec<String> = [
        (StateView::Present, "present"),
        (StateView::Missing, "missing"),
        (StateView::Drifted, "drifted"),
    ]
    .into_iter()
    .map(|(state, word)| (count_of(state), word))
    .filter(|(number, _)| *number > 0)
    .map(|(number, word)| format!("{number} {word}"))
    .collect();
    if parts.is_empty() {
        return Some(images.len().to_string());
    }
    Some(parts.join(", "))
}

/// An image of the storage.
#[derive(Debug, Serialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename = "StoredBoundImage")
)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredView {
    /// podman's id.
    id: String,
    /// As podman names it; none for an image whose names are another's now.
    names: Vec<String>,
    /// Digest of its manifest.
    digest: String,
    /// What its layers take, those that it shares with others included.
    bytes: u64,
}

impl StoredView {
    pub(super) fn of(image: &StoredImage) -> Self {
        Self {
            id: image.id.clone(),
            names: image.names.clone(),
            digest: image.digest.to_string(),
            bytes: image.bytes,
        }
    }

    pub(super) fn human(&self) -> String {
        let name = match self.names.as_slice() {
            [] => format!("unnamed {}", self.digest),
            names => names.join(", "),
        };
        format!("{name} ({})", crate::text::size(self.bytes))
    }
}

pub(super) fn images(number: usize) -> String {
    count(u64::try_from(number).unwrap_or(u64::MAX), "image")
}
