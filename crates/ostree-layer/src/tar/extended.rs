//! The extended headers in front of one entry.

use super::header::Block;
use super::pax::Pax;
use crate::{Limits, Problem};

/// What they say together.
///
/// libarchive reads headers as nested: what an outer (earlier) one says is applied after, and so over, what an
/// inner (later) one says. Of several GNU headers of one kind the last counts, in the place of the first.
#[derive(Debug, Default)]
pub(super) struct Extended {
    count: usize,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    pub(super) pax: Option<Pax>,
    /// The long name stands before the pax header.
    name_is_outer: bool,
    /// The long link target stands before the pax header.
    link_is_outer: bool,
    needs_entry: bool,
}

impl Extended {
    /// One more.
    pub(super) fn count(&mut self, limits: &Limits) -> Result<(), Problem> {
        self.count += 1;
        if self.count > limits.extended_headers {
            return Err(Problem::TooManyHeaders {
                limit: limits.extended_headers,
            });
        }
        Ok(())
    }

    /// Something was said about an entry that must follow.
    pub(super) fn needs_entry(&self) -> bool {
        self.needs_entry
    }

    /// Take in a pax header (`x`).
    pub(super) fn add_pax(&mut self, pax: Pax) -> Result<(), Problem> {
        if self.pax.replace(pax).is_some() {
            return Err(Problem::TwoPaxHeaders);
        }
        self.needs_entry = true;
        Ok(())
    }

    /// Take in a GNU long name (`L`).
    pub(super) fn add_long_name(&mut self, body: &[u8]) {
        self.name_is_outer |= self.pax.is_none();
        self.long_name = Some(until_nul(body));
        self.needs_entry = true;
    }

    /// Take in a GNU long link target (`K`).
    pub(super) fn add_long_link(&mut self, body: &[u8]) {
        self.link_is_outer |= self.pax.is_none();
        self.long_link = Some(until_nul(body));
        self.needs_entry = true;
    }

    /// The entry's name.
    pub(super) fn name(&mut self, block: &Block) -> Vec<u8> {
        let pax = self.pax.as_mut().and_then(|pax| {
            let path = pax.path.take();
            pax.sparse.name.take().or(path)
        });
        choose(pax, self.long_name.take(), self.name_is_outer).unwrap_or_else(|| block.name())
    }

    /// The link's target.
    pub(super) fn link(&mut self, block: &Block) -> Vec<u8> {
        let pax = self.pax.as_mut().and_then(|pax| pax.linkpath.take());
        choose(pax, self.long_link.take(), self.link_is_outer).unwrap_or_else(|| block.link())
    }
}

fn choose(pax: Option<Vec<u8>>, gnu: Option<Vec<u8>>, gnu_is_outer: bool) -> Option<Vec<u8>> {
    if gnu_is_outer {
        gnu.or(pax)
    } else {
        pax.or(gnu)
    }
}

fn until_nul(body: &[u8]) -> Vec<u8> {
    body.split(|byte| *byte == 0)
        .next()
        .unwrap_or_default()
        .to_vec()
}
