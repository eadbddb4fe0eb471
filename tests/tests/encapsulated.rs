//! Images that carry an ostree commit, with and without layers on top, in the three forms that ostree-ext has written.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use test_images::{Encapsulated, Encapsulation, Layer, Layout, Listing, XattrGeneration};
use whole_program_tests::{Mode, Place, Repo};

const TREE: &str = r#"
    dir . 0755
    dir usr/bin 0755 0:0 xattr.user.dir=1
    file usr/bin/tool 04755 0:7 "tool" xattr.user.b=2 xattr.user.a=1
    hardlink usr/bin/same -> usr/bin/tool
    file usr/bin/empty 0600 1:2
    symlink usr/bin/sh -> tool
    dir usr/etc 0755
    file usr/etc/conf "a=b"
    file usr/lib/big 0640 size=300000 seed=3
    file usr/lib/label "x" xattr.security.selinux=system_u:object_r:lib_t:s0\0
"#;

const GENERATIONS: [XattrGeneration; 3] = [
    XattrGeneration::V1New,
    XattrGeneration::V1Old,
    XattrGeneration::V0,
];

fn encapsulated(generation: XattrGeneration, chunks: usize, tree: &str) -> Encapsulated {
    let encapsulation = Encapsulation {
        generation,
        chunks,
        ..Encapsulation::default()
    };
    let listing = Listing::parse(tree).unwrap();
    encapsulation.encapsulate(&listing).unwrap()
}

/// A commit's parent, or an empty text.
fn parent(repo: &Repo, commit: &str) -> String {
    let shown = repo.ostree(["show", commit]);
    let line = shown.lines().find_map(|line| line.strip_prefix("Parent:"));
    line.unwrap_or_default().trim().to_owned()
}

#[test]
fn every_generation_gives_the_commit_that_was_encapsulated() {
    for generation in GENERATIONS {
        for chunks in [0, 1, 5] {
            let made = encapsulated(generation, chunks, TREE);
            let (place, _) = Place::image(&made.image());
            let repo = Repo::new(Mode::BareUser);
            let json = repo.pull(&place.latest()).ok().json();
            repo.check_clean();
            let commit = made.commit.to_string();
            let first = repo.layer_commit(&made.layers[0].digest);
            assert_eq!(first.as_ref(), Some(&commit), "{generation:?}");
            let merged = json["mergeCommit"].as_str().unwrap();
            assert_eq!(repo.tree(merged), repo.tree(&commit));
            assert_eq!(parent(&repo, merged), commit);
            let tool = repo.tree(merged).at("/usr/bin/tool").clone();
            assert_eq!((tool.mode, tool.gid, tool.size), (0o4755, 7, 4));
        }
    }
}

#[test]
fn chunks_hold_their_objects_and_nothing_else() {
    let made = encapsulated(XattrGeneration::V1New, 2, TREE);
    let (place, _) = Place::image(&made.image());
    let repo = Repo::new(Mode::BareUser);
    repo.pull(&place.latest()).ok();
    for (layer, objects) in made.layers[1..].iter().zip(&made.file_objects) {
        let commit = repo.layer_commit(&layer.digest).unwrap();
        let tree = repo.tree(&commit);
        let mut expected: Vec<String> = objects.iter().map(|object| format!("/{object}")).collect();
        expected.insert(0, "/".to_owned());
        assert_eq!(tree.paths(), expected);
        for object in objects {
            assert_eq!(tree.at(&format!("/{object}")).checksum, object.to_string());
        }
    }
}

#[test]
fn derived_layers_lie_over_the_base() {
    let made = encapsulated(XattrGeneration::V1New, 2, TREE);
    let upper = Layer::listing(
        "file usr/bin/new \"new\"\nwhiteout usr/bin/same\nfile etc/conf \"changed\"\nfile opt/x \"nowhere\"",
    )
    .unwrap();
    let (place, _) = Place::image(&made.image().layer(upper));
    let repo = Repo::new(Mode::BareUser);
    let json = repo.pull(&place.latest()).ok().json();
    let commit = json["mergeCommit"].as_str().unwrap();
    let tree = repo.tree(commit);
    assert_eq!(repo.ostree(["cat", commit, "/usr/bin/new"]), "new");
    assert_eq!(repo.ostree(["cat", commit, "/usr/etc/conf"]), "changed");
    assert!(!tree.has("/usr/bin/same") && tree.has("/usr/bin/tool"));
    // The base's root is no overlay: what lies outside /usr, /etc and /var could never be seen.
    assert!(!tree.has("/opt"), "{:?}", tree.paths());
    assert_eq!(json["droppedPaths"]["opt"], 1);
    assert_eq!(parent(&repo, commit), made.commit.to_string());
    // The base keeps its labels.
    assert!(tree.at("/usr/lib/label").xattrs.contains("lib_t"));
    repo.check_clean();
}

#[test]
fn an_update_fetches_only_the_chunks_that_changed() {
    let first = encapsulated(XattrGeneration::V1New, 4, TREE);
    let changed = TREE.replace("size=300000 seed=3", "size=300000 seed=4");
    let second = encapsulated(XattrGeneration::V1New, 4, &changed);
    let layout = Layout::new()
        .image("one", &first.image().build())
        .image("two", &second.image().build());
    let place = Place::of(&layout);
    let repo = Repo::new(Mode::BareUser);
    repo.pull(&place.tag("one")).ok();
    let json = repo.pull(&place.tag("two")).ok().json();
    // The commit layer and one chunk of four.
    assert_eq!(json["layersStored"].as_array().unwrap().len(), 2);
    assert_eq!(json["layersReused"], 3);
    repo.check_clean();
}

#[test]
fn a_chunk_with_another_files_bytes_is_refused() {
    let made = encapsulated(XattrGeneration::V1New, 1, TREE);
    let other = encapsulated(
        XattrGeneration::V1New,
        1,
        &TREE.replace("\"tool\"", "\"evil\""),
    );
    // The chunk's tar names the right objects, and one has the wrong content.
    let tar = unpacked(&made.layers[1]);
    let at = tar.windows(4).position(|window| window == b"tool").unwrap();
    // The first hit may be a name: the content stands alone in its block.
    let at = (at..tar.len())
        .find(|at| tar[*at..].starts_with(b"tool\0\0\0\0") && at % 512 == 0)
        .unwrap();
    let mut evil = tar;
    evil[at..at + 4].copy_from_slice(b"evil");
    let chunk = Layer::new(&evil, test_images::Packing::GZIP);
    let diff_id = chunk.diff_id.to_string();
    let image = made
        .image()
        .replace_layer(1, chunk.clone())
        .label("ostree.final-diffid", &diff_id);
    let (place, _) = Place::image(&image);
    let repo = Repo::new(Mode::BareUser);
    let run = repo.pull(&place.latest()).failed();
    assert!(run.stderr.contains("hashes to"), "{run}");
    assert_eq!(repo.layer_commit(&chunk.digest), None);
    assert!(!repo.refs().keys().any(|name| name.contains("/image/")));
    repo.check_clean();
    // A chunk of another commit does not make this commit whole.
    let image = made
        .image()
        .replace_layer(1, other.layers[1].clone())
        .label("ostree.final-diffid", &other.layers[1].diff_id.to_string());
    let (place, _) = Place::image(&image);
    let repo = Repo::new(Mode::BareUser);
    repo.pull(&place.latest()).failed();
    assert!(!repo.refs().keys().any(|name| name.contains("/image/")));
    repo.ostree(["fsck", "--quiet"]);
}

fn unpacked(layer: &Layer) -> Vec<u8> {
    use std::io::Write as _;
    let mut gzip = std::process::Command::new("gzip")
        .arg("-dc")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let blob = layer.blob().unwrap();
    let mut input = gzip.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(&blob));
    let output = gzip.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output.stdout
}
