//! `image check`.

use std::process::ExitCode;

use bootc_storage::pull::default_jobs;
use serde::Serialize;

use crate::args::{CheckArgs, Global};
use crate::exit;
use crate::output::Output;
use crate::progress::Progress;
use crate::repository;
use crate::text::{count, len, plain};

/// So many are shown to people: one bad disk makes thousands.
const PROBLEMS_SHOWN: usize = 20;

/// What `image check --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Checked"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    /// Names of the images that were checked.
    images: Vec<String>,
    /// Objects that were read and are what their names say.
    objects: u64,
    /// Everything that is wrong; empty when all is well.
    problems: Vec<ProblemView>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Problem"))]
#[serde(rename_all = "camelCase")]
struct ProblemView {
    /// The image it was found in; null for an object, which several may share.
    image: Option<String>,
    /// The ref, layer or object.
    subject: String,
    /// What is wrong with it, in words.
    what: String,
    /// What mends it, in words.
    advice: &'static str,
}

/// Exit code 5 when something is damaged, in either format.
pub(crate) fn run(global: &Global, args: &CheckArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let storage = repository::open(global)?;
    let progress = Progress::new(output);
    let report = storage.check(&args.images, default_jobs(), &progress.observer());
    progress.finish();
    let report = report?;
    let view = View {
        images: report.images,
        objects: report.objects,
        problems: report
            .problems
            .into_iter()
            .map(|problem| ProblemView {
                image: problem.image,
                subject: problem.subject,
                what: problem.what,
                advice: problem.advice,
            })
            .collect(),
    };
    output.result(&view, || view.human())?;
    Ok(if view.problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(exit::CORRUPT)
    })
}

impl View {
    fn human(&self) -> String {
        let mut text = String::new();
        for problem in self.problems.iter().take(PROBLEMS_SHOWN) {
            let image = problem
                .image
                .as_deref()
                .map(|i| format!("{i}: "))
                .unwrap_or_default();
            text.push_str(&plain(&format!(
                "{image}{}: {}",
                problem.subject, problem.what
            )));
            text.push('\n');
        }
        let hidden = self.problems.len().saturating_sub(PROBLEMS_SHOWN);
        if hidden > 0 {
            text.push_str(&format!("and {hidden} more; --format json lists all\n"));
        }
        if let Some(first) = self.problems.first() {
            text.push_str(&format!(
                "{}; {}\n",
                count(len(&self.problems), "problem"),
                first.advice
            ));
        } else if self.images.is_empty() {
            text.push_str("no images are stored here\n");
        } else {
            text.push_str(&format!(
                "{}, {}: all is well\n",
                count(len(&self.images), "image"),
                count(self.objects, "object")
            ));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{PROBLEMS_SHOWN, ProblemView, View};

    fn view(problems: usize) -> View {
        View {
            images: vec!["oci:/os".to_owned()],
            objects: 7,
            problems: (0..problems)
                .map(|number| ProblemView {
                    image: (number == 0).then(|| "oci:/os".to_owned()),
                    subject: format!("layer {number}"),
                    what: "its ref is missing".to_owned(),
                    advice: "pull it again",
                })
                .collect(),
        }
    }

    #[test]
    fn a_verdict_in_a_line() {
        assert_eq!(view(0).human(), "1 image, 7 objects: all is well\n");
        assert_eq!(
            view(2).human(),
            "\
oci:/os: layer 0: its ref is missing
layer 1: its ref is missing
2 problems; pull it again
"
        );
    }

    #[test]
    fn a_bad_disk_does_not_fill_the_screen() {
        let text = view(PROBLEMS_SHOWN + 600).human();
        assert_eq!(text.lines().count(), PROBLEMS_SHOWN + 2);
        assert!(text.contains("and 600 more"), "{text}");
    }
}
