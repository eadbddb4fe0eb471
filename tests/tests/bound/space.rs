//! Whether all of it fits is asked once, before anything is fetched: together where one file system holds it.

use std::fs;
use std::path::Path;
use std::process::Command;

use test_images::registry::Registry;
use test_images::{Image, Layer, Layout};
use whole_program_tests::{Run, run, tool};

use crate::harness::{Machine, push, push_layout};

/// A layer that no packing makes smaller.
fn large(bytes: u64, seed: u32) -> Layer {
    Layer::listing(&format!("file usr/large size={bytes} seed={seed}")).unwrap()
}

fn push_large(registry: &Registry, name: &str, bytes: u64) -> String {
    let layout = Layout::new().image("x", &Image::of([large(bytes, 1)]).build());
    push_layout(registry, &format!("{name}:v1"), &layout, None);
    format!("{}/{name}:v1", registry.address())
}

/// Leaves so many bytes on the disk beside what the repository keeps in reserve.
fn leave_free(machine: &Machine, bytes: u64) -> fs::File {
    let disk = rustix::fs::statvfs(machine.root()).unwrap();
    let reserve = disk.f_blocks * disk.f_frsize * 3 / 100;
    let filling = disk.f_bavail * disk.f_frsize - reserve - bytes;
    let file = fs::File::create(machine.root().join("filling")).unwrap();
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, filling).unwrap();
    file
}

/// A machine with so much room, and what came of a deployment of an image with a large layer or none, bound to an image or
/// none.
fn deploy(registry: &Registry, os_bytes: Option<u64>, images: &[&str]) -> (Machine, Run) {
    let machine = Machine::new(&[registry]);
    machine.put_os_over("1", os_bytes.map(|bytes| large(bytes, 2)), images, "");
    leave_free(&machine, 42_000_000);
    let run = machine.deploy("1");
    (machine, run)
}

fn layer_refs(machine: &Machine) -> usize {
    let refs = machine
        .root()
        .join("ostree/repo/refs/heads/ostree/container/blob");
    fs::read_dir(refs).map_or(0, Iterator::count)
}

/// A file system of its own for the storage.
fn mount_storage(machine: &Machine, bytes: u64) {
    let image = machine.path("storage-disk");
    fs::File::create(&image).unwrap().set_len(bytes).unwrap();
    tool("mkfs.ext4", ["-q", "-m", "0", image.to_str().unwrap()]);
    let place = machine.root().join("ostree/bootc");
    fs::create_dir_all(&place).unwrap();
    run(Command::new("mount")
        .args(["-o", "loop"])
        .arg(&image)
        .arg(&place))
    .ok();
}

#[test]
fn what_fits_alone_and_not_together_is_refused_before_anything_is_fetched() {
    let registry = Registry::start();
    let app = push_large(&registry, "app", 16_000_000);
    let (_, alone) = deploy(&registry, Some(20_000_000), &[]);
    alone.ok();
    let (_, alone) = deploy(&registry, None, &[&app]);
    alone.ok();

    let (machine, refused) = deploy(&registry, Some(20_000_000), &[&app]);
    assert_eq!(refused.code, Some(6), "{refused}");
    for said in [
        "and the bound images of it: at least 52.0 MB are needed",
        "20.0 MB for the image's missing layers",
        "16.0 MB for the bound images that are missing",
        "16.0 MB to hold layers until they are unpacked",
        "are free on the file system that holds them",
        "that the repository keeps in reserve",
    ] {
        assert!(refused.stderr.contains(said), "{said}: {refused}");
    }
    // There is nothing to prune.
    assert!(!refused.stderr.contains("hint:"), "{refused}");
    assert_eq!(layer_refs(&machine), 0);
    let left: Vec<String> = fs::read_dir(machine.root().join("ostree/repo/tmp"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "cache" && !name.ends_with(".lock"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!machine.root().join("ostree/bootc").exists());
    assert_eq!(machine.boot_entries(), "");
    fs::remove_file(machine.root().join("filling")).unwrap();
    machine.deploy("1").ok();
    machine.bound(["verify"]).ok();
}

#[test]
fn on_file_systems_of_their_own_each_is_counted_apart() {
    let registry = Registry::start();
    let app = push_large(&registry, "app", 16_000_000);
    let machine = Machine::new(&[&registry]);
    machine.put_os_over("1", [large(20_000_000, 2)], &[&app], "");
    leave_free(&machine, 42_000_000);
    mount_storage(&machine, 24_000_000);
    let refused = machine.deploy("1");
    assert_eq!(refused.code, Some(6), "{refused}");
    let said = "at least 32.0 MB are needed (16.0 MB for the bound images that are missing, 16.0 MB to hold";
    assert!(refused.stderr.contains(said), "{refused}");
    assert!(!refused.stderr.contains("reserve"), "{refused}");
    assert_eq!(layer_refs(&machine), 0);
    unmount(&machine.root().join("ostree/bootc"));
    mount_storage(&machine, 64_000_000);
    machine.deploy("1").ok();
    machine.bound(["verify"]).ok();
    unmount(&machine.root().join("ostree/bootc"));
}

fn unmount(place: &Path) {
    run(Command::new("umount").arg(place)).ok();
}

#[test]
fn images_that_do_not_fit_are_refused_before_any_is_pulled() {
    let registry = Registry::start();
    let machine = Machine::new(&[&registry]);
    let large = push_large(&registry, "large", 24_000_000);
    push(&registry, "small:v1", "small", None);
    let small = format!("{}/small:v1", registry.address());
    machine.put_os("1", &[&small, &large]);
    leave_free(&machine, 16_000_000);
    let failed = machine.deploy("1");
    assert_eq!(failed.code, Some(6), "{failed}");
    assert!(failed.stderr.contains("the bound images of"), "{failed}");
    assert!(!failed.stderr.contains("pulling"), "{failed}");
    assert_eq!(machine.boot_entries(), "");
    fs::remove_file(machine.root().join("filling")).unwrap();
    machine.deploy("1").ok();
    assert_eq!(machine.states()[0].len(), 2);
}

/// Where a large layer has the declarations, the question comes when that is here, and before anything is pulled.
#[test]
fn what_only_the_image_itself_tells_is_asked_before_the_first_pull() {
    let registry = Registry::start();
    let app = push_large(&registry, "app", 16_000_000);
    let machine = Machine::new(&[&registry]);
    machine.put_os_and("1", &[&app], "file usr/large size=20000000 seed=2");
    leave_free(&machine, 42_000_000);
    let refused = machine.deploy("1");
    assert_eq!(refused.code, Some(6), "{refused}");
    let said = "at least 32.0 MB are needed (16.0 MB for the bound images that are missing";
    assert!(refused.stderr.contains(said), "{refused}");
    assert!(!refused.stderr.contains("pulling"), "{refused}");
    assert_eq!(layer_refs(&machine), 1);
    assert_eq!(machine.boot_entries(), "");
    fs::remove_file(machine.root().join("filling")).unwrap();
    machine.deploy("1").ok();
}

/// A new version of an application shares most of its layers with the old one: those are there.
#[test]
fn layers_that_are_there_or_that_images_share_count_once() {
    let registry = Registry::start();
    let machine = Machine::new(&[&registry]);
    let versions = ["v1", "v2"].map(|version| {
        let own = Layer::listing(&format!("file version {version:?}")).unwrap();
        let layout = Layout::new().image("x", &Image::of([large(5_000_000, 3), own]).build());
        push_layout(&registry, &format!("app:{version}"), &layout, None);
        format!("{}/app:{version}", registry.address())
    });
    let [v1, v2] = versions.each_ref().map(String::as_str);
    let bytes = |root: &str| {
        let plan = machine.bound(["plan", "--root", root]).ok().json();
        plan["bytesToFetch"].as_u64().unwrap()
    };
    let both = machine.directory("both", &[v1, v2]);
    assert!(
        (5_000_000..6_000_000).contains(&bytes(&both)),
        "{}",
        bytes(&both)
    );
    let one = machine.directory("one", &[v1]);
    machine.bound(["pull", "--root", &one]).ok();
    assert_eq!(bytes(&one), 0);
    assert!((1..10_000).contains(&bytes(&both)), "{}", bytes(&both));
    // Nor does a prune free what another image has too.
    machine.bound(["pull", "--root", &both]).ok();
    machine.put_os("1", &[v2]);
    machine.deploy("1").ok();
    machine.bound(["pull", "--root", &one]).ok();
    let pruned = machine.bound(["prune"]).ok().json();
    assert_eq!(pruned["removed"][0]["names"][0], v1, "{pruned}");
    let freed = pruned["freedBytes"].as_u64().unwrap();
    assert!((1..1_000_000).contains(&freed), "{pruned}");
    let left = machine.bound(["prune", "--dry-run"]).ok().json();
    assert_eq!(left["freedBytes"], 0, "{left}");
}
