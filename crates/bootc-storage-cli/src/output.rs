//! Where results, warnings and errors go: stdout for results, stderr for the rest.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;
use serde_json::json;

use crate::args::{Format, Global};
use crate::exit::kind_of;
use crate::text::plain;

#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    /// Bars only where they can be redrawn.
    pub(crate) terminal: bool,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            json: global.json || global.format == Format::Json,
            quiet: global.quiet,
            terminal: io::stderr().is_terminal(),
        }
    }

    /// The verb's result, as JSON or by `human`.
    pub(crate) fn result<T: Serialize>(
        &self,
        value: &T,
        human: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        let text = if self.json {
            let mut text = serde_json::to_string_pretty(value)?;
            text.push('\n');
            text
        } else {
            human()
        };
        match io::stdout().lock().write_all(text.as_bytes()) {
            // Whoever reads us has seen enough, as in `bootc-storage image list | head`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            outcome => outcome.map_err(Into::into),
        }
    }

    pub(crate) fn warn(&self, text: &str) {
        if !self.quiet {
            eprintln!("warning: {}", plain(text));
        }
    }

    /// The whole chain: what failed, in which image and layer, why; then what to do.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        let kind = kind_of(error).map_or("other", bootc_storage::Kind::as_str);
        if self.json {
            let value = json!({ "error": { "kind": kind, "message": causes.join(": "), "causes": causes } });
            println!("{value:#}");
        }
        eprintln!("error: {}", plain(&causes.join(": ")));
        if let Some(advice) = kind_of(error).and_then(advice) {
            eprintln!("hint: {advice}");
        }
    }
}

fn advice(kind: bootc_storage::Kind) -> Option<&'static str> {
    use bootc_storage::Kind;
    match kind {
        Kind::Busy => Some("wait for the other program, or give a longer --lock-timeout"),
        Kind::Network => Some("layers that were finished are kept; run the same command again"),
        Kind::NoSpace => Some("`bootc-storage image prune --dry-run` shows what can go"),
        Kind::Corrupt => Some("`bootc-storage image check` shows what is damaged"),
        Kind::Unverified => Some("nothing of what failed was kept; tell who publishes the image"),
        Kind::Denied => Some("check file permissions, or give credentials with --authfile"),
        _ => None,
    }
}
