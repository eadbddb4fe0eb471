//! Files that the repository's file system does not take.

use ostree_objects::RepoMode;

use crate::support::tar::Tar;
use crate::support::{Lab, chain};

/// Small files are written by a thread that comes after the one that reads the layer. Needs root, as a repository of mode
/// `bare` does.
#[test]
fn the_one_of_many_files_that_cannot_be_written_is_named() {
    let lab = Lab::with_mode(RepoMode::Bare);
    for refused in [0, 100, 299] {
        let tar = (0..300).fold(Tar::new(), |tar, number| {
            let tar = match number == refused {
                true => tar.xattr("nonsense.a", "1"),
                false => tar,
            };
            tar.file(&format!("usr/{number}"), number.to_string())
        });
        let error = lab.tar(&tar.end()).map(|layer| layer.listing());
        let error = chain(&error.unwrap_err());
        assert!(
            error.contains(&format!("\"usr/{refused}\""))
                && error.contains("cannot set the attributes"),
            "{error}"
        );
        assert_eq!(lab.objects(), [""; 0]);
    }
}
