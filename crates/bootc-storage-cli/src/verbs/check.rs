//! `image check`.

use std::process::ExitCode;

use bootc_storage::pull::default_jobs;
use serde::Serialize;

use crate::args::{CheckArgs, Global};
use crate::exit;
use crate::output::Output;
use crate::progress::Progress;
use crate::repository;
use crate::text::plain;

/// What `image check --format json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    images: Vec<String>,
    objects: u64,
    problems: Vec<ProblemView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProblemView {
    image: Option<String>,
    subject: String,
    what: String,
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
        for problem in &self.problems {
            let image = problem
                .image
                .as_deref()
                .map(|i| format!("{i}: "))
                .unwrap_or_default();
            text.push_str(&plain(&format!(
                "{image}{} {}",
                problem.subject, problem.what
            )));
            text.push('\n');
        }
        if let Some(first) = self.problems.first() {
            text.push_str(&format!(
                "{} problems; {}\n",
                self.problems.len(),
                first.advice
            ));
        } else {
            text.push_str(&format!(
                "{} images, {} objects: all is well\n",
                self.images.len(),
                self.objects
            ));
        }
        text
    }
}
