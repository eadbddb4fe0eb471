//! Where bound images are taken from, and in which order.

use test_images::registry::Registry;
use test_images::{Image, Layer, Layout};
use whole_program_tests::run;

use crate::harness::{Machine, app, push, push_layout, write_layout};

/// What the storage of bound images has as `/version` of an image of one layer, whatever podman's own storage has under
/// that name.
fn version(machine: &Machine, name: &str) -> String {
    let format = "{{.GraphDriver.Data.UpperDir}}";
    let upper = machine
        .as_bootc(&["inspect", "--format", format, name])
        .ok();
    let below = upper.stdout.trim().strip_prefix("/run/bootc/storage/");
    let layer = machine.store().join(below.unwrap());
    std::fs::read_to_string(layer.join("version")).unwrap()
}

#[test]
fn the_first_source_that_is_named_and_has_an_image_gives_it() {
    let registry = Registry::start();
    let machine = Machine::new(&[&registry]);
    let at = registry.address();
    let names = ["one", "two", "three", "four"].map(|app| format!("{at}/{app}:v1"));
    let [one, two, three, four] = names.each_ref().map(String::as_str);
    // One image is everywhere, each of the others in one place.
    push(&registry, "one:v1", "registry", None);
    push(&registry, "four:v1", "registry", None);
    let beside = |name, version| {
        let layout = Layout::new().image("x", &app(version));
        write_layout(&machine.path("oci").join("1"), name, &layout);
    };
    machine.put_os("1", &[one, two, three, four]);
    beside(one, "beside");
    beside(two, "beside");
    machine.load(one, &app("machine"));
    machine.load(three, &app("machine"));

    let os = machine.os("1");
    let deploy = |order: &str| machine.host(["deploy", "--bound-from", order, &os]);
    let done = deploy("containers-storage,beside,registry").ok();
    let versions = names.each_ref().map(|name| version(&machine, name));
    assert_eq!(versions, ["machine", "beside", "machine", "registry"]);
    let said = format!("{two} is not in containers-storage");
    assert!(done.stderr.contains(&said), "{done}");

    // Another order, another image.
    machine.as_bootc(&["rm", one, two]).ok();
    std::fs::remove_dir_all(machine.root().join("ostree/bootc/bound")).unwrap();
    deploy("beside,registry").ok();
    assert_eq!(version(&machine, one), "beside");

    // What is in none of them is missing, though another source has it.
    machine.as_bootc(&["rm", one, four]).ok();
    std::fs::remove_dir_all(machine.root().join("ostree/bootc/bound")).unwrap();
    let failed = deploy("beside");
    assert_eq!(failed.code, Some(3), "{failed}");
    assert!(failed.stderr.contains(four), "{failed}");
    assert!(!failed.stderr.contains("from registry"), "{failed}");
}

#[test]
fn with_a_host_image_of_podmans_its_storage_comes_first() {
    let machine = Machine::new(&[]);
    let name = "quay.io/exampleos/app:v1";
    machine.put_os("1", &[name]);
    machine.load(name, &app("machine"));
    let mut copy = machine.command("skopeo");
    copy.args([
        "copy",
        "--quiet",
        &machine.os("1"),
        "containers-storage:localhost/os:1",
    ]);
    run(&mut copy).ok();
    let done = machine
        .host(["deploy", "containers-storage:localhost/os:1"])
        .ok();
    let said = format!("pulling {name} from containers-storage");
    assert!(done.stderr.contains(&said), "{done}");
    assert_eq!(version(&machine, name), "machine");
    machine.bound(["verify"]).ok();
}

#[test]
fn a_source_that_is_none_is_refused() {
    let machine = Machine::new(&[]);
    machine.put_os("1", &["quay.io/exampleos/app:v1"]);
    let failed = machine.host(["deploy", "--bound-from", "dir:/srv", &machine.os("1")]);
    assert_eq!(failed.code, Some(2), "{failed}");
    assert!(
        failed
            .stderr
            .contains("\"dir:/srv\" is no source: beside, registry"),
        "{failed}"
    );
    // A directory has no host image with something beside it.
    let root = machine.directory("system", &["quay.io/exampleos/app:v1"]);
    let failed = machine.bound(["pull", "--bound-from", "beside", "--root", &root]);
    assert_eq!(failed.code, Some(1), "{failed}");
    assert!(
        failed.stderr.contains("beside the host's image"),
        "{failed}"
    );
}

/// The size of the image for this machine, in an OCI directory as in an archive.
#[test]
fn an_image_for_several_platforms_has_a_size_wherever_it_is() {
    let machine = Machine::new(&[]);
    let name = "quay.io/exampleos/app:v1";
    let layer = |bytes: usize| Layer::listing(&format!("file x size={bytes} seed=1")).unwrap();
    let other = Image::of([layer(3_000_000)])
        .platform("linux/s390x")
        .build();
    let own = Image::of([layer(2_000_000)]).build();
    let layout = Layout::new().multi_arch(name, &[&other, &own]);
    let (folder, archive) = (machine.path("apps"), machine.path("apps.tar"));
    std::fs::create_dir(&folder).unwrap();
    layout.write_dir(&folder).unwrap();
    layout
        .write_archive(std::fs::File::create(&archive).unwrap())
        .unwrap();
    let root = machine.directory("system", &[name]);
    let sources = [
        format!("oci:{}", folder.display()),
        format!("oci-archive:{}", archive.display()),
    ];
    for source in &sources {
        let arguments = ["plan", "--bound-from", source, "--root", &root];
        let plan = machine.bound(arguments).ok().json();
        let image = &plan["images"][0];
        assert_eq!(image["source"], source.as_str(), "{plan}");
        assert_eq!(
            image["registryDigest"],
            layout.digest(name).unwrap().to_string()
        );
        let bytes = image["bytesToFetch"].as_u64().unwrap();
        assert!((2_000_000..2_100_000).contains(&bytes), "{plan}");
    }
    machine
        .bound(["pull", "--bound-from", &sources[1], "--root", &root])
        .ok();
    machine.as_bootc(&["exists", name]).ok();
}

/// For bound images alone, options about a registry are about theirs.
#[test]
fn a_registry_without_tls_is_asked_where_that_is_allowed() {
    let registry = Registry::start();
    let machine = Machine::new(&[]);
    let name = format!("{}/app:v1", registry.address());
    push(&registry, "app:v1", "app", None);
    let root = machine.directory("system", &[&name]);
    let pull = ["pull", "--retries", "0", "--root", &root];
    let failed = machine.bound(pull).failed();
    assert!(failed.stderr.contains("HTTPS"), "{failed}");
    let allowed = "--insecure-skip-tls-verification";
    let plan = machine
        .bound(["plan", allowed, "--root", &root])
        .ok()
        .json();
    assert!(plan["bytesToFetch"].as_u64().unwrap() > 0, "{plan}");
    machine.bound(pull.into_iter().chain([allowed])).ok();
    machine.as_bootc(&["exists", &name]).ok();
}

/// The image is for the platform that the host's is for.
#[test]
fn for_a_host_of_another_platform_its_images_are_pulled() {
    let registry = Registry::start();
    let machine = Machine::new(&[&registry]);
    let of = |version: &str, platform: &str| {
        let layer = Layer::listing(&format!("file version {version:?}")).unwrap();
        Image::of([layer]).platform(platform).build()
    };
    let (own, other) = (of("own", "linux/amd64"), of("other", "linux/s390x"));
    let layout = Layout::new().multi_arch("x", &[&own, &other]);
    push_layout(&registry, "app:v1", &layout, None);
    let name = format!("{}/app:v1", registry.address());
    let root = machine.directory("system", &[&name]);
    machine
        .bound(["pull", "--platform", "linux/s390x", "--root", &root])
        .ok();
    assert_eq!(version(&machine, &name), "other");
}
