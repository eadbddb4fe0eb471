//! The reference implementation, run: mkcomposefs, composefs-info and ostree of a newer Debian than the oldest that
//! is supported, whose packages are unpacked in a folder of their own.
//!
//! `cargo xtask setup` and `cargo xtask test peers` unpack them, into `composefs-reference` in xtask's cache; another folder can be named by
//! `COMPOSEFS_REFERENCE`. The programs are started by their own dynamic loader, with their own libraries, so that
//! no root is needed.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

pub(crate) struct Reference {
    loader: PathBuf,
    libraries: PathBuf,
    programs: PathBuf,
}

impl Reference {
    pub(crate) fn get() -> &'static Self {
        static REFERENCE: OnceLock<Reference> = OnceLock::new();
        REFERENCE.get_or_init(Self::find)
    }

    fn find() -> Self {
        let root = folder();
        let programs = root.join("usr/bin");
        assert!(
            programs.join("mkcomposefs").exists(),
            "{} has no mkcomposefs: run `cargo xtask test peers`, or set COMPOSEFS_REFERENCE to where Debian's packages \
             composefs and ostree are unpacked",
            root.display()
        );
        // Debian: usr/lib64/ld-linux-x86-64.so.2, usr/lib/ld-linux-aarch64.so.1; usr/lib/<triple>/. Fedora: usr/lib64/.
        let loader = ["usr/lib64", "usr/lib"]
            .into_iter()
            .find_map(|folder| entry(&root.join(folder), |name| name.starts_with("ld-linux-")))
            .expect("a dynamic loader");
        let libraries = entry(&root.join("usr/lib"), |name| name.ends_with("-linux-gnu"))
            .unwrap_or_else(|| root.join("usr/lib64"));
        Self {
            loader,
            libraries,
            programs,
        }
    }

    /// A command that runs one of the programs.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(&self.loader);
        command
            .arg("--library-path")
            .arg(&self.libraries)
            .arg(self.programs.join(program))
            .env("LC_ALL", "C");
        command
    }

    /// Runs a program that must succeed; returns what it printed.
    pub(crate) fn run<A: AsRef<OsStr>>(
        &self,
        program: &str,
        args: impl IntoIterator<Item = A>,
    ) -> Vec<u8> {
        let output = self.try_run(program, args);
        assert!(
            output.status.success(),
            "{program}: {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    pub(crate) fn try_run<A: AsRef<OsStr>>(
        &self,
        program: &str,
        args: impl IntoIterator<Item = A>,
    ) -> Output {
        self.command(program).args(args).output().unwrap()
    }
}

fn folder() -> PathBuf {
    if let Some(folder) = env::var_os("COMPOSEFS_REFERENCE") {
        return folder.into();
    }
    let cache = match env::var_os("XDG_CACHE_HOME") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder).join("bootc-storage"),
        _ => Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .find(|folder| folder.join("Cargo.lock").exists())
            .expect("a workspace")
            .join("target"),
    };
    cache.join("composefs-reference")
}

fn entry(folder: &Path, wanted: impl Fn(&str) -> bool) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let mut entries = entries.filter(|entry| entry.file_name().to_str().is_some_and(&wanted));
    entries.next().map(|entry| entry.path())
}
