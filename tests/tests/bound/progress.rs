//! What is told of a pull that takes its time, or comes to nothing.

use std::time::Duration;

use test_images::fault_proxy::{Fault, FaultProxy};
use test_images::registry::Registry;
use test_images::{Image, Layer, Layout};
use whole_program_tests::run;

use crate::harness::{Machine, push_layout};

const BYTES: usize = 24_000_000;

/// A machine bound to one image, which comes through a proxy; the image's name.
fn machine_behind(registry: &Registry, proxy: &FaultProxy) -> (Machine, String) {
    let machine = Machine::with_insecure(&[proxy.address()]);
    let layer = Layer::listing(&format!("file large size={BYTES} seed=1")).unwrap();
    let layout = Layout::new().image("x", &Image::of([layer]).build());
    push_layout(registry, "app:v1", &layout, None);
    let name = format!("{}/app:v1", proxy.address());
    machine.put_os("1", &[&name]);
    (machine, name)
}

#[test]
fn the_bytes_that_came_are_told_now_and_then() {
    let registry = Registry::start();
    let proxy = FaultProxy::start(&registry.address());
    let (machine, name) = machine_behind(&registry, &proxy);
    // The layer: the config is one piece. A line comes every ten seconds.
    let slowly = Fault::Trickle {
        piece: BYTES / 12,
        pause: Duration::from_secs(1),
    };
    proxy.fail("app/blobs", slowly, 2);
    let done = machine.deploy("1").ok();
    let told = done.stderr.lines().find_map(|line| {
        let rest = line.split_once("fetched ")?.1;
        let (bytes, rest) = rest.split_once(" MB of 24.0 MB of ")?;
        (rest == name).then(|| bytes.parse::<f64>().unwrap())
    });
    let told = told.unwrap_or_else(|| panic!("{done}"));
    assert!((2.0..24.0).contains(&told), "{told}: {done}");
    assert!(!machine.root().join("ostree/bootc/bound.tmp").exists());
}

#[test]
fn a_registry_that_falls_silent_is_given_up_after_the_time_that_was_asked_for() {
    let registry = Registry::start();
    let proxy = FaultProxy::start(&registry.address());
    let (machine, _) = machine_behind(&registry, &proxy);
    proxy.fail("app/blobs", Fault::StallAfter(5_000_000), 2);
    let done = machine
        .host(["deploy", "--stall-timeout", "2", &machine.os("1")])
        .ok();
    assert!(done.stderr.contains("it did nothing for 2 s"), "{done}");
    assert!(done.stderr.contains("trying again"), "{done}");
    machine.bound(["verify"]).ok();
}

/// podman, but that a pull waits for a frozen file system first.
const FROZEN: &str = r#"#!/bin/sh
PATH=${PATH#*:}
case "$*" in
*"image pull"*)
    fsfreeze --freeze "$FREEZE"
    { sleep 6; fsfreeze --unfreeze "$FREEZE"; } &
    : > "$FREEZE/waited"
    ;;
esac
exec podman "$@"
"#;

#[test]
fn who_waits_for_the_disk_has_not_fallen_silent() {
    let registry = Registry::start();
    let proxy = FaultProxy::start(&registry.address());
    let (machine, _) = machine_behind(&registry, &proxy);
    let os = machine.os("1");
    let deploy = machine.ours(["host", "deploy", "--stall-timeout", "2", &os]);
    let mut deploy = machine.with_podman(FROZEN, deploy);
    let done = run(deploy.env("FREEZE", machine.root())).ok();
    assert!(machine.root().join("waited").exists());
    assert!(!done.stderr.contains("it did nothing"), "{done}");
}
