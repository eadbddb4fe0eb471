//! [`RawTar`]: an archive put together header by header.

use super::{BLOCK, Header, Kind, padding, pax_records};

/// An archive put together header by header, with no check of anything: for hostile input.
///
/// ```
/// use test_images::tar::{Header, Kind, RawTar};
///
/// let tar = RawTar::new()
///     .file("usr/ok", "fine")
///     .entry(&Header::new(Kind::File, "usr/liar").size(9999), b"short")
///     .finish();
/// assert_eq!(tar.len() % 512, 0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct RawTar {
    bytes: Vec<u8>,
}

impl RawTar {
    /// An archive with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The header as it is (its size field too), then the body, padded to a block.
    #[must_use]
    pub fn entry(self, header: &Header, body: &[u8]) -> Self {
        self.raw(&header.to_bytes()).raw(body).align()
    }

    /// A regular file, mode 0644, owner 0:0.
    #[must_use]
    pub fn file(self, name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref();
        let header = Header::new(Kind::File, name).size(content.len() as u64);
        self.entry(&header, content)
    }

    /// A directory, mode 0755, owner 0:0.
    #[must_use]
    pub fn dir(self, name: impl AsRef<[u8]>) -> Self {
        self.entry(&Header::new(Kind::Dir, name), &[])
    }

    /// A symbolic link.
    #[must_use]
    pub fn symlink(self, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        let header = Header::new(Kind::Symlink, name).mode(0o777).link(target);
        self.entry(&header, &[])
    }

    /// A hardlink.
    #[must_use]
    pub fn hardlink(self, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.entry(&Header::new(Kind::Hardlink, name).link(target), &[])
    }

    /// PAX records for the next entry.
    #[must_use]
    pub fn pax(self, records: &[(&str, &[u8])]) -> Self {
        self.pax_verbatim(&pax_records(records.iter().copied()))
    }

    /// A PAX header for the next entry whose body is these bytes, well-formed or not.
    #[must_use]
    pub fn pax_verbatim(self, body: &[u8]) -> Self {
        let header = Header::new(Kind::Pax, "PaxHeaders/x").size(body.len() as u64);
        self.entry(&header, body)
    }

    /// A global PAX header: records for all entries that follow.
    #[must_use]
    pub fn pax_global(self, records: &[(&str, &[u8])]) -> Self {
        let body = pax_records(records.iter().copied());
        let header = Header::new(Kind::PaxGlobal, "pax_global_header").size(body.len() as u64);
        self.entry(&header, &body)
    }

    /// The next entry's name as GNU tar writes a long one (`L`); a NUL is appended.
    #[must_use]
    pub fn gnu_long_name(self, name: impl AsRef<[u8]>) -> Self {
        self.gnu_long(Kind::GnuLongName, name.as_ref())
    }

    /// The next entry's link target as GNU tar writes a long one (`K`); a NUL is appended.
    #[must_use]
    pub fn gnu_long_link(self, target: impl AsRef<[u8]>) -> Self {
        self.gnu_long(Kind::GnuLongLink, target.as_ref())
    }

    fn gnu_long(self, kind: Kind, text: &[u8]) -> Self {
        let mut body = text.to_vec();
        body.push(0);
        let header = Header::new(kind, "././@LongLink")
            .gnu_magic()
            .size(body.len() as u64);
        self.entry(&header, &body)
    }

    /// Bytes as they are, not padded.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Zero bytes up to the next block boundary.
    #[must_use]
    pub fn align(mut self) -> Self {
        let missing = padding(self.bytes.len() as u64);
        self.bytes.resize(self.bytes.len() + missing, 0);
        self
    }

    /// The archive with its two zero blocks at the end.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 2 * BLOCK, 0);
        self.bytes
    }

    /// The archive without the zero blocks.
    #[must_use]
    pub fn without_end(self) -> Vec<u8> {
        self.bytes
    }

    /// The archive cut off after `length` bytes, in whatever that falls.
    #[must_use]
    pub fn cut_at(mut self, length: usize) -> Vec<u8> {
        self.bytes.truncate(length);
        self.bytes
    }
}
