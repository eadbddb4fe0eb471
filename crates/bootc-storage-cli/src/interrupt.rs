//! Ctrl-C and SIGTERM: say what stays and what goes, clear up, then end by the signal, as a shell expects (130, 143).
//!
//! The library needs no warning: whatever is killed at any moment leaves finished layers and nothing half done. This is
//! for the person who looks on.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::MultiProgress;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::{flag, low_level};

use crate::args::{BoundVerb, HostVerb, ImageVerb};
use crate::output;

/// What to do before the program ends.
#[derive(Debug, Default)]
struct AtEnd {
    bars: Option<MultiProgress>,
    scratch: Option<PathBuf>,
}

static AT_END: Mutex<AtEnd> = Mutex::new(AtEnd {
    bars: None,
    scratch: None,
});

fn at_end() -> MutexGuard<'static, AtEnd> {
    AT_END.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Take these off the screen first.
pub(crate) fn clear_first(bars: MultiProgress) {
    at_end().bars = Some(bars);
}

/// A directory that must not stay.
pub(crate) fn remove_first(scratch: &Path) {
    at_end().scratch = Some(scratch.to_owned());
}

/// Watch for signals from now on, and say `note` when one comes. A second one ends the program at once.
///
/// # Errors
/// When the system has no more resources for it.
pub(crate) fn watch(note: &'static str, quiet: bool) -> io::Result<()> {
    let ignored = ignored_signals();
    let wanted = [SIGINT, SIGTERM];
    let watched: Vec<i32> = wanted
        .into_iter()
        .filter(|signal| ignored >> (signal - 1) & 1 == 0)
        .collect();
    let second = Arc::new(AtomicBool::new(false));
    for signal in &watched {
        // In this order: the first signal finds the flag unset, and sets it.
        flag::register_conditional_default(*signal, Arc::clone(&second))?;
        flag::register(*signal, Arc::clone(&second))?;
    }
    let mut signals = Signals::new(watched)?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            if let Some(signal) = signals.forever().next() {
                end(signal, note, quiet);
            }
        })
        .map(drop)
}

fn end(signal: i32, note: &str, quiet: bool) {
    let at_end = at_end();
    if let Some(bars) = &at_end.bars {
        // A terminal that cannot be cleared is gone.
        drop(bars.clear());
    }
    if !quiet {
        output::say(&format!("interrupted: {note}"));
    }
    if let Some(scratch) = &at_end.scratch {
        // It holds an empty repository; whoever made it finds it named in the path.
        drop(std::fs::remove_dir_all(scratch));
    }
    // Only signals whose default is to end the program are watched, so this does not return.
    drop(low_level::emulate_default_handler(signal));
}

/// Who started us may have asked that signals be ignored, as a shell does for what runs in the background: bit n-1 for
/// signal n (proc(5), `SigIgn`).
fn ignored_signals() -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("SigIgn:"))?;
            u64::from_str_radix(line.trim(), 16).ok()
        })
        .unwrap_or(0)
}

/// What an interruption of a host's verb means.
pub(crate) fn note_host(verb: &HostVerb) -> &'static str {
    match verb {
        HostVerb::Deploy(_) | HostVerb::Upgrade(_) | HostVerb::Switch(_) => {
            "layers that were finished are kept, and the boot order is the old or the new one (`host status`); \
             the same command goes on from there"
        }
        HostVerb::Init(_) | HostVerb::Prune(_) => "the same command again goes on",
        HostVerb::Status(_) => "nothing was changed",
        HostVerb::Rollback(_) | HostVerb::Pin(_) | HostVerb::Unpin(_) | HostVerb::Undeploy(_) => {
            "the boot order is the old or the new one: `host status` shows it"
        }
    }
}

/// What an interruption of a verb on bound images means.
pub(crate) fn note_bound(verb: &BoundVerb) -> &'static str {
    match verb {
        BoundVerb::Pull(_) => {
            "images that were finished are kept; the same command goes on from there"
        }
        BoundVerb::Prune(args) if !args.dry_run => "the same command again goes on",
        BoundVerb::List(_) | BoundVerb::Plan(_) | BoundVerb::Verify(_) | BoundVerb::Prune(_) => {
            "nothing was changed"
        }
    }
}

/// What an interruption of `verb` means.
pub(crate) fn note(verb: &ImageVerb) -> &'static str {
    match verb {
        ImageVerb::Pull(args) if args.check || args.dry_run => "nothing was changed",
        ImageVerb::Pull(_) => {
            "layers that were finished are kept, the image is as it was before; \
             the same command goes on from there and removes what was half done"
        }
        ImageVerb::Remove(args) if args.dry_run => "nothing was changed",
        ImageVerb::Remove(_) => "`bootc-storage image prune` removes what is left over",
        ImageVerb::Prune(args) if args.dry_run => "nothing was changed",
        ImageVerb::Prune(_) => "the next `bootc-storage image prune` goes on",
        ImageVerb::Checkout(_) => "the same command again removes what was half done",
        ImageVerb::List | ImageVerb::Inspect(_) | ImageVerb::History(_) | ImageVerb::Check(_) => {
            "nothing was changed"
        }
    }
}
