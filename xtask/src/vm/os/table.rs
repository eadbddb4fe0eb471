//! The stages of a host.

use super::{Part, Steps};
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
                ("check-says/updateAvailable", "true"),
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
];
