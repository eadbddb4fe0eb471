//! The guest: QEMU with the disk, what it is to do, and a place for results.

use super::report;
use crate::run::Run;
use crate::vm::root::Root;
use anyhow::{Context as _, Result, bail};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// How much of the console is shown when a guest did not come to its end.
const TAIL_LINES: usize = 40;

/// How QEMU's writes reach the disk's file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cache {
    /// What the guest wrote is there while this machine runs: fast, and enough unless QEMU is killed.
    Unsafe,
    /// What the guest has not synced may be lost when QEMU is killed.
    None,
}

/// A folder with `disk` and `drive`; QEMU adds `console` and `out`.
#[derive(Debug)]
pub(super) struct Guest<'a> {
    pub(super) root: &'a Root,
    pub(super) work: &'a Path,
    /// QEMU's `-accel`.
    pub(super) accelerator: &'a str,
}

/// QEMU, for as long as the value lives.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    work: PathBuf,
}

impl Guest<'_> {
    pub(super) fn start(&self, cache: Cache) -> Result<Running> {
        File::create(self.work.join("out"))?.set_len(report::SIZE_BYTES)?;
        std::fs::create_dir_all(self.root.folder.join("machine"))?;
        let cache = match cache {
            Cache::Unsafe => "unsafe",
            Cache::None => "none",
        };
        // All of these replace each other: QEMU is our own child, and ends when we do.
        let mut run = Run::new("unshare")
            .args(["--mount", "--propagation", "slave", "sh", "-ec"])
            .arg("mount --bind \"$1\" \"$2/machine\"; root=$2; shift 2; exec setpriv --pdeathsig KILL chroot \"$root\" \"$@\"")
            .arg("sh")
            .args([self.work, &self.root.folder])
            .args(["qemu-system-x86_64", "-machine", "pc,usb=off,vmport=off"])
            .args(["-accel", self.accelerator, "-cpu", "max", "-smp", "2", "-m", "2560"])
            .args(["-nodefaults", "-display", "none", "-vga", "none", "-monitor", "none"])
            .args(["-serial", "file:/machine/console", "-device", "virtio-rng-pci"])
            .args(["-netdev", "user,id=network", "-device", "virtio-net-pci,netdev=network,romfile="]);
        for (name, mode) in [("disk", cache), ("drive", "unsafe"), ("out", "unsafe")] {
            run = run
                .args([
                    "-drive",
                    &format!("if=none,id={name},file=/machine/{name},format=raw,cache={mode}"),
                ])
                .args([
                    "-device",
                    &format!("virtio-blk-pci,drive={name},serial={name}"),
                ]);
        }
        let mut command = run.command();
        command.stdin(Stdio::null());
        let child = run.start(&mut command)?;
        Ok(Running {
            child,
            work: self.work.to_owned(),
        })
    }
}

impl Running {
    /// Waits until the guest turned itself off, as long as each of its parts (by the number of seconds) takes no longer
    /// than it may. The first counts from the start of the machine.
    pub(super) fn wait(&mut self, limit: impl Fn(&str) -> u64) -> Result<()> {
        let out = self.work.join("out");
        let (mut at, mut since) = (String::new(), Instant::now());
        loop {
            if let Some(status) = self.child.try_wait()? {
                if !status.success() {
                    bail!("QEMU ended ({status})");
                }
                return match report::progress(&out)?.as_str() {
                    "end" => Ok(()),
                    "" => bail!("the guest ended before its first part"),
                    at => bail!("the guest ended at {at}"),
                };
            }
            let now = report::progress(&out)?;
            if now != at {
                println!("  {now} (after {} s)", since.elapsed().as_secs());
                (at, since) = (now, Instant::now());
            }
            let seconds = limit(&at);
            if since.elapsed() > Duration::from_secs(seconds) {
                let at = if at.is_empty() { "the boot" } else { &at };
                bail!("{at} took longer than {seconds} s");
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    pub(super) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// As when the power fails.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.child.kill().context("ending QEMU")?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The end of what the guest said on its serial line.
pub(super) fn tail(work: &Path) -> String {
    let console = std::fs::read(work.join("console")).unwrap_or_default();
    let text = String::from_utf8_lossy(&console).replace('\r', "");
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
