//! Files of a stored tree, by what was kept of them; what had to be found out is kept for the next time.

use std::collections::HashMap;

use ostree_flatten::composefs::{CommitFile, CommitObjects};
use ostree_objects::{Checksum, DirMeta, DirTree};
use ostree_store::{FileDigests, Repo};

use super::known::{file_of, found_out, keep};
use crate::Storage;

pub(super) struct StoredFiles<'a> {
    repo: &'a Repo,
    commit: Checksum,
    /// Kept with other commits.
    others: FileDigests,
    /// Kept with the commit itself.
    own: FileDigests,
    found: HashMap<Checksum, CommitFile>,
}

impl<'a> StoredFiles<'a> {
    pub(super) fn new(storage: &'a Storage, commit: &Checksum) -> Self {
        let mut keepers = storage.digest_keepers(commit);
        keepers.remove(commit);
        Self {
            repo: &storage.repo,
            commit: *commit,
            others: storage.repo.file_digests(keepers),
            own: storage.repo.file_digests([*commit]),
            found: HashMap::new(),
        }
    }

    /// Keep with the commit what had to be found out. Best effort, and only in a repository of one's own: what somebody
    /// else leaves there may be in its owner's way.
    pub(super) fn keep_found(self) {
        let owner = rustix::fs::fstat(self.repo.dir()).map(|stat| stat.st_uid);
        let is_own = owner.is_ok_and(|owner| owner == rustix::process::geteuid().as_raw());
        if is_own && !self.found.is_empty() {
            // What is not kept is found out again.
            let _ = self.keep();
        }
    }

    fn keep(&self) -> Result<(), ostree_store::Error> {
        let stage = self.repo.stage()?.with_file_digests()?;
        stage.keep_file_digests(&self.own)?;
        for (name, file) in &self.found {
            keep(&stage, name, file)?;
        }
        stage.publish_collected(&self.commit)
    }
}

impl CommitObjects for StoredFiles<'_> {
    type Error = ostree_store::Error;

    fn dirtree(&mut self, checksum: &Checksum) -> Result<DirTree, Self::Error> {
        self.repo.read_dirtree(checksum)
    }

    fn dirmeta(&mut self, checksum: &Checksum) -> Result<DirMeta, Self::Error> {
        self.repo.read_dirmeta(checksum)
    }

    fn file(&mut self, checksum: &Checksum) -> Result<CommitFile, Self::Error> {
        let known = self.others.facts(checksum);
        if let Some(facts) = known.or_else(|| self.own.facts(checksum)) {
            return file_of(facts, || self.repo.file_stat(checksum));
        }
        if let Some(found) = self.found.get(checksum) {
            return Ok(found.clone());
        }
        let stat = self.repo.file_stat(checksum)?;
        let file = found_out(self.repo, checksum, stat, || {
            Ok(self.repo.open_file(checksum)?.content)
        })?;
        if file.digest.is_some() || file.header.is_symlink() {
            self.found.insert(*checksum, file.clone());
        }
        Ok(file)
    }
}
