//! One image, on every transport.

use std::path::Path;

use super::docker_daemon::DockerDaemon;
use super::images::{Image, simple};
use super::skopeo::{Bench, skopeo};
use test_images::registry::Registry;

/// The image under each transport's reference.
pub struct Everywhere {
    pub bench: Bench,
    pub image: Image,
    /// The transport's name, as policies have it, and the reference.
    pub references: Vec<(&'static str, String)>,
    _registry: Registry,
    _daemon: DockerDaemon,
}

pub fn everywhere(size: usize) -> Everywhere {
    let mut bench = Bench::new();
    let (layout, image) = simple(size);
    let at = |name: &str| bench.path(name).display().to_string();
    layout.write_dir(Path::new(&at("layout")));
    let oci = format!("oci:{}:v1", at("layout"));
    let archive = format!("oci-archive:{}:v1", at("oci.tar"));
    let docker = format!("docker-archive:{}", at("docker.tar"));
    let dir = format!("dir:{}", at("dir"));
    let stored = format!(
        "containers-storage:[vfs@{}+{}]localhost/app:v1",
        at("storage"),
        at("storage-run")
    );
    skopeo(["copy", "-q", &oci, &archive]);
    skopeo(["copy", "-q", &oci, &format!("{docker}:app:v1")]);
    skopeo(["copy", "-q", &oci, &dir]);
    skopeo(["copy", "-q", &oci, &stored]);
    let registry = Registry::start();
    registry.push(&oci, "app:v1", None);
    let daemon = DockerDaemon::start(&bench.path("docker.sock"), &bench.path("docker.tar"));
    bench.config.skopeo = bench.script("skopeo-with-daemon", &daemon.skopeo_script());
    let references = vec![
        ("oci", oci),
        ("oci-archive", archive),
        ("docker", format!("docker://{}/app:v1", registry.address())),
        ("docker-archive", docker),
        ("dir", dir),
        ("containers-storage", stored),
        ("docker-daemon", "docker-daemon:app:v1".to_owned()),
    ];
    Everywhere {
        bench,
        image,
        references,
        _registry: registry,
        _daemon: daemon,
    }
}
