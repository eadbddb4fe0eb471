//! Pulling what a commit is bound to: all of it, before there is a deployment.

use std::collections::BTreeSet;

use bound_images::{
    BoundReference, DECLARATIONS, Declarations, DirTree, Event as BoundEvent, LockRecord, Plan,
    PullConfig, RecordName, Storage as BoundStorage, StoredImage,
};
use cap_std::fs::Dir;
use oci_manifest::{Digest, ImageReference};
use ostree_objects::Checksum;
use selinux_label::Policy;

use super::sources::sources;
use super::tree::foretold_declarations;
use super::{BoundConfig, Sources};
use crate::host::LockedHost;
use crate::host::plan::store;
use crate::pull::{self, PullPlan};
use crate::selinux::StoredTree;
use crate::{Error, Event, Observer, Phase};

/// A tree whose declarations are read.
#[derive(Debug, Clone, Copy)]
pub enum BoundTree<'a> {
    /// That of a commit, which has a lock record once it is deployed.
    Commit(&'a Checksum),
    /// A directory with an operating system.
    Root(&'a Dir),
}

/// What a tree is bound to, and what of it is there.
#[derive(Debug, Clone)]
pub struct BoundPlan {
    /// As the tree has them.
    pub declarations: Declarations,
    /// What is there and what is missing.
    pub plan: Plan,
    /// The images of the storage.
    pub stored: Vec<StoredImage>,
}

/// What was pulled for a commit.
#[derive(Debug, Clone, Default)]
pub struct BoundPulled {
    /// As the tree has them.
    pub declarations: Declarations,
    /// Every image with its digest.
    pub record: LockRecord,
    /// Those that were missing.
    pub pulled: Vec<BoundReference>,
}

impl LockedHost {
    /// What a tree is bound to, and what of it is there. Sources are asked about what is missing, or about all: those that
    /// `config` names, or that follow from `image`, the host's own. Writes nothing to disk.
    ///
    /// # Errors
    /// When declarations, the record or the storage cannot be read.
    pub fn plan_bound(
        &self,
        tree: BoundTree<'_>,
        image: Option<&ImageReference>,
        config: &BoundConfig,
        ask_about_all: bool,
    ) -> Result<BoundPlan, Error> {
        let declarations = self.declarations(tree)?;
        let record = self.record(tree)?;
        let sources = sources(config, image)?;
        let look_up = Sources::new(config);
        let mut bound = self.compare(declarations, &record, &config.run)?;
        let blobs = self.stored_blobs(&config.run)?;
        bound.plan.ask(&look_up, &sources, ask_about_all, &blobs);
        Ok(bound)
    }

    /// Before anything of an image is fetched: that podman is there if it is needed, and that the image fits together with
    /// what it is bound to, as far as its small layers tell what that is. Whatever else is wrong is told later, by who needs it.
    pub(in crate::host) fn foresee_bound(
        &self,
        pull: &PullPlan,
        image: &ImageReference,
        pull_config: &pull::PullConfig,
        config: &BoundConfig,
        look_up: &Sources<'_>,
    ) -> Result<(), Error> {
        pull.require_space()?;
        // What a killed pull left takes no space from what comes.
        bound_images::sweep(&self.dirs.root)?;
        let declarations = match pull.stored_commit() {
            // The exact check comes at once.
            Some(_) => None,
            None => pull.foretell(&self.storage, pull_config, DECLARATIONS)?,
        };
        let Some(declarations) = declarations.as_ref().and_then(foretold_declarations) else {
            return Ok(());
        };
        if !declarations.list.is_empty() {
            BoundStorage::require_podman()?;
        }
        let none = LockRecord::default();
        let Ok(mut bound) = self.compare(declarations, &none, &config.run) else {
            return Ok(());
        };
        let blobs = self.stored_blobs(&config.run)?;
        bound
            .plan
            .ask(look_up, &sources(config, Some(image))?, false, &blobs);
        self.require_space(&image.to_string(), Some(pull), &bound.plan)
    }

    /// Pull what a tree is bound to and is not there; for a commit, record under which digest each image is there then.
    /// `image` is the host's own image: where it is read from a directory or an archive, bound images are looked for beside
    /// it, unless `config` says where.
    ///
    /// Nothing is done, and podman is not needed, where the tree is bound to nothing.
    ///
    /// # Errors
    /// As [`Self::plan_bound`]; [`Error::SpaceForAll`]; [`bound_images::Error`] for what cannot be pulled: what could be
    /// stays for the next time.
    pub fn pull_bound(
        &self,
        tree: BoundTree<'_>,
        image: Option<&ImageReference>,
        config: &BoundConfig,
        observer: &Observer,
    ) -> Result<BoundPulled, Error> {
        self.pull_bound_from(tree, image, config, &Sources::new(config), observer)
    }

    /// The same, with sources some of which may have been asked already.
    pub(in crate::host) fn pull_bound_from(
        &self,
        tree: BoundTree<'_>,
        image: Option<&ImageReference>,
        config: &BoundConfig,
        look_up: &Sources<'_>,
        observer: &Observer,
    ) -> Result<BoundPulled, Error> {
        let declarations = self.declarations(tree)?;
        if declarations.list.is_empty() {
            return Ok(BoundPulled::default());
        }
        observer(Event::Phase(Phase::BoundImages));
        bound_images::sweep(&self.dirs.root)?;
        let tell = |event: &BoundEvent| observer(Event::Bound(event));
        let before = self.record(tree)?;
        let storage = BoundStorage::ensure(&self.dirs.root, &config.run, &tell)?;
        let mut plan = Plan::new(&declarations, &before, &storage.images()?);
        let sources = sources(config, image)?;
        plan.ask(look_up, &sources, false, &storage.blobs());
        self.require_space(&shown(tree, image), None, &plan)?;
        let retry = &config.source.retry;
        let pull = PullConfig {
            credentials: config.credentials.clone(),
            access: config.access.clone(),
            sources,
            jobs: config.jobs,
            attempts: retry.attempts,
            first_delay: retry.first_delay,
            stall: config.source.stall_timeout,
        };
        let synced = storage.pull_missing(&plan, &pull, &tell)?;
        storage.label(self.policy_of(tree)?.as_ref(), &tell)?;
        if let BoundTree::Commit(commit) = tree
            && synced.record != before
        {
            synced
                .record
                .write(&self.dirs.root, &record_name(commit)?)?;
        }
        Ok(BoundPulled {
            declarations,
            record: synced.record,
            pulled: synced.pulled,
        })
    }

    fn compare(
        &self,
        declarations: Declarations,
        record: &LockRecord,
        run: &Dir,
    ) -> Result<BoundPlan, Error> {
        let stored = match BoundStorage::open(&self.dirs.root, run)? {
            Some(storage) if !declarations.list.is_empty() => storage.images()?,
            _ => Vec::new(),
        };
        Ok(BoundPlan {
            plan: Plan::new(&declarations, record, &stored),
            declarations,
            stored,
        })
    }

    fn stored_blobs(&self, run: &Dir) -> Result<BTreeSet<Digest>, Error> {
        let storage = BoundStorage::open(&self.dirs.root, run)?;
        Ok(storage.map(|storage| storage.blobs()).unwrap_or_default())
    }

    fn declarations(&self, tree: BoundTree<'_>) -> Result<Declarations, Error> {
        match tree {
            BoundTree::Commit(commit) => self.storage().bound_declarations(commit),
            BoundTree::Root(root) => Ok(Declarations::read(&DirTree::new(root))?),
        }
    }

    fn record(&self, tree: BoundTree<'_>) -> Result<LockRecord, Error> {
        match tree {
            BoundTree::Commit(commit) => {
                Ok(LockRecord::read(&self.dirs.root, &record_name(commit)?)?)
            }
            BoundTree::Root(_) => Ok(LockRecord::default()),
        }
    }

    /// The policy by which the storage is labelled, if it is not yet.
    fn policy_of(&self, tree: BoundTree<'_>) -> Result<Option<Policy>, Error> {
        let (name, policy) = match tree {
            BoundTree::Commit(commit) => {
                let repo = &self.storage.repo;
                let read = repo.read_commit(commit).map_err(store("read a commit"))?;
                let tree = StoredTree::published(repo, read.tree);
                (commit.to_string(), self.storage.open_policy(&tree, None))
            }
            BoundTree::Root(root) => (
                "in the directory".to_owned(),
                Policy::open(&selinux_label::DirTree::new(root)),
            ),
        };
        policy.map_err(|source| Error::Policy {
            reference: name,
            source: Box::new(source),
        })
    }
}

/// Whose bound images they are.
fn shown(tree: BoundTree<'_>, image: Option<&ImageReference>) -> String {
    match (image, tree) {
        (Some(image), _) => image.to_string(),
        (None, BoundTree::Commit(commit)) => commit.to_string(),
        (None, BoundTree::Root(_)) => "the directory".to_owned(),
    }
}

pub(super) fn record_name(commit: &Checksum) -> Result<RecordName, Error> {
    commit
        .to_string()
        .parse()
        .map_err(|_| Error::NoCommit { commit: *commit })
}
