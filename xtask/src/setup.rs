//! Installs what is missing: Debian and Ubuntu by apt-get, Fedora by dnf, cargo's tools by cargo.

use crate::packages::{Need, PACKAGES, Package, program};
use crate::run::Run;
use anyhow::{Result, bail};
use std::path::PathBuf;

/// A program that cargo can build for us.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    /// The crate, and the program.
    pub(crate) name: &'static str,
    /// The one that is built where none is; whoever has another uses that.
    version: &'static str,
    reason: &'static str,
}

/// Runs tests in parallel, each in its own process.
pub(crate) const NEXTEST: Tool = Tool {
    name: "cargo-nextest",
    version: "0.9.151",
    reason: "runs the tests",
};

/// Checks licences, sources and bans.
pub(crate) const DENY: Tool = Tool {
    name: "cargo-deny",
    version: "0.20.2",
    reason: "checks licences, sources and duplicates",
};

/// Makes the machine fit for these needs; says what it does, and what it cannot do.
pub(crate) fn ensure(needs: &[Need]) -> Result<()> {
    let missing = missing(needs);
    if !missing.is_empty() {
        install(&missing)?;
        let still: Vec<_> = missing.iter().filter(|p| !p.probe.is_there()).collect();
        if !still.is_empty() {
            let names: Vec<_> = still
                .iter()
                .map(|p| format!("{} ({:?})", p.apt, p.probe))
                .collect();
            bail!("installed, but still not found: {}", names.join(", "));
        }
    }
    if needs.contains(&Need::Test) {
        for component in ["rustfmt", "clippy"] {
            ensure_component(component)?;
        }
        for tool in [NEXTEST, DENY] {
            ensure_tool(tool)?;
        }
    }
    Ok(())
}

fn missing(needs: &[Need]) -> Vec<&'static Package> {
    let wanted = |p: &&Package| {
        p.needs
            .iter()
            .any(|n| *n == Need::Build || needs.contains(n))
    };
    PACKAGES
        .iter()
        .filter(wanted)
        .filter(|p| !p.probe.is_there())
        .collect()
}

fn install(missing: &[&'static Package]) -> Result<()> {
    println!("missing on this machine:");
    for package in missing {
        println!("  {:<24} {}", package.apt, package.reason);
    }
    let root = rustix::process::geteuid().is_root();
    if program("apt-get") {
        let names: Vec<_> = missing.iter().map(|p| p.apt).collect();
        let install = ["install", "--yes", "--no-install-recommends"];
        if !root {
            bail!(
                "as root, run: apt-get update && apt-get {} {}",
                install.join(" "),
                names.join(" ")
            );
        }
        let apt = || Run::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive");
        apt().args(["update", "--quiet"]).run()?;
        apt().arg("--quiet").args(install).args(names).run()?;
        return Ok(());
    }
    let names: Vec<_> = missing.iter().map(|p| p.dnf).collect();
    if program("dnf") {
        if !root {
            bail!("as root, run: dnf install {}", names.join(" "));
        }
        Run::new("dnf")
            .args(["install", "--assumeyes"])
            .args(names)
            .run()?;
        return Ok(());
    }
    bail!("neither apt-get nor dnf is here: install by hand what the list above names")
}

fn ensure_component(name: &str) -> Result<()> {
    let cargo_name = if name == "rustfmt" { "fmt" } else { name };
    if Run::new("cargo").args([cargo_name, "--version"]).succeeds() {
        return Ok(());
    }
    if !program("rustup") {
        bail!("cargo {cargo_name} is missing, and there is no rustup to add {name} with");
    }
    Run::new("rustup").args(["component", "add", name]).run()?;
    Ok(())
}

/// Builds the tool when neither the user nor an earlier run of this has it. Without optimisation:
/// it compiles in half the time, and these tools wait for others most of theirs.
fn ensure_tool(tool: Tool) -> Result<()> {
    if program(tool.name) || tools().join("bin").join(tool.name).is_file() {
        return Ok(());
    }
    println!("{} is missing ({}): building it", tool.name, tool.reason);
    Run::new("cargo")
        .args([
            "install",
            "--quiet",
            "--debug",
            "--locked",
            "--no-default-features",
        ])
        .args(if tool.name == NEXTEST.name {
            &["--features", "default-no-update"][..]
        } else {
            &[]
        })
        .args(["--version", tool.version, "--root"])
        .arg(tools())
        .arg(tool.name)
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_TARGET_DIR", tools().join("build"))
        .run()?;
    std::fs::remove_dir_all(tools().join("build"))?;
    Ok(())
}

/// A peer of the bench that cargo can build, optimised as its users have it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Optimised {
    package: &'static str,
    program: &'static str,
    version: &'static str,
}

impl Optimised {
    pub(crate) const COMPOSEFS: Self = Self {
        package: "composefs-ctl",
        program: "cfsctl",
        version: "0.9.4",
    };
}

/// Builds it unless an earlier run of this did; where it is.
pub(crate) fn optimised(tool: Optimised) -> Result<PathBuf> {
    let root = tools().join(format!("{}-{}", tool.package, tool.version));
    let program = std::path::absolute(root.join("bin").join(tool.program))?;
    if !program.is_file() {
        println!("{} {} is missing: building it", tool.package, tool.version);
        Run::new("cargo")
            .args(["install", "--quiet", "--locked", "--version", tool.version])
            .arg("--root")
            .arg(&root)
            .arg(tool.package)
            .env("CARGO_TARGET_DIR", tools().join("build"))
            .run()?;
        std::fs::remove_dir_all(tools().join("build"))?;
    }
    Ok(program)
}

/// Where our own copies of cargo's tools are: shared by clones if there is a cache folder.
fn tools() -> PathBuf {
    cache().join("tools")
}

/// `$XDG_CACHE_HOME/bootc-storage`, or `target` where that is not set.
pub(crate) fn cache() -> PathBuf {
    match std::env::var_os("XDG_CACHE_HOME") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder).join("bootc-storage"),
        _ => crate::repository_root().join("target"),
    }
}

/// A cargo command that also finds the tools built by [`ensure`].
pub(crate) fn cargo() -> Run {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([tools().join("bin")]);
    match std::env::join_paths(folders) {
        Ok(path) => Run::new("cargo").env("PATH", path),
        Err(_) => Run::new("cargo"),
    }
}
