//! Derived layers: ordinary OCI layers, whose entries become a tree of objects.

mod arena;
mod files;
mod intake;
mod label;
mod object;
mod owner;
mod parsed;
mod tree;
mod write;
mod xattrs;

use std::io::{self, BufRead};

use ostree_objects::{Checksum, FileHeader, S_IFDIR, S_IFREG, Xattrs};
use ostree_store::Stage;

use self::files::SoFar;
use self::object::{Content, Object};
use self::owner::{Owner, Owners};
use self::tree::{Before, Kind as NodeKind, REPOSITORY, ROOT, Tree};
use crate::paths::{Place, WHITEOUT};
use crate::show::show;
use crate::tar::{Archive, Entry, Kind};
use crate::writer::Writer;
use crate::{Dropped, Error, Import, Labelling, Labels, Problem, Report, Warning};

pub(crate) use parsed::Parsed;

/// A derived layer while its entries come in.
pub(crate) struct Derived<'a> {
    import: &'a Import<'a>,
    stage: &'a Stage,
    tree: Tree,
    owners: Owners,
    labels: Option<&'a dyn Labels>,
    seeking: Seeking,
    writer: Writer<'a>,
}

/// How far the search for labels in this layer is.
#[derive(Debug, Default)]
struct Seeking {
    /// Files have come that may tell, and were not looked at.
    something_new: bool,
    looked: u32,
}

/// A layer whose files go on and off about labels is looked at no more often than this before its end.
const MAX_LOOKS: u32 = 16;

impl<'a> Derived<'a> {
    pub(crate) fn new(
        import: &'a Import<'a>,
        stage: &'a Stage,
        writer: Writer<'a>,
    ) -> Result<Self, Error> {
        let tree = Tree::new(import.limits)?;
        Ok(Self {
            import,
            stage,
            tree,
            owners: Owners::default(),
            labels: match import.labels {
                Labelling::By(labels) => Some(labels),
                Labelling::Sought(seek) => seek.known(),
            },
            seeking: Seeking::default(),
            writer,
        })
    }

    /// Take in an entry; its content is read from the archive when it is wanted.
    pub(crate) fn add<R: BufRead>(
        &mut self,
        entry: Entry,
        archive: &mut Archive<'_, R>,
        report: &mut Report,
    ) -> Result<(), Error> {
        let shown = show(entry.path.as_bytes());
        let refuse = |problem| Error::Entry {
            path: shown.clone(),
            problem,
        };
        let path = match self.is_overlay_whiteout(&entry) {
            true => marker_path(&entry.path),
            false => entry.path.clone(),
        };
        let place = self
            .import
            .policy
            .place(&path, "name", self.import.limits)
            .map_err(refuse)?;
        match place {
            Place::Root => self
                .add_root(entry, report)
                .map_err(|error| error.of(&shown)),
            Place::Dropped(top) => {
                self.count_dropped(top, report);
                Ok(())
            }
            Place::BelowWhiteout => {
                report.drop(Dropped::BelowWhiteout);
                Ok(())
            }
            Place::Aufs => {
                report.drop(Dropped::AufsMetadata);
                Ok(())
            }
            Place::Repository(path) => self.add_to_repository(entry, &path, archive, report),
            Place::Tree(path) if is_marker(&path) => self
                .add_marker(&entry, &path, report)
                .map_err(|error| error.of(&shown)),
            Place::Tree(path) => {
                self.seek_labels(&path);
                self.add_to_tree(entry, &path, archive, report)
            }
        }
    }

    /// `path` comes next: are the labels known by now?
    fn seek_labels(&mut self, path: &str) {
        let (Labelling::Sought(seek), None) = (self.import.labels, self.labels) else {
            return;
        };
        self.labels = seek.known();
        if seek.tells(path) {
            self.seeking.something_new = true;
        } else if self.seeking.something_new && self.seeking.looked < MAX_LOOKS {
            self.seeking.something_new = false;
            self.seeking.looked += 1;
            self.labels = self.labels.or_else(|| {
                seek.look(&SoFar {
                    tree: &self.tree,
                    stage: self.stage,
                })
            });
        }
    }

    /// The labels, if they were known before or became so.
    pub(crate) fn labels(&self) -> Option<&'a dyn Labels> {
        self.labels
    }

    /// overlayfs's own form of a whiteout, which an archiver that knew nothing of OCI may have read from disk.
    fn is_overlay_whiteout(&self, entry: &Entry) -> bool {
        entry.kind == Kind::Device { zero: true }
    }

    fn add_root(&mut self, entry: Entry, report: &mut Report) -> Result<(), Error> {
        if entry.kind != Kind::Directory {
            return Err(Problem::Root.into());
        }
        let owner = self.directory_owner(entry, report)?;
        self.tree.put_directory(ROOT, "", owner).map(drop)
    }

    /// A whiteout counts by its name; whatever else it is, it becomes a plain empty file.
    fn add_marker(&mut self, entry: &Entry, path: &str, report: &mut Report) -> Result<(), Error> {
        let plain = (entry.kind == Kind::File && entry.size == 0)
            || entry.kind == Kind::Device { zero: true };
        if !plain {
            self.warn(
                report,
                Warning::OddWhiteout {
                    path: show(entry.path.as_bytes()),
                },
            );
        }
        let marker = self.marker(path)?;
        self.tree
            .put_file(ROOT, path, NodeKind::File, marker)
            .map(drop)
    }

    /// A marker's object. It has a label like any file: where SELinux runs, none stays without.
    fn marker(&mut self, path: &str) -> Result<Object, Error> {
        const MODE: u32 = S_IFREG | 0o644;
        if let Some(labels) = self.labels {
            let xattrs = xattrs::labelled(Vec::new(), labels, path, MODE)?;
            return self.write_marker(MODE, xattrs).map(Object::Written);
        }
        let owner = Owner {
            uid: 0,
            gid: 0,
            mode: MODE,
            xattrs: Xattrs::new(),
        };
        match self.owners.add(owner, self.import.limits.owner_bytes) {
            Some(owner) => Ok(Object::Waiting {
                content: Content::Empty,
                owner,
            }),
            // Whether a layer is accepted does not depend on what is known of its labels.
            None => self
                .write_marker(MODE, Xattrs::new())
                .map(Object::Mislabelled),
        }
    }

    fn write_marker(&self, mode: u32, xattrs: Xattrs) -> Result<Checksum, Error> {
        let header = FileHeader::regular(0, 0, mode & 0o7777, xattrs);
        let written = self.stage.write_file(&header, 0, &mut io::empty());
        written.map_err(store)
    }

    fn add_to_tree<R: BufRead>(
        &mut self,
        entry: Entry,
        path: &str,
        archive: &mut Archive<'_, R>,
        report: &mut Report,
    ) -> Result<(), Error> {
        let shown = show(entry.path.as_bytes());
        let from_etc = is_etc(&entry.path);
        let (id, before) = match &entry.kind {
            Kind::Device { .. } | Kind::Fifo => {
                let fifo = entry.kind == Kind::Fifo;
                report.drop(if fifo { Dropped::Fifo } else { Dropped::Device });
                self.warn(report, Warning::Special { path: shown });
                return Ok(());
            }
            Kind::Directory => {
                let owner = self
                    .directory_owner(entry, report)
                    .map_err(|e| e.of(&shown))?;
                self.tree.put_directory(ROOT, path, owner)
            }
            Kind::Hardlink(target) => self.add_link(ROOT, path, target),
            Kind::File | Kind::Symlink(_) => {
                let kind = file_kind(&entry.kind);
                let object = self.take_file(entry, Some(path), archive, report);
                let object = object.map_err(|error| error.of(&shown))?;
                self.tree.put_file(ROOT, path, kind, object)
            }
        }
        .map_err(|error| error.of(&shown))?;
        self.tree.set_from_etc(id, from_etc);
        let is_directory = self.tree.kind(id) == NodeKind::Directory;
        match before {
            Before::Other => self.warn(report, Warning::Replaced { path: shown }),
            Before::Same { from_etc: was } if was != from_etc && !is_directory => {
                self.warn(
                    report,
                    Warning::EtcTwice {
                        path: show(path.as_bytes()),
                    },
                );
            }
            Before::Same { .. } if !is_directory => {
                self.warn(report, Warning::Duplicate { path: shown });
            }
            Before::Same { .. } | Before::Nothing => {}
        }
        Ok(())
    }

    /// What a build copied up in the base's embedded repository: other paths may be hard links to it.
    fn add_to_repository<R: BufRead>(
        &mut self,
        entry: Entry,
        path: &str,
        archive: &mut Archive<'_, R>,
        report: &mut Report,
    ) -> Result<(), Error> {
        let shown = show(entry.path.as_bytes());
        report.drop(Dropped::EmbeddedRepository);
        if path.is_empty() || is_marker(path) {
            return Ok(());
        }
        match &entry.kind {
            // A link that leads nowhere matters only if a path of the tree needs it, which then says so.
            Kind::Hardlink(target) => match self.add_link(REPOSITORY, path, target) {
                Ok(_) | Err(Error::Entry { .. }) => Ok(()),
                Err(error) => Err(error),
            },
            Kind::File | Kind::Symlink(_) => {
                let kind = file_kind(&entry.kind);
                // Which path it gets is not known yet, so neither is its label.
                self.take_file(entry, None, archive, report)
                    .and_then(|object| self.tree.put_file(REPOSITORY, path, kind, object))
                    .map(drop)
            }
            _ => Ok(()),
        }
        .map_err(|error| error.of(&shown))
    }

    fn add_link(
        &mut self,
        root: tree::Id,
        path: &str,
        target: &str,
    ) -> Result<(tree::Id, Before), Error> {
        let shown = || show(target.as_bytes());
        let limits = self.import.limits;
        let (target_root, found) =
            match self
                .import
                .policy
                .place(target, "hard link's target", limits)?
            {
                Place::Tree(target) => (ROOT, target),
                Place::Repository(target) => (REPOSITORY, target),
                Place::Dropped(_) => {
                    return Err(Problem::LinkDropped { target: shown() }.into());
                }
                _ => return Err(Problem::LinkTarget { target: shown() }.into()),
            };
        self.tree.put_link(root, path, (target_root, &found))
    }

    fn directory_owner(&mut self, entry: Entry, report: &mut Report) -> Result<u32, Error> {
        let xattrs = xattrs::kept(entry.xattrs, report);
        let owner = Owner {
            uid: entry.uid,
            gid: entry.gid,
            mode: S_IFDIR | entry.mode,
            xattrs: Xattrs::from_pairs(xattrs).map_err(object)?,
        };
        let limit = self.import.limits.owner_bytes;
        self.owners.add(owner, limit).ok_or(Error::Limit {
            what: "bytes of distinct attributes",
            limit: limit as u64,
        })
    }

    fn count_dropped(&self, top: String, report: &mut Report) {
        // A hostile layer may have a million top-level names.
        let known = report.dropped_paths.len() < self.import.limits.warnings
            || report.dropped_paths.contains_key(&top);
        let key = if known { top } else { "…".to_owned() };
        *report.dropped_paths.entry(key).or_default() += 1;
    }

    fn warn(&self, report: &mut Report, warning: Warning) {
        report.warn(warning, self.import.limits.warnings);
    }
}

fn file_kind(kind: &Kind) -> NodeKind {
    match kind {
        Kind::Symlink(_) => NodeKind::Symlink,
        _ => NodeKind::File,
    }
}

/// Whether the last name is a whiteout marker's.
fn is_marker(path: &str) -> bool {
    path.rsplit('/')
        .next()
        .unwrap_or_default()
        .starts_with(WHITEOUT)
}

/// The whiteout marker that removes `path`.
fn marker_path(path: &str) -> String {
    let path = path.trim_end_matches('/');
    match path.rsplit_once('/') {
        Some((parent, name)) => format!("{parent}/{WHITEOUT}{name}"),
        None => format!("{WHITEOUT}{path}"),
    }
}

/// Whether the path's first name is `etc`.
fn is_etc(path: &str) -> bool {
    path.split('/').find(|name| !matches!(*name, "" | ".")) == Some("etc")
}

/// An error of the repository; [`Error::of`] says about what.
fn store(source: ostree_store::Error) -> Error {
    Error::Store {
        path: String::new(),
        source,
    }
}

/// A malformed object; [`Error::of`] says which.
fn object(source: ostree_objects::Error) -> Error {
    Error::Object {
        path: String::new(),
        source,
    }
}
