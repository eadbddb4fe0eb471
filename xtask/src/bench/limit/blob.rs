//! The first thread: blobs read, hashed, inflated, hashed again.

use super::pipe::Filler;
use anyhow::{Context as _, Result, bail};
use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Sends the tar of each blob on its way.
#[expect(
    clippy::needless_pass_by_value,
    reason = "its end is seen when it is dropped"
)]
pub(super) fn unpack(layers: &[PathBuf], filler: Filler) -> Result<()> {
    for path in layers {
        if !layer(path, &filler).with_context(|| path.display().to_string())? {
            break;
        }
    }
    Ok(())
}

/// Whether it was drained to its end.
fn layer(path: &Path, filler: &Filler) -> Result<bool> {
    let mut file = File::open(path)?;
    let mut magic = [0; 4];
    file.read_exact(&mut magic)?;
    file = File::open(path)?;
    let mut blob = Hashed {
        file,
        hasher: Sha256::new(),
    };
    let mut tar: Box<dyn Read + '_> = match magic {
        [0x1f, 0x8b, ..] => {
            let buffered = io::BufReader::with_capacity(1 << 17, &mut blob);
            Box::new(MultiGzDecoder::new(buffered))
        }
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::Decoder::new(&mut blob)?),
        other => bail!("neither gzip nor zstd: {other:x?}"),
    };
    let mut hasher = Sha256::new();
    loop {
        let mut piece = filler.piece();
        let count = fill(&mut tar, &mut piece)?;
        piece.truncate(count);
        hasher.update(&piece);
        if count == 0 {
            break;
        }
        if !filler.send(piece) {
            return Ok(false);
        }
    }
    drop(tar);
    let digest = hex(blob.hasher);
    if !path.ends_with(&digest) {
        bail!("its digest is {digest}");
    }
    // That it is computed is what matters here.
    std::hint::black_box(hex(hasher));
    Ok(filler.end_layer())
}

fn fill(from: &mut impl Read, piece: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < piece.len() {
        match from.read(&mut piece[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

fn hex(hasher: Sha256) -> String {
    let digest: [u8; 32] = hasher.finalize().into();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Hashed {
    file: File,
    hasher: Sha256,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}
