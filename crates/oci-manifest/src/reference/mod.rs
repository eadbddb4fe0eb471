//! References to images, in each spelling that is on a host's disk or comes from a user.

mod image;
mod lenient;
mod ostree;
mod registry;
mod spec;
mod transport;

pub use image::ImageReference;
pub use ostree::{OstreeImageReference, SignatureSource};
pub use spec::{BootcImageReference, BootcSignature};
pub use transport::Transport;
