//! What keeps what, and what holds a prune back.

use std::fs;
use std::os::unix::fs::symlink;

use bootc_storage::{RootKind, Storage};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use test_images::{Image, Layout};

use crate::host::{Host, Place, layer, name};

const KEPT_BY_OTHERS: [(&str, RootKind); 5] = [
    ("ostree/0/1/0", RootKind::Deployment),
    ("ostree/1/0/1", RootKind::Deployment),
    ("rpmostree/base/0", RootKind::RpmOstreeBase),
    ("ostree/container/baseimage/project/0", RootKind::BaseImage),
    ("my/branch", RootKind::Other),
];

fn write_ref(host: &Host, name: &str, content: &str) {
    let path = host.ref_path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn image_ref(reference: &str) -> String {
    ostree_refs::image_ref(&name(reference))
        .unwrap()
        .to_string()
}

/// Two images that share a layer; the second one's ref is gone.
fn half(host: &Host) -> (Place, String) {
    let shared = layer("file usr/a \"a\"");
    let layout = Layout::new()
        .image(
            "1",
            &Image::of([shared.clone(), layer("file usr/b \"1\"")]).build(),
        )
        .image("2", &Image::of([shared, layer("file usr/c \"2\"")]).build());
    let place = Place::of(&layout);
    host.pull(&place.tag("1")).unwrap();
    let second = host.pull(&place.tag("2")).unwrap();
    fs::remove_file(host.ref_path(&image_ref(&place.tag("2")))).unwrap();
    (place, second.merge_commit.to_string())
}

#[test]
fn the_plan_says_what_goes_and_applying_it_does_that() {
    let host = Host::new();
    let (place, _) = half(&host);
    let plan = host.storage.plan_prune(&host.observer()).unwrap();
    assert_eq!(plan.roots.len(), 1);
    assert_eq!(
        (plan.roots[0].kind, plan.roots[0].layers),
        (RootKind::Image, Some(2))
    );
    assert_eq!(plan.roots[0].name, image_ref(&place.tag("1")));
    assert_eq!(plan.layers.len(), 1);
    assert!(plan.objects > 0 && plan.bytes > 0);
    assert!(!plan.objects_held_back);
    let refs = host.refs();
    let pruned = host.storage.apply_prune(&host.observer()).unwrap();
    assert_eq!((pruned.layers, pruned.objects), (1, plan.objects));
    assert_eq!(host.refs().len(), refs.len() - 1);
    assert!(host.check().is_empty());
    let nothing = host.storage.apply_prune(&host.observer()).unwrap();
    assert_eq!((nothing.layers, nothing.objects), (0, 0));
}

#[test]
fn others_refs_keep_layers_and_objects_and_the_plan_says_why() {
    for (by, kind) in KEPT_BY_OTHERS {
        let host = Host::new();
        let (_place, merge) = half(&host);
        write_ref(&host, by, &merge);
        let plan = host.storage.plan_prune(&host.observer()).unwrap();
        let root = plan.roots.iter().find(|root| root.name == by).unwrap();
        assert_eq!((root.kind, root.layers), (kind, Some(2)));
        assert_eq!((plan.layers.len(), plan.objects), (0, 0));
        let pruned = host.storage.apply_prune(&host.observer()).unwrap();
        assert_eq!((pruned.layers, pruned.objects), (0, 0), "{by}");
        assert_eq!(host.cat(&merge, "usr/c").unwrap(), "2");
    }
}

#[test]
fn refs_of_remotes_keep_objects_in_the_plan_too() {
    let host = Host::new();
    let (_place, merge) = half(&host);
    let remote = host.repo().join("refs/remotes/origin");
    fs::create_dir_all(&remote).unwrap();
    fs::write(remote.join("branch"), merge).unwrap();
    let plan = host.storage.plan_prune(&host.observer()).unwrap();
    assert!(plan.roots.iter().any(|root| root.name == "origin:branch"));
    let pruned = host.storage.apply_prune(&host.observer()).unwrap();
    assert_eq!(pruned.objects, plan.objects);
}

/// Each may be an image whose layers or objects we cannot know.
#[test]
fn an_unreadable_ref_holds_back_and_stops_nothing_else() {
    let image = "ostree/container/image/docker_3A__2F__2F_h/x";
    for (by, content, objects_too) in [
        (image, "", true),
        (image, "nonsense", true),
        (image, &*"7".repeat(64), false),
        ("ostree/0/1/0", "", true),
        ("ostree/0/1/0", &*"7".repeat(64), false),
        ("my/branch", "nonsense", true),
    ] {
        let host = Host::new();
        let (place, merge) = half(&host);
        write_ref(&host, by, content);
        let plan = host.storage.plan_prune(&host.observer()).unwrap();
        assert!(plan.layers.is_empty(), "{by} {content:?}");
        assert_eq!(plan.unreadable[0].0, by);
        assert_eq!(plan.objects_held_back, objects_too, "{by} {content:?}");
        let refs = host.refs();
        host.events();
        let pruned = host.storage.apply_prune(&host.observer()).unwrap();
        assert_eq!((pruned.layers, pruned.objects), (0, plan.objects));
        assert_eq!(host.refs(), refs);
        let told = host
            .events()
            .into_iter()
            .any(|event| event.contains("Unreadable"));
        assert!(told);
        if objects_too {
            assert_eq!(host.cat(&merge, "usr/c").unwrap(), "2");
        }
        // The image itself can be removed all the same, and the broken one as well.
        let images = [name(&place.tag("1"))];
        let removed = host.storage.remove(&images, &host.observer()).unwrap();
        assert_eq!((removed.images.len(), removed.pruned.layers), (1, 0));
        if by == image {
            host.storage
                .remove(&[name("docker://h/x")], &host.observer())
                .unwrap();
            assert!(host.refs().is_empty());
        }
    }
}

#[test]
fn an_image_ref_to_a_commit_without_a_manifest_holds_layers_back() {
    let host = Host::new();
    let (_place, merge) = half(&host);
    let layer = host
        .refs()
        .into_iter()
        .find(|name| name.contains("/blob/"))
        .unwrap();
    let commit = fs::read_to_string(host.ref_path(&layer)).unwrap();
    write_ref(
        &host,
        "ostree/container/image/docker_3A__2F__2F_h/x",
        &commit,
    );
    let plan = host.storage.plan_prune(&host.observer()).unwrap();
    assert!(
        plan.layers.is_empty() && plan.unreadable.len() == 1,
        "{plan:?} {merge}"
    );
}

#[test]
fn removing_an_image_leaves_what_a_deployment_needs() {
    let host = Host::new();
    let place = Place::image(&Image::of([layer("file usr/a \"a\"")]));
    let merge = host.pull(&place.latest()).unwrap().merge_commit.to_string();
    write_ref(&host, "ostree/1/1/0", &merge);
    let removed = host
        .storage
        .remove(&[name(&place.latest())], &host.observer())
        .unwrap();
    assert_eq!((removed.pruned.layers, removed.pruned.objects), (0, 0));
    assert_eq!(host.cat(&merge, "usr/a").unwrap(), "a");
    // And pulled again it is put together from what is there.
    let again = host.pull(&place.latest()).unwrap();
    assert_eq!((again.reused, again.merge_commit.to_string()), (1, merge));
}

#[test]
fn a_deployment_without_a_ref_holds_a_prune_back() {
    let host = Host::new();
    let (_, commit) = half(&host);
    let root = tempfile::tempdir().unwrap();
    let at = |path: &str| root.path().join(path);
    for folder in ["ostree/boot.1/os/b", "boot/loader/entries"] {
        fs::create_dir_all(at(folder)).unwrap();
    }
    fs::create_dir_all(at(&format!("ostree/deploy/os/deploy/{commit}.0"))).unwrap();
    symlink(
        format!("../../../deploy/os/deploy/{commit}.0"),
        at("ostree/boot.1/os/b/0"),
    )
    .unwrap();
    fs::write(
        at("boot/loader/entries/ostree-1-os.conf"),
        "version 1\noptions ostree=/ostree/boot.1/os/b/0\n",
    )
    .unwrap();
    fs::rename(host.repo(), at("ostree/repo")).unwrap();
    let root = Dir::open_ambient_dir(root.path(), ambient_authority()).unwrap();
    let storage = Storage::open_sysroot(&root).unwrap();

    let plan = storage.plan_prune(&host.observer()).unwrap();
    assert!(plan.layers.is_empty() && plan.objects_held_back, "{plan:?}");
    let kept = plan
        .roots
        .iter()
        .find(|root| root.kind == RootKind::Deployment);
    assert_eq!(kept.unwrap().commit.to_string(), commit);
    let pruned = storage.apply_prune(&host.observer()).unwrap();
    assert_eq!((pruned.layers, pruned.objects), (0, 0));

    root.create_dir_all("ostree/repo/refs/heads/ostree/1/1")
        .unwrap();
    root.write("ostree/repo/refs/heads/ostree/1/1/0", format!("{commit}\n"))
        .unwrap();
    let plan = storage.plan_prune(&host.observer()).unwrap();
    assert!(!plan.objects_held_back, "a ref keeps it now: {plan:?}");
}

#[test]
fn the_plan_of_a_removal_is_what_removing_does() {
    for broken in [false, true] {
        let host = Host::new();
        let (place, _) = half(&host);
        host.pull(&place.tag("2")).unwrap();
        let names = [name(&place.tag("1")), name(&place.tag("1"))];
        if broken {
            // What it needed cannot be told, but it is nothing that stays.
            write_ref(&host, &image_ref(&place.tag("1")), "nonsense");
        }
        let refs = host.refs();
        let plan = host.storage.plan_remove(&names, &host.observer()).unwrap();
        assert_eq!(host.refs(), refs, "a plan changes nothing");
        assert_eq!(plan.images, [place.tag("1")]);
        assert_eq!(plan.prune.layers.len(), 1, "{plan:?}");
        assert_eq!(plan.prune.roots[0].name, image_ref(&place.tag("2")));
        let removed = host.storage.remove(&names, &host.observer()).unwrap();
        assert_eq!(removed.images, plan.images);
        assert_eq!(removed.pruned.layers, plan.prune.layers.len() as u64);
        assert_eq!(removed.pruned.objects, plan.prune.objects);
    }
    let host = Host::new();
    let none = [name("docker://h/none:1")];
    let error = host.storage.plan_remove(&none, &host.observer());
    assert_eq!(error.unwrap_err().kind(), bootc_storage::Kind::NotFound);
}

#[test]
fn the_plan_says_how_much_each_root_keeps_and_what_it_keeps_alone() {
    let host = Host::new();
    let shared = layer("file usr/shared size=300000 seed=9");
    let image = |name: &str| {
        Image::of([
            shared.clone(),
            layer(&format!("file usr/{name} size=100000 seed={}", name.len())),
        ])
    };
    let layout = Layout::new()
        .image("1", &image("one").build())
        .image("2", &image("other").build());
    let place = Place::of(&layout);
    host.pull(&place.tag("1")).unwrap();
    let alone = host.storage.plan_prune(&host.observer()).unwrap().roots;
    assert_eq!(alone[0].bytes, alone[0].own_bytes, "nobody shares it");
    host.pull(&place.tag("2")).unwrap();
    for root in host.storage.plan_prune(&host.observer()).unwrap().roots {
        assert!(root.bytes >= 400_000, "{root:?}");
        assert!((100_000..300_000).contains(&root.own_bytes), "{root:?}");
        // What a root keeps alone is what goes with it.
        let removal = host.storage.plan_remove(
            &[name(&place.tag(if root.name.ends_with('1') {
                "1"
            } else {
                "2"
            }))],
            &host.observer(),
        );
        assert_eq!(removal.unwrap().prune.bytes, root.own_bytes);
    }
}
