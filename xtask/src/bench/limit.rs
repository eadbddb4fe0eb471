//! The least that a pull has to do, as a program of its own: a bar for the real one.
//!
//! One thread reads blobs, hashes them, inflates them and hashes the tar; the other parses the tar, hashes each
//! file as an ostree object and writes it with owner, mode and label under its name. One syncfs ends it. No
//! trees, no commits, no refs, no limits, no error that leaves the disk clean.

mod blob;
mod objects;
mod pipe;

use anyhow::{Result, bail};
use objects::Objects;
use std::path::PathBuf;

/// What to store, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// A new folder for the objects.
    #[arg(long)]
    into: PathBuf,
    /// The SELinux label of every file; none if empty.
    #[arg(long, default_value = "system_u:object_r:usr_t:s0")]
    label: String,
    /// Blobs, gzip or zstd, named by their digests, lowest first.
    layers: Vec<PathBuf>,
}

/// Stores the layers and says how much that was.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut objects = Objects::create(&options.into, &options.label)?;
    let (filler, mut drainer) = pipe::pipe();
    std::thread::scope(|scope| -> Result<()> {
        let blobs = scope.spawn(move || blob::unpack(&options.layers, filler));
        let mut stored = Ok(());
        for _ in &options.layers {
            stored = objects.store(&mut drainer);
            if stored.is_err() {
                break;
            }
            drainer.next_layer();
        }
        // A filler that nobody drains ends.
        drop(drainer);
        match blobs.join() {
            Ok(result) => result.and(stored),
            Err(_) => bail!("the inflating thread came to grief"),
        }
    })?;
    rustix::fs::syncfs(objects.folder())?;
    println!(
        "{} files, {} links, {} bytes",
        objects.files, objects.links, objects.bytes
    );
    Ok(())
}
