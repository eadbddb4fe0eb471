//! Labels of files: for those that waited, and for hard links, whose paths may have other labels than the file's.

use std::collections::HashMap;
use std::io;

use ostree_objects::{Checksum, FileHeader, Xattrs};
use ostree_store::Stage;

use super::object::{Content, Object};
use super::tree::{Id, Kind, ROOT};
use super::xattrs::{self, SELINUX};
use super::{Parsed, object, store};
use crate::{Error, Labels};

/// Objects that were written again, by what they were and the label that they got: the many hard links to a large file
/// cost it once for each label.
type Relabelled = HashMap<(Checksum, Option<Vec<u8>>), Checksum>;

impl Parsed {
    /// Give every visible file and symbolic link the object that its own path's label makes.
    pub(super) fn label_files(&mut self, stage: &Stage, labels: &dyn Labels) -> Result<(), Error> {
        let has_policy = labels.policy().is_some();
        let mut relabelled = HashMap::new();
        for id in ROOT..self.tree.len() {
            let is_file = matches!(self.tree.kind(id), Kind::File | Kind::Symlink);
            if !is_file || !self.tree.is_visible(id) {
                continue;
            }
            match self.tree.object(id) {
                Object::Waiting { content, owner } => {
                    let path = self.tree.path(id);
                    let named = self.name(stage, content, owner, &path, labels);
                    let checksum = named.map_err(|error| error.of(&path))?;
                    // So it is for the other hard links to it.
                    self.tree.set_object(id, Object::Mislabelled(checksum));
                }
                Object::Mislabelled(checksum) if has_policy => {
                    self.relabel(stage, id, checksum, labels, &mut relabelled)?;
                }
                Object::Written(checksum) if has_policy && self.tree.is_label_due(id) => {
                    self.relabel(stage, id, checksum, labels, &mut relabelled)?;
                }
                Object::Written(_) | Object::Mislabelled(_) => {}
            }
        }
        Ok(())
    }

    fn name(
        &self,
        stage: &Stage,
        content: Content,
        owner: u32,
        path: &str,
        labels: &dyn Labels,
    ) -> Result<Checksum, Error> {
        let owner = self.owners.get(owner);
        let (uid, gid) = (owner.uid, owner.gid);
        let xattrs = with_label(&owner.xattrs, labels, path, owner.mode)?;
        match content {
            Content::File(unnamed) => {
                let header = FileHeader::regular(uid, gid, owner.mode & 0o7777, xattrs);
                stage.name_file(unnamed, &header)
            }
            Content::Empty => {
                let header = FileHeader::regular(uid, gid, owner.mode & 0o7777, xattrs);
                stage.write_file(&header, 0, &mut io::empty())
            }
            Content::Link { target, length } => {
                let target = self.tree.text(target, length).to_owned();
                let header = FileHeader::symlink(uid, gid, target, xattrs);
                stage.write_file(&header, 0, &mut io::empty())
            }
        }
        .map_err(store)
    }

    /// Where the path's label is not the object's, the path gets an object of its own.
    fn relabel(
        &mut self,
        stage: &Stage,
        id: Id,
        checksum: Checksum,
        labels: &dyn Labels,
        relabelled: &mut Relabelled,
    ) -> Result<(), Error> {
        let path = self.tree.path(id);
        let mut file = stage
            .open_file(&checksum)
            .map_err(|error| store(error).of(&path))?;
        let xattrs = with_label(&file.header.xattrs, labels, &path, file.header.mode)?;
        if xattrs == file.header.xattrs {
            return Ok(());
        }
        let key = (checksum, xattrs.get(SELINUX).map(<[u8]>::to_vec));
        let checksum = match relabelled.get(&key) {
            Some(checksum) => *checksum,
            None => {
                file.header.xattrs = xattrs;
                let written = stage.write_file(&file.header, file.size, &mut file.content);
                let written = written.map_err(|error| store(error).of(&path))?;
                relabelled.insert(key, written);
                written
            }
        };
        self.tree.part_object(id, Object::Written(checksum))
    }
}

/// `xattrs` with the label of `path` in place of the one that is there.
pub(super) fn with_label(
    xattrs: &Xattrs,
    labels: &dyn Labels,
    path: &str,
    mode: u32,
) -> Result<Xattrs, Error> {
    let mut xattrs = xattrs.clone();
    match xattrs::label(labels, path, mode)? {
        Some(label) => xattrs.set(SELINUX, label).map_err(object)?,
        None => drop(xattrs.remove(SELINUX)),
    }
    Ok(xattrs)
}
