//! Rows 45 to 48 and the bomb, for zstd.

use std::io::Write as _;

use oci_manifest::Compression;

use crate::compression::{import, sample, zstd};

#[test]
fn row_45_and_47_zstd_frames() {
    let tar = sample();
    let skippable = |size: u32| {
        let mut frame = vec![0x5a, 0x2a, 0x4d, 0x18];
        frame.extend(size.to_le_bytes());
        frame.extend(vec![0xaa; size as usize]);
        frame
    };
    let mut blob = skippable(7);
    for part in tar.chunks(100_000) {
        blob.extend(zstd(part));
        blob.extend(skippable(0));
    }
    blob.extend(skippable(300_000));
    assert_eq!(
        import(&blob, &tar, Compression::Zstd).unwrap().listing(),
        "usr/ usr/a usr/b"
    );
    let cut = &blob[..blob.len() - 1];
    assert!(
        import(cut, &tar, Compression::Zstd)
            .unwrap_err()
            .contains("cut off")
    );
    let garbage = [zstd(&tar), b"garbage".to_vec()].concat();
    let error = import(&garbage, &tar, Compression::Zstd).unwrap_err();
    assert_eq!(
        error,
        "the zstd stream is damaged in frame 2: what follows is no zstd frame"
    );
}

fn frame_header(window_descriptor: u8) -> Vec<u8> {
    vec![0x28, 0xb5, 0x2f, 0xfd, 0, window_descriptor]
}

#[test]
fn row_46_large_windows() {
    // 256 MiB: exponent 18. One empty raw block, the last.
    let mut blob = frame_header(18 << 3);
    blob.extend([1, 0, 0]);
    let error = import(&blob, b"", Compression::Zstd).unwrap_err();
    assert_eq!(
        error,
        "a zstd frame needs a window of 268435456 bytes, more than the limit of 134217728"
    );
    // 128 MiB is allowed, and so are several layers with large windows at once.
    let mut blob = frame_header(17 << 3);
    blob.extend([1, 0, 0]);
    import(&blob, b"", Compression::Zstd).unwrap();
    let tar = sample();
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(25).unwrap();
    encoder.write_all(&tar).unwrap();
    let blob = encoder.finish().unwrap();
    let twice = [blob.clone(), blob].concat();
    let content = [tar.clone(), tar].concat();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| import(&twice, &content, Compression::Zstd).unwrap());
        }
    });
}

#[test]
fn row_48_cut_zstd() {
    let tar = sample();
    let blob = zstd(&tar);
    for cut in [1, 3, 100, blob.len() - 5, blob.len() - 9] {
        let error = import(&blob[..blob.len() - cut], &tar, Compression::Zstd).unwrap_err();
        assert!(
            error.starts_with("the zstd stream is damaged in frame 1"),
            "{cut}: {error}"
        );
    }
}

#[test]
fn row_bomb_1_mb_of_zstd() {
    // Each block of 4 bytes is 128 KiB of zeros: 32 GiB in 1 MB.
    let mut blob = frame_header(7 << 3);
    for _ in 0..262_144 {
        blob.extend([0x02, 0x00, 0x10, 0]);
    }
    let error = import(&blob, b"", Compression::Zstd).unwrap_err();
    assert_eq!(
        error,
        "the layer exceeds the limit of 1100 times its compressed size"
    );
}
