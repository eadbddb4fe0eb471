//! A repository to import into.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::io::Read;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use oci_manifest::{Algorithm, Compression, Descriptor, DiffId, Digest, Hasher, Layer, Role};
use ostree_layer::{
    AsTheyCome, Encoding, Error, Import, Labelling, Labels, LayerFiles, LayerInput, Limits,
    PathPolicy, Report, SeekLabels, StagedLayer, import,
};
use ostree_objects::{Checksum, Commit, RepoMode};
use ostree_store::Repo;
use tempfile::TempDir;

pub struct Lab {
    pub dir: TempDir,
    pub repo: Repo,
}

/// What is asked of an import; `Default` takes a plain tar as a derived layer, every path kept as it is.
pub struct Request<'a> {
    pub role: Role,
    pub compression: Compression,
    pub encoding: Encoding,
    pub digest_applies: bool,
    pub digest: Option<Digest>,
    pub size: Option<u64>,
    pub diff_id: Option<DiffId>,
    pub policy: PathPolicy,
    pub limits: Limits,
    pub labels: &'a dyn Labels,
    /// Whether the labels become known only when the layer has been read, or in its middle: when this file has come.
    pub later: bool,
    pub told_by: Option<&'a str>,
}

/// Knows the labels once the file that tells has come, and another after it.
struct Seek<'a>(&'a Request<'a>);

impl SeekLabels for Seek<'_> {
    fn known(&self) -> Option<&dyn Labels> {
        None
    }

    fn tells(&self, path: &str) -> bool {
        self.0.told_by == Some(path)
    }

    fn look(&self, files: &dyn LayerFiles) -> Option<&dyn Labels> {
        let path = self.0.told_by.unwrap();
        assert!(files.read_file(path, u64::MAX).unwrap().is_some());
        Some(self.0.labels)
    }
}

impl Default for Request<'_> {
    fn default() -> Self {
        Self {
            role: Role::Derived,
            compression: Compression::None,
            encoding: Encoding::Declared,
            digest_applies: true,
            digest: None,
            size: None,
            diff_id: None,
            policy: PathPolicy::everything(),
            limits: Limits::default(),
            labels: &AsTheyCome,
            later: false,
            told_by: None,
        }
    }
}

/// A layer that is in the repository.
#[derive(Debug)]
pub struct Imported {
    pub id: Checksum,
    pub commit: Commit,
    pub report: Report,
    pub commitmeta: Option<Vec<u8>>,
    /// By path; the root is the empty string.
    pub nodes: BTreeMap<String, Node>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub kind: char,
    pub uid: u32,
    pub gid: u32,
    pub mode: u32,
    pub size: u64,
    pub content: Vec<u8>,
    pub target: String,
    pub xattrs: Vec<(String, Vec<u8>)>,
    pub checksum: Option<Checksum>,
}

impl Imported {
    /// Paths and kinds, `usr/ usr/bin/sh usr/bin/l->sh`.
    pub fn listing(&self) -> String {
        let entries = self.nodes.iter().filter(|(path, _)| !path.is_empty());
        let shown = entries.map(|(path, node)| match node.kind {
            'd' => format!("{path}/"),
            'l' => format!("{path}->{}", node.target),
            _ => path.clone(),
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    pub fn node(&self, path: &str) -> &Node {
        self.nodes
            .get(path)
            .unwrap_or_else(|| panic!("no {path} in {}", self.listing()))
    }

    pub fn text(&self, path: &str) -> &str {
        str::from_utf8(&self.node(path).content).unwrap()
    }

    pub fn warnings(&self) -> String {
        format!("{:?}", self.report.warnings)
    }
}

impl Lab {
    pub fn new() -> Self {
        Self::with_mode(RepoMode::BareUser)
    }

    pub fn with_mode(mode: RepoMode) -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("repo");
        std::fs::create_dir(&path).unwrap();
        let repo = Repo::create(&open(&path), mode).unwrap();
        Self { dir, repo }
    }

    /// Import a tar as a derived layer.
    pub fn tar(&self, tar: &[u8]) -> Result<Imported, Error> {
        self.blob(tar, tar, &Request::default())
    }

    /// What manifest and config would say of a blob.
    pub fn layer(&self, blob: &[u8], tar: &[u8], request: &Request<'_>) -> Layer {
        let size = request.size.unwrap_or(blob.len() as u64);
        let digest = request.digest.clone().unwrap_or_else(|| sha256(blob));
        Layer {
            index: 0,
            descriptor: Descriptor::new("application/vnd.oci.image.layer.v1.tar", digest, size),
            diff_id: request
                .diff_id
                .clone()
                .unwrap_or_else(|| DiffId(sha256(tar))),
            role: request.role,
            compression: request.compression,
        }
    }

    /// Import `blob`, whose uncompressed content is `tar`.
    pub fn blob(&self, blob: &[u8], tar: &[u8], request: &Request<'_>) -> Result<Imported, Error> {
        self.import(blob, &self.layer(blob, tar, request), request)
    }

    /// Import what a reader gives.
    pub fn import(
        &self,
        blob: impl Read + Send,
        layer: &Layer,
        request: &Request<'_>,
    ) -> Result<Imported, Error> {
        let staged = self.stage(blob, layer, request)?;
        staged.stage.publish().unwrap();
        let commit = self.repo.read_commit(&staged.commit).unwrap();
        let mut nodes = BTreeMap::new();
        self.walk("", &commit.tree, &commit.meta, &mut nodes);
        Ok(Imported {
            id: staged.commit,
            commit,
            report: staged.report,
            commitmeta: staged.commitmeta,
            nodes,
        })
    }

    /// Import what a reader gives, and publish nothing.
    pub fn stage(
        &self,
        blob: impl Read + Send,
        layer: &Layer,
        request: &Request<'_>,
    ) -> Result<StagedLayer, Error> {
        let input = LayerInput {
            layer,
            encoding: request.encoding,
            digest_applies: request.digest_applies,
        };
        let seek = Seek(request);
        let options = Import {
            policy: &request.policy,
            labels: match request.later {
                true => Labelling::Sought(&seek),
                false => Labelling::By(request.labels),
            },
            limits: &request.limits,
            on_bytes: &|_| {},
            importer: "test/1",
        };
        import(blob, &input, &options, self.repo.stage().unwrap())?.label(request.labels)
    }

    /// The repository's objects, as paths.
    pub fn objects(&self) -> Vec<String> {
        let names = self
            .repo
            .list_objects()
            .map(|object| object.unwrap().name.to_string());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    fn walk(
        &self,
        path: &str,
        tree: &Checksum,
        meta: &Checksum,
        nodes: &mut BTreeMap<String, Node>,
    ) {
        let meta = self.repo.read_dirmeta(meta).unwrap();
        let xattrs = meta.xattrs.iter();
        nodes.insert(
            path.to_owned(),
            Node {
                kind: 'd',
                uid: meta.uid,
                gid: meta.gid,
                mode: meta.mode & 0o7777,
                size: 0,
                content: Vec::new(),
                target: String::new(),
                xattrs: xattrs
                    .map(|(name, value)| (lossy(name), value.to_vec()))
                    .collect(),
                checksum: None,
            },
        );
        let below = |name: &str| match path {
            "" => name.to_owned(),
            _ => format!("{path}/{name}"),
        };
        let tree = self.repo.read_dirtree(tree).unwrap();
        for (name, checksum) in &tree.files {
            nodes.insert(below(name), self.file(checksum));
        }
        for (name, tree, meta) in &tree.dirs {
            self.walk(&below(name), tree, meta, nodes);
        }
    }

    fn file(&self, checksum: &Checksum) -> Node {
        let mut object = self.repo.open_file(checksum).unwrap();
        let mut content = Vec::new();
        if object.size <= 16 * 1024 * 1024 {
            object.content.read_to_end(&mut content).unwrap();
        }
        let header = object.header;
        let xattrs = header.xattrs.iter();
        Node {
            kind: if header.is_symlink() { 'l' } else { 'f' },
            uid: header.uid,
            gid: header.gid,
            mode: header.mode & 0o7777,
            size: object.size,
            content,
            xattrs: xattrs
                .map(|(name, value)| (lossy(name), value.to_vec()))
                .collect(),
            target: header.symlink_target.unwrap_or_default(),
            checksum: Some(*checksum),
        }
    }
}

/// A directory of the host.
#[expect(clippy::disallowed_methods, reason = "a test may")]
pub fn open(path: &Path) -> Dir {
    Dir::open_ambient_dir(path, ambient_authority()).unwrap()
}

fn lossy(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

pub fn sha256(bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(bytes);
    hasher.finish()
}

/// The error and its causes on one line.
pub fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
