//! Writing and removing refs. A ref is the last thing written and the first thing removed.

use std::collections::BTreeMap;

use ostree_objects::Checksum;
use ostree_refs::{BLOB_PREFIX, IMAGE_PREFIX, RefName, unescape};
use ostree_store::SyncedRefDirs;

use crate::storage::NO_CANCEL;
use crate::{Error, Event, Observer, Storage};

impl Storage {
    /// Point `name` at `commit` and bring the ref to disk: the file, and the directories on the way to it. `synced`: what
    /// was brought there before, under the same lock.
    pub(crate) fn set_ref(
        &self,
        name: &RefName,
        commit: &Checksum,
        synced: &mut SyncedRefDirs,
    ) -> Result<(), Error> {
        self.libostree
            .set_ref_immediate(None, name.as_str(), Some(&commit.to_string()), NO_CANCEL)
            .map_err(|source| Error::Ostree {
                action: "write a ref",
                source,
            })?;
        self.repo
            .sync_ref_among(name.as_str(), synced)
            .map_err(|source| Error::Store {
                action: "sync a ref to disk",
                source,
            })
    }

    /// Remove refs and bring that to disk, before anything goes that they kept. One that is already gone is no error.
    pub(crate) fn delete_refs<'a>(
        &self,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<(), Error> {
        let mut directories = BTreeMap::new();
        for name in names {
            self.libostree
                .set_ref_immediate(None, name, None, NO_CANCEL)
                .map_err(|source| Error::Ostree {
                    action: "remove a ref",
                    source,
                })?;
            directories.insert(name.rsplit_once('/').map_or("", |(dir, _)| dir), name);
        }
        // One ref stands for all that were beside it.
        for name in directories.values() {
            self.repo.sync_ref(name).map_err(|source| Error::Store {
                action: "sync removed refs to disk",
                source,
            })?;
        }
        Ok(())
    }

    /// Remove what dead writers left in `tmp`, and beside refs. The caller holds the exclusive lock.
    pub(crate) fn sweep(&self, observer: &Observer) -> Result<(), Error> {
        self.sweep_stages(observer)?;
        self.sweep_unfinished_refs()
    }

    /// libostree replaces a ref by way of another name in its directory. One that was killed meanwhile leaves what looks
    /// like a ref that nobody can read: what it may need would never be pruned.
    fn sweep_unfinished_refs(&self) -> Result<(), Error> {
        for prefix in [IMAGE_PREFIX, BLOB_PREFIX] {
            let listed = self.repo.list_refs(prefix).map_err(|source| Error::Store {
                action: "list refs",
                source,
            })?;
            let names = listed.refs.iter().map(|(name, _)| name.as_str());
            self.delete_refs(names.filter(|name| is_unfinished(name)))?;
        }
        Ok(())
    }

    /// Remove what dead writers left in `tmp`; live ones are left alone.
    pub(crate) fn sweep_stages(&self, observer: &Observer) -> Result<(), Error> {
        let swept = self.repo.sweep_abandoned().map_err(|source| Error::Store {
            action: "remove abandoned staging directories",
            source,
        })?;
        if swept.removed > 0 {
            observer(Event::Swept {
                dirs: swept.removed,
            });
        }
        Ok(())
    }
}

/// A name as libglnx makes them (`glnx-fdio.c`, `glnx_gen_temp_name`). No image and no layer has a ref of that name: its
/// dot would be escaped.
fn is_unfinished(name: &str) -> bool {
    let last = name.rsplit_once('/').map_or(name, |(_, last)| last);
    last.strip_prefix("tmp.").is_some_and(|random| {
        random.len() == 6 && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    }) && unescape(last).is_err()
}

#[cfg(test)]
mod tests {
    use super::is_unfinished;

    #[test]
    fn what_an_image_may_be_called_is_not_unfinished() {
        let image = ostree_refs::escape("oci:/srv/tmp.abcdef").unwrap();
        for name in [
            &*image,
            "a/tmp",
            "a/tmp.abcde",
            "a/tmp.abcdefg",
            "a/x.abcdef",
        ] {
            assert!(!is_unfinished(name), "{name}");
        }
        assert!(is_unfinished(
            "ostree/container/image/oci_3A__2F_srv/tmp.CYzlWJ"
        ));
        assert!(is_unfinished("ostree/container/blob/tmp.000000"));
    }
}
