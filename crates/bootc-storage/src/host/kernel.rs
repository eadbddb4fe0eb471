//! What boots of a tree: kernel, initramfs, device trees (as libostree's `ostree-sysroot-deploy.c`,
//! `get_kernel_from_tree_usrlib_modules`, finds them).

use ostree_objects::{Checksum, DirTree};
use ostree_store::Repo;

use crate::selinux::StoredTree;

const MODULES: &str = "usr/lib/modules";
/// What goes to `/boot` beside the kernel, where it is there.
const BESIDE: [&str; 5] = [
    "initramfs.img",
    "initramfs",
    "devicetree",
    "aboot.img",
    ".vmlinuz.hmac",
];

/// The kernel of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kernel {
    /// The folder's name below `usr/lib/modules`.
    pub(super) version: String,
    /// Its file, and those beside it that go to `/boot` with it.
    pub(super) files: Vec<Checksum>,
    /// What they take there, in bytes, with the device trees.
    pub(super) bytes: u64,
}

/// Why a tree has no kernel that we would boot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum KernelFault {
    #[error("it has no kernel ({MODULES}/<version>/vmlinuz)")]
    None,
    #[error("it has more than one kernel ({}): only one folder below {MODULES} may have a vmlinuz", .0.join(", "))]
    Several(Vec<String>),
    #[error("its kernel is empty ({MODULES}/{0}/vmlinuz)")]
    Empty(String),
}

/// The one kernel of the tree.
pub(super) fn find_kernel(
    repo: &Repo,
    root: &Checksum,
) -> Result<Result<Kernel, KernelFault>, ostree_store::Error> {
    let tree = StoredTree::published(repo, *root);
    let Some(modules) = tree.dirtree_at(MODULES)? else {
        return Ok(Err(KernelFault::None));
    };
    let mut found = Vec::new();
    let mut empty = Vec::new();
    for (version, folder, _) in &modules.dirs {
        let folder = repo.read_dirtree(folder)?;
        if let Some(kernel) = folder.file("vmlinuz") {
            let beside = BESIDE.iter().filter_map(|name| folder.file(name));
            let stat = repo.file_stat(&kernel)?;
            if stat.size == 0 && stat.header.symlink_target.is_none() {
                empty.push(version.clone());
            }
            let files: Vec<Checksum> = [kernel].into_iter().chain(beside).collect();
            found.push(Kernel {
                version: version.clone(),
                bytes: bytes_for_boot(repo, &files, &folder)?,
                files,
            });
        }
    }
    Ok(match (found.pop(), found.is_empty()) {
        (None, _) => Err(KernelFault::None),
        (Some(kernel), true) if !empty.is_empty() => Err(KernelFault::Empty(kernel.version)),
        (Some(kernel), true) => Ok(kernel),
        (Some(last), false) => {
            let all = found.into_iter().chain([last]);
            Err(KernelFault::Several(
                all.map(|kernel| kernel.version).collect(),
            ))
        }
    })
}

fn bytes_for_boot(
    repo: &Repo,
    files: &[Checksum],
    folder: &DirTree,
) -> Result<u64, ostree_store::Error> {
    let mut bytes = 0;
    for file in files {
        bytes += repo.file_stat(file)?.size;
    }
    if let Some((trees, _)) = folder.dir("dtb") {
        bytes += bytes_below(repo, &trees)?;
    }
    Ok(bytes)
}

fn bytes_below(repo: &Repo, root: &Checksum) -> Result<u64, ostree_store::Error> {
    let mut bytes = 0;
    let mut waiting = vec![*root];
    while let Some(tree) = waiting.pop() {
        let tree = repo.read_dirtree(&tree)?;
        for (_, file) in &tree.files {
            bytes += repo.file_stat(file)?.size;
        }
        waiting.extend(tree.dirs.iter().map(|(_, tree, _)| *tree));
    }
    Ok(bytes)
}
