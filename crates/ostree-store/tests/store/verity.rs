//! fs-verity on objects: where it is wanted, where it is required, and how it is enabled.

use std::fs;
use std::io::Cursor;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ostree_objects::{Checksum, FileHeader, ObjectName, RepoMode, Xattrs};
use ostree_store::{Error, ErrorKind, FsVerityDigest, Repo, Stage};

use crate::support::{create, need_root, object_file, open, ostree, plain, run, temporary};

const REQUIRED: &str = "[ex-integrity]\nfsverity=yes\n";
const MAYBE: &str = "[ex-integrity]\nfsverity=maybe\n";

fn configured(path: &Path, mode: RepoMode, lines: &str) -> Repo {
    create(path, mode);
    let text = fs::read_to_string(path.join("config")).unwrap();
    fs::write(path.join("config"), format!("{text}{lines}")).unwrap();
    open(path)
}

fn contents() -> [Vec<u8>; 4] {
    [vec![], b"small".to_vec(), vec![7; 4096], vec![8; 300_000]]
}

/// Every way in which a regular file gets into a stage, and a link.
fn write_all(stage: &Stage) -> Result<Vec<(Checksum, Vec<u8>)>, Error> {
    let mut written = Vec::new();
    for content in contents() {
        let header = FileHeader::regular(0, 0, 0o444, Xattrs::new());
        let size = content.len() as u64;
        let checksum = stage.write_file(&header, size, &mut Cursor::new(&content))?;
        written.push((checksum, content));
    }
    let content = b"named later".to_vec();
    let unnamed = stage.write_unnamed(content.len() as u64, &mut Cursor::new(&content))?;
    written.push((stage.name_file(unnamed, &plain())?, content));
    let link = FileHeader::symlink(0, 0, "target".to_owned(), Xattrs::new());
    stage.write_file(&link, 0, &mut &b""[..])?;
    Ok(written)
}

struct Mounted(tempfile::TempDir);

impl Mounted {
    fn new(arguments: &[&str]) -> Self {
        need_root();
        let dir = tempfile::tempdir().unwrap();
        let mut all = arguments.to_vec();
        let path = dir.path().to_owned();
        all.push(path.to_str().unwrap());
        run("mount", &all);
        Self(dir)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        run("umount", &["-l", self.0.path().to_str().unwrap()]);
    }
}

#[test]
fn required_where_nothing_supports_it() {
    // tmpfs never has it.
    let mounted = Mounted::new(&["-t", "tmpfs", "tmpfs"]);
    for lines in [REQUIRED, "[ex-fsverity]\nrequired=true\n"] {
        for (index, content) in contents().into_iter().enumerate() {
            let path = mounted.0.path().join(format!("{index}"));
            let repo = configured(&path, RepoMode::Bare, lines);
            let stage = repo.stage().unwrap();
            let size = content.len() as u64;
            let error = stage
                .write_file(&plain(), size, &mut Cursor::new(&content))
                .unwrap_err();
            assert!(matches!(error, Error::NoVerity { .. }), "{error:?}");
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            let name = ObjectName::file(checksum(&content));
            assert!(!stage.contains(&name).unwrap());
            let _ = stage.publish();
            assert!(!repo.has(&name).unwrap());
            fs::remove_dir_all(&path).unwrap();
        }
    }
}

fn checksum(content: &[u8]) -> Checksum {
    let mut hasher = ostree_objects::FileHasher::new(&plain());
    hasher.update(content);
    hasher.finish()
}

#[test]
fn wanted_where_nothing_supports_it() {
    let mounted = Mounted::new(&["-t", "tmpfs", "tmpfs"]);
    let path = mounted.0.path().join("repo");
    let repo = configured(&path, RepoMode::Bare, MAYBE);
    let stage = repo.stage().unwrap();
    let written = write_all(&stage).unwrap();
    stage.publish().unwrap();
    for (checksum, _) in &written {
        let name = ObjectName::file(*checksum);
        assert!(repo.verify(&name).unwrap().is_good());
        assert_eq!(repo.measured_digest(checksum).unwrap(), None);
        let error = repo.ensure_fs_verity(checksum).unwrap_err();
        assert!(matches!(error, Error::NoVerity { .. }), "{error:?}");
    }
}

/// An archive's files are compressed: nothing mounts them.
#[test]
fn an_archive_needs_none() {
    let mounted = Mounted::new(&["-t", "tmpfs", "tmpfs"]);
    let path = mounted.0.path().join("repo");
    let repo = configured(&path, RepoMode::Archive, REQUIRED);
    let stage = repo.stage().unwrap();
    write_all(&stage).unwrap();
    assert_eq!(stage.publish().unwrap().objects, 6);
}

/// On a file system made for it: with a kernel that has fs-verity each object gets it, with one that has not the
/// objects are as ever, and a repository that requires it says no.
#[test]
fn objects_have_it_where_the_kernel_does() {
    let supported = Path::new("/sys/fs/ext4/features/verity").exists();
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
    let image = image.to_str().unwrap();
    let features = if supported { "verity" } else { "none" };
    run("mkfs.ext4", &["-q", "-b", "4096", "-O", features, image]);
    let mounted = Mounted::new(&["-o", "loop", image]);
    for mode in [RepoMode::Bare, RepoMode::BareUser] {
        let path = mounted.0.path().join(mode.to_string());
        let repo = configured(&path, mode, MAYBE);
        let stage = repo.stage().unwrap();
        let written = write_all(&stage).unwrap();
        stage.publish().unwrap();
        for (checksum, content) in &written {
            let digest = supported.then(|| FsVerityDigest::of(content));
            assert_eq!(repo.measured_digest(checksum).unwrap(), digest, "{mode}");
            assert_eq!(repo.ensure_fs_verity(checksum).ok().flatten(), digest);
            let name = ObjectName::file(*checksum);
            assert!(repo.verify(&name).unwrap().is_good());
        }
        let file = object_file(&path, &ObjectName::file(written[1].0), mode);
        assert_eq!(
            fs::metadata(file).unwrap().permissions().mode() & 0o777,
            0o444
        );
        ostree(&path, &["fsck", "--quiet", "--all"]);
        let required = mounted.0.path().join(format!("{mode}-required"));
        let stage = configured(&required, mode, REQUIRED).stage().unwrap();
        assert_eq!(write_all(&stage).is_ok(), supported, "{mode}");
    }
}

/// Not a test: the writer that [`traced`] watches.
#[test]
fn writer_with_verity() {
    let Some(path) = std::env::var_os("STORE_TEST_VERITY") else {
        return;
    };
    let stage = open(&PathBuf::from(path)).stage().unwrap();
    write_all(&stage).unwrap();
    stage.publish().unwrap();
}

/// What the writer does in a repository with that configuration when the kernel answers `inject`.
fn traced(lines: &str, inject: &str) -> (Output, String) {
    let (dir, path, _repo) = temporary(RepoMode::BareUser);
    configured(&path, RepoMode::BareUser, lines);
    let trace = dir.path().join("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-e", "trace=ioctl,renameat2", "-e", inject]);
    let output = command
        .arg("-o")
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "verity::writer_with_verity"])
        .env("STORE_TEST_VERITY", &path)
        .output()
        .expect("strace is needed");
    (output, fs::read_to_string(trace).unwrap())
}

fn enabling(trace: &str) -> Vec<&str> {
    let lines = trace.lines();
    lines
        .filter(|line| line.contains("FS_IOC_ENABLE_VERITY"))
        .collect()
}

#[test]
fn each_regular_file_is_asked_for_once_and_before_it_is_published() {
    let (output, trace) = traced(REQUIRED, "inject=ioctl:retval=0");
    assert!(output.status.success(), "{output:?}");
    let enabled = enabling(&trace);
    assert_eq!(enabled.len(), 5, "{trace}");
    let published = trace.find(".file\"").unwrap();
    assert!(trace.rfind("FS_IOC_ENABLE_VERITY").unwrap() < published);
}

#[test]
fn nothing_is_asked_for_where_it_is_not_wanted_or_known_not_to_be_there() {
    let (output, trace) = traced("", "inject=ioctl:retval=0");
    assert!(output.status.success(), "{output:?}");
    assert!(enabling(&trace).is_empty(), "{trace}");
    let (output, trace) = traced(MAYBE, "inject=ioctl:error=EOPNOTSUPP");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(enabling(&trace).len(), 1, "{trace}");
}

/// A process that was just begun has every descriptor until it runs its program.
#[test]
fn a_file_that_somebody_has_open_is_tried_again() {
    let (output, trace) = traced(REQUIRED, "inject=ioctl:error=ETXTBSY:when=1..20");
    let enabled = enabling(&trace);
    let busy = enabled.iter().filter(|line| line.contains("ETXTBSY"));
    let busy = busy.count();
    assert!(busy > 5 && busy < enabled.len(), "{output:?}\n{trace}");
}
