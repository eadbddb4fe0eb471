//! Writing and removing refs. A ref is the last thing written and the first thing removed.

use std::collections::BTreeMap;

use ostree_objects::Checksum;
use ostree_refs::RefName;
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

    /// Remove what dead writers left in `tmp`; live ones are left alone.
    pub(crate) fn sweep(&self, observer: &Observer) -> Result<(), Error> {
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
