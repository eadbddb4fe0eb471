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
    /// Every stored image that needs it, be it for a layer only, also of those that were not to be checked.
    images: Vec<String>,
    /// Where an object is in the tree of one of those images: a few paths of possibly many; empty for what is in none.
    paths: Vec<String>,
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
                images: problem.images,
                paths: problem.paths,
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
            if problem.image.is_none()
                && let Some(uses) = problem.uses()
            {
                text.push_str(&format!("    {}\n", plain(&uses)));
            }
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

impl ProblemView {
    /// Where an object that several images may share is needed.
    fn uses(&self) -> Option<String> {
        let images = self.images.join(", ");
        match self.paths.as_slice() {
            _ if images.is_empty() => None,
            [] => Some(format!("needed by {images}")),
            paths => Some(format!("{}; needed by {images}", paths.join(", "))),
        }
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
                    images: (number == 0)
                        .then(|| "oci:/os".to_owned())
                        .into_iter()
                        .collect(),
                    paths: Vec::new(),
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
    fn a_shared_object_is_shown_with_where_it_is_needed() {
        let mut view = view(0);
        let mut damaged = |paths: &[&str]| {
            view.problems.push(ProblemView {
                image: None,
                subject: "ab.file".to_owned(),
                what: "is missing".to_owned(),
                images: vec!["oci:/os".to_owned(), "oci:/other".to_owned()],
                paths: paths.iter().map(ToString::to_string).collect(),
                advice: "pull it again",
            });
        };
        damaged(&["/usr/bin/sh", "/usr/bin/bash"]);
        damaged(&[]);
        assert_eq!(
            view.human(),
            "\
ab.file: is missing
    /usr/bin/sh, /usr/bin/bash; needed by oci:/os, oci:/other
ab.file: is missing
    needed by oci:/os, oci:/other
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
