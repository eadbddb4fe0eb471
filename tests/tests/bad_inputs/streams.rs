//! Compressed streams and archives: every byte is read, and what is damaged is said to be.

use std::process::Command;

use test_images::{
    Image, Layer, Packing, compress,
    tar::{Dialect, Header, Kind, RawTar, SparsePart},
};
use whole_program_tests::{Place, run};

use crate::harness::{accepted_layers, blob, layer, raw, refused_single};

/// An archive of two files that do not compress, over several blocks of every format.
fn tar() -> Vec<u8> {
    let listing = "file usr/a size=300000 seed=1\nfile usr/b \"last\"";
    test_images::Listing::parse(listing)
        .unwrap()
        .to_tar(Dialect::Pax)
        .unwrap()
}

#[track_caller]
fn accepted_stream(bytes: Vec<u8>, packing: Packing) {
    let pulled = accepted_layers([blob(bytes, packing, &tar())]);
    assert_eq!(pulled.content("/usr/b"), "last");
    assert_eq!(pulled.tree.at("/usr/a").size, 300_000);
}

#[test]
fn row_37_74_multi_member_gzip() {
    accepted_stream(compress::gzip_members(&tar(), 100_000), Packing::GZIP);
    accepted_stream(compress::gzip_members(&tar(), 777), Packing::GZIP);
    // An empty member at the end, as eStargz and bgzip leave.
    let with_empty = [compress::gzip(&tar(), 6), compress::gzip(b"", 6)].concat();
    accepted_stream(with_empty, Packing::GZIP);
}

#[test]
fn row_38_garbage_after_gzip() {
    for garbage in [&b"garbage"[..], b"\x1f\x8bgarbage", &[0x1f]] {
        let bytes = [&compress::gzip(&tar(), 6), garbage].concat();
        refused_single(blob(bytes, Packing::GZIP, &tar()), &["gzip"]);
    }
}

#[test]
fn row_39_cut_gzip_trailer() {
    let whole = compress::gzip(&tar(), 6);
    for cut in [1, 4, compress::GZIP_TRAILER, 1000] {
        let bytes = whole[..whole.len() - cut].to_vec();
        refused_single(blob(bytes, Packing::GZIP, &tar()), &["gzip"]);
    }
}

#[test]
fn row_39b_wrong_gzip_crc() {
    refused_single(
        blob(compress::gzip_wrong_crc(&tar()), Packing::GZIP, &tar()),
        &["gzip"],
    );
}

#[test]
fn row_48_cut_zstd_frame() {
    let whole = compress::zstd(&tar(), 3);
    for cut in [1, 1000] {
        let bytes = whole[..whole.len() - cut].to_vec();
        refused_single(blob(bytes, Packing::ZSTD, &tar()), &["zstd"]);
    }
    let frames = compress::zstd_frames(&tar(), 1000);
    refused_single(
        blob(frames[..frames.len() - 1].to_vec(), Packing::ZSTD, &tar()),
        &["zstd"],
    );
}

#[test]
fn row_40_tar_cut_inside_an_entry() {
    let whole = tar();
    // In the first file's content, and in the second header.
    for length in [512 + 1000, 512 + 300_032 + 100] {
        refused_single(Layer::new(&whole[..length], Packing::GZIP), &["cut off"]);
    }
}

#[test]
fn row_40b_no_end_blocks() {
    let tar = RawTar::new().file("usr/x", "1");
    let no_end = tar.clone().without_end();
    // Nor padding, as umoci writes it.
    for length in [no_end.len(), no_end.len() - 511] {
        let pulled = accepted_layers([Layer::new(&no_end[..length], Packing::GZIP)]);
        assert_eq!(pulled.content("/usr/x"), "1");
        pulled.warns(&["marks its end"]);
    }
    let one_block = [tar.without_end(), vec![0; 512]].concat();
    let pulled = accepted_layers([Layer::new(&one_block, Packing::GZIP)]);
    assert_eq!(pulled.content("/usr/x"), "1");
}

#[test]
fn row_41b_second_tar_after_the_end_blocks() {
    let first = RawTar::new().file("usr/first", "1").finish();
    let second = RawTar::new().file("usr/second", "2").finish();
    let both = [first, second].concat();
    let pulled = accepted_layers([Layer::new(&both, Packing::GZIP)]);
    assert_eq!(pulled.tree.paths(), ["/", "/usr", "/usr/first"]);
    pulled.warns(&["end of the archive"]);
}

#[test]
fn row_42_43_media_type_and_bytes_disagree() {
    let tar = tar();
    let streams = [
        (Packing::None, tar.clone()),
        (Packing::GZIP, compress::gzip(&tar, 6)),
        (Packing::ZSTD, compress::zstd(&tar, 3)),
    ];
    for (declared, _) in &streams {
        for (found, bytes) in &streams {
            if declared != found {
                refused_single(blob(bytes.clone(), *declared, &tar), &["media type"]);
            }
        }
    }
    refused_single(
        blob(b"no archive at all".to_vec(), Packing::GZIP, &tar),
        &["media type"],
    );
}

#[test]
fn row_45_47_concatenated_and_skippable_zstd_frames() {
    accepted_stream(compress::zstd_frames(&tar(), 65_536), Packing::ZSTD);
    let toc = compress::zstd_skippable_frame(b"a table of contents");
    let around = [&toc[..], &compress::zstd_frames(&tar(), 1000), &toc, &toc].concat();
    accepted_stream(around, Packing::ZSTD);
    accepted_stream(compress::zstd_with_window(&tar(), 27), Packing::ZSTD);
}

#[test]
fn row_46_zstd_window_over_128_mib() {
    for log in [28, 31, 41] {
        let bytes = compress::zstd_with_window(&tar(), log);
        refused_single(blob(bytes, Packing::ZSTD, &tar()), &["window", "134217728"]);
    }
}

#[test]
fn row_bomb_zstd_is_stopped_by_the_ratio() {
    // 1 GiB of zeros in about 100 KB.
    const SIZE: u64 = 1 << 30;
    let path = tempfile::NamedTempFile::new().unwrap();
    let mut writer =
        test_images::LayerWriter::create(path.path(), Packing::Zstd { level: 1 }).unwrap();
    let entry = test_images::Entry::new("usr/zeros", test_images::Node::File("".into()));
    let mut tar = test_images::tar::TarWriter::new(&mut writer, Dialect::Gnu);
    tar.file(&entry, SIZE, &mut std::io::repeat(0)).unwrap();
    tar.finish().unwrap();
    let bomb = writer.finish().unwrap();
    assert!(bomb.size * 2000 < SIZE, "not much of a bomb: {}", bomb.size);
    refused_single(bomb, &["limit"]);
}

#[test]
fn row_bomb_gzip_ends_before_the_file_system_is_full() {
    // 400 MB of zeros in 400 KB; the repository lies in a file system of 64 MB of its own.
    const SIZE: u64 = 400_000_000;
    let path = tempfile::NamedTempFile::new().unwrap();
    let mut writer = test_images::LayerWriter::create(path.path(), Packing::GZIP).unwrap();
    let entry = test_images::Entry::new("usr/zeros", test_images::Node::File("".into()));
    let mut tar = test_images::tar::TarWriter::new(&mut writer, Dialect::Gnu);
    tar.file(&entry, SIZE, &mut std::io::repeat(0)).unwrap();
    tar.finish().unwrap();
    let bomb = writer.finish().unwrap();
    let digest = bomb.digest.clone();
    let (place, _) = Place::image(&Image::of([bomb]));
    let mount = tempfile::tempdir().unwrap();
    let script = r#"
        set -e
        mount -t tmpfs -o size=64m none "$1"
        ostree --repo="$1/repo" init --mode=bare-user
        if "$2" image pull --repo "$1/repo" "$3"; then exit 50; else code=$?; fi
        ostree --repo="$1/repo" refs
        ostree --repo="$1/repo" fsck --quiet
        test $(du -sk "$1/repo" | cut -f1) -lt 2048
        exit $code
    "#;
    let run = run(Command::new("unshare")
        .args(["--mount", "--", "sh", "-c", script, "sh"])
        .arg(mount.path())
        .arg(whole_program_tests::program())
        .arg(place.latest()));
    assert_eq!(run.code, Some(6), "no space has a code of its own: {run}");
    assert!(run.stderr.contains("space"), "{run}");
    assert!(!run.stdout.contains(digest.hex()), "{run}");
}

#[test]
fn row_56_pax_size_wins_over_the_headers() {
    // The header claims 0 bytes, the record 1024: those are a header and a body that must not be read as an entry.
    let hidden = RawTar::new().file("usr/smuggled", "evil").without_end();
    let size = hidden.len().to_string();
    let tar = RawTar::new()
        .pax(&[("size", size.as_bytes())])
        .entry(&Header::new(Kind::File, "usr/carrier").size(0), &hidden)
        .file("usr/after", "");
    let pulled = accepted_layers([raw(tar)]);
    assert_eq!(
        pulled.tree.paths(),
        ["/", "/usr", "/usr/after", "/usr/carrier"]
    );
    assert_eq!(pulled.tree.at("/usr/carrier").size, hidden.len() as u64);
    // The other way round: the header claims the bytes, the record none.
    let tar = RawTar::new().pax(&[("size", b"0")]).entry(
        &Header::new(Kind::File, "usr/carrier").size(hidden.len() as u64),
        &hidden,
    );
    let pulled = accepted_layers([raw(tar)]);
    assert_eq!(
        pulled.tree.paths(),
        ["/", "/usr", "/usr/carrier", "/usr/smuggled"]
    );
    assert_eq!(pulled.tree.at("/usr/carrier").size, 0);
}

#[test]
fn row_56_no_resynchronisation_after_damage() {
    let garbage = [b'x'; 512];
    let tar = RawTar::new()
        .file("usr/x", "")
        .raw(&garbage)
        .file("usr/y", "");
    refused_single(raw(tar), &["checksum"]);
    let wrong = Header::new(Kind::File, "usr/y").checksum(b"0000000\0");
    refused_single(
        raw(RawTar::new().file("usr/x", "").entry(&wrong, &[])),
        &["checksum"],
    );
}

#[test]
fn row_sparse_files_are_whole_and_at_their_place() {
    let map = [
        SparsePart::new(0, 512),
        SparsePart::new(65_536, 512),
        SparsePart::new(100_000, 0),
    ];
    let data = [[b'a'; 512], [b'b'; 512]].concat();
    let mut expected = vec![0; 100_000];
    expected[..512].fill(b'a');
    expected[65_536..65_536 + 512].fill(b'b');
    let tar = RawTar::new()
        .sparse_gnu("etc/gnu", &map, 100_000, &data)
        .sparse_pax_0_0("etc/pax00", &map, 100_000, &data)
        .sparse_pax_0_1("etc/pax01", &map, 100_000, &data)
        .sparse_pax_1_0("etc/pax10", &map, 100_000, &data)
        .file("usr/after", "");
    let pulled = accepted_layers([raw(tar), layer("file usr/same")]);
    let expected = String::from_utf8(expected).unwrap();
    for name in ["gnu", "pax00", "pax01", "pax10"] {
        let path = format!("/usr/etc/{name}");
        assert!(pulled.content(&path) == expected, "{path}");
    }
    assert!(!pulled.tree.has("/etc") && pulled.tree.has("/usr/after"));
}

#[test]
fn row_sparse_hostile_maps_are_bounded() {
    let part = SparsePart::new;
    let cases: [(&[SparsePart], u64); 6] = [
        // Overlapping, backwards, past the end, overflowing, more data than there is, an exabyte of hole.
        (&[part(0, 512), part(100, 512)], 4096),
        (&[part(2048, 512), part(0, 512)], 4096),
        (&[part(0, 512), part(8192, 512)], 4096),
        (&[part(u64::MAX - 100, 512), part(0, 512)], 4096),
        (&[part(0, 1 << 40), part(1 << 41, 512)], 1 << 42),
        (&[part(0, 512), part(1 << 60, 512)], (1 << 60) + 512),
    ];
    let data = [b'x'; 1024];
    for (map, size) in cases {
        for tar in [
            RawTar::new().sparse_gnu("usr/x", map, size, &data),
            RawTar::new().sparse_pax_0_1("usr/x", map, size, &data),
            RawTar::new().sparse_pax_1_0("usr/x", map, size, &data),
        ] {
            refused_single(raw(tar), &["layer 0"]);
        }
    }
    // A map with more pieces than anyone needs.
    let map: Vec<SparsePart> = (0..300_000).map(|number| part(number * 2, 1)).collect();
    let data = vec![b'x'; 300_000];
    refused_single(
        raw(RawTar::new().sparse_gnu("usr/x", &map, 600_000, &data)),
        &["usr/x", "sparse"],
    );
}
