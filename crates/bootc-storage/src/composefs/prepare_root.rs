//! What an image's `prepare-root.conf` asks of composefs (ostree-prepare-root(1)).

use std::io::Read as _;

use ostree_objects::Checksum;
use ostree_store::{FsVerityWish, KeyFile};

use crate::selinux::StoredTree;
use crate::{Error, Storage};

/// Where it is in a tree. A later one replaces an earlier one whole, as where the initramfs reads them; the image's
/// `/etc`, of which an initramfs is made, is `usr/etc` in a commit.
const FILES: [&str; 3] = [
    "usr/lib/ostree/prepare-root.conf",
    "usr/etc/ostree/prepare-root.conf",
    "etc/ostree/prepare-root.conf",
];

/// A few lines; more than this is none.
const MAX_BYTES: u64 = 1024 * 1024;

/// What `[composefs] enabled` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ComposefsWish {
    /// Boot from the deployment's directory.
    #[default]
    No,
    /// Boot from the deployment's image if it has one.
    Maybe,
    /// Boot from the image.
    Yes,
    /// Boot from the image, which has fs-verity, as all its files have.
    Verity,
    /// Boot from the image whose digest is in a signed commit.
    Signed,
}

impl ComposefsWish {
    /// Reads a `prepare-root.conf`.
    ///
    /// # Errors
    ///
    /// Text that is no key file, or another value: what an initramfs would refuse at boot.
    pub fn parse(text: &str) -> Result<Self, BadPrepareRoot> {
        let values = KeyFile::parse(text)?;
        match values.get("composefs", "enabled") {
            None => Ok(Self::No),
            Some("signed") => Ok(Self::Signed),
            Some("verity") => Ok(Self::Verity),
            Some(value) => match FsVerityWish::parse(value) {
                Some(FsVerityWish::No) => Ok(Self::No),
                Some(FsVerityWish::Maybe) => Ok(Self::Maybe),
                Some(FsVerityWish::Yes) => Ok(Self::Yes),
                None => Err(BadPrepareRoot::Value {
                    value: value.to_owned(),
                }),
            },
        }
    }

    /// Whether a deployment is to have an image.
    #[must_use]
    pub const fn wants_image(self) -> bool {
        !matches!(self, Self::No)
    }

    /// Whether nothing boots without fs-verity.
    #[must_use]
    pub const fn requires_verity(self) -> bool {
        matches!(self, Self::Verity | Self::Signed)
    }
}

/// What is wrong with a `prepare-root.conf`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadPrepareRoot {
    /// A line that is none of a key file.
    #[error(transparent)]
    Line(#[from] ostree_store::BadLine),
    /// A value that is not known.
    #[error("[composefs] enabled is {value:?}, which is none of no, maybe, yes, verity and signed")]
    Value {
        /// The value.
        value: String,
    },
    /// No text, or far too much.
    #[error("it is not UTF-8, or over 1 MiB")]
    NoText,
}

impl Storage {
    /// What a commit's `prepare-root.conf` asks of composefs; [`ComposefsWish::No`] where there is none.
    ///
    /// # Errors
    ///
    /// [`Error::NoCommit`]; [`Error::PrepareRoot`]; objects that cannot be read.
    pub fn composefs_wish(&self, commit: &Checksum) -> Result<ComposefsWish, Error> {
        let failed = |source| Error::Store {
            action: "read prepare-root.conf",
            source,
        };
        self.require_commit(commit)?;
        let root = self.repo.read_commit(commit).map_err(failed)?.tree;
        let tree = StoredTree::published(&self.repo, root);
        let mut wish = ComposefsWish::No;
        for path in FILES {
            let Some(file) = tree.file(path).map_err(failed)? else {
                continue;
            };
            let object = self.repo.open_file(&file).map_err(failed)?;
            let mut text = String::new();
            let read = object.content.take(MAX_BYTES + 1).read_to_string(&mut text);
            let parsed = match read {
                Ok(count) if count as u64 <= MAX_BYTES => ComposefsWish::parse(&text),
                _ => Err(BadPrepareRoot::NoText),
            };
            wish = parsed.map_err(|source| Error::PrepareRoot {
                commit: *commit,
                path,
                source,
            })?;
        }
        Ok(wish)
    }
}

#[cfg(test)]
mod tests {
    use super::{BadPrepareRoot, ComposefsWish};

    #[test]
    fn values_as_ostree_prepare_root_reads_them() {
        use ComposefsWish::{Maybe, No, Signed, Verity, Yes};
        for (text, wish) in [
            ("", No),
            ("[root]\ntransient=true\n", No),
            ("[composefs]\n", No),
            ("[composefs]\nenabled=no\n", No),
            ("[composefs]\nenabled = false \n", No),
            ("[composefs]\nenabled=0\n", No),
            ("[composefs]\nenabled = maybe\n", Maybe),
            ("# for all\n[composefs]\nenabled = yes\n", Yes),
            ("[composefs]\nenabled=true\nkeypath=/x\n", Yes),
            ("[composefs]\nenabled=no\nenabled=1\n", Yes),
            ("[composefs]\nenabled=verity\n", Verity),
            (
                "[composefs]\nenabled=signed\n[etc]\ntransient=true\n",
                Signed,
            ),
            ("[etc]\nenabled=yes\n", No),
        ] {
            assert_eq!(ComposefsWish::parse(text), Ok(wish), "{text:?}");
        }
    }

    #[test]
    fn what_an_initramfs_refuses_is_refused() {
        let value = "perhaps".to_owned();
        assert_eq!(
            ComposefsWish::parse("[composefs]\nenabled=perhaps\n"),
            Err(BadPrepareRoot::Value { value })
        );
        for text in ["enabled=yes\n", "[composefs]\nenabled\n"] {
            let error = ComposefsWish::parse(text).unwrap_err();
            assert!(matches!(error, BadPrepareRoot::Line(_)), "{error:?}");
        }
    }

    #[test]
    fn who_wants_an_image_and_who_requires_verity() {
        use ComposefsWish::{Maybe, No, Signed, Verity, Yes};
        let answers = [No, Maybe, Yes, Verity, Signed]
            .map(|wish| (wish.wants_image(), wish.requires_verity()));
        let (image, verity) = ((true, false), (true, true));
        assert_eq!(answers, [(false, false), image, image, verity, verity]);
    }
}
