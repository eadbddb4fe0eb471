//! An HTTP proxy in front of a registry that answers some requests wrongly. Plain `std::net`, loopback only.
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a helper of tests: a test fails by panic"
)]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What is done to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This status, without asking the registry.
    Status(u16),
    /// The connection is closed without an answer.
    Close,
    /// The right header, so many bytes of the body, then the connection is closed.
    CutAfter(usize),
    /// The right header, so many bytes of the body, then nothing more while the client waits.
    StallAfter(usize),
    /// The right answer, in pieces of so many bytes with a pause after each.
    Trickle {
        /// Bytes of a piece.
        piece: usize,
        /// After each.
        pause: Duration,
    },
    /// The right length, but one bit of the body is wrong.
    Flip,
}

/// Which requests get a fault, and how often.
#[derive(Debug)]
struct Rule {
    path_has: String,
    fault: Fault,
    times: usize,
}

#[derive(Debug, Default)]
struct Shared {
    rules: Mutex<Vec<Rule>>,
    requests: Mutex<Vec<String>>,
}

/// A running proxy. Its threads end with the test program.
#[derive(Debug)]
pub struct FaultProxy {
    port: u16,
    shared: Arc<Shared>,
}

impl FaultProxy {
    /// A proxy in front of `upstream` (`127.0.0.1:PORT`) that changes nothing yet.
    pub fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let upstream = upstream.to_owned();
        let mine = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (upstream, shared) = (upstream.clone(), Arc::clone(&mine));
                // A broken connection is what this proxy is for.
                std::thread::spawn(move || drop(serve(client, &upstream, &shared)));
            }
        });
        Self { port, shared }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The next `times` requests whose path contains `path_has` get this fault. Earlier rules go first.
    pub fn fail(&self, path_has: &str, fault: Fault, times: usize) {
        self.shared.rules.lock().unwrap().push(Rule {
            path_has: path_has.to_owned(),
            fault,
            times,
        });
    }

    /// How many requests had this in their path.
    pub fn requests(&self, path_has: &str) -> usize {
        self.shared
            .requests
            .lock()
            .unwrap()
            .iter()
            .filter(|path| path.contains(path_has))
            .count()
    }
}

fn serve(mut client: TcpStream, upstream: &str, shared: &Shared) -> std::io::Result<()> {
    let Some(request) = read_head(&mut client)? else {
        return Ok(());
    };
    let path = request
        .split_whitespace()
        .nth(1)
        .unwrap_or_default()
        .to_owned();
    shared.requests.lock().unwrap().push(path.clone());
    let fault = shared.rules.lock().unwrap().iter_mut().find_map(|rule| {
        let hit = rule.times > 0 && path.contains(&rule.path_has);
        hit.then(|| {
            rule.times -= 1;
            rule.fault
        })
    });
    match fault {
        Some(Fault::Close) => return client.shutdown(Shutdown::Both),
        Some(Fault::Status(status)) => {
            write!(
                client,
                "HTTP/1.1 {status} Fault\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )?;
            return client.shutdown(Shutdown::Both);
        }
        _ => {}
    }
    let answer = ask(upstream, &request)?;
    let body = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map_or(answer.len(), |end| end + 4);
    match fault {
        Some(Fault::CutAfter(bytes)) => {
            client.write_all(&answer[..answer.len().min(body + bytes)])?;
        }
        Some(Fault::StallAfter(bytes)) => {
            client.write_all(&answer[..answer.len().min(body + bytes)])?;
            // Until the client gives up.
            let _gone = client.read(&mut [0]);
        }
        Some(Fault::Trickle { piece, pause }) => {
            for piece in answer.chunks(piece) {
                client.write_all(piece)?;
                std::thread::sleep(pause);
            }
        }
        Some(Fault::Flip) => {
            let mut wrong = answer.clone();
            let middle = body + (wrong.len() - body) / 2;
            if let Some(byte) = wrong.get_mut(middle) {
                *byte ^= 1;
            }
            client.write_all(&wrong)?;
        }
        _ => client.write_all(&answer)?,
    }
    client.shutdown(Shutdown::Both)
}

/// The request up to its empty line; requests with a body are not passed on.
fn read_head(client: &mut TcpStream) -> std::io::Result<Option<String>> {
    client.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if client.read(&mut byte)? == 0 {
            return Ok(None);
        }
        // A TLS handshake: say at once that this is plain HTTP, or the client waits ten seconds.
        if head.is_empty() && byte[0] == 0x16 {
            client.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n")?;
            return Ok(None);
        }
        head.push(byte[0]);
    }
    Ok(Some(String::from_utf8_lossy(&head).into_owned()))
}

/// The whole answer of the registry, asked to close the connection after it.
fn ask(upstream: &str, request: &str) -> std::io::Result<Vec<u8>> {
    let mut registry = TcpStream::connect(upstream)?;
    let lines = request
        .trim_end()
        .lines()
        .filter(|line| !line.to_lowercase().starts_with("connection:"));
    let mut passed_on: String = lines.map(|line| format!("{line}\r\n")).collect();
    passed_on.push_str("Connection: close\r\n\r\n");
    registry.write_all(passed_on.as_bytes())?;
    let mut answer = Vec::new();
    registry.read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer[..answer.len().min(4096)]).into_owned();
    // The client must not use this connection again either.
    if !text.to_lowercase().contains("connection: close") {
        let first_line = answer
            .windows(2)
            .position(|window| window == b"\r\n")
            .map_or(0, |at| at + 2);
        answer.splice(
            first_line..first_line,
            b"Connection: close\r\n".iter().copied(),
        );
    }
    Ok(answer)
}
