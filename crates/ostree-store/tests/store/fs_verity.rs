//! fs-verity digests.

use ostree_store::{FsVerityDigest, FsVerityHasher};
use sha2::{Digest as _, Sha256};

fn content(size: usize) -> Vec<u8> {
    (0..size)
        .map(|at| u8::try_from(at * 7 % 251).unwrap())
        .collect()
}

/// As the kernel's documentation describes it, level by level, with all of the tree in memory.
fn by_the_book(content: &[u8]) -> FsVerityDigest {
    let hash_blocks = |bytes: &[u8]| -> Vec<u8> {
        bytes
            .chunks(4096)
            .flat_map(|block| {
                let mut block = block.to_vec();
                block.resize(4096, 0);
                Sha256::digest(block).to_vec()
            })
            .collect()
    };
    let mut root = vec![0; 32];
    if !content.is_empty() {
        root = hash_blocks(content);
        while root.len() > 32 {
            root = hash_blocks(&root);
        }
    }
    let mut descriptor = vec![1, 1, 12, 0, 0, 0, 0, 0];
    descriptor.extend_from_slice(&(content.len() as u64).to_le_bytes());
    descriptor.extend_from_slice(&root);
    descriptor.resize(256, 0);
    FsVerityDigest::from_bytes(Sha256::digest(descriptor).into())
}

#[test]
fn digests_are_those_that_others_publish() {
    for (content, wanted) in [
        // As fsverity-utils prints it; composefs-info 1.0.8 says otherwise, but no image has digests of empty files.
        (
            vec![],
            "3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95",
        ),
        // As composefs-info 1.0.8 measures them.
        (
            b"hello\n".to_vec(),
            "9c76eecc7b76fcb46199cb27b90cf59a660e10575bb0412128905129d5b1c2aa",
        ),
        (
            vec![0; 1_000_000],
            "5829f7f4451bf83dd61618787a0dfc11d5eaab032ae8b26d2d98945a06a69c9e",
        ),
    ] {
        assert_eq!(FsVerityDigest::of(&content).to_string(), wanted);
    }
}

#[test]
fn streams_of_every_shape_give_the_digest_of_the_whole() {
    let block = 4096;
    for size in [
        0,
        1,
        block - 1,
        block,
        block + 1,
        127 * block,
        128 * block,
        128 * block + 1,
        129 * block,
        256 * block,
        128 * 128 * block,
        128 * 128 * block + 1,
    ] {
        let content = content(size);
        let wanted = by_the_book(&content);
        for piece in [977, block, 65536, usize::MAX] {
            let mut hasher = FsVerityHasher::new();
            for part in content.chunks(piece.min(size.max(1))) {
                hasher.update(part);
            }
            assert_eq!(hasher.finish(), wanted, "{size} bytes in pieces of {piece}");
        }
        assert_eq!(FsVerityDigest::of_reader(&*content).unwrap(), wanted);
    }
}

#[test]
fn text_comes_back() {
    let digest = FsVerityDigest::of(b"x");
    assert_eq!(
        digest.to_string().parse::<FsVerityDigest>().unwrap(),
        digest
    );
    assert_eq!(
        digest
            .to_string()
            .to_uppercase()
            .parse::<FsVerityDigest>()
            .unwrap(),
        digest
    );
    for text in ["", "00", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64)] {
        assert!(text.parse::<FsVerityDigest>().is_err(), "{text}");
    }
}
