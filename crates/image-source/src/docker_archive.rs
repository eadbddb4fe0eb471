//! `docker-archive:`, made readable for skopeo.

use std::sync::Arc;

use oci_manifest::{ImageReference, Transport};

use crate::private_dir::PrivateDir;
use crate::{Error, OnEvent, SourceConfig, archive_file};

/// The decompressed archive in its directory.
const PLAIN: &str = "archive.tar";

/// What skopeo is to be told.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The reference.
    pub(crate) name: String,
    /// What must live as long as skopeo reads.
    #[cfg_attr(
        not(feature = "proxy"),
        expect(
            dead_code,
            reason = "without a proxy it only has to live until the copy is made"
        )
    )]
    pub(crate) private: Option<Arc<PrivateDir>>,
}

/// Decompresses a compressed `docker-archive:`, which skopeo 1.9.3 cannot read ("unexpected EOF"), and which each of
/// several proxy processes would decompress anew. All other images stay as they are.
pub(crate) fn prepare(
    image: &ImageReference,
    config: &SourceConfig,
    on_event: &OnEvent,
) -> Result<Prepared, Error> {
    let as_it_is = Prepared {
        name: image.canonical().for_skopeo(),
        private: None,
    };
    let (Transport::DockerArchive, Some((path, inner))) = (image.transport, image.path()) else {
        return Ok(as_it_is);
    };
    let file = archive_file::open(path)?;
    let Some(packing) = archive_file::packing(&file, path)? else {
        return Ok(as_it_is);
    };
    let private = PrivateDir::create(&config.tmp)?;
    let into = archive_file::create(private.dir(), PLAIN)?;
    archive_file::decompress(file, packing, path, into, private.dir(), on_event)?;
    let inner = inner.map_or_else(String::new, |inner| format!(":{inner}"));
    let plain = private.path().join(PLAIN);
    Ok(Prepared {
        name: format!("docker-archive:{}{inner}", plain.display()),
        private: Some(Arc::new(private)),
    })
}
