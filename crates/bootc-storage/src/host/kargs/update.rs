//! What an update of the image does to the arguments of a host.

use super::{Argument, KernelArguments};

/// The arguments for the new deployment, and how they came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// All of them.
    pub arguments: KernelArguments,
    /// What the old image had brought and the new one does not, as far as it was still there.
    pub removed: Vec<Argument>,
    /// What the new image brings and the old one did not, as far as it was not added by hand before; at the end.
    pub added: Vec<Argument>,
}

/// Applies the difference between the arguments of the old and the new image to the `current` ones, those of the boot
/// entry. All else is the administrator's, and stays in its order: what was added by hand, and that something of the
/// image's was deleted.
///
/// An image that brings no arguments is one like any other: what the old image had brought goes. (bootc keeps it if
/// the new image has no directory for arguments at all.)
///
/// An argument that an image has twice counts twice. One that the administrator has added too cannot be told from the
/// image's; it is not added again, and goes with it.
#[must_use]
pub fn update(current: &KernelArguments, old: &KernelArguments, new: &KernelArguments) -> Update {
    let mut list: Vec<_> = current.iter().cloned().collect();
    let mut removed = Vec::new();
    for argument in without(old, new) {
        if let Some(place) = list.iter().position(|other| *other == argument) {
            removed.push(list.remove(place));
        }
    }
    let mut added = without(new, old);
    let mut own = without(current, old);
    added.retain(|argument| !take(&mut own, argument));
    list.extend(added.iter().cloned());
    Update {
        arguments: list.into(),
        removed,
        added,
    }
}

/// Those of one list that the other has not, or has less often.
fn without(these: &KernelArguments, those: &KernelArguments) -> Vec<Argument> {
    let mut those: Vec<_> = those.iter().cloned().collect();
    let mut rest: Vec<_> = these.iter().cloned().collect();
    rest.retain(|argument| !take(&mut those, argument));
    rest
}

fn take(list: &mut Vec<Argument>, argument: &Argument) -> bool {
    let place = list.iter().position(|other| other == argument);
    place.map(|place| list.remove(place)).is_some()
}
