//! The keys of an origin file that this project knows.

use crate::{Error, KeyFile, Result};
use oci_manifest::OstreeImageReference;
use std::fmt;

const ORIGIN: &str = "origin";
const TRANSIENT: &str = "libostree-transient";

const IMAGE: &str = "container-image-reference";
const REFSPEC: &str = "refspec";
const BASE_REFSPEC: &str = "baserefspec";
const UNCONFIGURED: &str = "unconfigured-state";
const OVERRIDE_COMMIT: &str = "override-commit";
const UNLOCKED: &str = "unlocked";
const PINNED: &str = "pinned";

/// The groups by which rpm-ostree says that the deployment is more than its image: with one of them, bootc calls the
/// deployment incompatible, and an upgrade by anyone but rpm-ostree would lose what they say.
pub const RPM_OSTREE_GROUPS: [&str; 4] = ["rpmostree", "packages", "overrides", "modules"];

/// The origin of a deployment: where its content came from and its updates will. On disk it is the key file
/// `ostree/deploy/STATEROOT/deploy/CHECKSUM.SERIAL.origin`.
///
/// Reading a key that is not there gives `None` (or `false`); a value that cannot be read is an error of that key alone.
/// Each change touches the lines of its key and no other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    file: KeyFile,
}

impl Origin {
    /// A new one, byte for byte as ostree-ext and bootc write it.
    ///
    /// # Errors
    /// [`Error::Unwritable`] for a reference with a character that the format cannot hold.
    pub fn for_image(image: &OstreeImageReference) -> Result<Self> {
        let mut origin = Self::default();
        origin.set_container_image(image)?;
        Ok(origin)
    }

    /// Reads an origin file.
    ///
    /// # Errors
    /// [`Error::Syntax`] for the first line that is not right.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        KeyFile::from_bytes(bytes).map(Self::from)
    }

    /// All that is in it.
    #[must_use]
    pub const fn key_file(&self) -> &KeyFile {
        &self.file
    }

    /// All that is in it, to change what has no accessor here.
    pub const fn key_file_mut(&mut self) -> &mut KeyFile {
        &mut self.file
    }

    /// The image that it follows (`origin/container-image-reference`).
    ///
    /// # Errors
    /// [`Error::Reference`] if that is no reference, [`Error::Value`] if it has a wrong escape.
    pub fn container_image(&self) -> Result<Option<OstreeImageReference>> {
        let Some(text) = self.file.string(ORIGIN, IMAGE)? else {
            return Ok(None);
        };
        match text.parse() {
            Ok(image) => Ok(Some(image)),
            Err(source) => Err(Error::Reference { text, source }),
        }
    }

    /// Follows this image from now on. A refspec is taken out: rpm-ostree refuses an origin with both.
    ///
    /// # Errors
    /// [`Error::Unwritable`] for a reference with a character that the format cannot hold.
    pub fn set_container_image(&mut self, image: &OstreeImageReference) -> Result<()> {
        self.file.set_string(ORIGIN, IMAGE, &image.to_string())?;
        self.file.remove_key(ORIGIN, REFSPEC);
        self.file.remove_key(ORIGIN, BASE_REFSPEC);
        Ok(())
    }

    /// The ref, `REMOTE:REF` or `REF`, that it follows (`origin/refspec`).
    ///
    /// # Errors
    /// [`Error::Value`] for a wrong escape.
    pub fn refspec(&self) -> Result<Option<String>> {
        self.file.string(ORIGIN, REFSPEC)
    }

    /// The ref that rpm-ostree follows and layers packages upon (`origin/baserefspec`).
    ///
    /// # Errors
    /// [`Error::Value`] for a wrong escape.
    pub fn base_refspec(&self) -> Result<Option<String>> {
        self.file.string(ORIGIN, BASE_REFSPEC)
    }

    /// What the administrator must do before an upgrade is allowed (`origin/unconfigured-state`), in words.
    ///
    /// # Errors
    /// [`Error::Value`] for a wrong escape.
    pub fn unconfigured_state(&self) -> Result<Option<String>> {
        self.file.string(ORIGIN, UNCONFIGURED)
    }

    /// The checksum of the commit that was deployed in place of the newest (`origin/override-commit`).
    ///
    /// # Errors
    /// [`Error::Value`] for a wrong escape.
    pub fn override_commit(&self) -> Result<Option<String>> {
        self.file.string(ORIGIN, OVERRIDE_COMMIT)
    }

    /// How `/usr` was made writable across boots (`origin/unlocked`): libostree writes `hotfix`.
    ///
    /// # Errors
    /// [`Error::Value`] for a wrong escape.
    pub fn unlocked(&self) -> Result<Option<String>> {
        self.file.string(ORIGIN, UNLOCKED)
    }

    /// Whether the deployment is pinned (`libostree-transient/pinned`): nothing but an explicit request removes it. As for
    /// libostree, a value that is neither true nor false does not pin.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        matches!(self.file.boolean(TRANSIENT, PINNED), Ok(Some(true)))
    }

    /// Pins or unpins. To unpin an origin that [`Origin::set_pinned`] pinned gives the bytes that it had before.
    ///
    /// # Errors
    /// None for any origin; the format is asked all the same.
    pub fn set_pinned(&mut self, pinned: bool) -> Result<()> {
        if pinned {
            return self.file.set_boolean(TRANSIENT, PINNED, true);
        }
        if self.file.remove_key(TRANSIENT, PINNED) && self.file.keys(TRANSIENT).is_empty() {
            self.file.remove_group(TRANSIENT);
        }
        Ok(())
    }

    /// Takes out what is about this one deployment and not for the next: the group `libostree-transient`,
    /// `origin/override-commit`, `origin/unlocked`. The same as libostree's function of that name.
    pub fn remove_transient(&mut self) {
        self.file.remove_group(TRANSIENT);
        self.file.remove_key(ORIGIN, OVERRIDE_COMMIT);
        self.file.remove_key(ORIGIN, UNLOCKED);
    }

    /// Which of [`RPM_OSTREE_GROUPS`] it has. None: whoever deploys images may go on from it.
    #[must_use]
    pub fn incompatible(&self) -> Vec<&'static str> {
        RPM_OSTREE_GROUPS
            .into_iter()
            .filter(|group| self.file.has_group(group))
            .collect()
    }
}

impl From<KeyFile> for Origin {
    fn from(file: KeyFile) -> Self {
        Self { file }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.file.fmt(f)
    }
}
