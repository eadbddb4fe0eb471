//! A slow network on loopback: a relay that delays what is asked and paces what is answered.

use anyhow::Result;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What the network is like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Network {
    /// Added to each connection and to each request.
    pub(super) latency: Duration,
    /// From the server to the client.
    pub(super) bytes_per_second: f64,
}

/// An answer with more than this is a blob.
const BLOB_BYTES: u64 = 256 * 1024;

#[derive(Debug, Default)]
struct Seen {
    manifests: AtomicUsize,
    /// Blobs on their way.
    fetching: AtomicUsize,
    most_at_once: AtomicUsize,
}

/// A running relay. Its threads end with the program.
#[derive(Debug)]
pub(super) struct Throttle {
    port: u16,
    seen: Arc<Seen>,
}

impl Throttle {
    pub(super) fn start(upstream: &str, network: Network) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let (upstream, seen) = (upstream.to_owned(), Arc::new(Seen::default()));
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (upstream, seen) = (upstream.clone(), Arc::clone(&shared));
                // A connection that breaks is the client's to notice.
                std::thread::spawn(move || drop(relay(&client, &upstream, network, &seen)));
            }
        });
        Ok(Self { port, seen })
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Requests for manifests so far.
    pub(super) fn manifests(&self) -> usize {
        self.seen.manifests.load(Ordering::Relaxed)
    }

    /// The most blobs that were on their way at the same moment.
    pub(super) fn most_at_once(&self) -> usize {
        self.seen.most_at_once.load(Ordering::Relaxed)
    }
}

fn relay(
    client: &TcpStream,
    upstream: &str,
    network: Network,
    seen: &Arc<Seen>,
) -> std::io::Result<()> {
    std::thread::sleep(network.latency);
    let server = TcpStream::connect(upstream)?;
    for stream in [client, &server] {
        stream.set_nodelay(true)?;
    }
    let (from, to) = (client.try_clone()?, server.try_clone()?);
    let requests = Arc::clone(seen);
    std::thread::spawn(move || drop(ask(from, to, network, &requests)));
    answer(server, client.try_clone()?, network, seen)
}

fn ask(
    mut from: TcpStream,
    mut to: TcpStream,
    network: Network,
    seen: &Seen,
) -> std::io::Result<()> {
    let mut piece = [0; 16 * 1024];
    loop {
        let count = from.read(&mut piece)?;
        let Some(bytes) = piece.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return to.shutdown(Shutdown::Write);
        };
        let gets = String::from_utf8_lossy(bytes)
            .matches("/manifests/")
            .count();
        seen.manifests.fetch_add(gets, Ordering::Relaxed);
        std::thread::sleep(network.latency);
        to.write_all(bytes)?;
    }
}

fn answer(
    mut from: TcpStream,
    mut to: TcpStream,
    network: Network,
    seen: &Seen,
) -> std::io::Result<()> {
    let mut piece = vec![0; 64 * 1024];
    let mut ready = Instant::now();
    let mut left = 0;
    let mut blob = None;
    loop {
        let count = from.read(&mut piece)?;
        let Some(bytes) = piece.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return to.shutdown(Shutdown::Write);
        };
        if left == 0 {
            left = answer_bytes(bytes);
            blob = (left > BLOB_BYTES).then(|| OnItsWay::new(seen));
        }
        // What an idle connection did not use is not made up for.
        ready = ready.max(Instant::now());
        #[expect(clippy::cast_precision_loss, reason = "a piece is small")]
        let time = Duration::from_secs_f64(count as f64 / network.bytes_per_second);
        ready += time;
        std::thread::sleep(ready.saturating_duration_since(Instant::now()));
        to.write_all(bytes)?;
        left = left.saturating_sub(count as u64);
        if left == 0 {
            drop(blob.take());
        }
    }
}

/// How long the answer is that begins so, its head included; 0 where it does not say.
fn answer_bytes(begin: &[u8]) -> u64 {
    let begin = String::from_utf8_lossy(begin);
    let Some((head, _)) = begin.split_once("\r\n\r\n") else {
        return 0;
    };
    let body = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse().ok()).flatten()
    });
    body.map_or(0, |body: u64| head.len() as u64 + 4 + body)
}

/// A blob, as long as it is on its way.
struct OnItsWay<'a>(&'a Seen);

impl<'a> OnItsWay<'a> {
    fn new(seen: &'a Seen) -> Self {
        let others = seen.fetching.fetch_add(1, Ordering::Relaxed);
        seen.most_at_once.fetch_max(others + 1, Ordering::Relaxed);
        Self(seen)
    }
}

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        self.0.fetching.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_through_whole_and_connections_at_once_are_counted() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let upstream = server.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for client in server.incoming().flatten() {
                std::thread::spawn(move || {
                    let mut client = client;
                    let mut byte = [0];
                    client.read_exact(&mut byte).unwrap();
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 1 << 20);
                    client.write_all(head.as_bytes()).unwrap();
                    client.write_all(&vec![byte[0]; 1 << 20]).unwrap();
                });
            }
        });
        let network = Network {
            latency: Duration::from_millis(1),
            bytes_per_second: 10e6,
        };
        let throttle = Throttle::start(&upstream, network).unwrap();
        let clients: Vec<_> = (1..=3)
            .map(|byte| {
                let address = throttle.address();
                std::thread::spawn(move || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    stream.write_all(&[byte]).unwrap();
                    let mut answer = Vec::new();
                    stream.read_to_end(&mut answer).unwrap();
                    assert_eq!(answer.len() as u64, answer_bytes(&answer));
                    assert!(answer.ends_with(&vec![byte; 1 << 20]));
                })
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
        assert_eq!(throttle.most_at_once(), 3);
    }
}
