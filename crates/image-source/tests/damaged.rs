//! Layouts and archives that are missing something, damaged, or hostile.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod support;

use image_source::{ArchiveFault, Error};
use proptest::prelude::*;
use support::images::{Image, Layout, blob_file, gzip, noise, simple, tar_of};
use support::skopeo::{Bench, chain, layers, read, reference};

/// Opens `layout` after `change`, as a directory and as an archive; reads all of it. Gives both errors.
fn broken(change: impl Fn(&mut Layout, &Image)) -> [String; 2] {
    let bench = Bench::without_skopeo();
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
    type Change = fn(&mut Layout, &Image);
    let rows: &[(&str, Change)] = &[
        ("is no OCI layout: it has no oci-layout file", |l, _| {
            l.remove("oci-layout");
        }),
        ("version \"2.0\"", |l, _| {
            l.put("oci-layout", br#"{"imageLayoutVersion":"2.0"}"#);
        }),
        ("its oci-layout file names no version", |l, _| {
            l.put("oci-layout", b"{}");
        }),
        ("it has no index.json", |l, _| l.remove("index.json")),
        ("has 5242880 bytes; at most 4194304 are read", |l, _| {
            l.put("index.json", &vec![b' '; 5 << 20]);
        }),
        ("lacks blobs/sha256/", |l, i| {
            l.remove(&blob_file(&i.digest));
        }),
        ("is damaged: its digest is sha256:", |l, i| {
            l.edit(&blob_file(&i.digest), |bytes| bytes[20] ^= 1);
        }),
        ("bytes, its descriptor says", |l, i| {
            l.edit(&blob_file(&i.digest), |bytes| bytes.push(b' '));
        }),
        ("lacks blobs/sha256/", |l, i| {
            l.remove(&blob_file(&i.config));
        }),
        ("is damaged: its digest is sha256:", |l, i| {
            l.edit(&blob_file(&i.config), |bytes| bytes[0] = b'\n');
        }),
        ("lacks blobs/sha256/", |l, i| {
            l.remove(&blob_file(&i.layers[0]));
        }),
        ("lacks blobs/sha256/", |l, i| {
            l.remove(&blob_file(&i.layers[1]));
        }),
        ("bytes, its descriptor says", |l, i| {
            l.edit(&blob_file(&i.layers[0]), |bytes| bytes.truncate(9));
        }),
        ("bytes, its descriptor says", |l, i| {
            l.edit(&blob_file(&i.layers[1]), |bytes| bytes.push(0));
        }),
    ];
    for (number, (words, change)) in rows.iter().enumerate() {
        for error in broken(change) {
            assert!(
                error.contains(words),
                "row {number}: {words:?} is not in {error}"
            );
        }
    }
}

#[test]
fn paths_that_are_no_layout_are_refused() {
    let bench = Bench::without_skopeo();
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
    let bench = Bench::without_skopeo();
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
    let bench = Bench::without_skopeo();
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
fn a_manifest_too_large_is_refused_before_it_is_read() {
    let bench = Bench::without_skopeo();
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

proptest! {
    /// Whatever is changed in an archive: an image or an error, and no panic.
    #[test]
    fn a_changed_archive_is_an_image_or_an_error(
        changes in prop::collection::vec((0_usize..8192, any::<u8>()), 1..6),
        len in 0_usize..12_000,
    ) {
        let bench = Bench::without_skopeo();
        let (layout, _) = simple(100);
        let mut tar = layout.tar();
        for (at, byte) in changes {
            if let Some(changed) = tar.get_mut(at) {
                *changed = byte;
            }
        }
        tar.truncate(len.max(512));
        let path = bench.write("a.tar", &tar);
        if let Ok(source) = bench.open(&reference("oci-archive", &path, ":v1")) {
            let Ok(config) = source.config() else { return Ok(()) };
            for layer in oci_manifest::Layout::new(source.manifest(), &config).unwrap().layers {
                let _read = read(source.as_ref(), &layer);
            }
        }
    }
}
