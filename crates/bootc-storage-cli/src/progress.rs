//! Drawing what happens: bars on a terminal, plain lines elsewhere, nothing when quiet.

mod bound;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bootc_storage::composefs::MAX_DIGEST_PATHS;
use bootc_storage::pull::{LayerPlan, LayerState, PullPlan};
use bootc_storage::{Event, LockMode, Observer, Phase, Warning};
use image_source::{CopyReason, SourceEvent};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use self::bound::BoundImages;
use crate::interrupt;
use crate::output::{Output, say};
use crate::text::{count, plain, size};

/// Plain lines for a transfer come at most this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Progress {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    style: Style,
    bars: MultiProgress,
    spinner: Option<ProgressBar>,
    layers: HashMap<usize, ProgressBar>,
    bound: BoundImages,
    fetched: u64,
    total: u64,
    started: Instant,
    last_line: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Silent,
    Lines,
    Bars,
}

impl Progress {
    pub(crate) fn new(output: &Output) -> Arc<Self> {
        let style = match (output.quiet, output.terminal) {
            (true, _) => Style::Silent,
            (false, true) => Style::Bars,
            (false, false) => Style::Lines,
        };
        let now = Instant::now();
        let bars = MultiProgress::new();
        interrupt::clear_first(bars.clone());
        Arc::new(Self {
            state: Mutex::new(State {
                style,
                bars,
                spinner: None,
                layers: HashMap::new(),
                bound: BoundImages::default(),
                fetched: 0,
                total: 0,
                started: now,
                last_line: now,
            }),
        })
    }

    pub(crate) fn observer(self: &Arc<Self>) -> Observer {
        let progress = Arc::clone(self);
        Arc::new(move |event| progress.state().on_event(&event))
    }

    /// A line of its own, above whatever moves.
    pub(crate) fn line(&self, text: &str) {
        let mut state = self.state();
        state.end_phase();
        state.line(text);
    }

    /// Take everything off the screen; what follows is the result.
    pub(crate) fn finish(&self) {
        let mut state = self.state();
        state.end_phase();
        // A terminal that cannot be cleared is gone.
        drop(state.bars.clear());
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn on_event(&mut self, event: &Event<'_>) {
        if self.style == Style::Silent {
            return;
        }
        match event {
            Event::Phase(phase) => self.phase(*phase),
            Event::Planned(plan) => self.planned(plan),
            Event::LayerStarted(layer) => self.layer_started(layer),
            Event::LayerBytes { index, delta } => self.layer_bytes(*index, *delta),
            Event::LayerStored { layer, report, .. } => {
                if let Some(bar) = self.layers.remove(&layer.layer.index) {
                    bar.finish_and_clear();
                }
                self.line(&format!(
                    "stored layer {} {} ({} unpacked, {} entries)",
                    layer.layer.index,
                    layer.layer.descriptor.digest.short(),
                    size(report.bytes),
                    report.entries
                ));
            }
            Event::LayerReused { layer, .. } => {
                // What was to be fetched and is not.
                self.total = self.total.saturating_sub(match layer.state {
                    LayerState::Present { .. } => layer.layer.descriptor.size,
                    _ => 0,
                });
                self.line(&reused_text(layer));
            }
            Event::Source(event) => self.source(event),
            Event::WaitingForLock { mode } => {
                self.line(&format!(
                    "waiting for another program to leave the repository, {}",
                    lock_text(*mode)
                ));
            }
            Event::WaitingForSysroot { holder } => self.line(&format!(
                "waiting for {}, which changes the deployments",
                plain(holder.unwrap_or("another program"))
            )),
            Event::Swept { dirs } => {
                self.line(&format!(
                    "removed what was half done by {}",
                    count(*dirs, "interrupted run")
                ));
            }
            Event::Bound(event) => {
                let bars = (self.style == Style::Bars).then_some(&self.bars);
                if let Some(text) = self.bound.on_event(event, bars) {
                    self.line(&text);
                }
            }
            // The result lists these once more, also for programs.
            Event::Warning(Warning::ReplacedByDirectory { .. }) => {}
            Event::Warning(warning) => self.line(&format!("warning: {}", warning_text(warning))),
            _ => {}
        }
    }

    fn phase(&mut self, phase: Phase) {
        self.end_phase();
        let text = match phase {
            Phase::Manifest => "reading the manifest",
            Phase::Layers => return,
            Phase::VerifyBase => "verifying the base commit",
            Phase::Merge => "merging the layers",
            Phase::Labels => "setting labels right",
            Phase::Publish => "writing the image's ref",
            Phase::Prune => "looking for what nothing needs",
            Phase::Check => "reading and hashing objects",
            Phase::BoundImages => "looking at bound images",
            Phase::Deploy => "checking out the deployment",
        };
        match self.style {
            Style::Bars => {
                let spinner = self.bars.add(ProgressBar::new_spinner().with_message(text));
                spinner.enable_steady_tick(Duration::from_millis(120));
                self.spinner = Some(spinner);
            }
            Style::Lines => self.line(text),
            Style::Silent => {}
        }
    }

    fn end_phase(&mut self) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
    }

    fn planned(&mut self, plan: &PullPlan) {
        self.end_phase();
        let missing = plan.missing().count();
        self.total = plan.missing_bytes();
        self.line(&format!(
            "layers already present: {}; layers needed: {missing} ({})",
            plan.layers.len() - missing,
            size(self.total)
        ));
        let same = plan
            .layers
            .iter()
            .filter(|layer| matches!(layer.state, LayerState::SameContent { .. }))
            .count();
        if same > 0 {
            self.line(&format!("of those present, {same} under another digest"));
        }
        self.started = Instant::now();
        self.last_line = self.started;
    }

    fn layer_started(&mut self, layer: &LayerPlan) {
        let layer = &layer.layer;
        if self.style != Style::Bars {
            return;
        }
        let bar = self.bars.add(ProgressBar::new(layer.descriptor.size));
        let template = if terminal_width().is_some_and(|columns| columns < 70) {
            "{prefix} {wide_bar} {percent:>3}%"
        } else {
            "{prefix} {bar:30} {decimal_bytes:>9}/{decimal_total_bytes:<9} {decimal_bytes_per_sec}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(format!(
            "{:>3} {}",
            layer.index,
            layer.descriptor.digest.short()
        ));
        self.layers.insert(layer.index, bar);
    }

    fn layer_bytes(&mut self, index: usize, delta: u64) {
        self.fetched += delta;
        if let Some(bar) = self.layers.get(&index) {
            bar.inc(delta);
        } else if self.style == Style::Lines && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            let text = format!(
                "fetched {} of {} in {} s",
                size(self.fetched),
                size(self.total),
                self.started.elapsed().as_secs()
            );
            self.line(&text);
        }
    }

    fn source(&mut self, event: &SourceEvent) {
        match event {
            SourceEvent::Retrying {
                what,
                attempt,
                attempts,
                delay,
                error,
            } => self.line(&format!(
                "{what}: {error}; trying again in {delay:.0?} (try {attempt} of {attempts})"
            )),
            SourceEvent::Copying { reference, reason } => {
                self.line(&format!(
                    "copying {reference} to a temporary directory first: {}",
                    copy_text(*reason)
                ));
            }
            SourceEvent::CopyProgress { bytes } => self.copied(*bytes),
            SourceEvent::Decompressing { archive } => {
                self.line(&format!(
                    "decompressing {archive} to a temporary file first"
                ));
            }
            _ => {}
        }
    }

    fn copied(&mut self, bytes: u64) {
        let text = format!("copied {}", size(bytes));
        if let Some(spinner) = &self.spinner {
            spinner.set_message(text);
        } else if self.style == Style::Lines && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            self.line(&text);
        }
    }

    fn line(&self, text: &str) {
        let text = plain(text);
        match self.style {
            Style::Silent => {}
            Style::Lines => say(&text),
            // A terminal that is gone is no reason to stop.
            Style::Bars => drop(self.bars.println(text)),
        }
    }
}

fn terminal_width() -> Option<u16> {
    rustix::termios::tcgetwinsize(std::io::stderr())
        .ok()
        .map(|size| size.ws_col)
        .filter(|columns| *columns > 0)
}

fn lock_text(mode: LockMode) -> &'static str {
    match mode {
        LockMode::Shared => "which removes something",
        LockMode::Exclusive => "to have it alone",
    }
}

fn reused_text(layer: &LayerPlan) -> String {
    let why = match layer.state {
        LayerState::Present { .. } => "another pull has stored it meanwhile",
        _ => "the same content is stored under another digest",
    };
    let digest = layer.layer.descriptor.digest.short();
    format!("reused layer {} {digest}: {why}", layer.layer.index)
}

fn copy_text(reason: CopyReason) -> &'static str {
    match reason {
        CopyReason::Policy => "this skopeo checks the policy only when it copies",
        CopyReason::Transport => "this transport cannot be read layer by layer",
        _ => "it cannot be read in place",
    }
}

fn warning_text(warning: &Warning<'_>) -> String {
    match warning {
        Warning::Unreadable { name, reason } => format!("{name} cannot be read: {reason}"),
        Warning::ReplacedByDirectory { fact } => replaced_text(fact),
        Warning::NoImageDigest => format!(
            "the image has more than {MAX_DIGEST_PATHS} paths: its commit will not name the digest of its composefs image"
        ),
        Warning::BothEtc => {
            "both /etc and /usr/etc hold files; deploying this image will be refused".to_owned()
        }
        Warning::TightSpace {
            estimated_bytes,
            available_bytes,
        } => format!(
            "space may not suffice: about {} needed, {} free",
            size(*estimated_bytes),
            size(*available_bytes)
        ),
        _ => "something odd that this program version cannot describe".to_owned(),
    }
}

/// What a directory took the place of.
pub(crate) fn replaced_text(fact: &ostree_flatten::Replaced) -> String {
    let lower = match &fact.lower {
        ostree_flatten::LowerKind::Symlink { target } => format!("symlink to {target}"),
        ostree_flatten::LowerKind::File => "file".to_owned(),
    };
    format!(
        "{}: a directory of an upper layer takes the place of a lower layer's {lower}",
        fact.path
    )
}
