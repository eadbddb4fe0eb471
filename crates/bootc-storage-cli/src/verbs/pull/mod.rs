//! `image pull`.

mod plan;
mod pulled;

use std::process::ExitCode;

use bootc_storage::pull::{Compat, PullConfig, default_jobs};
use bootc_storage::{Event, Warning};
use ostree_layer::Limits;

pub(crate) use self::plan::PlanView;
pub(crate) use self::pulled::PulledView;
use crate::args::{CompatArg, Global, PullArgs};
use crate::exit;
use crate::output::Output;
use crate::progress::Progress;
use crate::repository;
use crate::source_options::source_config;

pub(crate) fn run(global: &Global, args: &PullArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let config = PullConfig {
        source: source_config(&args.source)?,
        compat: match args.compat {
            CompatArg::None => Compat::None,
            CompatArg::OstreeExt => Compat::OstreeExt,
        },
        jobs: args.jobs.unwrap_or_else(default_jobs),
        limits: Limits::default(),
    };
    let mode = args.repo_mode.map(Into::into);
    let opened = if args.check || args.dry_run {
        repository::open_or_imagine(global, mode)?
    } else {
        repository::open_or_create(global, mode)?
    };
    let storage = &opened.storage;
    let progress = Progress::new(output);
    let observer = progress.observer();
    let plan = storage.plan_pull(&args.reference, &config, &observer);
    if args.check || args.dry_run {
        progress.finish();
        let plan = plan?;
        let view = PlanView::of(&plan);
        output.result(&view, || {
            if args.check {
                view.verdict()
            } else {
                view.human()
            }
        })?;
        return Ok(exit_code(args, plan.is_unchanged()));
    }
    let pulled = plan.and_then(|plan| {
        if plan.space.is_tight() {
            let warning = Warning::TightSpace {
                estimated_bytes: plan.space.estimated_bytes,
                available_bytes: plan.space.available_bytes,
            };
            observer(Event::Warning(warning));
        }
        observer(Event::Planned(&plan));
        let pulled = storage.apply_pull(&plan, &config, &observer)?;
        Ok((plan, pulled))
    });
    progress.finish();
    let (plan, pulled) = pulled?;
    let view = PulledView::of(&plan, &pulled);
    for warning in &view.warnings {
        output.warn(warning);
    }
    output.result(&view, || view.human())?;
    Ok(exit_code(args, pulled.unchanged))
}

fn exit_code(args: &PullArgs, unchanged: bool) -> ExitCode {
    if unchanged && args.unchanged_exit_77 {
        ExitCode::from(exit::UNCHANGED)
    } else {
        ExitCode::SUCCESS
    }
}
