//! A real registry (Debian's `docker-registry`) on a loopback port.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a helper of tests: a test fails by panic"
)]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running registry with storage of its own; ended and removed on drop.
#[derive(Debug)]
pub struct Registry {
    child: Child,
    port: u16,
    _storage: tempfile::TempDir,
}

impl Registry {
    /// A registry that everybody may read and write.
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// A registry that asks for this user and password.
    pub fn start_with_login(user: &str, password: &str) -> Self {
        Self::start_with(Some((user, password)))
    }

    fn start_with(login: Option<(&str, &str)>) -> Self {
        // Another process may take the free port before the registry does: then the next one.
        (0..10)
            .find_map(|_| Self::try_start(login))
            .expect("docker-registry starts (package docker-registry)")
    }

    fn try_start(login: Option<(&str, &str)>) -> Option<Self> {
        let storage = tempfile::tempdir().unwrap();
        let port = free_port();
        let auth = login.map_or_else(String::new, |(user, password)| {
            let passwords = storage.path().join("htpasswd");
            std::fs::write(&passwords, htpasswd(user, password)).unwrap();
            format!(
                "auth:\n  htpasswd:\n    realm: test\n    path: {}\n",
                passwords.display()
            )
        });
        let config = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\n  delete:\n    \
             enabled: true\nhttp:\n  addr: 127.0.0.1:{port}\n{auth}",
            storage.path().join("data").display()
        );
        let config_file = storage.path().join("config.yml");
        std::fs::write(&config_file, config).unwrap();
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&config_file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry is installed (package docker-registry)");
        let mut registry = Self {
            child,
            port,
            _storage: storage,
        };
        registry.wait_until_up().then_some(registry)
    }

    fn wait_until_up(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if let Some(answer) = self.ask("/v2/") {
                return answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.1 401");
            }
            std::thread::sleep(Duration::from_millis(30));
        }
        false
    }

    fn ask(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address()
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Pushes an image (`oci:…`, any transport) as `name:tag`, bytes unchanged; all platforms of an index.
    pub fn push(&self, from: &str, name_and_tag: &str, login: Option<(&str, &str)>) {
        let mut command = Command::new("skopeo");
        command.args([
            "copy",
            "--quiet",
            "--all",
            "--preserve-digests",
            "--dest-tls-verify=false",
        ]);
        if let Some((user, password)) = login {
            command.arg(format!("--dest-creds={user}:{password}"));
        }
        command
            .arg(from)
            .arg(format!("docker://{}/{name_and_tag}", self.address()));
        let output = command.output().expect("skopeo is installed");
        assert!(
            output.status.success(),
            "push: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn htpasswd(user: &str, password: &str) -> Vec<u8> {
    let output = Command::new("htpasswd")
        .args(["-Bbn", user, password])
        .output()
        .expect("htpasswd is installed (package apache2-utils)");
    assert!(output.status.success());
    output.stdout
}

/// Writes a `containers-auth.json(5)` file with one login.
pub fn write_authfile(file: &Path, address: &str, user: &str, password: &str) {
    let auth = base64(format!("{user}:{password}").as_bytes());
    std::fs::write(
        file,
        format!(r#"{{"auths":{{"{address}":{{"auth":"{auth}"}}}}}}"#),
    )
    .unwrap();
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let value = group
            .iter()
            .fold(0_u32, |value, byte| value << 8 | u32::from(*byte))
            << (8 * (3 - group.len()));
        for place in 0..4 {
            if place <= group.len() {
                let letter = usize::try_from(value >> (18 - 6 * place) & 63).unwrap();
                text.push(char::from(LETTERS[letter]));
            } else {
                text.push('=');
            }
        }
    }
    text
}
