//! Enough of a docker daemon for `docker-daemon:`: it hands out one saved image.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// A daemon on a socket of its own. Its thread ends with the test program.
pub struct DockerDaemon {
    socket: PathBuf,
}

impl DockerDaemon {
    /// Serves the `docker-archive` file as the answer to `docker save`.
    pub fn start(socket: &Path, archive: &Path) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let archive = std::fs::read(archive).unwrap();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let archive = archive.clone();
                std::thread::spawn(move || drop(serve(client, &archive)));
            }
        });
        Self {
            socket: socket.to_owned(),
        }
    }

    /// A program that is skopeo, told where this daemon is: skopeo takes that only as an option.
    pub fn skopeo_script(&self) -> String {
        format!(
            "#!/bin/sh\nfor arg; do\n  shift\n  set -- \"$@\" \"$arg\"\n  [ \"$arg\" = copy ] && \
             set -- \"$@\" --src-daemon-host unix://{}\ndone\nexec skopeo \"$@\"\n",
            self.socket.display()
        )
    }
}

fn serve(mut client: UnixStream, archive: &[u8]) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if client.read(&mut byte)? == 0 {
            return Ok(());
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split_whitespace().nth(1).unwrap_or_default();
    let (status, body): (&str, &[u8]) = if path.contains("/images/") && path.contains("get") {
        ("200 OK", archive)
    } else {
        ("404 Not Found", b"{}")
    };
    write!(
        client,
        "HTTP/1.1 {status}\r\nContent-Type: application/x-tar\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    client.write_all(body)
}
