//! Hard links, whose targets may come before or after them.

use super::super::arena::TextAt;
use super::{Before, Id, Kind, NONE, REPOSITORY, Tree};
use crate::show::show;
use crate::{Error, Problem};

/// A hard link whose target had not come yet.
#[derive(Debug)]
pub(super) struct Link {
    node: Id,
    root: Id,
    target: TextAt,
    length: u16,
}

impl Tree {
    /// Put another name of `target` at `path`: at once if that is there by now, else when all entries have come.
    /// `target`: a root and a path below it.
    pub(in crate::derived) fn put_link(
        &mut self,
        root: Id,
        path: &str,
        (target_root, target): (Id, &str),
    ) -> Result<(Id, Before), Error> {
        let found = self.find(target_root, target).map(|id| self.nodes.get(id));
        let now = found
            .filter(|node| matches!(node.kind, Kind::File | Kind::Symlink))
            .map(|node| (node.kind, node.data));
        let (id, before) = self.put(root, path, false)?;
        let (kind, data) = match now {
            Some(now) => now,
            None => (Kind::Hardlink, self.add_link(id, target_root, target)?),
        };
        let node = self.nodes.get_mut(id);
        (node.kind, node.data, node.label_due) = (kind, data, true);
        Ok((id, before))
    }

    /// Give every hard link of the tree that is left its target's object. Those in the embedded repository
    /// matter only on the way.
    pub(in crate::derived) fn resolve_links(&mut self) -> Result<(), Error> {
        for link in 0..self.links.len() {
            if self.is_visible(self.links[link].node) {
                self.resolve(link)?;
            }
        }
        Ok(())
    }

    /// Follow links to links without recursion; all on the way get what is found.
    fn resolve(&mut self, first: usize) -> Result<(), Error> {
        let mut chain = Vec::new();
        let mut next = first;
        loop {
            let link = &self.links[next];
            let node = self.nodes.get(link.node);
            let is_current = node.kind == Kind::Hardlink && node.data == index(next);
            if !is_current {
                // Something else took its place, or it was resolved on the way from another.
                return Ok(());
            }
            chain.push(link.node);
            let target = self.names.get(link.target, link.length.into());
            let found = self.find(link.root, target).map(|id| self.nodes.get(id));
            match found.map(|node| (node.kind, node.data)) {
                Some((kind @ (Kind::File | Kind::Symlink), data)) => {
                    for id in chain {
                        let node = self.nodes.get_mut(id);
                        (node.kind, node.data) = (kind, data);
                    }
                    return Ok(());
                }
                Some((Kind::Hardlink, data)) if chain.len() <= self.links.len() => {
                    next = usize::try_from(data).unwrap_or(usize::MAX);
                }
                Some((Kind::Hardlink, _)) => {
                    let target = show(target.as_bytes());
                    return Err(self.problem(chain[0], Problem::LinkLoop { target }));
                }
                _ => {
                    let target = show(target.as_bytes());
                    let target = match link.root {
                        REPOSITORY => format!("sysroot/ostree/repo/{target}"),
                        _ => target,
                    };
                    return Err(self.problem(link.node, Problem::LinkTarget { target }));
                }
            }
        }
    }

    fn problem(&self, id: Id, problem: Problem) -> Error {
        Error::Entry {
            path: show(self.path(id).as_bytes()),
            problem,
        }
    }

    fn add_link(&mut self, node: Id, root: Id, target: &str) -> Result<u32, Error> {
        let length = u16::try_from(target.len()).map_err(|_| self.full())?;
        let target = self.add_text(target)?;
        self.links.push(Link {
            node,
            root,
            target,
            length,
        });
        Ok(index(self.links.len() - 1))
    }
}

/// An index into the links; there are fewer than nodes.
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NONE)
}
