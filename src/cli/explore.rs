//! `peadsim explore`: generated scenarios, a seed each, in parallel, until seeds, time or news run out.
//!
//! Not here: generating (`scenario`), running (`explore`), or what results look like (`report`).

use std::path::Path;

use crate::base::time::Duration;
use crate::cli::args::Explore;
use crate::cli::exhaustive;
use crate::cli::exit::{CliError, Exit};
use crate::cli::jobs;
use crate::cli::mutants;
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::cli::setup;
use crate::cli::shrink;
use crate::cli::words::Format;
use crate::explore::swarm::{self, Settings};
use crate::report::explore as report;
use crate::report::human::Palette;
use crate::runtime::clock::Stopwatch;
use crate::verdict::exploration::{Exploration, Failure};

/// Seeds that are run when neither seeds nor a time are given.
const SEEDS: u64 = 1_000;
/// Seeds that a time may not exceed.
const SEEDS_MAX: u64 = 1_000_000;

/// Explores what the command line says.
///
/// # Errors
/// When a deviation is unknown, or a result cannot be written.
pub fn run(args: &Explore) -> Result<Exit, CliError> {
    if args.exhaustive {
        return exhaustive::run(args);
    }
    let deviations = mutants::deviations(&args.deviations)?;
    let deviations = if args.deviations.is_empty() { Vec::new() } else { deviations };
    if let Some(folder) = &args.report {
        output::folder(folder, &["exploration.json"])?;
    }
    let seeds = seeds(args);
    let interrupt = setup::interrupt()?;
    let clock = Stopwatch::start();
    let late = || args.time.is_some_and(|most| clock.elapsed() >= most);
    let settings = Settings {
        seeds: &seeds,
        suite: args.suite.map(jobs::suite_name),
        deviations: &deviations,
        threads: setup::threads(args.threads),
        saturate: args.saturate.map(std::num::NonZeroUsize::get),
        stopped: &|| interrupt.is_raised() || late(),
    };
    let palette = palette();
    let progress = Progress::new(seeds.len());
    let mut exploration = swarm::explore(&settings, |seed, explored| {
        progress.done(&format!("seed {seed}"));
        if let (Some((print, _)), Format::Human) = (&explored.failure, args.format) {
            let repro = swarm::repro(seed, &settings);
            let line = report::failing(seed, &print.to_string(), &repro, palette);
            // What cannot be told now is told at the end, where an error is an error.
            let _ = progress.aside(|| output::print(&line));
        }
    });
    drop(progress);
    if let Some(folder) = &args.report {
        let stopped = || interrupt.is_raised();
        shrink_all(&mut exploration, &settings, folder, &stopped)?;
    }
    let exit = exit(&exploration, interrupt.is_raised());
    finish(args, &exploration, exit, interrupt.is_raised(), clock.elapsed())?;
    Ok(exit)
}

/// Shrinks the first seed of each fingerprint and writes what comes of it.
fn shrink_all(
    exploration: &mut Exploration,
    settings: &Settings<'_>,
    folder: &Path,
    stopped: &dyn Fn() -> bool,
) -> Result<(), CliError> {
    let distinct: Vec<_> =
        exploration.distinct().map(|it| (it.seed, it.fingerprint.clone())).collect();
    for (seed, wanted) in distinct {
        let Some(tree) = swarm::tree(seed, settings, &wanted).filter(|_| !stopped()) else {
            continue;
        };
        let Some(shrunk) = shrink::watched(&tree, &wanted, stopped) else { continue };
        let place = shrink::save(folder, &format!("swarm-{seed}"), &shrunk)?;
        let same = |it: &&mut Failure| it.seed == seed;
        if let Some(failure) = exploration.failures.iter_mut().find(same) {
            failure.file = Some(place.display().to_string());
        }
    }
    Ok(())
}

fn seeds(args: &Explore) -> Vec<u64> {
    match (args.seed, &args.seeds, args.time) {
        (Some(seed), _, _) => vec![seed],
        (None, Some(range), _) => range.clone().collect(),
        (None, None, Some(_)) => (1..=SEEDS_MAX).collect(),
        (None, None, None) => (1..=SEEDS).collect(),
    }
}

fn palette() -> Palette {
    if output::stdout_has_color() { Palette::colored() } else { Palette::plain() }
}

fn finish(
    args: &Explore,
    exploration: &Exploration,
    exit: Exit,
    interrupted: bool,
    real: Duration,
) -> Result<(), CliError> {
    let json = || report::json(exploration, exit.code(), interrupted);
    if let Some(folder) = &args.report {
        output::write(&folder.join("exploration.json"), &json())?;
    }
    output::print(&match args.format {
        Format::Json => json(),
        Format::Human => {
            let ending = format!("{} (exit {})", exit.text(), exit.code());
            report::human(exploration, palette(), real, &ending)
        }
    })
}

/// What an exploration comes to.
fn exit(it: &Exploration, interrupted: bool) -> Exit {
    let harness = |who: &str| it.failures.iter().any(|failure| failure.fingerprint.oracle == who);
    [
        (harness("harness") || harness("generator"), Exit::Harness),
        (!it.failures.is_empty(), Exit::Finding),
        (it.evaluated == 0 && !interrupted, Exit::NothingVerified),
        (!it.unjudged.is_empty() || interrupted, Exit::Inconclusive),
    ]
    .into_iter()
    .filter(|(holds, _)| *holds)
    .fold(Exit::Success, |worst, (_, exit)| worst.worst(exit))
}
