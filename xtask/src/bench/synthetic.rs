//! Images of any number of small files, to see how cost grows with it.

use super::inputs::{self, Input};
use anyhow::Result;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use test_images::tar::{Dialect, TarWriter};
use test_images::{Content, Entry, Image, Layer, LayerWriter, Node, Packing};

const LAYERS: u64 = 4;
const FILES_IN_A_FOLDER: u64 = 100;

/// The image of so many files, from the cache.
pub(super) fn ensure(cache: &Path, files: u64) -> Result<Input> {
    let folder = cache.join(format!("files-{files}"));
    if !folder.exists() {
        println!("making an image of {files} files");
        let work = cache.join("work");
        if work.exists() {
            fs::remove_dir_all(&work)?;
        }
        fs::create_dir_all(&work)?;
        let layers: Result<Vec<_>> = (0..LAYERS)
            .map(|number| layer(&work.join(number.to_string()), number, files / LAYERS))
            .collect();
        inputs::write(&work.join("image"), &[Image::of(layers?)], 0)?;
        fs::rename(work.join("image"), &folder)?;
        fs::remove_dir_all(&work)?;
    }
    Input::open(&folder)
}

fn layer(blob: &Path, number: u64, files: u64) -> Result<Layer> {
    let out = BufWriter::new(LayerWriter::create(blob, Packing::Gzip { level: 1 })?);
    let mut tar = TarWriter::new(out, Dialect::Pax);
    for name in [
        "usr".to_owned(),
        "usr/share".to_owned(),
        format!("usr/share/{number}"),
    ] {
        tar.entry(&folder(name))?;
    }
    for file in 0..files {
        let place = format!("usr/share/{number}/{}", file / FILES_IN_A_FOLDER);
        if file % FILES_IN_A_FOLDER == 0 {
            tar.entry(&folder(place.clone()))?;
        }
        let text = format!("{number} {file}\n").repeat(1 + usize::try_from(file % 150)?);
        let mut entry = Entry::new(
            format!("{place}/{file}"),
            Node::File(Content::Bytes(text.into())),
        );
        entry.mode = 0o644;
        tar.entry(&entry)?;
    }
    let mut out = tar.finish()?;
    out.flush()?;
    let writer = out
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error)?;
    Ok(writer.finish()?)
}

fn folder(name: String) -> Entry {
    Entry::new(name, Node::Dir)
}
