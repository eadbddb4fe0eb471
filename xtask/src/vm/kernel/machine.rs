//! Booting the machine, and reading what it says.

use crate::run::Run;
use crate::vm::expectations::Results;
use crate::vm::root::Root;
use anyhow::{Context as _, Result, bail};
use std::fs::{self, File};
use std::path::Path;

const DISK_BYTES: u64 = 600 << 20;
/// How much of the console is shown when the machine did not come to its end.
const TAIL_LINES: usize = 40;

/// Boots the machine with an initramfs and an empty disk; both lie in `work`, which QEMU sees as it is.
pub(super) fn boot(root: &Root, work: &Path, accelerator: &str, seconds: u64) -> Result<Results> {
    let ended = command(root, work, accelerator, seconds)?.run();
    let text = console(work);
    let results = results_in(&text);
    if ended.is_err() || !results.contains_key("end") {
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines.len().saturating_sub(TAIL_LINES);
        println!("{}", lines[tail..].join("\n"));
        ended.context("the machine did not end by itself")?;
        bail!("the machine's script did not come to its end");
    }
    Ok(results)
}

/// Whether it boots at all; nothing is said if it does not.
pub(super) fn boots(root: &Root, work: &Path, accelerator: &str, seconds: u64) -> bool {
    command(root, work, accelerator, seconds).is_ok_and(|run| run.succeeds())
        && results_in(&console(work)).contains_key("end")
}

fn command(root: &Root, work: &Path, accelerator: &str, seconds: u64) -> Result<Run> {
    File::create(work.join("disk"))?.set_len(DISK_BYTES)?;
    // The programs of the newer Debian are started in its root file system.
    fs::create_dir_all(root.folder.join("machine"))?;
    let command = format!(
        "mount --bind \"$1\" \"$2/machine\" && exec setpriv --pdeathsig KILL chroot \"$2\" \
         timeout {seconds} setpriv --pdeathsig KILL qemu-system-x86_64 \
         -machine pc -accel {accelerator} -cpu max -smp 2 -m 2048 -nographic -no-reboot -nic none \
         -kernel /boot/vmlinuz-{} -initrd /machine/initrd -append 'console=ttyS0 quiet panic=-1' \
         -drive file=/machine/disk,format=raw,if=virtio < /dev/null > \"$1/console\"",
        root.kernel
    );
    Ok(Run::new("unshare")
        // What is unmounted meanwhile is unmounted here too: a disk of somebody else does not stay busy.
        .args([
            "--mount",
            "--propagation",
            "slave",
            "sh",
            "-c",
            &command,
            "sh",
        ])
        .arg(work)
        .arg(&root.folder))
}

fn console(work: &Path) -> String {
    String::from_utf8_lossy(&fs::read(work.join("console")).unwrap_or_default()).into_owned()
}

/// The console has carriage returns, and what the kernel says in between.
fn results_in(console: &str) -> Results {
    console
        .lines()
        .filter_map(|line| line.trim_end().strip_prefix("RESULT "))
        .map(|line| {
            let (name, value) = line.split_once(' ').unwrap_or((line, ""));
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::results_in;

    #[test]
    fn results_are_found_among_what_the_kernel_says() {
        let console =
            "SeaBIOS\r\n[    1.0] x\r\nRESULT a 1 2\r\nRESULTS b\r\nRESULT end reached\r\n";
        let found = results_in(console);
        assert_eq!(found.len(), 2);
        assert_eq!(found["a"], "1 2");
        assert_eq!(found["end"], "reached");
    }
}
