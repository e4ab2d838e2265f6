//! `peadsim compare`: the same runs in two arms on the same luck, and what differs.
//!
//! Not here: the statistics (`verdict::figures`), or how they are printed (`report`).

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::cli::args::{self, Compare, Selection};
use crate::cli::exit::{CliError, Exit};
use crate::cli::jobs::{Job, jobs};
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::cli::run::safely;
use crate::cli::setup;
use crate::cli::words::Format;
use crate::explore::campaign;
use crate::report::compare::{self, Comparison};
use crate::report::summary::Summary;
use crate::sim::run::RunOptions;
use crate::verdict::figures::paired;
use crate::verdict::outcome::{Outcome, Verdict};

/// Makes the runs of both arms and compares them.
///
/// # Errors
/// When the arms have no runs in common, or a result cannot be written.
pub fn run(args: &Compare) -> Result<Exit, CliError> {
    let selections = arms(args)?;
    let loaded = [setup::scenarios(&selections[0])?, setup::scenarios(&selections[1])?];
    let wanted = selections.each_ref().map(|selection| args::Run {
        luck: args.luck.clone(),
        selection: selection.clone(),
        ..args::Run::default()
    });
    let pairs = pairs(jobs(&loaded[0], &wanted[0])?, jobs(&loaded[1], &wanted[1])?)?;
    let interrupt = setup::interrupt()?;
    let progress = Progress::new(pairs.len());
    let mut all = Vec::new();
    let mut failed = None;
    campaign::in_order(
        &pairs,
        setup::threads(args.threads),
        || interrupt.is_raised(),
        |[first, second]| Ok([execute(first, args)?, execute(second, args)?]),
        |[first, _], result: Result<[Outcome; 2], CliError>| {
            progress.done(&first.case.id);
            match result {
                Ok(pair) => all.push(pair),
                Err(error) => {
                    failed = Some(error);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        },
    );
    drop(progress);
    if let Some(error) = failed {
        return Err(error);
    }
    finish(args, &all, interrupt.is_raised())
}

/// The file as written and with settings, or two files.
fn arms(args: &Compare) -> Result<[Selection; 2], CliError> {
    let of = |paths: &[_], set: &[String]| Selection {
        paths: paths.to_vec(),
        set: set.to_vec(),
        sweep: Vec::new(),
    };
    match (args.files.as_slice(), args.set.as_slice()) {
        ([_], []) => Err(CliError::Usage(
            "there is nothing to compare it with\n  name a second file, or --set PATH=VALUE"
                .to_owned(),
        )),
        ([file], set) => {
            let file = std::slice::from_ref(file);
            Ok([of(file, &[]), of(file, set)])
        }
        ([first, second], set) => {
            Ok([first, second].map(|file| of(std::slice::from_ref(file), set)))
        }
        _ => Err(CliError::Usage("compare takes one file or two".to_owned())),
    }
}

/// Runs at the same place of both arms have the same luck.
fn pairs<'a>(first: Vec<Job<'a>>, second: Vec<Job<'a>>) -> Result<Vec<[Job<'a>; 2]>, CliError> {
    let alike = first.iter().zip(&second).all(|(one, two)| one.seed == two.seed);
    if first.len() != second.len() || !alike {
        return Err(CliError::Usage(
            "the arms have other cases or seeds, so their runs are no pairs\n  \
             --seeds A..B gives both the same"
                .to_owned(),
        ));
    }
    if first.is_empty() {
        return Err(CliError::Nothing("there is no run to compare".to_owned()));
    }
    Ok(first.into_iter().zip(second).map(Into::into).collect())
}

fn execute(job: &Job<'_>, args: &Compare) -> Result<Outcome, CliError> {
    let plan = job.plan(args.luck.suite).map_err(|findings| {
        CliError::Usage(format!("{} cannot run with seed {}\n{findings}", job.case.id, job.seed))
    })?;
    Ok(safely(&Arc::new(plan), RunOptions::default()))
}

fn finish(args: &Compare, all: &[[Outcome; 2]], interrupted: bool) -> Result<Exit, CliError> {
    let mut summary = Summary::default();
    all.iter().flatten().for_each(|outcome| summary.add(outcome));
    let exit = Exit::of(&summary.totals, interrupted);
    let comparisons: Vec<Comparison> = all
        .chunk_by(|one, two| one[0].case == two[0].case)
        .map(|pairs| Comparison {
            cases: pairs[0].each_ref().map(|outcome| outcome.case.clone()),
            seeds: pairs.iter().map(|[first, _]| first.seed).collect(),
            figures: paired(pairs),
        })
        .collect();
    let arms = names(args);
    output::print(&match args.format {
        Format::Json => compare::json(&arms, &comparisons),
        Format::Human => compare::human(&arms, &comparisons),
    })?;
    for (arm, name) in ["A", "B"].into_iter().enumerate() {
        let bad = all.iter().filter(|pair| pair[arm].verdict > Verdict::Pass).count();
        if bad > 0 {
            let of = all.len();
            output::note(&format!("{bad} of {of} runs of {name} do not pass\n"));
        }
    }
    Ok(exit)
}

fn names(args: &Compare) -> [String; 2] {
    let settings: Vec<String> = args.set.iter().map(|set| format!("--set {set}")).collect();
    let file = |at: usize| args.files[at].display().to_string();
    let with = |file: String| match settings.is_empty() {
        true => file,
        false => format!("{file} {}", settings.join(" ")),
    };
    match args.files.len() {
        1 => [file(0), with(file(0))],
        _ => [with(file(0)), with(file(1))],
    }
}
