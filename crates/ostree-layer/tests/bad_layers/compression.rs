//! Rows 01, 02, 37 to 39b, 42 to 48, 74 and bombs.

use std::io::{Read, Write as _};

use flate2::write::GzEncoder;
use oci_manifest::{Compression, DiffId};
use ostree_layer::{Encoding, Error, Limits};

use crate::support::lab::sha256;
use crate::support::tar::Tar;
use crate::support::{Imported, Lab, Request, chain};

pub(super) fn sample() -> Vec<u8> {
    let content: Vec<u8> = (0..300_000_u32)
        .flat_map(|n| n.wrapping_mul(n).to_le_bytes())
        .collect();
    Tar::new().file("usr/a", content).file("usr/b", "b").end()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

pub(super) fn import(
    blob: &[u8],
    tar: &[u8],
    compression: Compression,
) -> Result<Imported, String> {
    let request = Request {
        compression,
        ..Request::default()
    };
    Lab::new()
        .blob(blob, tar, &request)
        .map_err(|error| chain(&error))
}

#[test]
fn all_three_encodings() {
    let tar = sample();
    let blobs = [
        (tar.clone(), Compression::None),
        (gzip(&tar), Compression::Gzip),
        (zstd(&tar), Compression::Zstd),
    ];
    let mut commits = Vec::new();
    for (blob, compression) in blobs {
        let layer = import(&blob, &tar, compression).unwrap();
        assert_eq!(layer.listing(), "usr/ usr/a usr/b");
        assert_eq!(layer.report.blob_bytes, blob.len() as u64);
        assert_eq!(layer.report.bytes, tar.len() as u64);
        commits.push(layer.id);
    }
    commits.dedup();
    assert_eq!(commits.len(), 1, "the commit depends on the content only");
}

#[test]
fn row_01_wrong_digest() {
    let lab = Lab::new();
    let tar = sample();
    let mut blob = gzip(&tar);
    let digest = Some(sha256(&blob));
    let at = blob.len() - 20_000;
    blob[at] ^= 1;
    let request = || Request {
        compression: Compression::Gzip,
        digest: digest.clone(),
        ..Request::default()
    };
    for _ in 0..2 {
        let error = lab.blob(&blob, &tar, &request()).unwrap_err();
        assert!(
            matches!(error, Error::BlobDigest { .. }),
            "{}",
            chain(&error)
        );
        assert_eq!(lab.objects(), [""; 0]);
    }
    // A layer that is otherwise whole, under another's digest.
    let other = gzip(&Tar::new().file("usr/evil", "").end());
    let size = Some(other.len() as u64);
    let wrong = Request {
        digest: digest.clone(),
        size,
        compression: Compression::Gzip,
        ..Request::default()
    };
    let error = lab
        .blob(&other, &Tar::new().file("usr/evil", "").end(), &wrong)
        .unwrap_err();
    assert!(
        matches!(error, Error::BlobDigest { .. }),
        "{}",
        chain(&error)
    );
    assert_eq!(lab.objects(), [""; 0]);
}

#[test]
fn row_01_wrong_size() {
    let tar = Tar::new().file("a", "").end();
    for (size, actual) in [(2047, 2048), (2049, 2048), (0, 2048)] {
        assert_eq!(tar.len(), 2048 - 512);
        let request = Request {
            size: Some(size - size.min(512)),
            ..Request::default()
        };
        let error = Lab::new().blob(&tar, &tar, &request).unwrap_err();
        let expected = size - size.min(512);
        assert_eq!(
            chain(&error),
            format!(
                "the blob has {} bytes where its descriptor says {expected}",
                actual - 512
            )
        );
    }
}

#[test]
fn row_01_digest_that_does_not_apply() {
    let tar = sample();
    let other = Some(sha256(b"other"));
    let request = || Request {
        digest: other.clone(),
        size: Some(1),
        ..Request::default()
    };
    assert!(Lab::new().blob(&tar, &tar, &request()).is_err());
    let request = Request {
        digest_applies: false,
        ..request()
    };
    assert!(Lab::new().blob(&tar, &tar, &request).is_ok());
}

#[test]
fn row_02_wrong_diff_id() {
    let tar = sample();
    let diff_id = Some(DiffId(sha256(b"other")));
    for (blob, compression) in [
        (tar.clone(), Compression::None),
        (gzip(&tar), Compression::Gzip),
    ] {
        let lab = Lab::new();
        let request = Request {
            diff_id: diff_id.clone(),
            compression,
            ..Request::default()
        };
        let error = lab.blob(&blob, &tar, &request).unwrap_err();
        assert!(matches!(error, Error::DiffId { .. }), "{}", chain(&error));
        assert_eq!(lab.objects(), [""; 0]);
    }
}

#[test]
fn row_37_and_74_many_gzip_members() {
    let tar = sample();
    let members: Vec<u8> = tar.chunks(10_000).flat_map(gzip).collect();
    assert_eq!(
        import(&members, &tar, Compression::Gzip).unwrap().listing(),
        "usr/ usr/a usr/b"
    );
    let empty_last = [gzip(&tar), gzip(b"")].concat();
    assert!(import(&empty_last, &tar, Compression::Gzip).is_ok());
}

#[test]
fn row_38_garbage_after_gzip() {
    let tar = sample();
    let blob = gzip(&tar);
    for garbage in [
        &b"garbage"[..],
        &[0],
        &[0; 512],
        &[0x1f],
        &[0x1f, 0x8b],
        &[0x1f, 0x8c],
    ] {
        let blob = [&blob, garbage].concat();
        let error = import(&blob, &tar, Compression::Gzip).unwrap_err();
        assert!(
            error.starts_with("the gzip stream is"),
            "{garbage:?}: {error}"
        );
    }
}

#[test]
fn row_39_cut_gzip() {
    let tar = sample();
    let blob = gzip(&tar);
    for cut in [1, 2, 4, 7, 8, 9, 1000, blob.len() - 5, blob.len() - 11] {
        let error = import(&blob[..blob.len() - cut], &tar, Compression::Gzip).unwrap_err();
        assert!(
            error.starts_with("the gzip stream is damaged in member 1"),
            "{cut}: {error}"
        );
    }
}

#[test]
fn row_39b_wrong_crc() {
    let tar = sample();
    for at in [8, 5, 4, 1] {
        let mut blob = gzip(&tar);
        let place = blob.len() - at;
        blob[place] ^= 0x10;
        let error = import(&blob, &tar, Compression::Gzip).unwrap_err();
        assert!(
            error.starts_with("the gzip stream is damaged"),
            "{at}: {error}"
        );
    }
}

#[test]
fn row_42_and_43_media_type_and_bytes_disagree() {
    let tar = sample();
    let (gzipped, zstded) = (gzip(&tar), zstd(&tar));
    for (blob, compression, error) in [
        (
            &gzipped,
            Compression::None,
            "the media type says uncompressed tar but the bytes are gzip",
        ),
        (
            &gzipped,
            Compression::Zstd,
            "the media type says zstd but the bytes are gzip",
        ),
        (
            &zstded,
            Compression::Gzip,
            "the media type says gzip but the bytes are zstd",
        ),
        (
            &zstded,
            Compression::None,
            "the media type says uncompressed tar but the bytes are zstd",
        ),
        (
            &tar,
            Compression::Gzip,
            "the media type says gzip but the bytes are an uncompressed tar",
        ),
    ] {
        assert_eq!(import(blob, &tar, compression).unwrap_err(), error);
        let sniff = Request {
            compression,
            encoding: Encoding::Sniff,
            ..Request::default()
        };
        assert!(Lab::new().blob(blob, &tar, &sniff).is_ok());
    }
    let xz = b"\xfd7zXZ\0rest of it";
    let sniff = Request {
        encoding: Encoding::Sniff,
        ..Request::default()
    };
    let error = Lab::new().blob(xz, b"", &sniff).unwrap_err();
    assert_eq!(
        chain(&error),
        "the media type says uncompressed tar but the bytes are xz"
    );
}

#[test]
fn row_49_blob_of_no_bytes() {
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        assert_eq!(import(b"", b"", compression).unwrap().listing(), "");
    }
    assert_eq!(
        import(&gzip(b""), b"", Compression::Gzip)
            .unwrap()
            .listing(),
        ""
    );
}

#[test]
fn row_bomb_limits() {
    let tar = Tar::new().file("a", vec![0; 10_000_000]).end();
    let blob = gzip(&tar);
    let import = |limits| {
        let request = Request {
            compression: Compression::Gzip,
            limits,
            ..Request::default()
        };
        Lab::new()
            .blob(&blob, &tar, &request)
            .map_err(|error| chain(&error))
    };
    let small = Limits {
        layer_bytes: 1_000_000,
        ..Limits::default()
    };
    let error = import(small).unwrap_err();
    assert_eq!(
        error,
        "the layer exceeds the limit of 1000000 uncompressed bytes"
    );
    let strict = Limits {
        ratio: 10,
        ratio_floor: 1_000_000,
        ..Limits::default()
    };
    let error = import(strict).unwrap_err();
    assert_eq!(
        error,
        "the layer exceeds the limit of 10 times its compressed size"
    );
    assert!(import(Limits::default()).is_ok());
}

#[test]
fn a_source_that_fails_is_the_cause() {
    struct Failing(usize);
    impl Read for Failing {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            self.0 += 1;
            if self.0 > 3 {
                return Err(std::io::Error::other("the network is gone"));
            }
            let blob = gzip(&sample());
            let count = buf.len().min(1000);
            buf[..count].copy_from_slice(&blob[(self.0 - 1) * 1000..][..count]);
            Ok(count)
        }
    }
    for compression in [Compression::Gzip, Compression::Zstd, Compression::None] {
        let lab = Lab::new();
        let layer = lab.layer(
            &gzip(&sample()),
            &sample(),
            &Request {
                compression,
                ..Request::default()
            },
        );
        let request = Request {
            compression,
            encoding: Encoding::Sniff,
            ..Request::default()
        };
        let error = lab.import(Failing(0), &layer, &request).unwrap_err();
        assert_eq!(chain(&error), "cannot read the blob: the network is gone");
    }
}
