//! Which extended attributes of an entry are kept, and the label that is added.

use ostree_objects::Xattrs;

use crate::show::show;
use crate::{Dropped, Error, Labels, Report};

/// The attribute that holds a label.
pub(super) const SELINUX: &[u8] = b"security.selinux";
/// What overlayfs takes for its own, the second where it is mounted with `userxattr`.
const OVERLAY: [&[u8]; 2] = [b"trusted.overlay.", b"user.overlay."];

/// Those of `xattrs` that go into an object; the others are counted.
pub(super) fn kept(
    mut xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    report: &mut Report,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    xattrs.retain(|(name, _)| {
        let why = if name == SELINUX {
            Dropped::SelinuxLabel
        } else if OVERLAY.iter().any(|prefix| name.starts_with(prefix)) {
            Dropped::OverlayXattr
        } else {
            return true;
        };
        report.drop(why);
        false
    });
    xattrs
}

/// `xattrs` in their canonical form, with the label of `path`.
pub(super) fn labelled(
    mut xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    labels: &dyn Labels,
    path: &str,
    mode: u32,
) -> Result<Xattrs, Error> {
    if let Some(label) = label(labels, path, mode)? {
        xattrs.push((SELINUX.to_vec(), label));
    }
    Xattrs::from_pairs(xattrs).map_err(super::object)
}

/// The label of `path`.
pub(super) fn label(labels: &dyn Labels, path: &str, mode: u32) -> Result<Option<Vec<u8>>, Error> {
    labels.label(path, mode).map_err(|source| Error::Label {
        path: show(path.as_bytes()),
        source,
    })
}
