//! What a user may type where an image is asked for.

use super::image::ImageReference;
use super::ostree::{OstreeImageReference, SignatureSource, is_scheme};
use super::registry;
use super::transport::Transport;
use crate::Error;
use crate::error::{check_size, length, quote};
use crate::limits;

pub(super) fn parse(text: &str) -> Result<OstreeImageReference, Error> {
    check_size(
        "image reference",
        length(text.as_bytes()),
        limits::MAX_REFERENCE_BYTES,
    )?;
    if let Some(reason) = misspelling(text) {
        return Err(Error::InvalidName {
            text: quote(text),
            reason,
        });
    }
    let word = text.split_once(':').map(|(word, _)| word);
    let reference = match word {
        Some(word) if is_scheme(word) => text.parse()?,
        Some(word) if word == "docker" || Transport::from_word(word).is_some() => {
            insecure(text.parse()?)
        }
        _ => insecure(ImageReference {
            transport: Transport::Registry,
            name: text.to_owned(),
        }),
    };
    if reference.imgref.transport == Transport::Registry {
        registry::check(&reference.imgref.name)?;
    }
    Ok(reference)
}

fn insecure(imgref: ImageReference) -> OstreeImageReference {
    OstreeImageReference {
        sigverify: SignatureSource::ContainerPolicyAllowInsecure,
        imgref,
    }
}

/// What people type that is no reference at all, and what to type instead.
fn misspelling(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("it is empty")
    } else if text.chars().any(char::is_control) {
        Some("it has control characters")
    } else if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        Some("it begins or ends with a space")
    } else if text.starts_with("http://") || text.starts_with("https://") {
        Some("it is a web address; write docker:// in place of the part before the host")
    } else if text.starts_with(['/', '.', '~']) {
        Some("it looks like a path; write oci: or oci-archive: before it")
    } else if text.starts_with("docker:") && !text.starts_with("docker://") {
        Some("docker: needs two slashes, docker://NAME")
    } else if text
        .split_once("://")
        .is_some_and(|(word, _)| slashes_mean_nothing(word))
    {
        Some("unknown transport before ://; only docker:// has slashes")
    } else {
        None
    }
}

/// Whether `word://` cannot be meant: files may have any number of slashes, registries only `docker://`.
fn slashes_mean_nothing(word: &str) -> bool {
    let file =
        matches!(Transport::from_word(word), Some(transport) if transport != Transport::Registry);
    !file && word != "docker" && !is_scheme(word) && !word.contains(':')
}
