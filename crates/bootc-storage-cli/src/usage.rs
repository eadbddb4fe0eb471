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
        output::error_json(&ErrorView::usage(&sentence(error)));
    }
    // Printing fails only when nobody reads.
    drop(error.print());
    if let Some(tip) = tip(error) {
        output::say(&tip);
    }
    code
}

/// What is wrong, in one line: clap names arguments and possible values on lines of their own, up to the first empty one.
fn sentence(error: &clap::Error) -> String {
    let message = error.to_string();
    let lines = message.lines().take_while(|line| !line.is_empty());
    let words: Vec<&str> = lines.map(str::trim).collect();
    let sentence = words.join(" ");
    match sentence.strip_prefix("error: ") {
        Some(sentence) => sentence.to_owned(),
        None => sentence,
    }
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

    use super::{json_in, sentence, tip};
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
    fn the_sentence_names_the_argument_and_what_it_may_be() {
        for (arguments, expected) in [
            (
                &["image", "pull"][..],
                "the following required arguments were not provided: <REFERENCE>",
            ),
            (
                &["selinux", "lookup"],
                "the following required arguments were not provided: <IMAGE> <PATH>...",
            ),
            (
                &["image", "pull", "--frob", "x"],
                "unexpected argument '--frob' found",
            ),
            (
                &["image", "list", "--format", "xml"],
                "invalid value 'xml' for '--format <FORMAT>' [possible values: human, json, yaml]",
            ),
            (
                &["image", "pull", "oci:/x", "--jobs", "0"],
                "invalid value '0' for '--jobs <N>': give a whole number from 1",
            ),
            (
                &["image", "pull", "oci:/x", "--retries", "-1"],
                "invalid value '-1' for '--retries <N>': give a whole number, 0 for none",
            ),
            (
                &["image", "pull", "oci:/x", "--stall-timeout", "-1"],
                "invalid value '-1' for '--stall-timeout <SECONDS>': give whole seconds, from 1",
            ),
            (
                &["image", "list", "--lock-timeout", "1.5"],
                "invalid value '1.5' for '--lock-timeout <SECONDS>': give whole seconds",
            ),
        ] {
            let typed = std::iter::once("bootc-storage").chain(arguments.iter().copied());
            let error = Cli::try_parse_from(typed).unwrap_err();
            assert_eq!(sentence(&error), expected);
        }
    }

    #[test]
    fn json_is_recognised_in_wrong_usage() {
        assert!(json_in(&["image", "frob", "--json"]));
        assert!(json_in(&["--format", "json", "frob"]));
        assert!(!json_in(&["--format", "human", "json"]));
    }
}
