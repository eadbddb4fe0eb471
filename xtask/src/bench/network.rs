//! A pull through a slow network, held against the bare transfer of the same blobs by as many connections.

use super::contestant::{self, Place};
use super::disk::Disk;
use super::inputs::Input;
use super::measure::measure;
use super::programs::Programs;
use super::scratch::Scratch;
use super::throttle::{Network, Throttle};
use crate::image::registry::Registry;
use crate::run::Run;
use anyhow::{Result, bail};
use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Slow, and so slow that the processors of a small machine are not what is waited for.
const SPEEDS: [f64; 2] = [20e6, 10e6];

/// What it took. Seconds.
#[derive(Debug, serde::Serialize)]
pub(super) struct Transfer {
    /// Of each connection.
    pub(super) bytes_per_second: f64,
    pub(super) pull_s: f64,
    pub(super) bare_s: f64,
    /// The most blobs that the pull fetched at the same moment; the bare transfer does so too.
    pub(super) at_once: usize,
    pub(super) noop_s: f64,
    /// Requests for manifests when nothing is new.
    pub(super) noop_manifests: usize,
}

/// Runs both, at each speed, so many rounds, and takes the middle.
pub(super) fn run(
    input: &Input,
    programs: &Programs,
    scratch: &Scratch,
    rounds: usize,
) -> Result<Vec<Transfer>> {
    println!("\n## registry behind a slow network");
    let registry = Registry::start(&scratch.folder.join("slow-registry"))?;
    input.publish(1)?;
    Run::new("skopeo")
        .args(["copy", "--quiet", "--dest-tls-verify=false"])
        .args([input.reference(), registry.name()])
        .read()?;
    let speeds = SPEEDS.iter().map(|speed| {
        let network = Network {
            latency: Duration::from_millis(50),
            bytes_per_second: *speed,
        };
        let mut all = Vec::new();
        for _ in 0..rounds.max(1) {
            let transfer = round(input, programs, scratch, &registry, network)?;
            println!("{transfer}");
            all.push(transfer);
        }
        all.sort_by(|a, b| a.ratio().total_cmp(&b.ratio()));
        let middle = all.len() / 2;
        Ok(all.swap_remove(middle))
    });
    speeds.collect()
}

fn round(
    input: &Input,
    programs: &Programs,
    scratch: &Scratch,
    registry: &Registry,
    network: Network,
) -> Result<Transfer> {
    let throttle = Throttle::start(&registry.address(), network)?;
    let name = format!("docker://{}/demo/host:latest", throttle.address());
    let disk = Disk::create(&scratch.folder, scratch.keep)?;
    let place = Place {
        programs,
        input,
        mount: &disk.mount,
        registry: Some(registry),
    };
    let slow = contestant::from_registry(&place, &name);
    let log = scratch.folder.join("log");
    let pull = measure(&slow, &disk, 0, &log)?;
    let (at_once, before) = (throttle.most_at_once(), throttle.manifests());
    let noop = measure(&slow, &disk, 0, &log)?;
    let noop_manifests = throttle.manifests() - before;
    let bare = bare(input, &throttle.address(), at_once.max(1))?;
    Ok(Transfer {
        bytes_per_second: network.bytes_per_second,
        pull_s: pull.wall_s,
        bare_s: bare.as_secs_f64(),
        at_once,
        noop_s: noop.wall_s,
        noop_manifests,
    })
}

/// Fetches all blobs by so many connections, the largest first, and throws them away.
fn bare(input: &Input, address: &str, connections: usize) -> Result<Duration> {
    let mut blobs = Vec::new();
    for path in input.layers(1)? {
        let digest = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        blobs.push((path.metadata()?.len(), digest));
    }
    blobs.sort();
    let queue: Mutex<VecDeque<_>> = Mutex::new(blobs.into_iter().rev().collect());
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..connections)
            .map(|_| scope.spawn(|| fetch(&queue, address)))
            .collect();
        for worker in workers {
            match worker.join() {
                Ok(result) => result?,
                Err(_) => bail!("a connection of the bare transfer came to grief"),
            }
        }
        Ok(begun.elapsed())
    })
}

fn fetch(queue: &Mutex<VecDeque<(u64, String)>>, address: &str) -> Result<()> {
    let mut buffer = vec![0; 1 << 17];
    loop {
        let next = queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        let Some((size, digest)) = next else {
            return Ok(());
        };
        let mut stream = TcpStream::connect(address)?;
        write!(
            stream,
            "GET /v2/demo/host/blobs/sha256:{digest} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )?;
        let mut came = 0;
        loop {
            match stream.read(&mut buffer)? {
                0 => break,
                count => came += count as u64,
            }
        }
        if came < size {
            bail!("only {came} of the {size} bytes of {digest} came");
        }
    }
}

impl Transfer {
    /// Of the pull's time to that of the bare transfer.
    pub(super) fn ratio(&self) -> f64 {
        self.pull_s / self.bare_s
    }

    /// In MB/s.
    pub(super) fn speed(&self) -> f64 {
        self.bytes_per_second / 1e6
    }
}

impl std::fmt::Display for Transfer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let speed = self.speed();
        let Self {
            bytes_per_second: _,
            pull_s,
            bare_s,
            at_once,
            noop_s,
            noop_manifests,
        } = self;
        write!(
            f,
            "{speed:.0} MB/s a connection: pull {pull_s:.1} s, bare transfer {bare_s:.1} s by {at_once} connections; \
             no-op {noop_s:.2} s, {noop_manifests} requests for manifests"
        )
    }
}
