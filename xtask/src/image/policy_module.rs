//! A policy module in a derived layer, made and installed by SELinux's own tools in the tree.

use crate::run::Run;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::Path;

/// Where Debian keeps the modules that a policy is made of; Fedora has them beside the policy.
const STORE: &str = "var/lib/selinux";
const POLICY: &str = "etc/selinux";

/// The module: a type of its own, for a file of its layer, two of lower layers and a folder of one.
const MODULE: &str = "\
module demo 1.0;
require { attribute file_type; attribute exec_type; role object_r; }
type demo_exec_t, file_type, exec_type;
type demo_data_t, file_type;
";
const FILES: &str = "\
/usr/lib/demo/application\t--\tsystem_u:object_r:demo_exec_t:s0
/usr/bin/jq\t--\tsystem_u:object_r:demo_exec_t:s0
/usr/bin/strace\t--\tsystem_u:object_r:demo_exec_t:s0
/usr/share/demo(/.*)?\tsystem_u:object_r:demo_data_t:s0
";

/// An image-based host keeps no modules in /var: they go where the policy is, as on Fedora. `full` has them still.
pub(crate) fn prepare(full: &Path, tree: &Path) -> Result<()> {
    for policy in fs::read_dir(full.join(STORE)).context("there are no policy modules")? {
        let policy = policy?;
        let to = tree.join(POLICY).join(policy.file_name());
        fs::create_dir_all(&to)?;
        // What is in it, not the folder itself: others than root read the policy.
        for store in fs::read_dir(policy.path())? {
            let copy = Run::new("cp").arg("--archive").arg(store?.path());
            copy.arg(&to).read()?;
        }
    }
    let config = tree.join(POLICY).join("semanage.conf");
    let text = fs::read_to_string(&config).context("reading semanage.conf")?;
    // In place of the file, which the trees before share.
    fs::remove_file(&config)?;
    fs::write(&config, format!("{text}\nstore-root=/{POLICY}\n"))?;
    Ok(())
}

/// Makes the module and installs it.
pub(crate) fn install(tree: &Path) -> Result<()> {
    unshare(tree)?;
    let work = tree.join("tmp/module");
    fs::create_dir_all(&work)?;
    fs::write(work.join("demo.te"), MODULE)?;
    fs::write(work.join("demo.fc"), FILES)?;
    let script = "cd /tmp/module && checkmodule -M -m -o demo.mod demo.te \
        && semodule_package -o demo.pp -m demo.mod -f demo.fc && semodule --noreload --install demo.pp";
    Run::new("chroot")
        .arg(tree)
        .args(["sh", "-ec", script])
        .run()?;
    fs::remove_dir_all(&work).context("removing the module's sources")
}

/// The policy's files again, not shared with the trees before: these tools may write in place.
fn unshare(tree: &Path) -> Result<()> {
    let (shared, own) = (tree.join(POLICY), tree.join("etc/selinux.own"));
    Run::new("cp")
        .arg("--archive")
        .arg(&shared)
        .arg(&own)
        .run()?;
    fs::remove_dir_all(&shared)?;
    fs::rename(&own, &shared).context("taking the policy's own files")
}
