//! Images for both programs: encapsulated by the peer, with derived layers put on top.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use test_images::{Listing, tar::Dialect};

use crate::programs::{BareRepo, ostree, peer};

/// An OCI layout whose images are named by tags.
#[derive(Debug)]
pub(crate) struct Images {
    folder: tempfile::TempDir,
    build: BareRepo,
}

impl Images {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        fs::create_dir_all(folder.path().join("blobs/sha256")).unwrap();
        fs::write(
            folder.path().join("oci-layout"),
            r#"{"imageLayoutVersion":"1.0.0"}"#,
        )
        .unwrap();
        let images = Self {
            folder,
            build: BareRepo::new(),
        };
        images.write_index(&[]);
        images
    }

    /// `oci:FOLDER:TAG`
    pub(crate) fn reference(&self, tag: &str) -> String {
        format!("oci:{}:{tag}", self.folder.path().display())
    }

    /// `ostree-unverified-image:oci:FOLDER:TAG`
    pub(crate) fn unverified(&self, tag: &str) -> String {
        format!("ostree-unverified-image:{}", self.reference(tag))
    }

    /// Commits `listing` and encapsulates the commit as the image `tag`. Files below `/usr/NAME` are a
    /// chunk each for the `chunks` named, so that a later base shares the unchanged ones.
    pub(crate) fn base(&self, tag: &str, listing: &str, chunks: &[&str]) -> String {
        let tar = self.folder.path().join("base.tar");
        fs::write(&tar, layer(listing)).unwrap();
        let tree = format!("--tree=tar={}", tar.display());
        let repo = self.build.option();
        let subject = format!("--subject=base {tag}");
        let time = "--timestamp=2024-01-02T03:04:05Z";
        let commit = [
            "commit",
            &repo,
            "--orphan",
            &subject,
            time,
            "--tar-autocreate-parents",
            &tree,
        ];
        let commit = ostree(&commit).trim().to_owned();

        let own = tempfile::tempdir_in("/var/tmp").unwrap();
        let reference = format!("oci:{}:{tag}", own.path().join("oci").display());
        let mut encapsulate = vec!["container", "encapsulate", &repo];
        let content = own.path().join("content.json");
        fs::write(&content, self.content(&commit, chunks).to_string()).unwrap();
        let content = format!("--contentmeta={}", content.display());
        if !chunks.is_empty() {
            encapsulate.push(&content);
        }
        encapsulate.extend([commit.as_str(), &reference]);
        peer(&encapsulate);

        for blob in fs::read_dir(own.path().join("oci/blobs/sha256")).unwrap() {
            let blob = blob.unwrap();
            fs::copy(blob.path(), self.blobs().join(blob.file_name())).unwrap();
        }
        let index = fs::read(own.path().join("oci/index.json")).unwrap();
        let index: Value = serde_json::from_slice(&index).unwrap();
        self.set_tag(tag, &index["manifests"][0]);
        commit
    }

    /// The peer's description of which object belongs to which chunk.
    fn content(&self, commit: &str, chunks: &[&str]) -> Value {
        let listing = ostree(&["ls", &self.build.option(), "-R", "-C", commit]);
        let mut mapping = BTreeMap::new();
        for line in listing.lines().filter(|line| !line.starts_with('d')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (checksum, path) = (words[4], words[5]);
            let chunk = chunks
                .iter()
                .find(|chunk| path.starts_with(&format!("/usr/{chunk}/")));
            mapping.insert(checksum.to_owned(), *chunk.unwrap_or(&"rest"));
        }
        let layers: BTreeMap<&str, &str> = chunks
            .iter()
            .chain([&"rest"])
            .map(|id| (*id, *id))
            .collect();
        json!({ "version": 1, "layers": layers, "mapping": mapping })
    }

    /// The image `to`: that of `from` with `listings` as layers on top.
    pub(crate) fn derive(&self, from: &str, to: &str, listings: &[&str]) {
        let mut manifest = self.manifest(from);
        let mut config = self.json(manifest["config"]["digest"].as_str().unwrap());
        for (number, listing) in listings.iter().enumerate() {
            let tar = layer(listing);
            let digest = self.write_blob(&tar);
            push(
                &mut manifest["layers"],
                json!({
                    "mediaType": "application/vnd.oci.image.layer.v1.tar",
                    "digest": digest,
                    "size": tar.len(),
                }),
            );
            push(&mut config["rootfs"]["diff_ids"], json!(digest));
            push(
                &mut config["history"],
                json!({
                    "created": "2024-01-03T00:00:00Z",
                    "created_by": format!("derived layer {number}"),
                }),
            );
        }
        self.write_image(to, manifest, &config);
    }

    /// Adds a label to the config of `tag`.
    #[allow(dead_code, reason = "only hosts are told where an image came from")]
    pub(crate) fn label(&self, tag: &str, key: &str, value: &str) {
        let mut config = self.config(tag);
        config["config"]["Labels"][key] = json!(value);
        self.write_image(tag, self.manifest(tag), &config);
    }

    fn write_image(&self, tag: &str, mut manifest: Value, config: &Value) {
        let config = serde_json::to_vec(config).unwrap();
        manifest["config"]["digest"] = json!(self.write_blob(&config));
        manifest["config"]["size"] = json!(config.len());
        let bytes = serde_json::to_vec(&manifest).unwrap();
        let descriptor = json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": self.write_blob(&bytes),
            "size": bytes.len(),
            "platform": { "os": "linux", "architecture": config_architecture(&config) },
        });
        self.set_tag(tag, &descriptor);
    }

    /// Makes `tag` name the image that `from` names.
    pub(crate) fn retag(&self, from: &str, tag: &str) {
        self.set_tag(tag, &self.descriptor(from));
    }

    /// The manifest of `tag`.
    pub(crate) fn manifest(&self, tag: &str) -> Value {
        self.json(&self.manifest_digest(tag))
    }

    /// The configuration of `tag`.
    pub(crate) fn config(&self, tag: &str) -> Value {
        self.json(self.manifest(tag)["config"]["digest"].as_str().unwrap())
    }

    /// Digest of the manifest of `tag`.
    pub(crate) fn manifest_digest(&self, tag: &str) -> String {
        self.descriptor(tag)["digest"].as_str().unwrap().to_owned()
    }

    /// Layer digests of `tag`, in order.
    pub(crate) fn layers(&self, tag: &str) -> Vec<String> {
        let manifest = self.manifest(tag);
        let layers = manifest["layers"].as_array().unwrap().iter();
        layers
            .map(|layer| layer["digest"].as_str().unwrap().to_owned())
            .collect()
    }

    fn descriptor(&self, tag: &str) -> Value {
        let found = self.index().into_iter().find(|entry| has_tag(entry, tag));
        found.unwrap_or_else(|| panic!("no image {tag}"))
    }

    fn set_tag(&self, tag: &str, descriptor: &Value) {
        let mut index = self.index();
        index.retain(|entry| !has_tag(entry, tag));
        let mut entry = descriptor.clone();
        entry["annotations"] = json!({ TAG: tag });
        index.push(entry);
        self.write_index(&index);
    }

    fn index(&self) -> Vec<Value> {
        let text = fs::read(self.folder.path().join("index.json")).unwrap();
        let index: Value = serde_json::from_slice(&text).unwrap();
        index["manifests"].as_array().unwrap().clone()
    }

    fn write_index(&self, entries: &[Value]) {
        let index = json!({ "schemaVersion": 2, "manifests": entries });
        fs::write(self.folder.path().join("index.json"), index.to_string()).unwrap();
    }

    fn blobs(&self) -> PathBuf {
        self.folder.path().join("blobs/sha256")
    }

    fn json(&self, digest: &str) -> Value {
        let hex = digest.strip_prefix("sha256:").unwrap();
        serde_json::from_slice(&fs::read(self.blobs().join(hex)).unwrap()).unwrap()
    }

    fn write_blob(&self, bytes: &[u8]) -> String {
        let hex = hex::encode(Sha256::digest(bytes));
        fs::write(self.blobs().join(&hex), bytes).unwrap();
        format!("sha256:{hex}")
    }
}

const TAG: &str = "org.opencontainers.image.ref.name";

fn has_tag(entry: &Value, tag: &str) -> bool {
    entry["annotations"][TAG] == tag
}

fn push(array: &mut Value, value: Value) {
    array.as_array_mut().unwrap().push(value);
}

fn config_architecture(config: &[u8]) -> Value {
    let config: Value = serde_json::from_slice(config).unwrap();
    config["architecture"].clone()
}

fn layer(listing: &str) -> Vec<u8> {
    Listing::parse(listing)
        .unwrap()
        .to_tar(Dialect::Pax)
        .unwrap()
}

/// A base that has a bit of everything: modes, owners, xattrs, links, `/etc` in ostree's place.
pub(crate) const BASE: &str = r#"
    dir boot
    dir sysroot
    dir var
    dir usr
    dir usr/bin
    file usr/bin/sh 0755 "shell"
    file usr/bin/su 04755 "setuid"
    file usr/bin/ping 0755 "ping" xattr.user.note=kept
    hardlink usr/bin/bash -> usr/bin/sh
    dir usr/etc
    file usr/etc/motd "welcome\n"
    file usr/etc/passwd "root:x:0:0::/:/bin/sh\n"
    dir usr/etc/private 0700
    file usr/etc/private/key 0600 3:4 "secret"
    dir usr/lib
    dir usr/lib/modules
    dir usr/lib/modules/6.1
    file usr/lib/modules/6.1/vmlinuz "kernel"
    dir usr/lib/games 0775 5:60
    file usr/lib/games/chess 02755 5:60 "chess"
    file usr/lib/games/go "go"
    file usr/lib/libc.so size=70000 seed=1
    dir usr/share
    dir usr/share/doc
    file usr/share/doc/readme "read me"
    file usr/share/doc/empty
    dir usr/share/doc/old
    file usr/share/doc/old/a "a"
    file usr/share/doc/old/b "b"
    symlink bin -> usr/bin
    symlink lib -> usr/lib
    symlink usr/lib64 -> lib
"#;
