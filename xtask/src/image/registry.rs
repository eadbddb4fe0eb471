//! A real registry on a loopback port, for as long as the value lives.

use crate::packages::program;
use crate::run::Run;
use anyhow::{Context as _, Result, bail};
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct Registry {
    child: Child,
    port: u16,
}

impl Registry {
    /// Starts it with its storage in `folder`, and waits until it answers. Each request is a line in the file `log` there.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        // Free a moment ago; nothing else on this machine is likely to take it in the next.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        std::fs::create_dir_all(folder)?;
        let config = folder.join("config.yml");
        let text = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    \
             rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n",
            folder.join("data").display()
        );
        std::fs::write(&config, text)?;
        let name = if program("docker-registry") {
            "docker-registry"
        } else {
            "registry"
        };
        // It ends with this program, however that ends.
        let run = Run::new("setpriv").args(["--pdeathsig", "KILL", name]);
        let run = run.arg("serve").arg(&config);
        let log = File::create(folder.join("log"))?;
        let child = run.start(run.command().stdout(log.try_clone()?).stderr(log))?;
        let mut registry = Self { child, port };
        registry.wait(folder)?;
        Ok(registry)
    }

    fn wait(&mut self, folder: &Path) -> Result<()> {
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            if let Some(status) = self.child.try_wait().context("watching the registry")? {
                bail!("the registry ended ({status}): {}", log());
            }
            if begun.elapsed() > Duration::from_secs(30) {
                bail!("the registry does not answer: {}", log());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Where it listens, on loopback.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The image's name in this registry.
    pub(crate) fn name(&self) -> String {
        format!("docker://{}/demo/host:latest", self.address())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
