//! What this crate writes, other tools read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use std::{fs, path::Path, process::Command};

use test_images::{
    Encapsulation, Image, Layer, LayerWriter, Layout, Listing, Packing, TreeDiff, XattrGeneration,
    tar::{Dialect, RawTar, SparsePart},
};

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

const LONG: &str = "usr/lib/a-folder-with-a-name-that-is-rather-long-for-a-folder/\
    and-another-one-below-it-so-that-the-path-is-over-one-hundred-bytes/x";

#[test]
fn gnu_tar_and_bsdtar_read_every_dialect() {
    let folder = tempfile::tempdir().unwrap();
    let listing = Listing::parse(&format!(
        r#"
        dir usr 0755 1:2
        file usr/x 04755 5:6 "content" mtime=1000000000
        symlink usr/sh -> x
        hardlink usr/y -> usr/x
        fifo usr/pipe 0600
        char usr/null 0666 1:3
        file {LONG} size=5000 seed=1
        "#
    ))
    .unwrap();
    for dialect in [Dialect::Ustar, Dialect::Gnu, Dialect::Pax] {
        let file = folder.path().join(format!("{dialect:?}.tar"));
        fs::write(&file, listing.to_tar(dialect).unwrap()).unwrap();
        let gnu = run("tar", &["--numeric-owner", "--utc", "-tvf", text(&file)]);
        let lines: Vec<&str> = gnu.lines().collect();
        assert_eq!(lines.len(), 7, "{dialect:?}: {gnu}");
        assert!(lines[1].starts_with("-rwsr-xr-x 5/6"), "{}", lines[1]);
        assert!(lines[1].ends_with("2001-09-09 01:46 usr/x"), "{}", lines[1]);
        assert!(lines[3].ends_with("usr/y link to usr/x"), "{}", lines[3]);
        assert!(lines[5].contains("1,3"), "{}", lines[5]);
        assert!(lines[6].ends_with(LONG), "{}", lines[6]);
        assert_eq!(run("bsdtar", &["-tf", text(&file)]).lines().count(), 7);
    }
}

#[test]
fn what_a_dialect_cannot_hold_is_an_error() {
    for (dialect, line, expected) in [
        (
            Dialect::Ustar,
            "file a xattr.user.a=b",
            "ustar tar cannot hold xattrs",
        ),
        (
            Dialect::Gnu,
            "file a xattr.user.a=b",
            "GNU tar cannot hold xattrs",
        ),
        (Dialect::Ustar, "file a 3000000:0", "a number that large"),
    ] {
        let error = Listing::parse(line).unwrap().to_tar(dialect).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn sparse_files_unpack_as_their_map_says() {
    let folder = tempfile::tempdir().unwrap();
    let letters = b"abcdefghijklmnopqrstuvwxyzABCD";
    let parts = letters.len() as u64;
    let mut map: Vec<SparsePart> = (0..parts)
        .map(|part| SparsePart::new(part * 1024, 512))
        .collect();
    // A hole at the end is said by an empty piece there.
    map.push(SparsePart::new(parts * 1024, 0));
    let data: Vec<u8> = letters.iter().flat_map(|letter| [*letter; 512]).collect();
    let size = parts * 1024;
    let tar = RawTar::new()
        .sparse_gnu("gnu", &map, size, &data)
        .sparse_pax_0_0("pax00", &map, size, &data)
        .sparse_pax_0_1("pax01", &map, size, &data)
        .sparse_pax_1_0("pax10", &map, size, &data)
        .finish();
    let file = folder.path().join("sparse.tar");
    fs::write(&file, tar).unwrap();
    run("tar", &["-C", text(folder.path()), "-xf", text(&file)]);
    let mut expected = vec![0; usize::try_from(size).unwrap()];
    for (part, piece) in data.chunks(512).enumerate() {
        expected[part * 1024..part * 1024 + 512].copy_from_slice(piece);
    }
    for name in ["gnu", "pax00", "pax01", "pax10"] {
        assert!(
            fs::read(folder.path().join(name)).unwrap() == expected,
            "{name}"
        );
    }
}

#[test]
fn skopeo_reads_layouts_and_archives() {
    let folder = tempfile::tempdir().unwrap();
    let layer = |listing: &str| Layer::listing(listing).unwrap();
    let first = Image::of([layer("file usr/x \"1\"")]).label("version", "1");
    let second = first
        .clone()
        .layer(layer("whiteout usr/x"))
        .label("version", "2");
    let (first, second) = (
        first.platform("linux/amd64").build(),
        second.platform("linux/arm64/v8").build(),
    );
    let layout = Layout::new()
        .image("one", &first)
        .image("two", &second)
        .multi_arch("both", &[&first, &second]);
    let path = folder.path().join("layout");
    layout.write_dir(&path).unwrap();
    let archive = folder.path().join("archive.tar");
    layout
        .write_archive(fs::File::create(&archive).unwrap())
        .unwrap();
    for transport in ["oci", "oci-archive"] {
        let place = if transport == "oci" { &path } else { &archive };
        for (tag, version) in [("one", "1"), ("two", "2")] {
            let reference = format!("{transport}:{}:{tag}", text(place));
            let config: serde_json::Value =
                serde_json::from_str(&run("skopeo", &["inspect", "--config", &reference])).unwrap();
            assert_eq!(config["config"]["Labels"]["version"], version);
        }
        let reference = format!("{transport}:{}:both", text(place));
        let raw = run("skopeo", &["inspect", "--raw", &reference]);
        let index: serde_json::Value = serde_json::from_str(&raw).unwrap();
        assert_eq!(index["manifests"][1]["platform"]["variant"], "v8");
        assert_eq!(
            layout.digest("both").unwrap(),
            oci_manifest::Digest::sha256_of(raw.as_bytes())
        );
    }
    // A copy checks every blob's digest and size.
    let copy = format!("oci:{}", text(&folder.path().join("copy")));
    run(
        "skopeo",
        &[
            "copy",
            "--insecure-policy",
            &format!("oci:{}:two", text(&path)),
            &copy,
        ],
    );
}

const TREE: &str = r#"
    dir . 0755 0:0
    dir usr/bin 0755 0:0
    file usr/bin/x 04755 0:7 "content" xattr.user.b=2 xattr.user.a=1
    hardlink usr/bin/y -> usr/bin/x
    file usr/bin/empty
    symlink usr/bin/sh -> x
    dir usr/etc 0700 0:0
    file usr/etc/conf 0600 "a=b"
    file usr/lib/big size=300000 seed=3
"#;

#[test]
fn the_encapsulated_commit_is_the_one_ostree_makes() {
    let folder = tempfile::tempdir().unwrap();
    let (repo, tar) = (folder.path().join("repo"), folder.path().join("tree.tar"));
    let listing = Listing::parse(TREE).unwrap();
    fs::write(&tar, listing.to_tar(Dialect::Pax).unwrap()).unwrap();
    let repo = format!("--repo={}", text(&repo));
    run("ostree", &[&repo, "init", "--mode=archive"]);
    let tree = format!("--tree=tar={}", text(&tar));
    let commit = run(
        "ostree",
        &[
            &repo,
            "commit",
            "-b",
            "x",
            "-s",
            "test",
            "--no-bindings",
            "--tar-autocreate-parents",
            "--timestamp=@1767323045",
            &tree,
        ],
    );
    for (generation, chunks) in [
        (XattrGeneration::V1New, 2),
        (XattrGeneration::V1Old, 0),
        (XattrGeneration::V0, 5),
    ] {
        let encapsulation = Encapsulation {
            generation,
            chunks,
            ..Encapsulation::default()
        };
        let made = encapsulation.encapsulate(&listing).unwrap();
        assert_eq!(made.commit.to_string(), commit.trim());
        assert_eq!(made.layers.len(), chunks + 1);
        let files: usize = made.file_objects.iter().map(Vec::len).sum();
        assert_eq!(files, 5, "x and y are one object");
    }
}

#[test]
fn an_encapsulated_image_unpacks_as_a_root_file_system() {
    let folder = tempfile::tempdir().unwrap();
    let made = Encapsulation::default()
        .encapsulate(&Listing::parse(TREE).unwrap())
        .unwrap();
    for layer in &made.layers {
        let file = folder.path().join("layer.tar.gz");
        fs::write(&file, layer.blob().unwrap()).unwrap();
        run(
            "tar",
            &[
                "-C",
                text(folder.path()),
                "--no-same-owner",
                "-xzf",
                text(&file),
            ],
        );
    }
    let read = |path: &str| fs::read(folder.path().join(path)).unwrap();
    assert_eq!(read("usr/bin/y"), b"content");
    assert_eq!(read("etc/conf"), b"a=b");
    assert_eq!(read("usr/lib/big").len(), 300_000);
    assert_eq!(
        fs::read_link(folder.path().join("usr/bin/sh")).unwrap(),
        Path::new("x")
    );
}

#[test]
fn a_diff_applied_to_lower_gives_upper() {
    let folder = tempfile::tempdir().unwrap();
    let (lower, upper) = (folder.path().join("lower"), folder.path().join("upper"));
    let write = |root: &Path, name: &str, content: &str| {
        fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
        fs::write(root.join(name), content).unwrap();
    };
    for root in [&lower, &upper] {
        write(root, "usr/same", "same");
        write(root, "usr/gone/deep/x", "x");
        write(root, "usr/changed", "one");
        write(root, "usr/to-dir", "file");
        write(root, "proc/skipped", "1");
        std::os::unix::fs::symlink("same", root.join("usr/link")).unwrap();
    }
    fs::remove_dir_all(upper.join("usr/gone")).unwrap();
    write(&upper, "usr/changed", "two");
    fs::remove_file(upper.join("usr/to-dir")).unwrap();
    write(&upper, "usr/to-dir/file", "in it");
    write(&upper, "usr/new", &"n".repeat(100_000));
    fs::hard_link(upper.join("usr/new"), upper.join("usr/new-too")).unwrap();
    run(
        "setfattr",
        &["-n", "user.a", "-v", "b", text(&upper.join("usr/new"))],
    );
    write(&upper, "proc/skipped", "2");

    let layer = |diff: TreeDiff<'_>, name: &str| {
        let path = folder.path().join(name);
        let mut writer = LayerWriter::create(&path, Packing::GZIP).unwrap();
        let report = diff
            .without_content_of("proc")
            .mtime(0)
            .write(&mut writer)
            .unwrap();
        (writer.finish().unwrap(), report)
    };
    let (first, _) = layer(TreeDiff::all(&lower), "1");
    let (second, report) = layer(TreeDiff::between(&lower, &upper), "2");
    assert_eq!(report.whiteouts, 1);
    // The folder usr/to-dir and the file in it, changed, new, new-too, and the whiteout.
    assert_eq!(report.entries, 6);
    assert_eq!(report.bytes, 3 + 5 + 100_000);

    let layout = folder.path().join("layout");
    Layout::new()
        .image("x", &Image::of([first, second]).build())
        .write_dir(&layout)
        .unwrap();
    let bundle = folder.path().join("bundle");
    let image = format!("{}:x", text(&layout));
    let mut unpack = vec!["unpack", "--image", &image];
    if run("id", &["-u"]).trim() != "0" {
        unpack.push("--rootless");
    }
    unpack.push(text(&bundle));
    run("umoci", &unpack);
    let again = bundle.join("rootfs");
    let rest = TreeDiff::between(&again, &upper)
        .without_content_of("proc")
        .write(std::io::sink())
        .unwrap();
    // The root itself: umoci gives it a mode of its own.
    assert!(rest.entries <= 1 && rest.whiteouts == 0, "{rest:?}");
    assert_eq!(fs::read(again.join("usr/new-too")).unwrap().len(), 100_000);
    assert!(!again.join("proc/skipped").exists());
}
