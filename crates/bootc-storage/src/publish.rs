//! Writing and removing refs. A ref is the last thing written and the first thing removed.

use ostree_objects::Checksum;
use ostree_refs::RefName;

use crate::storage::NO_CANCEL;
use crate::{Error, Event, Observer, Storage};

impl Storage {
    /// Point `name` at `commit` and bring the ref to disk: the file, and the directories on the way to it.
    pub(crate) fn set_ref(&self, name: &RefName, commit: &Checksum) -> Result<(), Error> {
        self.libostree
            .set_ref_immediate(None, name.as_str(), Some(&commit.to_string()), NO_CANCEL)
            .map_err(|source| Error::Ostree {
                action: "write a ref",
                source,
            })?;
        self.repo
            .sync_ref(name.as_str())
            .map_err(|source| Error::Store {
                action: "sync a ref to disk",
                source,
            })
    }

    /// Remove `name`; a ref that is already gone is no error.
    pub(crate) fn delete_ref(&self, name: &str) -> Result<(), Error> {
        self.libostree
            .set_ref_immediate(None, name, None, NO_CANCEL)
            .map_err(|source| Error::Ostree {
                action: "remove a ref",
                source,
            })
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
