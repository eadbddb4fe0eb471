//! What the guest asked the registry for, as the registry wrote it down.

use anyhow::{Context as _, Result};
use std::collections::BTreeSet;
use std::path::Path;

/// The registry's log so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(usize);

/// What comes after this is the guest's doing.
pub(super) fn mark(registry: &Path) -> Result<Mark> {
    Ok(Mark(log(registry)?.len()))
}

/// The blobs of this repository that were fetched since, in the order of their digests.
pub(super) fn blobs(registry: &Path, since: Mark, repository: &str) -> Result<BTreeSet<String>> {
    Ok(blobs_in(
        log(registry)?.get(since.0..).unwrap_or_default(),
        repository,
    ))
}

fn log(registry: &Path) -> Result<String> {
    let bytes = std::fs::read(registry.join("log")).context("the registry's log")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn blobs_in(log: &str, repository: &str) -> BTreeSet<String> {
    let request = format!("\"GET /v2/{repository}/blobs/");
    log.lines()
        .filter_map(|line| line.split_once(&request)?.1.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::blobs_in;

    #[test]
    fn only_what_was_fetched_of_this_repository_counts() {
        let log = "127.0.0.1 - - [x] \"GET /v2/ HTTP/1.1\" 200 2\n\
            127.0.0.1 - - [x] \"GET /v2/a/os/blobs/sha256:11 HTTP/1.1\" 200 2 \"\" \"skopeo\"\n\
            127.0.0.1 - - [x] \"HEAD /v2/a/os/blobs/sha256:22 HTTP/1.1\" 200 2\n\
            127.0.0.1 - - [x] \"GET /v2/a/os/blobs/sha256:11 HTTP/1.1\" 206 2\n\
            127.0.0.1 - - [x] \"GET /v2/a/app/blobs/sha256:33 HTTP/1.1\" 200 2\n";
        let found: Vec<_> = blobs_in(log, "a/os").into_iter().collect();
        assert_eq!(found, ["sha256:11"]);
    }
}
