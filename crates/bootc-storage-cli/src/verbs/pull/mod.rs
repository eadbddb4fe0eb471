//! `image pull`.

mod plan;
mod pulled;

use std::process::ExitCode;

use bootc_storage::pull::{
    Compat, ComposefsDigest, Labels, PullConfig, PullPlan, Pulled, default_jobs,
};
use bootc_storage::{Event, Observer, Storage, Warning};
use ostree_layer::Limits;

pub(crate) use self::plan::PlanView;
pub(crate) use self::pulled::PulledView;
use crate::args::{CompatArg, Global, PullArgs};
use crate::exit;
use crate::output::Output;
use crate::progress::Progress;
use crate::repository;
use crate::source_options::source_config;
use crate::verbs::prune;

pub(crate) fn run(global: &Global, args: &PullArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let config = PullConfig {
        source: source_config(&args.source)?,
        compat: match args.compat {
            CompatArg::None => Compat::None,
            CompatArg::OstreeExt => Compat::OstreeExt,
        },
        labels: match args.disable_selinux {
            true => Labels::Off,
            false => Labels::OfPolicy,
        },
        composefs_digest: match args.no_composefs_digest {
            true => ComposefsDigest::Off,
            false => ComposefsDigest::Named,
        },
        jobs: args.jobs.unwrap_or_else(default_jobs),
        limits: Limits::default(),
    };
    let mode = args.repo_mode.map(Into::into);
    // A repository that is missing is made once it is known that there is an image for it.
    let mut opened = repository::open_or_imagine(global, mode)?;
    let engine = args.engine.selinux_engine;
    opened.storage = opened.storage.with_label_engine(engine);
    let progress = Progress::new(output);
    let observer = progress.observer();
    let plan = opened
        .storage
        .plan_pull(&args.reference, &config, &observer);
    if args.check || args.dry_run {
        progress.finish();
        return show(args, &plan?, global, output);
    }
    let pulled = plan.map_err(anyhow::Error::from).and_then(|plan| {
        plan.require_space()?;
        let storage = opened.or_create(global, mode, |text| progress.line(text))?;
        let storage = storage.with_label_engine(engine);
        let pulled = apply(&storage, &plan, &config, &observer)?;
        let mut view = PulledView::of(&plan, &pulled);
        if !output.is_human() {
            view = view.with_stored_policy(&storage, &plan);
        }
        Ok(view)
    });
    progress.finish();
    let view = pulled?;
    for warning in &view.warnings {
        output.warn(warning);
    }
    output.result(&view, || view.human())?;
    Ok(exit_code(args, view.unchanged))
}

/// Print the plan. That what was planned cannot be done is said after it.
fn show(
    args: &PullArgs,
    plan: &PullPlan,
    global: &Global,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let view = PlanView::of(plan);
    if args.check {
        output.result(&view, || view.verdict())?;
        return Ok(exit_code(args, plan.is_unchanged()));
    }
    output.result(&view, || view.human())?;
    if let Err(error) = plan.require_space() {
        let error = error.into();
        Output::error_beside_result(&error, || prune::would_free(global));
        return Ok(exit::code_of(&error));
    }
    Ok(exit_code(args, plan.is_unchanged()))
}

fn apply(
    storage: &Storage,
    plan: &PullPlan,
    config: &PullConfig,
    observer: &Observer,
) -> Result<Pulled, bootc_storage::Error> {
    if plan.space.is_tight() {
        observer(Event::Warning(Warning::TightSpace {
            estimated_bytes: plan.space.estimated_bytes,
            available_bytes: plan.space.available_bytes,
        }));
    }
    observer(Event::Planned(plan));
    storage.apply_pull(plan, config, observer)
}

fn exit_code(args: &PullArgs, unchanged: bool) -> ExitCode {
    if unchanged && args.unchanged_exit_77 {
        ExitCode::from(exit::UNCHANGED)
    } else {
        ExitCode::SUCCESS
    }
}
