//! Trees and tars to layers, on all cores.

use anyhow::{Context as _, Result, bail};
use flate2::read::MultiGzDecoder;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use test_images::{BlobData, Layer, LayerWriter, Packing, TreeDiff};

/// A layer to be: what leads from one tree to another.
#[derive(Debug)]
pub(super) struct Part {
    lower: Option<PathBuf>,
    upper: PathBuf,
}

impl Part {
    pub(super) fn whole(upper: PathBuf) -> Self {
        Self { lower: None, upper }
    }

    pub(super) fn between(lower: &Path, upper: &Path) -> Self {
        Self {
            lower: Some(lower.to_owned()),
            upper: upper.to_owned(),
        }
    }
}

/// Writes each as a blob into `folder`.
pub(super) fn trees(parts: Vec<Part>, folder: &Path, packing: Packing) -> Result<Vec<Layer>> {
    on_all_cores(parts, |part| {
        let diff = match &part.lower {
            Some(lower) => TreeDiff::between(lower, &part.upper),
            None => TreeDiff::all(&part.upper),
        };
        let file = tempfile_in(folder, &part.upper);
        let mut tar = BufWriter::with_capacity(1 << 16, LayerWriter::create(&file, packing)?);
        diff.write(&mut tar)?;
        tar.flush()?;
        let writer = tar.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(writer.finish()?)
    })
}

/// Packs the tars of these layers otherwise; their `diff_id`s stay.
pub(super) fn again(layers: &[Layer], folder: &Path, packing: Packing) -> Result<Vec<Layer>> {
    on_all_cores(layers.to_vec(), |layer| {
        let file = folder.join(format!(
            "{}.again",
            layer.digest.to_string().replace(':', "-")
        ));
        let mut writer = LayerWriter::create(&file, packing)?;
        io::copy(&mut tar_of(&layer)?, &mut writer)?;
        let packed = writer.finish()?;
        if packed.diff_id != layer.diff_id {
            bail!("{}: its tar is not what was said", layer.digest);
        }
        Ok(Layer {
            annotations: layer.annotations,
            created_by: layer.created_by,
            ..packed
        })
    })
}

/// The size of their tars together.
pub(super) fn tar_bytes(layers: &[Layer]) -> Result<u64> {
    let sizes = layers
        .iter()
        .map(|layer| Ok(io::copy(&mut tar_of(layer)?, &mut io::sink())?));
    sizes.sum()
}

/// The tar of a gzip layer that is in a file.
fn tar_of(layer: &Layer) -> Result<impl Read + use<>> {
    let BlobData::File(path) = &layer.data else {
        bail!("{} is in no file", layer.digest);
    };
    let file = File::open(path).with_context(|| path.display().to_string())?;
    Ok(MultiGzDecoder::new(io::BufReader::new(file)))
}

/// Named after the place of the tree, which no other layer has.
fn tempfile_in(folder: &Path, upper: &Path) -> PathBuf {
    let name = |path: Option<&Path>| {
        let name = path.and_then(Path::file_name).unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    folder.join(format!("{}-{}", name(upper.parent()), name(Some(upper))))
}

/// Does `work` for each on as many threads as there are cores; the results in the order of the items.
fn on_all_cores<T: Send, R: Send>(
    items: Vec<T>,
    work: impl Fn(T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let queue: Mutex<VecDeque<_>> = Mutex::new(items.into_iter().enumerate().collect());
    let results = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = queue
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .pop_front();
                    let Some((index, item)) = next else { return };
                    let result = work(item);
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
