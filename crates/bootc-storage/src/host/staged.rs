//! The staged deployment: what libostree keeps of it until the system goes down.
//!
//! Format: the file `ostree/staged-deployment` below `/run`, a `GVariant` `a{sv}` (libostree
//! `ostree-sysroot-deploy.c`, `ostree_sysroot_stage_tree`). Up to 2023.7 a second file says that it may not be
//! finalised yet, since then the key `locked`.

use std::io;

use cap_std::fs::Dir;
use ostree::glib::{Variant, VariantDict};

use super::HostError;
use super::deployment::DeploymentId;

const FILE: &str = "ostree/staged-deployment";
const NEW_FILE: &str = "ostree/.staged-deployment.new";
/// A second file that locks it.
const LOCKED_FILE: &str = "ostree/staged-deployment-locked";
const LOCKED: &str = "locked";

/// What is said of the staged deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StagedRecord {
    pub(crate) id: DeploymentId,
    pub(crate) boot_checksum: String,
    pub(crate) kernel_arguments: Vec<String>,
    pub(crate) locked: bool,
}

impl StagedRecord {
    /// What `run` holds; none when nothing is staged.
    pub(crate) fn read(run: &Dir) -> Result<Option<Self>, HostError> {
        let bytes = match run.read(FILE) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(reading(source)),
        };
        let mut record = Self::parse(&bytes).ok_or(HostError::BadStagedRecord)?;
        record.locked |= run.exists(LOCKED_FILE);
        Ok(Some(record))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let all = dict(bytes)?;
        let target = VariantDict::new(Some(&all.lookup_value("target", None)?));
        let name = target.lookup::<String>("name").ok()??;
        let stateroot = target.lookup::<String>("osname").ok()??;
        Some(Self {
            id: DeploymentId::of_directory(&stateroot, &name)?,
            boot_checksum: target.lookup("bootcsum").ok()?.unwrap_or_default(),
            kernel_arguments: all.lookup("kargs").ok()?.unwrap_or_default(),
            locked: all.lookup(LOCKED).ok()?.unwrap_or_default(),
        })
    }
}

/// Keep what is staged next from being finalised, in the way that a libostree before 2023.8 knows.
///
/// # Errors
/// When `/run/ostree` cannot be written.
pub(crate) fn lock_next(run: &Dir) -> Result<(), HostError> {
    run.create_dir_all("ostree")
        .and_then(|()| run.write(LOCKED_FILE, b""))
        .map_err(writing)
}

/// Let the staged deployment be finalised. Nothing here outlives a reboot, so nothing is synced.
///
/// # Errors
/// When `/run/ostree` cannot be written.
pub(crate) fn unlock(run: &Dir) -> Result<(), HostError> {
    match run.read(FILE) {
        Ok(bytes) => {
            let all = dict(&bytes).ok_or(HostError::BadStagedRecord)?;
            if all.lookup::<bool>(LOCKED).ok().flatten() == Some(true) {
                all.insert(LOCKED, false);
                run.write(NEW_FILE, all.end().data())
                    .and_then(|()| run.rename(NEW_FILE, run, FILE))
                    .map_err(writing)?;
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(reading(source)),
    }
    match run.remove_file(LOCKED_FILE) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(writing(error)),
        _ => Ok(()),
    }
}

fn dict(bytes: &[u8]) -> Option<VariantDict> {
    let value = Variant::from_data::<VariantDict, _>(bytes);
    // A file of anything else is read as an empty dictionary, or as a value that is not in normal form.
    value
        .is_normal_form()
        .then(|| VariantDict::new(Some(&value)))
}

fn reading(source: io::Error) -> HostError {
    HostError::Io {
        action: "read the staged deployment's record",
        source,
    }
}

fn writing(source: io::Error) -> HostError {
    HostError::Io {
        action: "write the staged deployment's record",
        source,
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test opens its own directory")]
mod tests {
    use cap_std::ambient_authority;
    use cap_std::fs::Dir;
    use ostree::glib::VariantDict;
    use ostree::glib::prelude::ToVariant as _;

    use super::{FILE, LOCKED_FILE, StagedRecord, lock_next, unlock};
    use crate::host::HostError;

    fn staged(locked: Option<bool>) -> (tempfile::TempDir, Dir) {
        let place = tempfile::tempdir().unwrap();
        let run = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
        run.create_dir("ostree").unwrap();
        let target = VariantDict::new(None);
        target.insert("name", format!("{}.1", "ab".repeat(32)));
        target.insert("osname", "default");
        target.insert("bootcsum", "cd".repeat(32));
        let all = VariantDict::new(None);
        all.insert_value("target", &target.end());
        all.insert_value("kargs", &vec!["rw", "quiet"].to_variant());
        if let Some(locked) = locked {
            all.insert("locked", locked);
        }
        run.write(FILE, all.end().data()).unwrap();
        (place, run)
    }

    fn is_locked(run: &Dir) -> bool {
        StagedRecord::read(run).unwrap().unwrap().locked
    }

    #[test]
    fn a_record_is_read() {
        let (_place, run) = staged(None);
        let record = StagedRecord::read(&run).unwrap().unwrap();
        assert_eq!(record.id.stateroot, "default");
        assert_eq!(record.id.serial, 1);
        assert_eq!(record.kernel_arguments, ["rw", "quiet"]);
        assert!(!record.locked);
    }

    #[test]
    fn nothing_staged_is_none_and_rubbish_is_an_error() {
        let (_place, run) = staged(None);
        run.write(FILE, b"rubbish").unwrap();
        assert!(matches!(
            StagedRecord::read(&run),
            Err(HostError::BadStagedRecord)
        ));
        run.remove_file(FILE).unwrap();
        assert_eq!(StagedRecord::read(&run).unwrap(), None);
    }

    #[test]
    fn both_kinds_of_lock_are_seen_and_undone() {
        let (_place, run) = staged(Some(true));
        assert!(is_locked(&run));
        unlock(&run).unwrap();
        assert!(!is_locked(&run));
        let record = StagedRecord::read(&run).unwrap().unwrap();
        assert_eq!(record.kernel_arguments, ["rw", "quiet"], "the rest stays");

        lock_next(&run).unwrap();
        assert!(is_locked(&run));
        unlock(&run).unwrap();
        assert!(!run.exists(LOCKED_FILE));
        unlock(&run).unwrap();
    }
}
