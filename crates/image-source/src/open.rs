//! From a reference to a source: which way of reading is right, and who checks the policy.

use std::sync::Arc;

use oci_manifest::{Digest, ImageReference, OstreeImageReference, SignatureSource, Transport};

use crate::direct::DirectSource;
use crate::oci_name::OciName;
use crate::private_dir::PrivateDir;
use crate::{Auth, CopyReason, Encoding, Error, OnEvent, Source, SourceConfig, policy, spool};

/// Opens an image: its manifest is fetched and checked, nothing more.
///
/// `ostree-image-signed:` makes the containers policy decide, on every transport: skopeo's proxy does the transfer if
/// this skopeo's proxy is seen to enforce a policy, else `skopeo copy` (which does) makes a private copy under
/// [`SourceConfig::tmp`], and that is read. The manifest digest is the original's then, too, unless the transport makes
/// its manifest anew (containers-storage, docker-daemon): then it is the digest of what is read.
///
/// `ostree-remote-image:` is opened like an unverified one: the commit's signature is for the importer to check.
///
/// `on_event` is called from this thread and, when blobs are retried, from those that read them.
///
/// # Errors
/// See [`Error`]; what is worth repeating has been repeated as configured.
pub fn open(
    reference: &OstreeImageReference,
    config: &SourceConfig,
    on_event: OnEvent,
) -> Result<Box<dyn Source>, Error> {
    let image = &reference.imgref;
    check_auth(config)?;
    match &reference.sigverify {
        SignatureSource::ContainerPolicy => open_verified(image, config, &on_event),
        SignatureSource::OstreeRemote(_) | SignatureSource::ContainerPolicyAllowInsecure => {
            open_plain(image, config, &on_event)
        }
    }
}

/// skopeo takes an authfile that is not there for an empty one, and the user reads "unauthorized".
fn check_auth(config: &SourceConfig) -> Result<(), Error> {
    let Auth::File(path) = &config.auth else {
        return Ok(());
    };
    match std::fs::File::open(path) {
        Ok(_) => Ok(()),
        Err(source) => Err(Error::Io {
            action: "read the credentials in",
            path: path.display().to_string(),
            source,
        }),
    }
}

fn open_plain(
    image: &ImageReference,
    config: &SourceConfig,
    on_event: &OnEvent,
) -> Result<Box<dyn Source>, Error> {
    match image.transport {
        Transport::OciDir => Ok(Box::new(DirectSource::open(
            image, false, config, on_event,
        )?)),
        Transport::OciArchive => Ok(Box::new(DirectSource::open(image, true, config, on_event)?)),
        Transport::ContainerStorage | Transport::DockerDaemon => {
            let policy = config.policy.0.as_deref();
            let private = spool::copy(image, policy, CopyReason::Transport, config, on_event)?;
            open_copy(image, private, config, on_event)
        }
        Transport::Registry | Transport::DockerArchive | Transport::Dir => {
            open_proxy(image, None, config, on_event)
        }
    }
}

fn open_verified(
    image: &ImageReference,
    config: &SourceConfig,
    on_event: &OnEvent,
) -> Result<Box<dyn Source>, Error> {
    let shown = image.to_string();
    let Some(path) = &config.policy.0 else {
        return Err(Error::PolicyMissing { image: shown });
    };
    let text = std::fs::read(path).map_err(|source| Error::Io {
        action: "read the containers policy",
        path: path.display().to_string(),
        source,
    })?;
    policy::check(&text, path, &shown)?;
    if matches!(image.transport, Transport::OciDir | Transport::OciArchive) {
        let name = OciName::parse(&image.name).map_err(|reason| Error::InvalidReference {
            reference: shown.clone(),
            reason,
        })?;
        if name.digest.is_some() {
            return Err(Error::UnverifiableReference { image: shown });
        }
    }
    #[cfg(feature = "proxy")]
    if !matches!(
        image.transport,
        Transport::ContainerStorage | Transport::DockerDaemon
    ) && crate::enforcement::proxy_enforces(config, on_event)?
    {
        return open_proxy(image, Some(path), config, on_event);
    }
    let private = spool::copy(image, Some(path), CopyReason::Policy, config, on_event)?;
    open_copy(image, private, config, on_event)
}

/// How far a transport's media types can be trusted: docker's archives say gzip where the bytes are plain tar.
fn encoding_of(transport: Transport) -> Encoding {
    match transport {
        Transport::DockerArchive | Transport::DockerDaemon | Transport::ContainerStorage => {
            Encoding::Sniff
        }
        Transport::Registry | Transport::OciDir | Transport::OciArchive | Transport::Dir => {
            Encoding::Declared
        }
    }
}

/// The digest by which a registry is asked for the image: of a manifest or of an index.
pub(crate) fn asked_by(image: &ImageReference) -> Option<Digest> {
    match image.transport {
        Transport::Registry => image.digest(),
        _ => None,
    }
}

/// Reads a private copy: directly if its manifest is OCI's, else through skopeo, which converts it.
fn open_copy(
    image: &ImageReference,
    private: Arc<PrivateDir>,
    config: &SourceConfig,
    on_event: &OnEvent,
) -> Result<Box<dyn Source>, Error> {
    let shown = image.to_string();
    let encoding = encoding_of(image.transport);
    if let Some(direct) = DirectSource::open_copy(image, &private, &config.platform, encoding)? {
        return Ok(Box::new(direct));
    }
    #[cfg(feature = "proxy")]
    {
        let target = crate::proxy::Target {
            name: format!("dir:{}", private.path().join(spool::IMAGE).display()),
            shown,
            digest: asked_by(image),
            encoding,
            policy: crate::proxy::Enforced::Checked,
            tmp: private.path().join(spool::TMP),
        };
        Ok(Box::new(crate::proxy::ProxySource::open(
            target,
            Some(private),
            config,
            on_event,
        )?))
    }
    #[cfg(not(feature = "proxy"))]
    {
        let _unused = on_event;
        Err(Error::TransportUnavailable { image: shown })
    }
}

#[cfg(feature = "proxy")]
fn open_proxy(
    image: &ImageReference,
    policy: Option<&std::path::Path>,
    config: &SourceConfig,
    on_event: &OnEvent,
) -> Result<Box<dyn Source>, Error> {
    use crate::private_dir::path_of;
    use crate::proxy::{Enforced, ProxySource, Target};
    let prepared = crate::docker_archive::prepare(image, config, on_event)?;
    // Only archives are ever unpacked by skopeo, and what it unpacks must not outlive us.
    let private = match (prepared.private, image.transport) {
        (None, Transport::DockerArchive | Transport::OciArchive) => {
            Some(Arc::new(PrivateDir::create(&config.tmp)?))
        }
        (private, _) => private,
    };
    let target = Target {
        shown: image.to_string(),
        name: prepared.name,
        digest: asked_by(image),
        encoding: encoding_of(image.transport),
        policy: policy.map_or(Enforced::SkopeosOwn, |path| Enforced::File(path.to_owned())),
        tmp: private
            .as_ref()
            .map_or_else(|| path_of(&config.tmp), |private| private.path()),
    };
    Ok(Box::new(ProxySource::open(
        target, private, config, on_event,
    )?))
}

#[cfg(not(feature = "proxy"))]
fn open_proxy(
    image: &ImageReference,
    _policy: Option<&std::path::Path>,
    _config: &SourceConfig,
    _on_event: &OnEvent,
) -> Result<Box<dyn Source>, Error> {
    Err(Error::TransportUnavailable {
        image: image.to_string(),
    })
}
