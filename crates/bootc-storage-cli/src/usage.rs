//! Wrong usage: clap's words, a tip, and JSON for who asked for it.

use std::ffi::OsStr;
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::args::Cli;
use crate::output::{self, ErrorView};

/// Say what clap says, with its own exit code: 0 for help and version, 2 for wrong usage.
pub(crate) fn report(error: &clap::Error) -> ExitCode {
    let code = ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    if error.use_stderr() && asked_for_json() {
        let message = error.to_string();
        let first = message.lines().next().unwrap_or_default();
        let first = first.strip_prefix("error: ").unwrap_or(first);
        output::error_json(&ErrorView::usage(first));
    }
    // Printing fails only when nobody reads.
    drop(error.print());
    if let Some(tip) = tip(error) {
        output::say(&tip);
    }
    code
}

/// Who types a verb without its noun means the noun.
fn tip(error: &clap::Error) -> Option<String> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    let cli = Cli::command();
    let images = cli.find_subcommand("image")?;
    let verb = images.find_subcommand(typed)?.get_name();
    Some(format!("hint: bootc-storage image {verb}"))
}

/// The arguments could not be parsed, so this looks at them as they are.
fn asked_for_json() -> bool {
    let arguments: Vec<_> = std::env::args_os().collect();
    json_in(&arguments)
}

fn json_in<S: AsRef<OsStr>>(arguments: &[S]) -> bool {
    let is = |argument: &S, text: &str| argument.as_ref() == OsStr::new(text);
    arguments
        .iter()
        .any(|argument| is(argument, "--json") || is(argument, "--format=json"))
        || arguments
            .windows(2)
            .any(|pair| is(&pair[0], "--format") && is(&pair[1], "json"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{json_in, tip};
    use crate::args::Cli;

    #[test]
    fn a_verb_without_its_noun_gets_a_tip() {
        for (typed, expected) in [
            ("pull", Some("image pull")),
            ("ls", Some("image list")),
            ("frob", None),
        ] {
            let error = Cli::try_parse_from(["bootc-storage", typed, "x"]).unwrap_err();
            let tip = tip(&error);
            assert_eq!(tip.is_some(), expected.is_some(), "{tip:?}");
            assert!(expected.is_none_or(|e| tip.is_some_and(|tip| tip.ends_with(e))));
        }
    }

    #[test]
    fn json_is_recognised_in_wrong_usage() {
        assert!(json_in(&["image", "frob", "--json"]));
        assert!(json_in(&["--format", "json", "frob"]));
        assert!(!json_in(&["--format", "human", "json"]));
    }
}
