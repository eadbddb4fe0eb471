//! Writes many small files through one stage, and says what that cost.
//!
//! `write_many [DIRECTORY [MODE [COUNT [BYTES]]]]`: a repository is made in a new directory below
//! DIRECTORY (`/tmp`), of MODE (`bare` as root), with COUNT (60000) files of BYTES (4000) each, every one
//! with a label.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program, not the library"
)]

use std::time::Instant;

use cap_std::{ambient_authority, fs::Dir};
use ostree_objects::{FileHeader, RepoMode, Xattrs};
use ostree_store::Repo;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let parent = args.next().unwrap_or_else(|| "/tmp".to_owned());
    let mode: RepoMode = args.next().as_deref().unwrap_or("bare").parse()?;
    let count: u64 = args.next().as_deref().unwrap_or("60000").parse()?;
    let size: usize = args.next().as_deref().unwrap_or("4000").parse()?;

    let scratch = tempfile::tempdir_in(parent)?;
    let dir = Dir::open_ambient_dir(scratch.path(), ambient_authority())?;
    let repo = Repo::create(&dir, mode)?;
    let label = (
        b"security.selinux".to_vec(),
        b"system_u:object_r:usr_t:s0\0".to_vec(),
    );
    let header = FileHeader::regular(0, 0, 0o644, Xattrs::from_pairs(vec![label])?);
    let mut content = vec![b'x'; size.max(8)];

    let start = Instant::now();
    let before = cpu();
    let stage = repo.stage()?;
    for i in 0..count {
        content[..8].copy_from_slice(&i.to_le_bytes());
        stage.write_file(&header, content.len() as u64, &mut &content[..])?;
    }
    let written = (start.elapsed(), cpu());
    let published = stage.publish()?;
    let (wall, after) = (start.elapsed(), cpu());
    println!("{published:?} in {mode}");
    let show = |what, wall: std::time::Duration, from: (f64, f64), to: (f64, f64)| {
        let (user, system) = (to.0 - from.0, to.1 - from.1);
        println!(
            "{what}: wall {:.2} s, user {user:.2} s, system {system:.2} s",
            wall.as_secs_f64()
        );
    };
    show("written", written.0, before, written.1);
    show("published", wall - written.0, written.1, after);
    Ok(())
}

/// User and system time of this process, in seconds.
fn cpu() -> (f64, f64) {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<_> = text
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split(' ')
        .collect();
    let ticks = |index: usize| -> f64 {
        fields
            .get(index)
            .and_then(|field| field.parse().ok())
            .unwrap_or_default()
    };
    (ticks(12) / 100.0, ticks(13) / 100.0)
}
