//! Images of deployments, and what asks for them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bootc_storage::composefs::{ComposefsWish, DEPLOYED_IMAGE, DeployedVerity, ImageForm};
use bootc_storage::{Error, Kind};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use ostree_objects::Checksum;
use test_images::Image;

use crate::host::{Host, Place, layer};

const TREE: &str = "file usr/a \"a\"\nfile usr/big size=200000 seed=1\nfile usr/empty";

fn pulled(host: &Host, listing: &str) -> Checksum {
    let image = Image::of([layer(listing)]);
    host.pull(&Place::image(&image).latest())
        .unwrap()
        .merge_commit
}

/// An empty directory with a deployment's name.
fn deployment(host: &Host, commit: &Checksum) -> (PathBuf, Dir) {
    let path = host.repo().with_file_name(format!("{commit}.0"));
    fs::create_dir(&path).unwrap();
    let dir = Dir::open_ambient_dir(&path, ambient_authority()).unwrap();
    (path, dir)
}

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_deployment_gets_the_image_of_its_commit() {
    let host = Host::new();
    let commit = pulled(&host, TREE);
    let (path, dir) = deployment(&host, &commit);
    // What was there before, and what somebody who was killed left.
    fs::write(path.join(DEPLOYED_IMAGE), "an old one").unwrap();
    fs::write(
        path.join(".ostree.cfs.bootc-storage-partial"),
        "half of one",
    )
    .unwrap();
    let verity = DeployedVerity::AsObjects;
    let digest = host.storage.write_into_deployment(&commit, &dir, verity);
    let digest = digest.unwrap();
    assert_eq!(names(&path), [DEPLOYED_IMAGE]);
    let mode = fs::metadata(path.join(DEPLOYED_IMAGE)).unwrap();
    assert_eq!(mode.permissions().mode() & 0o7777, 0o644);
    // No object has fs-verity, since the repository does not ask for it.
    let name = path.file_name().unwrap().to_str().unwrap();
    let check = host.storage.check_deployment(name, &dir).unwrap();
    assert_eq!(check.found, Some(digest));
    assert_eq!(check.digests(), Some(ImageForm::WithoutDigests));
    assert!(check.is_right());
}

#[test]
fn with_fs_verity_required_it_is_the_image_that_the_commit_names_or_none() {
    let host = Host::new();
    let commit = pulled(&host, TREE);
    let (path, dir) = deployment(&host, &commit);
    let verity = DeployedVerity::Required;
    match host.storage.write_into_deployment(&commit, &dir, verity) {
        Ok(digest) => {
            let tree = host.storage.composefs_tree(&commit, ImageForm::WithDigests);
            assert_eq!(tree.unwrap().expected, Some(digest));
            assert_eq!(names(&path), [DEPLOYED_IMAGE]);
        }
        // The kernel or the file system of these tests has none.
        Err(error) => {
            assert_eq!(error.kind(), Kind::Invalid);
            let text = std::iter::successors(Some(&error as &dyn std::error::Error), |error| {
                error.source()
            });
            let text: Vec<_> = text.map(ToString::to_string).collect();
            assert!(
                text.join(": ").contains("fs-verity is required"),
                "{text:?}"
            );
            assert!(names(&path).is_empty());
        }
    }
}

#[test]
fn a_commit_that_is_not_there_leaves_the_deployment_as_it_was() {
    let host = Host::new();
    let commit = Checksum::of(b"none");
    let (path, dir) = deployment(&host, &commit);
    fs::write(path.join(DEPLOYED_IMAGE), "an old one").unwrap();
    let verity = DeployedVerity::AsObjects;
    let error = host.storage.write_into_deployment(&commit, &dir, verity);
    assert!(matches!(error, Err(Error::NoCommit { .. })));
    assert_eq!(names(&path), [DEPLOYED_IMAGE]);
    let kept = fs::read(path.join(DEPLOYED_IMAGE)).unwrap();
    assert_eq!(kept, b"an old one");
}

#[test]
fn an_image_says_whether_it_wants_composefs() {
    let config = |place: &str, value: &str| {
        format!("file {place}/ostree/prepare-root.conf \"[composefs]\\nenabled={value}\\n\"\n")
    };
    for (listing, wish) in [
        (TREE.to_owned(), Ok(ComposefsWish::No)),
        (config("usr/lib", "yes"), Ok(ComposefsWish::Yes)),
        (config("usr/lib", "signed"), Ok(ComposefsWish::Signed)),
        // The image's own /etc is of more weight.
        (
            config("usr/lib", "yes") + &config("etc", "verity"),
            Ok(ComposefsWish::Verity),
        ),
        (
            config("usr/lib", "verity") + &config("etc", "no"),
            Ok(ComposefsWish::No),
        ),
        (config("usr/lib", "perhaps"), Err(())),
    ] {
        let host = Host::new();
        let commit = pulled(&host, &listing);
        let found = host.storage.composefs_wish(&commit).map_err(|error| {
            assert!(matches!(error, Error::PrepareRoot { .. }), "{error:?}");
            assert_eq!(error.kind(), Kind::Invalid);
        });
        assert_eq!(found, wish, "{listing}");
    }
}
