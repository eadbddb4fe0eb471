//! A running system: what the boot loader would start, as the initramfs leaves it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use whole_program_tests::{Run, program, run};

use super::entries::{Deployed, boot_order};
use super::{Host, Shelf};

/// Root is the deployment; the disk is at `/sysroot`, read-only as `sysroot.readonly` has it; `/run` is the boot's own.
/// The machine's `/usr` stands in for the image's, which has no programs.
const ENTER: &str = r#"
    set -e
    deployment=$1 root=$2 stateroot=$3 run=$4 tools=$5 images=$6
    shift 6
    mount --bind "$deployment" "$deployment"
    cd "$deployment"
    mount --bind "$root" sysroot
    mount -o remount,bind,ro sysroot
    mount --bind "$root/boot" boot
    mount -o remount,bind,ro boot
    mount --bind "$root/ostree/deploy/$stateroot/var" var
    mount --bind "$run" run
    mount --bind "$tools" run/tools
    mount --bind "$images" run/images
    mount -t proc proc proc
    mount --rbind /dev dev
    mount --rbind /sys sys
    mount --rbind /usr usr
    mount -t tmpfs tmpfs tmp
    exec chroot . "$@"
"#;

/// Says yes, and notes what it was asked: there is no systemd in a mount namespace.
const SYSTEMCTL: &str = "#!/bin/sh\necho \"$@\" >> /run/systemctl.log\n";

/// From power on to power off.
#[derive(Debug)]
pub(crate) struct Boot<'a> {
    host: &'a Host,
    images: PathBuf,
    deployed: Deployed,
    run: tempfile::TempDir,
}

impl<'a> Boot<'a> {
    /// Starts what is first in the boot order. The shelf's images are at `/run/images`.
    pub(crate) fn start(host: &'a Host, shelf: &Shelf) -> Self {
        let run = tempfile::tempdir_in(host.beside()).unwrap();
        for name in ["tools", "images"] {
            fs::create_dir(run.path().join(name)).unwrap();
        }
        fs::write(run.path().join("ostree-booted"), "").unwrap();
        let tools = host.beside().join("tools");
        fs::create_dir_all(&tools).unwrap();
        fs::copy(program(), tools.join("bootc-storage")).unwrap();
        let systemctl = tools.join("systemctl");
        fs::write(&systemctl, SYSTEMCTL).unwrap();
        make_executable(&systemctl);
        Self {
            host,
            images: shelf.path(),
            deployed: boot_order(&host.root()).remove(0),
            run,
        }
    }

    /// What runs.
    pub(crate) fn deployed(&self) -> &Deployed {
        &self.deployed
    }

    /// The running system's name of a tag on the shelf.
    pub(crate) fn name(tag: &str) -> String {
        format!("oci:/run/images:{tag}")
    }

    /// A program of the running system, not yet started.
    pub(crate) fn command<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child=SIGKILL"]);
        command.args(["--", "sh", "-c", ENTER, "sh"]);
        command.arg(&self.deployed.directory);
        command.arg(self.host.root());
        command.arg(&self.deployed.stateroot);
        command.arg(self.run.path());
        command.arg(self.host.beside().join("tools"));
        command.arg(&self.images);
        command.args(arguments);
        command.env("PATH", "/run/tools:/usr/sbin:/usr/bin");
        command
    }

    /// `bootc-storage host ARGUMENTS` on the running system.
    pub(crate) fn ours<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Run {
        let mut words = vec!["bootc-storage".into(), "host".into()];
        words.extend(arguments.into_iter().map(|word| word.as_ref().to_owned()));
        run(&mut self.command(words))
    }

    /// The result of a verb that must succeed.
    #[track_caller]
    pub(crate) fn json<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Value {
        let arguments = arguments.into_iter().map(|word| word.as_ref().to_owned());
        let format = ["--format", "json"].map(Into::into);
        self.ours(arguments.chain(format)).ok().json()
    }

    /// `host status` on the running system.
    #[track_caller]
    pub(crate) fn status(&self) -> Value {
        self.json(["status", "--verbose"])
    }

    /// What systemd was asked for.
    pub(crate) fn systemctl(&self) -> String {
        fs::read_to_string(self.run.path().join("systemctl.log")).unwrap_or_default()
    }

    /// Shuts down: libostree's service finalises what is staged.
    #[track_caller]
    pub(crate) fn stop(self) {
        run(&mut self.command(["ostree", "admin", "finalize-staged"])).ok();
    }

    /// The power is cut: nothing is finalised.
    pub(crate) fn cut(self) {}
}

fn make_executable(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}
