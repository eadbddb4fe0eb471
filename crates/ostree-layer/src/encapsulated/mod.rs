//! Encapsulated layers: an ostree commit, or a part of its file objects, written as a tar that is a root file
//! system and a repository in mode `bare-split-xattrs` at once (ostree-ext's format; contract: docs on container
//! export in bootc, `tar/export.rs` and `tar/import.rs`).

mod name;
mod xattrs;

use std::io::{self, BufRead, Read as _};

use ostree_objects::{
    Checksum, Commit, DirMeta, DirTree, FileHeader, Metadata, ObjectName, ObjectType,
};
use ostree_store::Stage;

use self::name::Path;
use self::xattrs::XattrQueue;
use crate::show::show;
use crate::tar::{Archive, Entry, Kind};
use crate::{Error, Limits, Problem, Report};

/// Which of both a layer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The commit, its metadata objects and any files.
    Commit,
    /// Files only.
    Chunk,
}

/// An encapsulated layer while its entries come in.
pub(crate) struct Encapsulated<'a> {
    part: Part,
    limits: &'a Limits,
    stage: &'a Stage,
    xattrs: XattrQueue,
    /// A chunk's objects.
    files: Vec<Checksum>,
    commit: Option<Checksum>,
    commitmeta: Option<Vec<u8>>,
    /// The commit was the last object: detached metadata may follow.
    after_commit: bool,
}

impl<'a> Encapsulated<'a> {
    pub(crate) fn new(part: Part, limits: &'a Limits, stage: &'a Stage) -> Self {
        Self {
            part,
            limits,
            stage,
            xattrs: XattrQueue::default(),
            files: Vec::new(),
            commit: None,
            commitmeta: None,
            after_commit: false,
        }
    }

    /// Take in an entry: an object is staged, anything else passed over.
    pub(crate) fn add<R: BufRead>(
        &mut self,
        entry: Entry,
        archive: &mut Archive<'_, R>,
        report: &mut Report,
    ) -> Result<(), Error> {
        let shown = show(entry.path.as_bytes());
        self.add_entry(entry, archive, report)
            .map_err(|error| error.of(&shown))
    }

    fn add_entry<R: BufRead>(
        &mut self,
        entry: Entry,
        archive: &mut Archive<'_, R>,
        report: &mut Report,
    ) -> Result<(), Error> {
        if entry.kind == Kind::Directory {
            return Ok(());
        }
        match name::parse(&entry.path)? {
            Path::Other => Ok(()),
            Path::Object(object) if object.object_type == ObjectType::File => {
                report.files += 1;
                self.add_file(entry, object.checksum, archive)
            }
            Path::Object(object) => {
                self.xattrs.nothing_waits()?;
                self.add_metadata(&entry, object, archive)
            }
            Path::XattrRecord(record) | Path::OldXattrRecord(record) => {
                let bytes = read(&entry, self.limits.xattr_record_bytes, archive)?;
                self.xattrs.add_record(record, bytes)
            }
            Path::XattrsOf(file) => match &entry.kind {
                Kind::Hardlink(target) => self
                    .xattrs
                    .announce_record(file, name::link_target(target)?),
                _ => {
                    let bytes = read(&entry, self.limits.xattr_record_bytes, archive)?;
                    self.xattrs.announce(file, bytes)
                }
            },
            Path::OldXattrsOf(file) => match &entry.kind {
                Kind::Hardlink(target) => self
                    .xattrs
                    .announce_record(file, name::old_link_target(target)?),
                kind => Err(wrong_kind(kind)),
            },
        }
    }

    fn add_file<R: BufRead>(
        &mut self,
        entry: Entry,
        checksum: Checksum,
        archive: &mut Archive<'_, R>,
    ) -> Result<(), Error> {
        self.expect_commit()?;
        let xattrs = self.xattrs.take(checksum)?;
        let header = match entry.kind {
            Kind::File => FileHeader::regular(entry.uid, entry.gid, entry.mode, xattrs),
            Kind::Symlink(target) => FileHeader::symlink(entry.uid, entry.gid, target, xattrs),
            kind => return Err(wrong_kind(&kind)),
        };
        let mut content = archive.content();
        let written = self
            .stage
            .write_file_expecting(&checksum, &header, entry.size, &mut content);
        written.map_err(|error| archive.take_failure().unwrap_or_else(|| store(error)))?;
        if self.part == Part::Chunk {
            self.files.push(checksum);
        }
        Ok(())
    }

    fn add_metadata<R: BufRead>(
        &mut self,
        entry: &Entry,
        object: ObjectName,
        archive: &mut Archive<'_, R>,
    ) -> Result<(), Error> {
        if self.part == Part::Chunk {
            return Err(Problem::MetadataInChunk.into());
        }
        let after_commit = std::mem::take(&mut self.after_commit);
        match object.object_type {
            ObjectType::Commit => {
                if self.commit.replace(object.checksum).is_some() {
                    return Err(Problem::TwoCommits.into());
                }
                self.after_commit = true;
            }
            ObjectType::CommitMeta => {
                let follows = after_commit && self.commit == Some(object.checksum);
                if !follows {
                    return Err(Problem::StrayCommitMeta.into());
                }
            }
            _ if self.commit.is_none() => return Err(Problem::CommitNotFirst.into()),
            _ => {}
        }
        let bytes = read(entry, self.limits.metadata_object_bytes, archive)?;
        self.stage
            .write_metadata_expecting(&object, &bytes)
            .map_err(store)?;
        if object.object_type == ObjectType::CommitMeta {
            self.commitmeta = Some(bytes);
        }
        Ok(())
    }

    fn expect_commit(&mut self) -> Result<(), Error> {
        self.after_commit = false;
        match (self.part, self.commit) {
            (Part::Commit, None) => Err(Problem::CommitNotFirst.into()),
            _ => Ok(()),
        }
    }

    /// All entries have come: the layer's commit, and its detached metadata.
    pub(crate) fn finish(self) -> Result<(Checksum, Option<Vec<u8>>), Error> {
        self.xattrs
            .nothing_waits()
            .map_err(|error| error.of("end of the layer"))?;
        match (self.part, self.commit) {
            (Part::Commit, Some(commit)) => Ok((commit, self.commitmeta)),
            (Part::Commit, None) => {
                Err(Error::from(Problem::CommitNotFirst).of("end of the layer"))
            }
            (Part::Chunk, _) => self.write_object_set().map(|commit| (commit, None)),
        }
    }

    /// A commit that keeps a chunk's objects and says which they are: a root with one file for each, named by
    /// its checksum. Nothing else is in it, so that every importer makes the same.
    fn write_object_set(mut self) -> Result<Checksum, Error> {
        self.files.sort_unstable();
        if let Some(pair) = self.files.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::from(Problem::DuplicateObject).of(&pair[0].to_string()));
        }
        let files = self
            .files
            .iter()
            .map(|file| (file.to_string(), *file))
            .collect();
        let root = DirTree {
            files,
            dirs: Vec::new(),
        };
        let of_commit = |error| store(error).of("the layer's commit");
        let tree = self.stage.write_dirtree(&root).map_err(of_commit)?;
        let meta = self
            .stage
            .write_dirmeta(&DirMeta::root_default())
            .map_err(of_commit)?;
        let commit = Commit {
            metadata: Metadata::new(),
            parent: None,
            subject: String::new(),
            body: String::new(),
            timestamp: 0,
            tree,
            meta,
        };
        self.stage.write_commit(&commit).map_err(of_commit)
    }
}

/// The content of a regular file of at most `limit` bytes.
fn read<R: BufRead>(
    entry: &Entry,
    limit: u64,
    archive: &mut Archive<'_, R>,
) -> Result<Vec<u8>, Error> {
    if entry.kind != Kind::File {
        return Err(wrong_kind(&entry.kind));
    }
    if entry.size > limit {
        return Err(Problem::ObjectTooLarge {
            size: entry.size,
            limit,
        }
        .into());
    }
    let mut bytes = Vec::new();
    match archive.content().read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(failure(archive, error)),
    }
}

fn failure<R: BufRead>(archive: &mut Archive<'_, R>, error: io::Error) -> Error {
    archive
        .take_failure()
        .unwrap_or(Error::Blob { source: error })
}

fn wrong_kind(kind: &Kind) -> Error {
    let kind = match kind {
        Kind::File => "regular file",
        Kind::Directory => "directory",
        Kind::Symlink(_) => "symbolic link",
        Kind::Hardlink(_) => "hard link",
        Kind::Device { .. } => "device",
        Kind::Fifo => "FIFO",
    };
    Problem::ObjectKind { kind }.into()
}

fn store(source: ostree_store::Error) -> Error {
    Error::Store {
        path: String::new(),
        source,
    }
}
