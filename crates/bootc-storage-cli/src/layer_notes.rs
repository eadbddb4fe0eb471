//! What a layer's import noticed, in words.

use ostree_layer::{Dropped, Report, Warning};

/// A sentence for each thing that was dropped or odd.
pub(crate) fn notes(report: &Report) -> Vec<String> {
    let mut notes: Vec<String> = report
        .dropped
        .iter()
        .filter(|(what, _)| tells_news(**what))
        .map(|(what, count)| format!("{count} {} dropped", dropped(*what)))
        .collect();
    notes.extend(report.warnings.iter().map(warning));
    if report.more_warnings > 0 {
        notes.push(format!("{} more warnings", report.more_warnings));
    }
    notes
}

/// Entries of the embedded repository are in every layer that a build put on an encapsulated base.
fn tells_news(what: Dropped) -> bool {
    what != Dropped::EmbeddedRepository
}

fn dropped(what: Dropped) -> &'static str {
    match what {
        Dropped::Device => "device nodes",
        Dropped::Fifo => "FIFOs",
        Dropped::AufsMetadata => "markers of AUFS",
        Dropped::BelowWhiteout => "entries below a whiteout",
        Dropped::EmbeddedRepository => "entries of the embedded repository",
        Dropped::SelinuxLabel => "SELinux labels (the policy labels)",
        Dropped::OverlayXattr => "attributes of overlayfs",
        _ => "other things",
    }
}

fn warning(warning: &Warning) -> String {
    match warning {
        Warning::Duplicate { path } => format!("{path} is there twice, the last one counts"),
        Warning::Replaced { path } => {
            format!("{path} changes between file and directory, the last one counts")
        }
        Warning::EtcTwice { path } => {
            format!("{path} comes from both /etc and /usr/etc, the last one counts")
        }
        Warning::Special { path } => format!("{path} is a device or a FIFO"),
        Warning::OddWhiteout { path } => format!("{path} is a whiteout by its name only"),
        Warning::UnknownType { path, flag } => {
            format!("{path} has the unknown type {flag:#04x} and was read as a file")
        }
        Warning::GlobalHeader { keyword } => {
            format!("a global header sets {keyword}, which was ignored")
        }
        Warning::NoEndMark => {
            "the archive has no block that marks its end; its digests are right, so nothing is missing".to_owned()
        }
        Warning::TrailingData { bytes } => {
            format!("{bytes} bytes after the end of the archive were verified and not read")
        }
        _ => "something odd that this program version cannot describe".to_owned(),
    }
}
