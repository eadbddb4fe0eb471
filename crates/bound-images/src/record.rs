//! What a deployment's images were when it was made.
//!
//! One file for each commit that was deployed, `ostree/bootc/bound/COMMIT.json`: outside of the image, as it says what
//! this host got under the names that the image declares. It is for the commit and not for each deployment of it: those
//! declare the same, and share one storage.
//!
//! ```json
//! {"version": 1, "images": {"quay.io/exampleos/web:1.2": "sha256:5891…"}}
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::str::FromStr;

use cap_std::fs::Dir;
use oci_manifest::Digest;
use serde::{Deserialize, Serialize};

use crate::limits::MAX_RECORD_BYTES;
use crate::storage::sync_dir;
use crate::{BoundReference, Error};

/// Where the records are, relative to the physical root.
pub const RECORDS: &str = "ostree/bootc/bound";

/// Under which digests a deployment's images were when it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockRecord {
    version: Version,
    images: BTreeMap<BoundReference, Digest>,
}

/// The only version of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Version;

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(1)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            1 => Ok(Self),
            other => Err(serde::de::Error::custom(format!(
                "version {other} is of a later program"
            ))),
        }
    }
}

impl FromIterator<(BoundReference, Digest)> for LockRecord {
    fn from_iter<T: IntoIterator<Item = (BoundReference, Digest)>>(images: T) -> Self {
        Self {
            version: Version,
            images: images.into_iter().collect(),
        }
    }
}

/// Whose record it is: the checksum of the deployed commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordName(String);

/// A name that is no checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record is named by a commit, 64 lower-case hexadecimal digits")]
pub struct BadRecordName;

impl FromStr for RecordName {
    type Err = BadRecordName;

    fn from_str(text: &str) -> Result<Self, BadRecordName> {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == 64 && text.bytes().all(is_hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadRecordName)
        }
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl RecordName {
    fn file(&self) -> String {
        format!("{RECORDS}/{self}.json")
    }
}

impl LockRecord {
    /// Digest of the manifest that an image had.
    #[must_use]
    pub fn digest(&self, reference: &BoundReference) -> Option<&Digest> {
        self.images.get(reference)
    }

    /// All of them, by name.
    pub fn images(&self) -> impl Iterator<Item = (&BoundReference, &Digest)> {
        self.images.iter()
    }

    /// Nothing is recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// The record of a commit; an empty one where there is none, as for deployments that bootc made.
    ///
    /// # Errors
    /// It cannot be read, or is not what [`write`](Self::write) wrote.
    pub fn read(root: &Dir, name: &RecordName) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        match root.open(name.file()) {
            Ok(file) => file.take(MAX_RECORD_BYTES).read_to_end(&mut bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => Err(error),
        }
        .map_err(|source| Error::Io {
            action: "read the lock record",
            source,
        })?;
        serde_json::from_slice(&bytes).map_err(|source| Error::Record {
            name: name.file(),
            source,
        })
    }

    /// Write the record of a commit, in one step. Synced then.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, root: &Dir, name: &RecordName) -> Result<(), Error> {
        let writing = |source| Error::Io {
            action: "write the lock record",
            source,
        };
        root.create_dir_all(RECORDS).map_err(writing)?;
        let bytes = serde_json::to_vec(self).map_err(|error| writing(error.into()))?;
        let unfinished = format!("{RECORDS}/{name}.tmp");
        let mut file = root.create(&unfinished).map_err(writing)?;
        file.write_all(&bytes).map_err(writing)?;
        file.sync_all().map_err(writing)?;
        root.rename(&unfinished, root, name.file())
            .map_err(writing)?;
        sync_dir(root, RECORDS).map_err(writing)
    }

    /// Remove the records of commits that `keep` does not name, and what was left half written. How many.
    ///
    /// # Errors
    /// When the directory cannot be read or written.
    pub fn remove_others(root: &Dir, keep: impl Fn(&RecordName) -> bool) -> Result<usize, Error> {
        let removing = |source| Error::Io {
            action: "remove lock records",
            source,
        };
        let entries = match root.read_dir(RECORDS) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(removing(error)),
        };
        let mut removed = 0;
        for entry in entries {
            let entry = entry.map_err(removing)?;
            let name = entry.file_name();
            let record = name.to_str().and_then(|name| name.strip_suffix(".json"));
            let is_kept = match record.map(RecordName::from_str) {
                Some(Ok(record)) => keep(&record),
                _ => !name.to_string_lossy().ends_with(".tmp"),
            };
            if !is_kept {
                entry.remove_file().map_err(removing)?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a test opens a directory of its own"
)]
mod tests {
    use super::*;
    use cap_std::ambient_authority;

    const DIGEST: &str = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

    fn record() -> LockRecord {
        [("quay.io/os/a:1".parse().unwrap(), DIGEST.parse().unwrap())]
            .into_iter()
            .collect()
    }

    fn name(letter: char) -> RecordName {
        String::from_iter([letter; 64]).parse().unwrap()
    }

    #[test]
    fn records_come_back_and_others_go() {
        let folder = tempfile::tempdir().unwrap();
        let root = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        assert_eq!(
            LockRecord::read(&root, &name('a')).unwrap(),
            LockRecord::default()
        );
        assert_eq!(LockRecord::remove_others(&root, |_| false).unwrap(), 0);
        record().write(&root, &name('a')).unwrap();
        record().write(&root, &name('b')).unwrap();
        assert_eq!(LockRecord::read(&root, &name('b')).unwrap(), record());
        root.write(format!("{RECORDS}/{}.tmp", name('c')), "{")
            .unwrap();
        root.write(format!("{RECORDS}/README"), "not ours").unwrap();
        let removed = LockRecord::remove_others(&root, |kept| *kept == name('a'));
        assert_eq!(removed.unwrap(), 2, "one record, one half written");
        assert_eq!(LockRecord::read(&root, &name('a')).unwrap(), record());
        assert!(LockRecord::read(&root, &name('b')).unwrap().is_empty());
        assert!(root.exists(format!("{RECORDS}/README")));
    }

    #[test]
    fn the_file_is_as_documented_and_nothing_else_is_one() {
        let text = format!(r#"{{"version":1,"images":{{"quay.io/os/a:1":"{DIGEST}"}}}}"#);
        assert_eq!(serde_json::to_string(&record()).unwrap(), text);
        let folder = tempfile::tempdir().unwrap();
        let root = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        root.create_dir_all(RECORDS).unwrap();
        for bad in [
            "",
            "{}",
            &text.replace(":1,", ":2,"),
            &text.replace("sha256", "md5"),
        ] {
            root.write(name('a').file(), bad).unwrap();
            let error = LockRecord::read(&root, &name('a')).unwrap_err();
            assert!(matches!(error, Error::Record { .. }), "{bad}: {error:?}");
        }
        for bad in ["", "../../etc", "A", &"A".repeat(64), &"a".repeat(63)] {
            assert_eq!(bad.parse::<RecordName>(), Err(BadRecordName));
        }
    }
}
