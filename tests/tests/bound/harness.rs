//! A machine with `/run`, registries and podman's own storage of its own, and a host's disk mounted on it.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use test_images::registry::Registry;
use test_images::{Built, Image, Layer, Layout};
use whole_program_tests::{Run, program, run, tool};

/// Room for two tiny systems and a few tiny applications.
const BYTES: u64 = 256 * 1024 * 1024;

/// The machine's `/run` is the test's, so that tests beside each other have run roots of their own.
const ENTER: &str = r#"mount --bind "$1" /run; shift; exec "$@""#;

/// podman runs containers in whatever namespace a test runs in, without control groups and networks.
const RUN: &str = r#"
    umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
    exec podman "$@"
"#;

/// A container's `/version`, where podman mounts it. An image alone podman mounts only from a storage that is its own:
/// `podman image mount` does not look into additional ones.
const MOUNT: &str = r#"
    container=$(podman create --pull=never "$1" /usr/bin/true)
    cat "$(podman mount "$container")/version"
    podman rm "$container" > /dev/null
"#;

/// How bootc calls podman: the storage is bound to `/run/bootc/storage`, and the run root is file descriptor 3.
const AS_BOOTC: &str = r#"
    exec 3< /run/bootc/storage
    cd "$1"; shift
    mount --bind . /run/bootc/storage
    cd /
    exec podman --root /run/bootc/storage --runroot /proc/self/fd/3 image "$@"
"#;

/// An image's `/version`, where podman mounts it in the storage of bound images.
const MOUNT_AS_BOOTC: &str = r#"
    exec 3< /run/bootc/storage
    cd "$1"
    mount --bind . /run/bootc/storage
    cd /
    podman="podman --root /run/bootc/storage --runroot /proc/self/fd/3"
    cat "$($podman image mount "$2")/version"
    $podman image unmount "$2" > /dev/null
"#;

/// What an operating system image needs to be deployed.
const OS: &str = r#"
    dir boot
    dir dev
    dir proc
    dir run
    dir sys
    dir sysroot
    dir tmp 01777
    symlink ostree -> sysroot/ostree
    file etc/hostname "test\n"
    file usr/lib/os-release "ID=test\nPRETTY_NAME=\"Test OS\"\n"
    file usr/lib/modules/6.1/vmlinuz 0755 "kernel"
    file usr/lib/modules/6.1/initramfs.img "initramfs"
"#;

/// An application that runs with the machine's own `/usr`.
const APP: &str = r"
    dir usr
    symlink bin -> usr/bin
    symlink lib -> usr/lib
    symlink lib64 -> usr/lib64
    dir dev
    dir proc
    dir sys
    dir run
    dir tmp 01777
    dir etc
";

/// A machine and a disk.
pub(crate) struct Machine {
    folder: TempDir,
}

impl Machine {
    /// A machine with an empty host on its disk, which trusts these registries without TLS.
    pub(crate) fn new(registries: &[&Registry]) -> Self {
        let addresses: Vec<String> = registries.iter().map(|one| one.address()).collect();
        Self::with_insecure(&addresses)
    }

    /// The same, by the registries' addresses.
    pub(crate) fn with_insecure(registries: &[String]) -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "these tests mount file systems: run them as root"
        );
        let machine = Self {
            folder: tempfile::tempdir_in("/var/tmp").unwrap(),
        };
        for name in ["root", "run", "oci", "graph"] {
            fs::create_dir(machine.path(name)).unwrap();
        }
        let disk = machine.path("disk");
        File::create(&disk).unwrap().set_len(BYTES).unwrap();
        tool("mkfs.ext4", ["-q", "-m", "0", disk.to_str().unwrap()]);
        let mut mount = Command::new("mount");
        run(mount.args(["-o", "loop"]).arg(&disk).arg(machine.root())).ok();
        let insecure =
            |address: &String| format!("[[registry]]\nlocation = \"{address}\"\ninsecure = true\n");
        let text: String = registries.iter().map(insecure).collect();
        fs::write(machine.path("registries.conf"), text).unwrap();
        let text = format!(
            "[storage]\ndriver = \"overlay\"\ngraphroot = {:?}\nrunroot = \"/run/graph\"\n",
            machine.path("graph")
        );
        fs::write(machine.path("storage.conf"), text).unwrap();
        machine.host(["init"]).ok();
        machine
    }

    /// A machine with a deployment that is bound to one image of the registry, which holds `content`; the image's name.
    pub(crate) fn bound_to_one(registry: &Registry, content: &str) -> (Self, String) {
        let machine = Self::new(&[registry]);
        let name = format!("{}/app:v1", registry.address());
        push(registry, "app:v1", content, None);
        machine.put_os("1", &[&name]);
        machine.deploy("1").ok();
        (machine, name)
    }

    /// Beside the disk.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the disk is mounted.
    pub(crate) fn root(&self) -> PathBuf {
        self.path("root")
    }

    /// The storage of bound images.
    pub(crate) fn store(&self) -> PathBuf {
        self.root().join("ostree/bootc/storage")
    }

    /// A program on this machine, not yet started.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("unshare");
        command.args([
            "--mount",
            "--propagation",
            "slave",
            "--",
            "sh",
            "-ec",
            ENTER,
            "sh",
        ]);
        command.arg(self.path("run")).arg(program.as_ref());
        command.env("CONTAINERS_REGISTRIES_CONF", self.path("registries.conf"));
        command.env("CONTAINERS_STORAGE_CONF", self.path("storage.conf"));
        command
    }

    /// `bootc-storage ARGUMENTS` on the disk, not yet started.
    pub(crate) fn ours<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = self.command(program());
        command.arg("--sysroot").arg(self.root());
        command.args(arguments);
        command
    }

    /// `bootc-storage host ARGUMENTS`.
    pub(crate) fn host<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Run {
        run(self.ours(["host"]).args(arguments))
    }

    /// `bootc-storage bound ARGUMENTS`.
    pub(crate) fn bound<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Run {
        run(self.ours(["bound", "--json"]).args(arguments))
    }

    /// podman with the storage of bound images beside one of its own, as a unit has it.
    pub(crate) fn podman(&self, arguments: &[&str]) -> Run {
        run(self.podman_command(&["podman"]).args(arguments))
    }

    /// A container that uses the storage of bound images, and the machine's `/usr`; its output.
    pub(crate) fn run_container(&self, image: &str, command: &[&str]) -> String {
        let mut podman = self.podman_command(&["sh", "-c", RUN, "sh"]);
        podman.args([
            "run",
            "--rm",
            "--pull=never",
            "--cgroups=disabled",
            "--network=none",
        ]);
        podman.args(["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"]);
        podman.args(["--volume=/usr:/usr:ro", image]).args(command);
        run(&mut podman).ok().stdout
    }

    /// What podman shows as `/version` of an image that it mounts: for a container, from an additional storage; and as
    /// such, from the storage itself.
    pub(crate) fn mounted_version(&self, image: &str) -> String {
        let mut podman = self.podman_command(&["sh", "-ec", MOUNT, "sh"]);
        let version = run(podman.arg(image)).ok().stdout;
        let mut podman = self.command("sh");
        podman.args(["-ec", MOUNT_AS_BOOTC, "sh"]).arg(self.store());
        assert_eq!(run(podman.arg(image)).ok().stdout, version);
        version
    }

    /// `podman image ARGUMENTS` on the storage of bound images, as bootc calls it.
    pub(crate) fn as_bootc(&self, arguments: &[&str]) -> Run {
        let mut command = self.command("sh");
        command.args(["-ec", AS_BOOTC, "sh"]).arg(self.store());
        run(command.args(arguments))
    }

    fn podman_command(&self, words: &[&str]) -> Command {
        let mut command = self.command(words[0]);
        command.args(&words[1..]);
        // An option of podman's, which stands before the verb.
        command.env(
            "STORAGE_OPTS",
            format!("additionalimagestore={}", self.store().display()),
        );
        command
    }

    /// A program that runs with another podman than the machine's: `script`, which has that one's arguments.
    pub(crate) fn with_podman(&self, script: &str, mut command: Command) -> Command {
        let folder = self.path("bin");
        fs::create_dir_all(&folder).unwrap();
        let podman = folder.join("podman");
        fs::write(&podman, script).unwrap();
        fs::set_permissions(&podman, fs::Permissions::from_mode(0o755)).unwrap();
        let others = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{others}", folder.display()));
        command
    }

    /// Puts an application into podman's own storage, under a name.
    pub(crate) fn load(&self, name: &str, application: &Built) {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new().image("x", application);
        layout.write_dir(folder.path()).unwrap();
        let mut copy = self.command("skopeo");
        copy.args(["copy", "--quiet"]);
        copy.arg(format!("oci:{}:x", folder.path().display()));
        run(copy.arg(format!("containers-storage:{name}"))).ok();
    }

    /// A directory with an operating system that is bound to these images, for `--root`.
    pub(crate) fn directory(&self, name: &str, images: &[&str]) -> String {
        let root = self.path(name);
        let links = root.join("usr/lib/bootc/bound-images.d");
        fs::create_dir_all(&links).unwrap();
        for (number, image) in images.iter().enumerate() {
            let unit = format!("usr/share/app{number}.image");
            fs::create_dir_all(root.join("usr/share")).unwrap();
            fs::write(root.join(&unit), format!("[Image]\nImage={image}\n")).unwrap();
            let link = links.join(format!("app{number}.image"));
            std::os::unix::fs::symlink(format!("/{unit}"), link).unwrap();
        }
        root.to_str().unwrap().to_owned()
    }

    /// The names of the images that podman finds.
    pub(crate) fn images(&self) -> Vec<String> {
        let format = "--format={{range .Names}}{{.}} {{end}}";
        let list = self.podman(&["image", "list", format]).ok().stdout;
        let mut names: Vec<String> = list.split_whitespace().map(str::to_owned).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Puts an operating system under a tag, bound to these images.
    pub(crate) fn put_os(&self, tag: &str, images: &[&str]) {
        self.put_os_and(tag, images, "");
    }

    /// The same, with more lines of a listing.
    pub(crate) fn put_os_and(&self, tag: &str, images: &[&str], more: &str) {
        self.put_os_over(tag, [], images, more);
    }

    /// The same, over other layers.
    pub(crate) fn put_os_over(
        &self,
        tag: &str,
        lower: impl IntoIterator<Item = Layer>,
        images: &[&str],
        more: &str,
    ) {
        let mut listing = format!("{OS}\nfile usr/version {tag:?}\n{more}\n");
        for (number, image) in images.iter().enumerate() {
            let unit = format!("usr/share/containers/systemd/app{number}.container");
            let text = format!("[Container]\nImage={image}\n");
            listing.push_str(&format!(
                "file {unit} {text:?}\nsymlink usr/lib/bootc/bound-images.d/app{number}.container -> /{unit}\n"
            ));
        }
        let own = Layer::listing(&listing).unwrap();
        let os = Image::of(lower.into_iter().chain([own])).label("version", tag);
        let layout = Layout::new().image(tag, &os.build());
        fs::create_dir_all(self.path("oci").join(tag)).unwrap();
        layout.write_dir(&self.path("oci").join(tag)).unwrap();
    }

    /// The reference of an operating system.
    pub(crate) fn os(&self, tag: &str) -> String {
        format!("oci:{}:{tag}", self.path("oci").join(tag).display())
    }

    /// `host deploy` of an operating system.
    pub(crate) fn deploy(&self, tag: &str) -> Run {
        self.host(["deploy", &self.os(tag)])
    }

    /// What of each deployment's images is there: `image state`, the first to boot first.
    pub(crate) fn states(&self) -> Vec<Vec<String>> {
        let status = self.host(["status", "--verbose", "--json"]).ok().json();
        let deployments = status["verbose"]["deployments"].as_array().unwrap();
        let line = |image: &Value| {
            let text = |key: &str| image[key].as_str().unwrap_or("-").to_owned();
            format!("{} {}", text("image"), text("state"))
        };
        let images = |deployment: &Value| {
            let images = deployment["boundImages"].as_array().unwrap();
            images.iter().map(line).collect()
        };
        deployments.iter().map(images).collect()
    }

    /// The boot entries' text, in order of their names.
    pub(crate) fn boot_entries(&self) -> String {
        let Ok(entries) = fs::read_dir(self.root().join("boot/loader/entries")) else {
            return String::new();
        };
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let texts = files.iter().map(|file| fs::read_to_string(file).unwrap());
        texts.collect()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = run(Command::new("umount").arg("--lazy").arg(self.root()));
    }
}

/// An application whose file `/version` says this.
pub(crate) fn app(version: &str) -> Built {
    let listing = format!("{APP}\nfile version {version:?}");
    Image::of([Layer::listing(&listing).unwrap()]).build()
}

/// An OCI directory with this application under this name.
pub(crate) fn write_layout(folder: &Path, name: &str, layout: &Layout) {
    let made = tempfile::tempdir().unwrap();
    layout.write_dir(made.path()).unwrap();
    let from = format!("oci:{}:x", made.path().display());
    let to = format!("oci:{}:{name}", folder.display());
    tool("skopeo", ["copy", "--quiet", "--all", &from, &to]);
}

/// Puts an application into a registry; digest of its manifest.
pub(crate) fn push(
    registry: &Registry,
    name: &str,
    version: &str,
    login: Option<(&str, &str)>,
) -> String {
    push_layout(
        registry,
        name,
        &Layout::new().image("x", &app(version)),
        login,
    )
}

/// Puts what is under the tag `x` into a registry; digest of its manifest, or index.
pub(crate) fn push_layout(
    registry: &Registry,
    name: &str,
    layout: &Layout,
    login: Option<(&str, &str)>,
) -> String {
    let folder = tempfile::tempdir().unwrap();
    layout.write_dir(folder.path()).unwrap();
    registry.push(&format!("oci:{}:x", folder.path().display()), name, login);
    layout.digest("x").unwrap().to_string()
}
