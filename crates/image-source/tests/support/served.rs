//! A registry with an image in it, and a proxy in front that breaks what it is told to.

use super::images::{Image, simple};
use super::skopeo::Bench;
use test_images::fault_proxy::FaultProxy;
use test_images::registry::Registry;

/// A registry with the image `app:v1`, a fault proxy in front of it, and a configuration.
pub struct Served {
    pub bench: Bench,
    pub image: Image,
    pub registry: Registry,
    pub proxy: FaultProxy,
}

pub fn serve(size: usize) -> Served {
    let bench = Bench::new();
    let (layout, image) = simple(size);
    layout.write_dir(&bench.path("layout"));
    let registry = Registry::start();
    registry.push(
        &format!("oci:{}:v1", bench.path("layout").display()),
        "app:v1",
        None,
    );
    let proxy = FaultProxy::start(&registry.address());
    Served {
        bench,
        image,
        registry,
        proxy,
    }
}

impl Served {
    pub fn reference(&self) -> String {
        format!("docker://{}/app:v1", self.proxy.address())
    }
}
