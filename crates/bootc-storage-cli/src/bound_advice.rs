//! After an error with bound images: what to do about it, in a line.

use bound_images::{Error, PullFailure};

/// As [`advice`](crate::advice::advice).
pub(crate) fn of(error: &Error) -> Option<&'static str> {
    match error {
        Error::ProgramMissing { program, .. } => Some(match *program {
            "skopeo" => "install the package skopeo",
            _ => "install the package podman",
        }),
        Error::Pull { kind, .. } => of_pull(*kind),
        Error::Declaration { .. } => Some("the image itself has to be changed"),
        Error::Record { .. } => Some(
            "without that file, what is there counts: remove it, then `bound pull` writes it anew",
        ),
        _ => None,
    }
}

fn of_pull(kind: PullFailure) -> Option<&'static str> {
    match kind {
        PullFailure::NotFound => Some("are the image's name and tag right?"),
        PullFailure::Denied => Some(
            "name credentials with --authfile; root's are read from /etc/ostree/auth.json, not from a login",
        ),
        PullFailure::Transient => {
            Some("images that were finished are kept; run the same command again")
        }
        PullFailure::NoSpace => Some("`bootc-storage bound prune --dry-run` shows what can go"),
        _ => None,
    }
}
