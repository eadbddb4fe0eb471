//! What deployments are bound to, and what of it is there.

use bound_images::{
    BoundReference, Declarations, DirTree, ImageState, LockRecord, Plan, Storage as BoundStorage,
    StoredImage,
};
use cap_std::fs::Dir;

use super::pull::record_name;
use crate::host::{Deployment, Host, LockedHost};
use crate::list::chain;
use crate::{Error, Storage};

/// What one deployment is bound to.
#[derive(Debug, Clone, Default)]
pub struct BoundStatus {
    /// As its tree has them.
    pub declarations: Declarations,
    /// The images, each once.
    pub images: Vec<BoundImage>,
    /// What is wrong, in words: declarations or a record that cannot be read.
    pub problems: Vec<String>,
}

/// One image of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundImage {
    /// The image.
    pub reference: BoundReference,
    /// What the storage has of it; none where the storage could not be looked at.
    pub state: Option<ImageState>,
}

impl Host {
    /// What each deployment is bound to, in the order given, without a lock. What the storage has is known to root only;
    /// `run` is the machine's `/run`, or none to leave that out.
    #[must_use]
    pub fn bound_status(&self, deployments: &[Deployment], run: Option<&Dir>) -> Vec<BoundStatus> {
        match self.storage() {
            Ok(storage) => statuses(&storage, &self.dirs().root, deployments, run),
            // The deployments' own status says so.
            Err(_) => deployments.iter().map(|_| BoundStatus::default()).collect(),
        }
    }
}

impl LockedHost {
    /// What one deployment is bound to, and what of it is there.
    ///
    /// # Errors
    /// When declarations, the record or the storage cannot be read.
    pub fn verify_bound(
        &self,
        deployment: &Deployment,
        run: &Dir,
    ) -> Result<Vec<BoundImage>, Error> {
        let plan = declared(&self.storage, &self.dirs.root, deployment)?;
        if plan.0.list.is_empty() {
            return Ok(Vec::new());
        }
        let stored = stored_in(&self.dirs.root, run)?;
        Ok(images(&plan, Some(&stored)))
    }

    /// What an operating system in a directory is bound to, and what of it is there.
    ///
    /// # Errors
    /// When declarations or the storage cannot be read.
    pub fn verify_bound_root(&self, tree: &Dir, run: &Dir) -> Result<Vec<BoundImage>, Error> {
        let declarations = Declarations::read(&DirTree::new(tree))?;
        if declarations.list.is_empty() {
            return Ok(Vec::new());
        }
        let stored = stored_in(&self.dirs.root, run)?;
        let declared = (declarations, LockRecord::default());
        Ok(images(&declared, Some(&stored)))
    }
}

fn statuses(
    storage: &Storage,
    root: &Dir,
    deployments: &[Deployment],
    run: Option<&Dir>,
) -> Vec<BoundStatus> {
    let declared: Vec<Result<Declared, Error>> = deployments
        .iter()
        .map(|deployment| declared(storage, root, deployment))
        .collect();
    // podman is asked once, and only when there is something to ask about.
    let is_bound = declared
        .iter()
        .flatten()
        .any(|(bound, _)| !bound.list.is_empty());
    let stored = run.filter(|_| is_bound).map(|run| stored_in(root, run));
    declared
        .iter()
        .map(|declared| match (declared, &stored) {
            (Err(error), _) => BoundStatus {
                problems: vec![chain(error)],
                ..BoundStatus::default()
            },
            (Ok(declared), Some(Err(error))) if !declared.0.list.is_empty() => BoundStatus {
                declarations: declared.0.clone(),
                images: images(declared, None),
                problems: vec![chain(error)],
            },
            (Ok(declared), stored) => {
                let stored = stored.as_ref().and_then(|stored| stored.as_ref().ok());
                BoundStatus {
                    declarations: declared.0.clone(),
                    images: images(declared, stored.map(Vec::as_slice)),
                    problems: Vec::new(),
                }
            }
        })
        .collect()
}

fn stored_in(root: &Dir, run: &Dir) -> Result<Vec<StoredImage>, Error> {
    match BoundStorage::open(root, run)? {
        Some(storage) => Ok(storage.images()?),
        None => Ok(Vec::new()),
    }
}

type Declared = (Declarations, LockRecord);

fn declared(storage: &Storage, root: &Dir, deployment: &Deployment) -> Result<Declared, Error> {
    let commit = &deployment.id.commit;
    let declarations = storage.bound_declarations(commit)?;
    Ok((declarations, LockRecord::read(root, &record_name(commit)?)?))
}

fn images((declarations, record): &Declared, stored: Option<&[StoredImage]>) -> Vec<BoundImage> {
    let is_known = stored.is_some();
    Plan::new(declarations, record, stored.unwrap_or_default())
        .images
        .into_iter()
        .map(|image| BoundImage {
            reference: image.reference,
            state: is_known.then_some(image.state),
        })
        .collect()
}
