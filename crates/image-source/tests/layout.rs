//! `oci:` and `oci-archive:`, read without a child process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod support;

use std::path::Path;

use image_source::{ArchiveFault, Encoding, Error};
use oci_manifest::{Digest, Platform};
use serde_json::json;
use support::images::{Layout, blob_file, gzip, noise, simple, tar_of};
use support::skopeo::{Bench, chain, layers, read, read_all, skopeo};

fn no_child() -> Bench {
    let mut bench = Bench::new();
    bench.config.skopeo = "/nonexistent/skopeo".into();
    bench
}

fn reference(transport: &str, path: &Path, rest: &str) -> String {
    format!("{transport}:{}{rest}", path.display())
}

fn platform(text: &str) -> Platform {
    text.parse().unwrap()
}

#[test]
fn a_directory_and_archives_of_each_kind_give_the_same_image() {
    let bench = no_child();
    let (layout, image) = simple(300_000);
    let dir = bench.path("layout");
    layout.write_dir(&dir);
    let tar = layout.tar();
    let plain = bench.write("plain.tar", &tar);
    let gzipped = bench.write("gzip.tar.gz", gzip(&tar));
    let members = bench.write(
        "members.tar.gz",
        [gzip(&tar[..9999]), gzip(&tar[9999..])].concat(),
    );
    let zstd = bench.write("zstd.tar.zst", zstd::encode_all(tar.as_slice(), 1).unwrap());
    let by_skopeo = bench.path("skopeo.tar");
    skopeo([
        "copy",
        "-q",
        &reference("oci", &dir, ":v1"),
        &reference("oci-archive", &by_skopeo, ":v1"),
    ]);

    let archives = [&plain, &gzipped, &members, &zstd, &by_skopeo]
        .map(|path| reference("oci-archive", path, ":v1"));
    for reference in [reference("oci", &dir, ":v1")].iter().chain(&archives) {
        let source = bench
            .open(reference)
            .unwrap_or_else(|error| panic!("{reference}: {}", chain(&error)));
        assert_eq!(*source.manifest_digest(), image.digest, "{reference}");
        assert_eq!(source.index_digest(), None);
        assert_eq!(source.config().unwrap().labels()["a"], "b");
        assert_eq!(read_all(source.as_ref()), image.blobs, "{reference}");
        let blob = source.blob(&layers(source.as_ref())[0]).unwrap();
        assert_eq!(
            (blob.encoding, blob.digest_applies),
            (Encoding::Declared, true)
        );
    }
    assert!(
        bench.left_in_tmp().is_empty(),
        "nothing stays behind: {:?}",
        bench.left_in_tmp()
    );
}

#[test]
fn blobs_can_be_read_at_once() {
    let bench = no_child();
    let (layout, image) = simple(2_000_000);
    let archive = bench.write("a.tar", layout.tar());
    let source = bench.open(&reference("oci-archive", &archive, "")).unwrap();
    let layers = layers(source.as_ref());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            for (layer, blob) in layers.iter().zip(&image.blobs) {
                scope.spawn(|| assert_eq!(read(source.as_ref(), layer).unwrap(), *blob));
            }
        }
    });
}

#[test]
fn tags_digests_and_platforms_choose() {
    let bench = no_child();
    let (amd64, arm64, v7) = (
        platform("linux/amd64"),
        platform("linux/arm64/v8"),
        platform("linux/arm/v7"),
    );
    let mut layout = Layout::new();
    let tar = |name: &str| [tar_of([(name, name.as_bytes())])];
    let one = layout.image(&tar("one"), &Platform::host());
    let two = layout.image(&tar("two"), &amd64);
    let three = layout.image(&tar("three"), &arm64);
    let four = layout.image(&tar("four"), &v7);
    layout.tag(one.entry(), "one");
    let inner = layout.index(&[three.entry_for(&arm64), four.entry_for(&v7)]);
    let mut inner_entry = inner.clone();
    inner_entry["platform"] = json!({"os": "linux", "architecture": "arm64", "variant": "v8"});
    let outer = layout.index(&[two.entry_for(&amd64), inner_entry]);
    layout.tag(outer.clone(), "quay.io/x/many:1.2");
    let dir = bench.path("l");
    layout.write_dir(&dir);
    let outer_digest: Digest = outer["digest"].as_str().unwrap().parse().unwrap();

    let open = |rest: &str, wanted: &Platform| {
        let mut bench = no_child();
        bench.config.platform = wanted.clone();
        bench.open(&reference("oci", &dir, rest)).map(|source| {
            (
                source.manifest_digest().clone(),
                source.index_digest().cloned(),
                source.config().is_ok(),
            )
        })
    };
    let host = Platform::host();
    assert_eq!(
        open(":one", &host).unwrap(),
        (one.digest.clone(), None, true)
    );
    assert_eq!(
        open(":quay.io/x/many:1.2", &amd64).unwrap(),
        (two.digest.clone(), Some(outer_digest.clone()), true)
    );
    assert_eq!(
        open(":quay.io/x/many:1.2", &arm64).unwrap(),
        (three.digest.clone(), Some(outer_digest.clone()), true)
    );
    assert_eq!(
        open(&format!("@{}", one.digest), &host).unwrap().0,
        one.digest
    );
    assert_eq!(
        open(&format!("@{outer_digest}"), &amd64).unwrap().0,
        two.digest
    );
    assert_eq!(
        open(&format!("@{}", four.digest), &v7).unwrap(),
        (four.digest.clone(), None, true),
        "only in an index"
    );
    assert_eq!(
        open(&format!(":one@{}", four.digest), &v7).unwrap().0,
        four.digest,
        "the digest wins"
    );
    assert_eq!(
        open(&format!("@{}", four.digest), &amd64).unwrap(),
        (four.digest.clone(), None, false),
        "row 55"
    );

    let error = chain(&open(":quay.io/x/many:1.2", &platform("linux/s390x")).unwrap_err());
    assert!(
        error.contains("s390x") && error.contains("amd64"),
        "{error}"
    );
    let error = open("", &host).unwrap_err();
    assert!(
        matches!(&error, Error::Ambiguous { count: 2, .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("one, quay.io/x/many:1.2"),
        "{error}"
    );
    let error = open(":tow", &host).unwrap_err();
    assert!(
        matches!(&error, Error::NoSuchTag { tag, tags, .. } if tag == "tow" && tags.len() == 2),
        "{error:?}"
    );
    let absent = Digest::sha256_of(b"absent");
    assert!(matches!(
        open(&format!("@{absent}"), &host),
        Err(Error::NoSuchDigest { .. })
    ));
}

#[test]
fn an_index_json_of_one_image_for_many_platforms_needs_no_tag() {
    let bench = no_child();
    let mut layout = Layout::new();
    let (amd64, arm64) = (platform("linux/amd64"), platform("linux/arm64/v8"));
    let one = layout.image(&[tar_of([("a", b"a".as_slice())])], &amd64);
    let two = layout.image(&[tar_of([("b", b"b".as_slice())])], &arm64);
    layout.entries = vec![one.entry_for(&amd64), two.entry_for(&arm64)];
    let dir = bench.path("l");
    layout.write_dir(&dir);
    for (wanted, digest) in [(amd64, one.digest), (arm64, two.digest)] {
        let mut bench = no_child();
        bench.config.platform = wanted;
        assert_eq!(
            *bench
                .open(&reference("oci", &dir, ""))
                .unwrap()
                .manifest_digest(),
            digest
        );
    }
}

#[test]
fn indexes_inside_indexes_have_an_end() {
    let bench = no_child();
    let (mut layout, image) = simple(10);
    let mut entry = image.entry_for(&Platform::host());
    for depth in 0..6 {
        entry = layout.index(&[entry]);
        entry["platform"] = json!({"os": "linux", "architecture": Platform::host().architecture});
        layout.tag(entry.clone(), &format!("deep{depth}"));
    }
    let dir = bench.path("l");
    layout.write_dir(&dir);
    assert!(bench.open(&reference("oci", &dir, ":deep3")).is_ok());
    assert!(matches!(
        bench.open(&reference("oci", &dir, ":deep5")),
        Err(Error::NestedTooDeep { .. })
    ));
}

/// Opens `layout` after `change`, as a directory and as an archive; reads all of it. Gives both errors.
fn broken(change: impl Fn(&mut Layout, &support::images::Image)) -> [String; 2] {
    let bench = no_child();
    let (mut layout, image) = simple(1000);
    layout.files = layout.all_files();
    change(&mut layout, &image);
    let dir = bench.path("l");
    std::fs::create_dir(&dir).unwrap();
    for (name, bytes) in &layout.files {
        std::fs::create_dir_all(dir.join(name).parent().unwrap()).unwrap();
        std::fs::write(dir.join(name), bytes).unwrap();
    }
    let files = layout
        .files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    let archive = bench.write("l.tar", tar_of(files));
    [
        reference("oci", &dir, ":v1"),
        reference("oci-archive", &archive, ":v1"),
    ]
    .map(|reference| {
        let result = bench.open(&reference).and_then(|source| {
            let config = source.config()?;
            for layer in oci_manifest::Layout::new(source.manifest(), &config)
                .unwrap()
                .layers
            {
                read(source.as_ref(), &layer)?;
            }
            Ok(())
        });
        chain(&result.expect_err("it is broken"))
    })
}

#[test]
fn what_is_missing_or_damaged_is_named() {
    for error in broken(|l, _| drop(l.files.remove("oci-layout"))) {
        assert!(
            error.contains("is no OCI layout: it has no oci-layout file"),
            "{error}"
        );
    }
    for error in broken(|l, _| {
        drop(l.files.insert(
            "oci-layout".into(),
            br#"{"imageLayoutVersion":"2.0"}"#.to_vec(),
        ))
    }) {
        assert!(error.contains("version \"2.0\""), "{error}");
    }
    for error in broken(|l, _| drop(l.files.remove("index.json"))) {
        assert!(error.contains("it has no index.json"), "{error}");
    }
    for error in broken(|l, i| drop(l.files.remove(&blob_file(&i.digest)))) {
        assert!(error.contains("lacks blobs/sha256/"), "{error}");
    }
    for error in broken(|l, i| l.files.get_mut(&blob_file(&i.digest)).unwrap()[20] ^= 1) {
        assert!(
            error.contains("is damaged: its digest is sha256:"),
            "{error}"
        );
    }
    for error in broken(|l, i| l.files.get_mut(&blob_file(&i.digest)).unwrap().push(b' ')) {
        assert!(error.contains("bytes, its descriptor says"), "{error}");
    }
    for error in broken(|l, i| l.files.get_mut(&blob_file(&i.config)).unwrap()[0] = b'\n') {
        assert!(
            error.contains("the config sha256:") && error.contains("is damaged"),
            "{error}"
        );
    }
    for (digest_of, at) in [("first", 0), ("second", 1)] {
        for error in broken(|l, i| drop(l.files.remove(&blob_file(&i.layers[at])))) {
            assert!(
                error.contains("lacks blobs/sha256/"),
                "{digest_of}: {error}"
            );
        }
        for error in broken(|l, i| drop(l.files.get_mut(&blob_file(&i.layers[at])).unwrap().pop()))
        {
            assert!(
                error.contains("bytes, its descriptor says"),
                "{digest_of}: {error}"
            );
        }
    }
    for error in broken(|l, _| drop(l.files.insert("index.json".into(), vec![b' '; 5 << 20]))) {
        assert!(error.contains("at most 4194304 are read"), "{error}");
    }
}

#[test]
fn paths_that_are_no_layout_are_refused() {
    let bench = no_child();
    let file = bench.write("file", "x");
    for (transport, path) in [
        ("oci", "/nonexistent/l"),
        ("oci-archive", "/nonexistent/a.tar"),
    ] {
        let error = bench.open(&format!("{transport}:{path}:t")).unwrap_err();
        assert!(
            matches!(&error, Error::Io { .. }) && error.to_string().contains(path),
            "{error}"
        );
    }
    assert!(
        matches!(
            bench.open(&reference("oci", &file, "")),
            Err(Error::Io { .. })
        ),
        "a file is no directory"
    );
    let dir = bench.path("dir");
    std::fs::create_dir(&dir).unwrap();
    assert!(matches!(
        bench.open(&reference("oci-archive", &dir, "")),
        Err(Error::Io { .. })
    ));
    let fifo = bench.path("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    assert!(
        matches!(
            bench.open(&reference("oci-archive", &fifo, "")),
            Err(Error::Io { .. })
        ),
        "and does not hang"
    );
    assert!(matches!(
        bench.open("oci::tag"),
        Err(Error::InvalidReference { .. })
    ));
}

#[test]
fn a_directory_s_links_do_not_lead_out_of_it() {
    let bench = no_child();
    let (layout, image) = simple(1000);
    let dir = bench.path("l");
    layout.write_dir(&dir);
    let blob = dir.join(blob_file(&image.layers[0]));
    let outside = bench.path("outside");
    std::fs::rename(&blob, &outside).unwrap();
    std::os::unix::fs::symlink(&outside, &blob).unwrap();
    let source = bench.open(&reference("oci", &dir, ":v1")).unwrap();
    assert!(source.blob(&layers(source.as_ref())[0]).is_err());
}

fn archive_error(bytes: &[u8]) -> Error {
    let bench = no_child();
    let path = bench.write("a.tar", bytes);
    bench
        .open(&reference("oci-archive", &path, ""))
        .expect_err("it is broken")
}

#[test]
fn hostile_archives_are_refused_or_harmless() {
    let fault = |bytes: &[u8]| match archive_error(bytes) {
        Error::Archive { fault, .. } => fault,
        other => panic!("{other:?}"),
    };
    let (layout, _) = simple(1000);
    let tar = layout.tar();
    assert!(matches!(
        fault(&noise(1, 5000)),
        ArchiveFault::BadHeader { offset: 0 }
    ));
    assert!(matches!(fault(&tar[..700]), ArchiveFault::Truncated { .. }));
    let mut wrong_sum = tar.clone();
    wrong_sum[0] ^= 1;
    assert!(matches!(
        fault(&wrong_sum),
        ArchiveFault::BadHeader { offset: 0 }
    ));
    assert!(matches!(
        fault(b"BZh91AY"),
        ArchiveFault::Compression { name: "bzip2" }
    ));
    assert!(matches!(
        fault(b"\xfd7zXZ\0 "),
        ArchiveFault::Compression { name: "xz" }
    ));

    let header = |kind: tar::EntryType, size: u64, name: &str| {
        let mut header = tar::Header::new_ustar();
        header.set_path(name).unwrap();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_cksum();
        header.as_bytes().to_vec()
    };
    let mut big_pax = header(tar::EntryType::XHeader, 2 << 20, "pax");
    big_pax.extend(vec![0; (2 << 20) + 1024]);
    assert!(matches!(
        fault(&big_pax),
        ArchiveFault::HeaderTooLarge { .. }
    ));
    let many: Vec<u8> = (0..100_002)
        .flat_map(|_| header(tar::EntryType::Directory, 0, "d"))
        .collect();
    assert!(matches!(fault(&many), ArchiveFault::TooManyEntries { .. }));
    let huge = header(tar::EntryType::Regular, u64::MAX >> 1, "x");
    assert!(matches!(
        fault(&huge),
        ArchiveFault::Truncated { .. } | ArchiveFault::BadHeader { .. }
    ));
    assert!(
        matches!(archive_error(b""), Error::NotALayout { .. }),
        "an empty file is an empty archive"
    );
    assert!(matches!(
        archive_error(&[0; 1024]),
        Error::NotALayout { .. }
    ));
    let cut_gzip = gzip(&tar);
    assert!(matches!(
        archive_error(&cut_gzip[..cut_gzip.len() / 2]),
        Error::Io {
            action: "decompress",
            ..
        }
    ));
}

#[test]
fn of_two_entries_the_last_counts_and_names_are_read_as_tar_means_them() {
    let bench = no_child();
    let (layout, image) = simple(5000);
    let files = layout.all_files();
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, bytes).unwrap();
    };
    add("index.json", b"{\"old\":1}");
    for (name, bytes) in &files {
        add(&format!("./{name}"), bytes);
    }
    let tar = builder.into_inner().unwrap();
    let path = bench.write("a.tar", tar);
    let source = bench.open(&reference("oci-archive", &path, ":v1")).unwrap();
    assert_eq!(read_all(source.as_ref()), image.blobs);
}

#[test]
fn a_manifest_too_large_is_refused_before_it_is_read() {
    let bench = no_child();
    let (mut layout, image) = simple(10);
    let mut manifest = layout.files[&blob_file(&image.digest)].clone();
    manifest.extend(vec![b' '; 5 << 20]);
    let digest = layout.blob(&manifest);
    layout.entries[0]["digest"] = digest.to_string().into();
    layout.entries[0]["size"] = manifest.len().into();
    layout.write_dir(&bench.path("big"));
    let error = bench
        .open(&reference("oci", &bench.path("big"), ":v1"))
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::TooLarge {
                size: 5_000_000..,
                ..
            }
        ),
        "{error:?}"
    );
}
