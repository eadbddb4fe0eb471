//! Pulling what a commit is bound to: all of it, before there is a deployment.

use bound_images::{
    BesideImage, BoundReference, Declarations, DirTree, Event as BoundEvent, LockRecord, Plan,
    PullConfig, RecordName, Registry, Source, Storage as BoundStorage, StoredImage,
};
use cap_std::fs::Dir;
use oci_manifest::{ImageReference, Transport};
use ostree_objects::Checksum;
use selinux_label::Policy;

use super::BoundConfig;
use crate::host::LockedHost;
use crate::host::plan::store;
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
    /// What a tree is bound to, and what of it is there. Registries are asked about what is missing, or about all.
    /// Writes nothing to disk.
    ///
    /// # Errors
    /// When declarations, the record or the storage cannot be read.
    pub fn plan_bound(
        &self,
        tree: BoundTree<'_>,
        config: &BoundConfig,
        ask_about_all: bool,
    ) -> Result<BoundPlan, Error> {
        let declarations = self.declarations(tree)?;
        let stored = match BoundStorage::open(&self.dirs.root, &config.run)? {
            Some(storage) if !declarations.list.is_empty() => storage.images()?,
            _ => Vec::new(),
        };
        let record = self.record(tree)?;
        let mut plan = Plan::new(&declarations, &record, &stored);
        let registry = Registry::new(&config.credentials, config.registries_conf.clone());
        plan.ask(&registry, &[Source::Registry], ask_about_all);
        Ok(BoundPlan {
            declarations,
            plan,
            stored,
        })
    }

    /// Pull what a tree is bound to and is not there; for a commit, record under which digest each image is there then.
    /// `image` is the host's own image: where it is read from a directory or an archive, bound images are looked for beside
    /// it.
    ///
    /// Nothing is done, and podman is not needed, where the tree is bound to nothing.
    ///
    /// # Errors
    /// As [`Self::plan_bound`]; [`bound_images::Error`] for what cannot be pulled: what could be stays for the next time.
    pub fn pull_bound(
        &self,
        tree: BoundTree<'_>,
        image: Option<&ImageReference>,
        config: &BoundConfig,
        observer: &Observer,
    ) -> Result<BoundPulled, Error> {
        let declarations = self.declarations(tree)?;
        if declarations.list.is_empty() {
            return Ok(BoundPulled::default());
        }
        observer(Event::Phase(Phase::BoundImages));
        let tell = |event: &BoundEvent| observer(Event::Bound(event));
        let storage = BoundStorage::ensure(&self.dirs.root, &config.run, &tell)?;
        let before = self.record(tree)?;
        let mut plan = Plan::new(&declarations, &before, &storage.images()?);
        let sources = sources(config, image);
        let registry = Registry::new(&config.credentials, config.registries_conf.clone());
        plan.ask(&registry, &sources, false);
        plan.check_space(&storage)?;
        let pull = PullConfig {
            credentials: config.credentials.clone(),
            sources,
            jobs: config.jobs,
            attempts: config.attempts,
            first_delay: config.first_delay,
        };
        let synced = storage.pull_missing(&plan, &pull, &tell)?;
        storage.label_once(self.policy_of(tree)?.as_ref(), &tell)?;
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

/// Where images are looked for: beside the host's image, where that is a directory, an archive, or in podman's storage.
fn sources(config: &BoundConfig, image: Option<&ImageReference>) -> Vec<Source> {
    if let Some(sources) = &config.sources {
        return sources.clone();
    }
    let Some(image) = image else {
        return vec![Source::Registry];
    };
    if let Some(beside) = BesideImage::of(image) {
        return vec![Source::Beside(beside), Source::Registry];
    }
    match image.transport {
        Transport::ContainerStorage => vec![Source::Machine, Source::Registry],
        _ => vec![Source::Registry],
    }
}

pub(super) fn record_name(commit: &Checksum) -> Result<RecordName, Error> {
    commit
        .to_string()
        .parse()
        .map_err(|_| Error::NoCommit { commit: *commit })
}
