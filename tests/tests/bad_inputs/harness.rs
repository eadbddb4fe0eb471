//! How a row is tried: the image is pulled by the program, and `ostree` says what came of it.

use serde_json::Value;
use test_images::{Digest, Image, Layer, Layout, Packing, tar::RawTar};
use whole_program_tests::{Mode, Place, Repo, Run, Tree};

/// A layer of a listing.
pub(crate) fn layer(listing: &str) -> Layer {
    Layer::listing(listing).unwrap()
}

/// A layer of an archive made by hand.
pub(crate) fn raw(tar: RawTar) -> Layer {
    Layer::new(&tar.finish(), Packing::GZIP)
}

/// A layer whose blob is these bytes, and whose `diff_id` is that of `tar`.
pub(crate) fn blob(bytes: Vec<u8>, packing: Packing, tar: &[u8]) -> Layer {
    Layer::from_blob(bytes, packing.media_type(), Digest::sha256_of(tar))
}

/// What a pull that went well left.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) tree: Tree,
    pub(crate) json: Value,
    pub(crate) repo: Repo,
    pub(crate) merge_commit: String,
}

impl Accepted {
    /// Panics unless a warning has all these words.
    #[track_caller]
    pub(crate) fn warns(&self, words: &[&str]) {
        let warnings = self.json["warnings"].as_array().unwrap();
        let found = warnings.iter().any(|warning| {
            let warning = warning.as_str().unwrap();
            words.iter().all(|word| warning.contains(word))
        });
        assert!(found, "no warning with {words:?} in {warnings:#?}");
    }

    /// How many paths below this top-level name were dropped.
    pub(crate) fn dropped(&self, top: &str) -> u64 {
        self.json["droppedPaths"][top].as_u64().unwrap_or(0)
    }

    /// The content of a file.
    #[track_caller]
    pub(crate) fn content(&self, path: &str) -> String {
        self.repo.ostree(["cat", &self.merge_commit, path])
    }

    /// Panics when a whiteout marker is left anywhere in the merged tree.
    #[track_caller]
    pub(crate) fn has_no_markers(&self) {
        let paths = self.tree.paths();
        let left: Vec<_> = paths.iter().filter(|path| path.contains("/.wh.")).collect();
        assert!(left.is_empty(), "markers left: {left:?}");
    }
}

/// The image must be pullable, and the repository sound afterwards.
#[track_caller]
pub(crate) fn accepted(image: &Image) -> Accepted {
    let (place, _) = Place::image(image);
    let repo = Repo::new(Mode::BareUser);
    let json = repo.pull(&place.latest()).ok().json();
    repo.check_clean();
    let merge_commit = json["mergeCommit"].as_str().unwrap().to_owned();
    Accepted {
        tree: repo.tree(&merge_commit),
        json,
        repo,
        merge_commit,
    }
}

/// Layers over nothing, accepted.
#[track_caller]
pub(crate) fn accepted_layers(layers: impl IntoIterator<Item = Layer>) -> Accepted {
    accepted(&Image::of(layers))
}

/// The layer at `offending` must be refused, twice in a row: the error names the layer and says all of `words`;
/// no ref leads to the layer or the image; the repository is sound.
#[track_caller]
pub(crate) fn refused_layer(image: &Image, offending: usize, words: &[&str]) {
    let digest = image.layers[offending].digest.clone();
    let (place, _) = Place::image(image);
    let repo = Repo::new(Mode::BareUser);
    for _ in 0..2 {
        let run = refused(&repo, &place.latest(), words);
        assert!(
            run.stderr.contains(digest.short()),
            "the layer {digest} is not named: {run}"
        );
        assert_eq!(repo.layer_commit(&digest), None, "the layer has a ref");
    }
}

/// A single layer, refused.
#[track_caller]
pub(crate) fn refused_single(layer: Layer, words: &[&str]) {
    refused_layer(&Image::of([layer]), 0, words);
}

/// The image as a whole must be refused: no ref at all, not even of a layer.
#[track_caller]
pub(crate) fn refused_image(image: &Image, words: &[&str]) {
    let (place, _) = Place::image(image);
    refused_reference(&place, words);
}

/// As [`refused_image`], of a layout.
#[track_caller]
pub(crate) fn refused_layout(layout: &Layout, words: &[&str]) {
    refused_reference(&Place::of(layout), words);
}

#[track_caller]
fn refused_reference(place: &Place, words: &[&str]) {
    let repo = Repo::new(Mode::BareUser);
    refused(&repo, &place.latest(), words);
    assert!(repo.refs().is_empty(), "{:?}", repo.refs());
}

#[track_caller]
pub(crate) fn refused(repo: &Repo, reference: &str, words: &[&str]) -> Run {
    let run = repo.pull(reference).failed();
    for word in words {
        assert!(run.stderr.contains(word), "{word:?} is not said: {run}");
    }
    let refs = repo.refs();
    let images: Vec<_> = refs
        .keys()
        .filter(|name| name.contains("/image/"))
        .collect();
    assert!(images.is_empty(), "an image ref: {images:?}");
    repo.check_clean();
    run
}
