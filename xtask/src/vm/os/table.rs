//! The stages of a host.

use super::{InstalledBy, Part, Steps};
use crate::vm::expectations::Expectations;
use crate::vm::stages::{Machine, Stage};

/// A boot takes two to three minutes of it where nothing else runs.
const BOOT_SECONDS: u64 = 900;

const fn part(script: &'static str) -> Part {
    Part {
        script,
        seconds: BOOT_SECONDS,
    }
}

pub(in crate::vm) const STAGES: &[Stage] = &[
    Stage {
        name: "boot",
        about: "what our program installed boots, with the root that was computed beforehand",
        machine: Machine::Os(Steps {
            installed_by: InstalledBy::Us,
            after: &[],
            parts: &[part(include_str!("guest/boot.sh"))],
        }),
        expected: Expectations {
            values: &[
                ("version", "1"),
                ("root", "overlay composefs"),
                ("root-writable", "no"),
                ("composefs-check", "0"),
                ("status", "0"),
                ("selinux", "Permissive"),
            ],
            equal: &[
                ("digest", "host.digest-1"),
                ("ostree-argument", "host.ostree-argument"),
                ("booted-by-ostree", "booted-by-kernel"),
                ("booted-by-ostree", "host.deployment"),
                ("status/status/booted/ostree/checksum", "host.commit-1"),
                ("status/status/booted/image/imageDigest", "host.image-1"),
            ],
        },
    },
    Stage {
        name: "upgrade",
        about: "the next version comes from a registry: what changed of it, and what it is bound to; /etc and /var",
        machine: Machine::Os(Steps {
            installed_by: InstalledBy::Us,
            after: &["boot"],
            parts: &[
                part(include_str!("guest/upgrade.sh")),
                part(include_str!("guest/upgraded.sh")),
            ],
        }),
        expected: Expectations {
            values: &[
                ("network", "0"),
                ("check", "0"),
                ("check-says/available", "true"),
                ("check-says/layersMissing", "2"),
                ("upgrade", "0"),
                ("done/staged", "true"),
                ("done/layersStored", "2"),
                ("done/layersReused", "3"),
                ("bound-before-staged", "yes"),
                ("version-until-restart", "1"),
                ("version", "2"),
                ("root", "overlay composefs"),
                ("root-writable", "no"),
                ("composefs-check", "0"),
                ("etc-unchanged", "version=2"),
                ("etc-edited", "version=1 edited"),
                ("etc-deleted", "gone"),
                ("etc-added", "local"),
                ("var", "kept"),
                ("kernel-argument", "vmtest.version=2"),
                ("bound", "0"),
                ("image-check", "0"),
            ],
            equal: &[
                ("digest", "host.digest-2"),
                ("booted-by-ostree", "booted-by-kernel"),
                ("status/status/booted/ostree/checksum", "host.commit-2"),
                ("status/status/booted/image/imageDigest", "host.image-2"),
                ("status/status/rollback/ostree/checksum", "host.commit-1"),
                ("layers-fetched", "host.new-layers"),
            ],
        },
    },
    Stage {
        name: "labels",
        about: "every label is the policy's, that of a module in a derived layer included; a boot that enforces it",
        machine: Machine::Os(Steps {
            installed_by: InstalledBy::Us,
            after: &["upgrade"],
            parts: &[
                part(include_str!("guest/labels.sh")),
                part(include_str!("guest/enforcing.sh")),
            ],
        }),
        expected: Expectations {
            values: &[
                ("stored", "0"),
                ("usr-wrong", "0"),
                ("etc-wrong", "0"),
                ("module-file", "system_u:object_r:demo_exec_t:s0"),
                ("module-lower", "system_u:object_r:demo_data_t:s0"),
                ("mode", "Enforcing"),
                ("version", "2"),
                ("root", "overlay composefs"),
                ("status", "0"),
            ],
            equal: &[("digest", "host.digest-2")],
        },
    },
    Stage {
        name: "bound",
        about: "podman runs the bound image where there is no network",
        machine: Machine::Os(Steps {
            installed_by: InstalledBy::Us,
            after: &["upgrade"],
            parts: &[part(include_str!("guest/bound.sh"))],
        }),
        expected: Expectations {
            values: &[("network", "gone"), ("said", "hello"), ("verified", "0")],
            equal: &[],
        },
    },
    Stage {
        name: "rollback",
        about: "back to the version before, and forward again",
        machine: Machine::Os(Steps {
            installed_by: InstalledBy::Us,
            after: &["upgrade"],
            parts: &[
                part(include_str!("guest/rollback.sh")),
                part(include_str!("guest/rolled_back.sh")),
                part(include_str!("guest/forward.sh")),
            ],
        }),
        expected: Expectations {
            values: &[
                ("rollback", "0"),
                ("back-version", "1"),
                ("back-etc-edited", "version=1 edited"),
                ("back-etc-v2", "none"),
                ("back-var", "kept"),
                ("forward", "0"),
                ("version", "2"),
                ("root", "overlay composefs"),
                ("composefs-check", "0"),
                ("etc-v2", "kept"),
                ("nothing-new", "77"),
            ],
            equal: &[
                ("back-digest", "host.digest-1"),
                ("back-status/status/booted/ostree/checksum", "host.commit-1"),
                (
                    "back-status/status/rollback/ostree/checksum",
                    "host.commit-2",
                ),
                ("digest", "host.digest-2"),
                ("booted-by-ostree", "booted-by-kernel"),
                ("status/status/booted/ostree/checksum", "host.commit-2"),
                ("status/status/rollback/ostree/checksum", "host.commit-1"),
            ],
        },
    },
    Stage {
        name: "verified",
        about: "over to an image that boots only verified, and what it does with a file that was tampered with",
        machine: Machine::Os(Steps {
            installed_by: InstalledBy::Us,
            after: &["boot"],
            parts: &[
                part(include_str!("guest/verified.sh")),
                part(include_str!("guest/verified_root.sh")),
            ],
        }),
        expected: Expectations {
            values: &[
                ("switch", "0"),
                ("done/staged", "true"),
                ("version", "1"),
                ("root", "overlay composefs"),
                ("required", "verity=require"),
                ("composefs-check", "0"),
                ("image-verity", "yes"),
                ("objects-without", "0"),
                ("read-before", "done"),
                ("read-tampered", "refused"),
                ("read-sound", "done"),
                ("check", "5"),
            ],
            equal: &[
                ("digest", "stored-digest"),
                ("booted-by-ostree", "booted-by-kernel"),
            ],
        },
    },
    Stage {
        name: "migrate",
        about: "a host that ostree admin installed goes over to an image in place, and back",
        machine: Machine::Os(Steps {
            installed_by: InstalledBy::Ostree,
            after: &[],
            parts: &[
                part(include_str!("guest/migrate.sh")),
                part(include_str!("guest/migrated.sh")),
                part(include_str!("guest/migrated_back.sh")),
            ],
        }),
        expected: Expectations {
            values: &[
                ("status", "0"),
                ("had-image", "0"),
                ("before/status/booted/image", "null"),
                ("switch", "0"),
                ("version", "2"),
                ("root", "overlay composefs"),
                ("composefs-check", "0"),
                ("etc-edited", "version=1 edited"),
                ("var", "kept"),
                ("back", "0"),
                ("back-version", "1"),
                ("back-root", "overlay composefs"),
                ("back-status", "0"),
                ("back-etc-edited", "version=1 edited"),
                ("back-var", "kept"),
                ("back-image-check", "0"),
            ],
            equal: &[
                ("before/status/booted/ostree/checksum", "host.commit-1"),
                ("digest", "host.digest-2"),
                ("status/status/booted/ostree/checksum", "host.commit-2"),
                ("back-digest", "host.digest-1"),
                ("back-status/status/booted/ostree/checksum", "host.commit-1"),
            ],
        },
    },
    Stage {
        name: "power",
        about: "the power fails at chance moments of a change; what boots then is whole, and goes on",
        machine: Machine::Power,
        expected: Expectations {
            values: &[
                ("sound", "10"),
                ("switch", "0"),
                ("last-root", "overlay composefs"),
                ("last-status", "0"),
                ("last-composefs-check", "0"),
                ("last-check", "0"),
                ("last-fsck", "0"),
            ],
            equal: &[
                ("sound", "cuts"),
                ("last-booted-by-ostree", "last-booted-by-kernel"),
            ],
        },
    },
];
