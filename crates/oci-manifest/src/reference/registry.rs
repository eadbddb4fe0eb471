//! Names in a registry: `[domain/]path[:tag][@digest]`, by the grammar of the distribution specification.

use crate::error::quote;
use crate::{Digest, Error};

/// A name cut at its separators; nothing is checked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name<'a> {
    /// Domain and path.
    pub(super) repository: &'a str,
    pub(super) tag: Option<&'a str>,
    pub(super) digest: Option<&'a str>,
}

impl<'a> Name<'a> {
    /// A colon before the last slash is a port's, not a tag's.
    pub(super) fn split(name: &'a str) -> Self {
        let (rest, digest) = match name.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (name, None),
        };
        let last = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match rest[last..].find(':') {
            Some(colon) => (&rest[..last + colon], Some(&rest[last + colon + 1..])),
            None => (rest, None),
        };
        Self {
            repository,
            tag,
            digest,
        }
    }

    /// `a:t@d` to `a@d`; everything else as it was.
    pub(super) fn without_tag_if_digest(&self) -> String {
        match (self.tag, self.digest) {
            (_, Some(digest)) if digest.parse::<Digest>().is_ok() => {
                format!("{}@{digest}", self.repository)
            }
            (tag, digest) => {
                let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
                let digest = digest
                    .map(|digest| format!("@{digest}"))
                    .unwrap_or_default();
                format!("{}{tag}{digest}", self.repository)
            }
        }
    }
}

/// Check a name as every registry would.
pub(super) fn check(name: &str) -> Result<(), Error> {
    let bad = |reason| Error::InvalidName {
        text: quote(name),
        reason,
    };
    let parts = Name::split(name);
    if let Some(digest) = parts.digest {
        digest.parse::<Digest>()?;
    }
    if parts.tag.is_some_and(|tag| !is_tag(tag)) {
        return Err(bad(
            "a tag has at most 128 of the characters A-Z a-z 0-9 _ . - and does not begin with . or -",
        ));
    }
    if parts.repository.is_empty() {
        return Err(bad("no name before the tag or the digest"));
    }
    let (domain, path) = match parts.repository.split_once('/') {
        Some((first, rest)) if is_domain_like(first) => (Some(first), rest),
        _ => (None, parts.repository),
    };
    if domain.is_some_and(|domain| !is_domain(domain)) {
        return Err(bad(
            "before the first / stands neither a registry (host, host:port, [IPv6 address]:port) \
             nor a known transport, such as oci: or oci-archive:",
        ));
    }
    if path.chars().any(|c| c.is_ascii_uppercase()) {
        return Err(bad("the name of a repository has no capital letters"));
    }
    if !path.split('/').all(is_component) {
        return Err(bad(
            "the parts of a name are lower-case letters and digits, with single . _ or - between them",
        ));
    }
    Ok(())
}

/// Whether the first part is a host, by the rule that Docker made: it has a dot or a port, or is localhost, or has
/// capital letters.
fn is_domain_like(first: &str) -> bool {
    first == "localhost"
        || first.contains(['.', ':', '['])
        || first.chars().any(|c| c.is_ascii_uppercase())
}

fn is_domain(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port_fits =
        port.is_none_or(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host_fits = match address {
        Some(address) => {
            !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')
        }
        None => host.split('.').all(is_label),
    };
    port_fits && host_fits
}

/// One part of a host name.
fn is_label(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn is_tag(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// `[a-z0-9]+` with `.`, `_`, `__` or any number of `-` between.
fn is_component(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let edges = bytes.first().is_some_and(|b| alphanumeric(*b))
        && bytes.last().is_some_and(|b| alphanumeric(*b));
    let separators = bytes
        .split(|b| alphanumeric(*b))
        .all(|run| matches!(run, b"" | b"." | b"_" | b"__") || run.iter().all(|b| *b == b'-'));
    edges && separators
}
