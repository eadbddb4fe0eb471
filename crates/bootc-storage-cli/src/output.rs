//! Where results, warnings and errors go: stdout for results, stderr for the rest.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::bail;
use serde::Serialize;

use crate::advice::advice;
use crate::args::{Format, Global};
use crate::exit::kind_of;
use crate::text::plain;

#[derive(Debug)]
pub(crate) struct Output {
    format: Format,
    pub(crate) quiet: bool,
    /// Bars only where they can be redrawn.
    pub(crate) terminal: bool,
}

/// What any verb prints under `--format json` when it fails.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Error"))]
pub(crate) struct ErrorView {
    error: ErrorBody,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ErrorBody {
    /// What a caller would do about it. Each kind but `invalid` and `io`, which share 1, has an exit code of its own.
    #[cfg_attr(test, schemars(extend("enum" = [
        "usage", "not-found", "invalid", "unverified", "busy", "network", "no-space", "corrupt", "tool", "denied", "io"
    ])))]
    kind: &'static str,
    /// The whole chain, as printed for people after `error:`.
    message: String,
    /// Its links: what failed first, the last cause last.
    causes: Vec<String>,
    /// What to do about it, where the message does not say.
    hint: Option<&'static str>,
}

impl ErrorView {
    fn of(error: &anyhow::Error, can_prune: impl FnOnce() -> bool) -> Self {
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        Self {
            error: ErrorBody {
                kind: kind_of(error).as_str(),
                message: causes.join(": "),
                causes,
                hint: advice(error, can_prune),
            },
        }
    }

    pub(crate) fn usage(message: &str) -> Self {
        Self {
            error: ErrorBody {
                kind: "usage",
                message: message.to_owned(),
                causes: vec![message.to_owned()],
                hint: Some("try --help"),
            },
        }
    }
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let redraws = std::env::var_os("TERM").is_some_and(|term| term != "dumb");
        Self {
            format: if global.json {
                Format::Json
            } else {
                global.format
            },
            quiet: global.quiet,
            terminal: redraws && io::stderr().is_terminal(),
        }
    }

    /// Results are for people.
    pub(crate) fn is_human(&self) -> bool {
        self.format == Format::Human
    }

    /// The verb's result, as JSON or YAML or by `human`.
    pub(crate) fn result<T: Serialize>(
        &self,
        value: &T,
        human: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        let text = match self.format {
            Format::Json => json(value)?,
            Format::Yaml => serde_norway::to_string(value)?,
            Format::Human => human(),
        };
        match io::stdout().lock().write_all(text.as_bytes()) {
            // Whoever reads us has seen enough, as in `bootc-storage image list | head`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            // Not as a cause: exit codes for files and space tell of the repository.
            Err(error) => bail!("cannot write the result to standard output: {error}"),
            Ok(()) => Ok(()),
        }
    }

    /// What goes on, for people.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            say(&plain(text));
        }
    }

    pub(crate) fn warn(&self, text: &str) {
        if !self.quiet {
            say(&format!("warning: {}", plain(text)));
        }
    }

    /// The whole chain: what failed, in which image and layer, why; then what to do. `can_prune` tells whether there is
    /// something to prune, and is asked only when that matters.
    pub(crate) fn error(&self, error: &anyhow::Error, can_prune: impl FnOnce() -> bool) {
        let view = ErrorView::of(error, can_prune);
        match self.format {
            Format::Json => error_json(&view),
            Format::Yaml => error_yaml(&view),
            Format::Human => {}
        }
        view.say();
    }

    /// As [`Self::error`], where standard output has a result already: there are never two.
    pub(crate) fn error_beside_result(error: &anyhow::Error, can_prune: impl FnOnce() -> bool) {
        ErrorView::of(error, can_prune).say();
    }
}

impl ErrorView {
    fn say(&self) {
        say(&format!("error: {}", plain(&self.error.message)));
        if let Some(hint) = self.error.hint {
            say(&format!("hint: {hint}"));
        }
    }
}

pub(crate) fn error_json(view: &ErrorView) {
    if let Ok(text) = json(view) {
        // It is said on standard error too.
        drop(io::stdout().lock().write_all(text.as_bytes()));
    }
}

fn error_yaml(view: &ErrorView) {
    if let Ok(text) = serde_norway::to_string(view) {
        drop(io::stdout().lock().write_all(text.as_bytes()));
    }
}

fn json<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    Ok(text)
}

/// A line on standard error. When nobody reads there any more, the work goes on.
pub(crate) fn say(line: &str) {
    drop(
        io::stderr()
            .lock()
            .write_all(format!("{line}\n").as_bytes()),
    );
}
