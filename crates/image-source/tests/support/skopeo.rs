//! Sources as the tests want them.

use std::io::Read as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cap_std::fs::Dir;
use image_source::{Error, OnEvent, Retry, Source, SourceConfig, SourceEvent};
use oci_manifest::{Layer, Layout, OstreeImageReference};

/// A configuration with a scratch directory, and what was told.
pub struct Bench {
    pub scratch: tempfile::TempDir,
    pub config: SourceConfig,
    pub events: Arc<Mutex<Vec<SourceEvent>>>,
}

impl Bench {
    pub fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let tmp = scratch.path().join("tmp");
        std::fs::create_dir(&tmp).unwrap();
        let dir = Dir::from_std_file(std::fs::File::open(tmp).unwrap());
        let mut config = SourceConfig::new(Arc::new(dir));
        config.tls_verify = Some(false);
        config.stall_timeout = Duration::from_secs(30);
        config.retry = Retry {
            attempts: 3,
            first_delay: Duration::from_millis(10),
            max_delay: Duration::from_millis(40),
        };
        Self {
            scratch,
            config,
            events: Arc::default(),
        }
    }

    /// One that cannot start skopeo.
    pub fn without_skopeo() -> Self {
        let mut bench = Self::new();
        bench.config.skopeo = "/nonexistent/skopeo".into();
        bench
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.scratch.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> std::path::PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// An executable script in place of skopeo.
    pub fn script(&self, name: &str, text: &str) -> std::path::PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.write(name, text);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    pub fn open(&self, reference: &str) -> Result<Box<dyn Source>, Error> {
        let events = Arc::clone(&self.events);
        let on_event: OnEvent = Arc::new(move |event| events.lock().unwrap().push(event));
        image_source::open(
            &OstreeImageReference::parse_lenient(reference).unwrap(),
            &self.config,
            on_event,
        )
    }

    pub fn retries(&self) -> usize {
        let events = self.events.lock().unwrap();
        events
            .iter()
            .filter(|event| matches!(event, SourceEvent::Retrying { .. }))
            .count()
    }

    /// What is left in the scratch directory that sources were given.
    pub fn left_in_tmp(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("tmp")).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect()
    }
}

/// `TRANSPORT:PATH` and what follows.
pub fn reference(transport: &str, path: &Path, rest: &str) -> String {
    format!("{transport}:{}{rest}", path.display())
}

pub fn layers(source: &dyn Source) -> Vec<Layer> {
    Layout::new(source.manifest(), &source.config().unwrap())
        .unwrap()
        .layers
}

/// All bytes of a layer, or the source's error.
pub fn read(source: &dyn Source, layer: &Layer) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    source
        .blob(layer)?
        .reader
        .read_to_end(&mut bytes)
        .map_err(|error| error.downcast::<Error>().unwrap())?;
    Ok(bytes)
}

/// Reads every layer, and checks each digest.
pub fn read_all(source: &dyn Source) -> Vec<Vec<u8>> {
    let all: Vec<Vec<u8>> = layers(source)
        .iter()
        .map(|layer| read(source, layer).unwrap_or_else(|e| panic!("{e}")))
        .collect();
    for (bytes, layer) in all.iter().zip(layers(source)) {
        assert_eq!(
            oci_manifest::Digest::sha256_of(bytes),
            layer.descriptor.digest
        );
    }
    all
}

/// Runs skopeo as a user would.
pub fn skopeo<const N: usize>(args: [&str; N]) {
    let output = Command::new("skopeo")
        .args(args)
        .output()
        .expect("skopeo is installed");
    assert!(
        output.status.success(),
        "skopeo {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The error and its causes, as a program would print it.
pub fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Processes whose command line has this in it, e.g. a port or a path that only this test uses.
pub fn processes_with(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(line) = std::fs::read(Path::new("/proc").join(entry.file_name()).join("cmdline"))
        else {
            continue;
        };
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(text) {
            found.push(line);
        }
    }
    found
}
