//! Bound images that come in: a bar each on a terminal, a line each now and then elsewhere.

use std::collections::HashMap;
use std::time::Instant;

use bound_images::{BoundReference, Event};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{LINE_EVERY, terminal_width};
use crate::text::size;

/// What is shown of each image that is on its way.
#[derive(Debug, Default)]
pub(super) struct BoundImages {
    bars: HashMap<BoundReference, ProgressBar>,
    last_lines: HashMap<BoundReference, Instant>,
}

impl BoundImages {
    /// Move the bars, and say what is to be said in a line.
    pub(super) fn on_event(
        &mut self,
        event: &Event,
        bars: Option<&MultiProgress>,
    ) -> Option<String> {
        match event {
            Event::Pulling { reference, .. } => {
                self.last_lines.insert(reference.clone(), Instant::now());
            }
            Event::Progress {
                reference,
                bytes,
                total,
            } => match bars {
                Some(bars) => self.bar(reference, *total, bars).set_position(*bytes),
                None => return self.line(reference, *bytes, *total),
            },
            Event::Pulled { reference, .. }
            | Event::Retrying { reference, .. }
            | Event::NotThere { reference, .. } => {
                if let Some(bar) = self.bars.remove(reference) {
                    bar.finish_and_clear();
                }
            }
            _ => {}
        }
        text_of(event)
    }

    fn bar(
        &mut self,
        reference: &BoundReference,
        total: Option<u64>,
        bars: &MultiProgress,
    ) -> &ProgressBar {
        self.bars.entry(reference.clone()).or_insert_with(|| {
            let bar = match total {
                Some(total) => ProgressBar::new(total),
                None => ProgressBar::new_spinner(),
            };
            let bar = bars.add(bar.with_prefix(reference.to_string()));
            let is_narrow = terminal_width().is_some_and(|columns| columns < 70);
            let template = match (total, is_narrow) {
                (None, _) => "{prefix} {decimal_bytes}",
                (Some(_), true) => "{prefix} {wide_bar} {percent:>3}%",
                (Some(_), false) => {
                    "{prefix} {bar:20} {decimal_bytes:>9}/{decimal_total_bytes:<9} {decimal_bytes_per_sec}"
                }
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar
        })
    }

    fn line(
        &mut self,
        reference: &BoundReference,
        bytes: u64,
        total: Option<u64>,
    ) -> Option<String> {
        let last = self.last_lines.get_mut(reference)?;
        if last.elapsed() < LINE_EVERY {
            return None;
        }
        *last = Instant::now();
        let of = total.map_or_else(String::new, |total| format!(" of {}", size(total)));
        Some(format!("fetched {}{of} of {reference}", size(bytes)))
    }
}

fn text_of(event: &Event) -> Option<String> {
    Some(match event {
        Event::Created => "made the storage of bound images".to_owned(),
        Event::Pulling { reference, source } => format!("pulling {reference} from {source}"),
        Event::NotThere {
            reference,
            source,
            message,
        } => format!("{reference} is not in {source}: {message}"),
        Event::Retrying {
            attempt,
            attempts,
            delay,
            message,
            ..
        } => format!("{message}; trying again in {delay:.0?} (try {attempt} of {attempts})"),
        Event::Pulled { reference, digest } => format!("pulled {reference} ({})", digest.short()),
        Event::Labelling => "labelling the storage of bound images".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use indicatif::ProgressDrawTarget;

    use super::*;

    fn reference() -> BoundReference {
        "quay.io/os/app:1".parse().unwrap()
    }

    fn progress(bytes: u64, total: Option<u64>) -> Event {
        Event::Progress {
            reference: reference(),
            bytes,
            total,
        }
    }

    #[test]
    fn without_a_terminal_there_is_a_line_now_and_then() {
        let mut shown = BoundImages::default();
        let pulling = Event::Pulling {
            reference: reference(),
            source: bound_images::Source::Registry,
        };
        let line = shown.on_event(&pulling, None);
        assert_eq!(line.unwrap(), "pulling quay.io/os/app:1 from registry");
        assert_eq!(shown.on_event(&progress(1, None), None), None);
        let long_ago = Instant::now().checked_sub(LINE_EVERY + Duration::from_secs(1));
        let long_ago = long_ago.expect("the machine has been up for as long");
        shown.last_lines.insert(reference(), long_ago);
        let line = shown.on_event(&progress(5_000_000, Some(24_000_000)), None);
        assert_eq!(
            line.unwrap(),
            "fetched 5.0 MB of 24.0 MB of quay.io/os/app:1"
        );
        assert_eq!(shown.on_event(&progress(6_000_000, None), None), None);
    }

    #[test]
    fn a_bar_has_the_bytes_and_goes_with_a_failed_attempt() {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let mut shown = BoundImages::default();
        assert_eq!(shown.on_event(&progress(5, Some(24)), Some(&bars)), None);
        let bar = &shown.bars[&reference()];
        assert_eq!((bar.position(), bar.length()), (5, Some(24)));
        let retrying = Event::Retrying {
            reference: reference(),
            attempt: 1,
            attempts: 6,
            delay: Duration::from_secs(1),
            message: "no answer".to_owned(),
        };
        let line = shown.on_event(&retrying, Some(&bars)).unwrap();
        assert_eq!(line, "no answer; trying again in 1s (try 1 of 6)");
        assert!(shown.bars.is_empty());
        shown.on_event(&progress(7, None), Some(&bars));
        assert_eq!(shown.bars[&reference()].length(), None);
    }
}
