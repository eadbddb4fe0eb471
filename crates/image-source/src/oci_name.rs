//! The name part of `oci:` and `oci-archive:` references.

use oci_manifest::Digest;

/// `path[:tag][@digest]`, split as skopeo splits it: at the first colon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OciName {
    /// The directory or archive.
    pub(crate) path: String,
    /// The `org.opencontainers.image.ref.name` to look for.
    pub(crate) tag: Option<String>,
    /// The digest of the manifest or index to look for; it decides, whatever the tag says.
    pub(crate) digest: Option<Digest>,
}

impl OciName {
    /// Splits a name. The digest form is ours: skopeo has none. A suffix counts as a digest only when it is one to
    /// the last character, so no path or tag in use is misread.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn parse(name: &str) -> Result<Self, &'static str> {
        let (rest, digest) = match name.rsplit_once('@') {
            Some((rest, suffix)) => match suffix.parse::<Digest>() {
                Ok(digest) => (rest, Some(digest)),
                Err(_) => (name, None),
            },
            None => (name, None),
        };
        let (path, tag) = match rest.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (rest, None),
        };
        if path.is_empty() {
            return Err("the path is empty");
        }
        if path.contains('\0') {
            return Err("the path contains NUL");
        }
        // An empty tag is no tag, as in skopeo.
        let tag = tag.filter(|tag| !tag.is_empty()).map(str::to_owned);
        if tag.as_deref().is_some_and(|tag| tag.starts_with('@')) {
            return Err("an image is named by its tag, not by its place in the index");
        }
        Ok(Self {
            path: path.to_owned(),
            tag,
            digest,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_the_first_colon_and_takes_a_whole_digest_off_the_end() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let split = |name: &str| {
            let name = OciName::parse(name).unwrap();
            (name.path, name.tag, name.digest.map(|d| d.to_string()))
        };
        let s = |text: &str| Some(text.to_owned());
        assert_eq!(split("/a/b"), ("/a/b".into(), None, None));
        assert_eq!(split("/a/b:t"), ("/a/b".into(), s("t"), None));
        assert_eq!(split("/a/b:"), ("/a/b".into(), None, None));
        assert_eq!(
            split("/a/b:quay.io/x:1.2"),
            ("/a/b".into(), s("quay.io/x:1.2"), None)
        );
        assert_eq!(
            split(&format!("/a/b@{digest}")),
            ("/a/b".into(), None, s(&digest))
        );
        assert_eq!(
            split(&format!("/a/b:t@{digest}")),
            ("/a/b".into(), s("t"), s(&digest))
        );
        assert_eq!(split("/a@b"), ("/a@b".into(), None, None));
        assert_eq!(split("/a@sha256:abc"), ("/a@sha256".into(), s("abc"), None));
    }

    #[test]
    fn refuses_what_names_nothing() {
        for name in ["", ":tag", "a\0b", "/a:@0"] {
            assert!(OciName::parse(name).is_err(), "{name:?}");
        }
    }
}
