//! A repository and image layouts in temporary directories.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bootc_storage::pull::{
    Compat, ComposefsDigest, Labels, PullConfig, PullPlan, Pulled, default_jobs,
};
use bootc_storage::{Error, Event, Observer, Storage};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use image_source::{Retry, SourceConfig};
use oci_manifest::{ImageReference, OstreeImageReference};
use ostree_objects::RepoMode;
use tempfile::TempDir;
use test_images::{Image, Layer, Layout};

pub(crate) struct Host {
    dir: TempDir,
    pub(crate) storage: Storage,
    events: Arc<Mutex<Vec<String>>>,
}

impl Host {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("repo")).unwrap();
        let repo = Dir::open_ambient_dir(dir.path().join("repo"), ambient_authority()).unwrap();
        let storage = Storage::create_repo(repo, RepoMode::BareUser)
            .unwrap()
            .with_patience(Duration::from_millis(300));
        Self {
            dir,
            storage,
            events: Arc::default(),
        }
    }

    pub(crate) fn repo(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    /// The repository opened once more, after a change to its configuration.
    pub(crate) fn reopened(&self) -> Storage {
        let repo = Dir::open_ambient_dir(self.repo(), ambient_authority()).unwrap();
        Storage::open_repo(repo).unwrap()
    }

    /// Notes each event by its variant.
    pub(crate) fn observer(&self) -> Observer {
        let events = Arc::clone(&self.events);
        Arc::new(move |event: Event<'_>| {
            let text = match event {
                Event::Phase(phase) => format!("{phase:?}"),
                Event::Warning(warning) => format!("warning: {warning:?}"),
                Event::LayerBytes { .. } => return,
                event => format!("{event:?}")
                    .split([' ', '(', '{'])
                    .next()
                    .unwrap()
                    .to_owned(),
            };
            events.lock().unwrap().push(text);
        })
    }

    pub(crate) fn events(&self) -> Vec<String> {
        std::mem::take(&mut *self.events.lock().unwrap())
    }

    pub(crate) fn config(&self) -> PullConfig {
        let tmp = Dir::open_ambient_dir(self.dir.path(), ambient_authority()).unwrap();
        let mut source = SourceConfig::new(Arc::new(tmp));
        source.retry = Retry::never();
        PullConfig {
            source,
            compat: Compat::None,
            labels: Labels::OfPolicy,
            composefs_digest: ComposefsDigest::Named,
            jobs: default_jobs(),
            limits: ostree_layer::Limits::default(),
        }
    }

    pub(crate) fn plan(&self, reference: &str) -> Result<PullPlan, Error> {
        let reference = OstreeImageReference::parse_lenient(reference).unwrap();
        self.storage
            .plan_pull(&reference, &self.config(), &self.observer())
    }

    pub(crate) fn apply(&self, plan: &PullPlan) -> Result<Pulled, Error> {
        self.storage
            .apply_pull(plan, &self.config(), &self.observer())
    }

    pub(crate) fn pull(&self, reference: &str) -> Result<Pulled, Error> {
        self.apply(&self.plan(reference)?)
    }

    pub(crate) fn pull_by(&self, reference: &str, compat: Compat) -> Pulled {
        let config = PullConfig {
            compat,
            ..self.config()
        };
        self.pull_as(reference, &config)
    }

    pub(crate) fn pull_as(&self, reference: &str, config: &PullConfig) -> Pulled {
        let reference = OstreeImageReference::parse_lenient(reference).unwrap();
        let plan = self
            .storage
            .plan_pull(&reference, config, &self.observer())
            .unwrap();
        self.storage
            .apply_pull(&plan, config, &self.observer())
            .unwrap()
    }

    pub(crate) fn ref_path(&self, name: &str) -> PathBuf {
        self.repo().join("refs/heads").join(name)
    }

    pub(crate) fn blob_ref(&self, layer: &Layer) -> PathBuf {
        self.ref_path(ostree_refs::blob_ref(&layer.digest).unwrap().as_str())
    }

    /// The commit that the layer's ref names.
    pub(crate) fn layer_commit(&self, layer: &Layer) -> Option<String> {
        fs::read_to_string(self.blob_ref(layer))
            .ok()
            .map(|text| text.trim().to_owned())
    }

    pub(crate) fn refs(&self) -> Vec<String> {
        let list = self.storage.repo().list_refs("").unwrap();
        list.refs.into_iter().map(|(name, _)| name).collect()
    }

    /// The content of a file of a commit.
    pub(crate) fn cat(&self, commit: &str, path: &str) -> Option<String> {
        let repo = self.storage.repo();
        let mut tree = repo.read_commit(&commit.parse().unwrap()).unwrap().tree;
        let (dirs, name) = path.rsplit_once('/').unwrap_or(("", path));
        for dir in dirs.split('/').filter(|dir| !dir.is_empty()) {
            let dirs = repo.read_dirtree(&tree).unwrap().dirs;
            tree = dirs.into_iter().find(|(name, ..)| name == dir)?.1;
        }
        let files = repo.read_dirtree(&tree).unwrap().files;
        let file = files.into_iter().find(|(file, _)| file == name)?.1;
        let mut text = String::new();
        let mut content = repo.open_file(&file).unwrap().content;
        std::io::Read::read_to_string(&mut content, &mut text).unwrap();
        Some(text)
    }

    /// Paths of loose objects with that extension, sorted by size.
    pub(crate) fn objects(&self, extension: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for shard in fs::read_dir(self.repo().join("objects")).unwrap() {
            for object in fs::read_dir(shard.unwrap().path()).unwrap() {
                let path = object.unwrap().path();
                if path.extension().is_some_and(|found| found == extension) {
                    found.push(path);
                }
            }
        }
        found.sort_by_key(|path| path.metadata().unwrap().size());
        found
    }

    pub(crate) fn check(&self) -> Vec<String> {
        let jobs = default_jobs();
        let report = self.storage.check(&[], jobs, &self.observer()).unwrap();
        report
            .problems
            .into_iter()
            .map(|problem| format!("{}: {}", problem.subject, problem.what))
            .collect()
    }
}

/// A layout on disk.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn of(layout: &Layout) -> Self {
        let place = Self(TempDir::new().unwrap());
        place.write(layout);
        place
    }

    pub(crate) fn image(image: &Image) -> Self {
        Self::of(&Layout::new().image("latest", &image.build()))
    }

    pub(crate) fn write(&self, layout: &Layout) {
        layout.write_dir(&self.0.path().join("oci")).unwrap();
    }

    pub(crate) fn archive(layout: &Layout) -> Self {
        let place = Self(TempDir::new().unwrap());
        let file = fs::File::create(place.0.path().join("image.tar")).unwrap();
        layout.write_archive(file).unwrap();
        place
    }

    pub(crate) fn archive_tag(&self, tag: &str) -> String {
        format!("oci-archive:{}/image.tar:{tag}", self.0.path().display())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("oci")
    }

    pub(crate) fn tag(&self, tag: &str) -> String {
        format!("oci:{}:{tag}", self.path().display())
    }

    pub(crate) fn latest(&self) -> String {
        self.tag("latest")
    }
}

pub(crate) fn layer(listing: &str) -> Layer {
    Layer::listing(listing).unwrap()
}

pub(crate) fn name(reference: &str) -> ImageReference {
    reference.parse().unwrap()
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
