//! The arguments that an image brings: `usr/lib/bootc/kargs.d/*.toml`, as bootc's documentation of them has it.

use super::{Error, KernelArguments};
use serde::Deserialize;
use std::io;

/// Where in an image the files are.
pub const KARGS_DIRECTORY: &str = "usr/lib/bootc/kargs.d";

/// The most bytes of one file that are read. No kernel takes a tenth of that.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// One file.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    kargs: Vec<String>,
    /// Absent: for all.
    match_architectures: Option<Vec<String>>,
}

/// Whether a file of that name in the directory is one of them.
#[must_use]
pub fn is_kargs_file(name: &str) -> bool {
    name.strip_suffix(".toml")
        .is_some_and(|stem| !stem.is_empty())
}

/// The arguments of an image: those of each file, the files in the order of their names.
///
/// `names` are those of all entries of the directory, in any order; other files than [`is_kargs_file`] are passed over. An
/// image without the directory has none of them, and no arguments. `read` gets the content of one. `architecture` is in
/// Rust's naming ([`std::env::consts::ARCH`]: `x86_64`, `aarch64`, `powerpc64`), as the files have it.
///
/// # Errors
/// [`Error::Read`], [`Error::TooLarge`], [`Error::Format`] (an unknown key too), [`Error::Argument`]; each names the file.
pub fn image_arguments(
    names: impl IntoIterator<Item = String>,
    mut read: impl FnMut(&str) -> io::Result<Vec<u8>>,
    architecture: &str,
) -> Result<KernelArguments, Error> {
    let mut names: Vec<_> = names.into_iter().filter(|n| is_kargs_file(n)).collect();
    names.sort();
    let mut all = KernelArguments::default();
    for name in names {
        let bytes = read(&name).map_err(|source| Error::Read {
            name: name.clone(),
            source,
        })?;
        if let Some(arguments) = parse_file(&name, &bytes, architecture)? {
            // A quote may open in one string of the list and close in the next, but not in the next file.
            let added = all.append(&arguments);
            added.map_err(|error| Error::Argument {
                name,
                source: Box::new(error),
            })?;
        }
    }
    Ok(all)
}

/// The line of a place, from 1.
fn line_of(bytes: &[u8], place: usize) -> usize {
    let before = bytes.get(..place).unwrap_or(bytes);
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The arguments of one file as a line; none if it is for other architectures.
fn parse_file(name: &str, bytes: &[u8], architecture: &str) -> Result<Option<String>, Error> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(Error::TooLarge {
            name: name.to_owned(),
            size_bytes: bytes.len(),
        });
    }
    let file: File = toml::from_slice(bytes).map_err(|error| Error::Format {
        name: name.to_owned(),
        line: line_of(bytes, error.span().map_or(0, |span| span.start)),
        reason: error.message().to_owned(),
    })?;
    let matches = file
        .match_architectures
        .is_none_or(|list| list.iter().any(|one| one == architecture));
    Ok(matches.then(|| file.kargs.join(" ")))
}
