//! The repository lock, held by somebody else: a second open file description, as another program's is.

use std::fs::{File, OpenOptions};
use std::os::fd::AsFd as _;

use bootc_storage::pull::default_jobs;
use bootc_storage::{Error, Kind};
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use test_images::Image;

use crate::host::{Host, Place, layer, name};

fn hold(host: &Host, kind: i32) -> File {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(host.repo().join(".lock"))
        .unwrap();
    let lock = libc::flock {
        l_type: kind.try_into().unwrap(),
        l_whence: libc::SEEK_SET.try_into().unwrap(),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(file.as_fd(), FcntlArg::F_OFD_SETLK(&lock)).unwrap();
    file
}

fn is_busy<T>(result: Result<T, Error>) -> bool {
    match result {
        Ok(_) => false,
        Err(error) => matches!(error, Error::Busy { .. }) && error.kind() == Kind::Busy,
    }
}

#[test]
fn who_removes_keeps_everybody_out() {
    let host = Host::new();
    let place = Place::image(&Image::of([layer("file usr/a")]));
    let plan = host.plan(&place.latest()).unwrap();
    let held = hold(&host, libc::F_WRLCK);
    assert!(is_busy(host.apply(&plan)));
    assert!(host.events().contains(&"WaitingForLock".to_owned()));
    assert!(is_busy(host.storage.check(
        &[],
        default_jobs(),
        &host.observer()
    )));
    assert!(is_busy(host.storage.apply_prune(&host.observer())));
    // Looking needs no lock.
    assert!(host.storage.list().unwrap().images.is_empty());
    drop(held);
    host.apply(&plan).unwrap();
}

#[test]
fn who_adds_keeps_those_out_who_remove() {
    let host = Host::new();
    let place = Place::image(&Image::of([layer("file usr/a")]));
    let held = hold(&host, libc::F_RDLCK);
    host.pull(&place.latest()).unwrap();
    assert!(is_busy(host.storage.apply_prune(&host.observer())));
    let names = [name(&place.latest())];
    assert!(is_busy(host.storage.remove(&names, &host.observer())));
    assert_eq!(host.storage.list().unwrap().images.len(), 1);
    drop(held);
    host.storage.remove(&names, &host.observer()).unwrap();
    assert!(host.refs().is_empty());
}
