//! `peadsim mutants`: the kill matrix, printed, written, and compared with an earlier one.
//!
//! Not here: running deviations (`explore`), or what the matrix looks like (`report`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::args::{Mutants, Selection};
use crate::cli::exit::{CliError, Exit};
use crate::cli::files::{self, Loaded};
use crate::cli::jobs;
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::cli::setup;
use crate::cli::words::MatrixFormat;
use crate::conformance::adapter::Adapter;
use crate::conformance::applies::applies;
use crate::conformance::case::put_under_test;
use crate::conformance::near::Near;
use crate::conformance::reference::Nature;
use crate::conformance::suite::{Setting, Test};
use crate::explore::mutants::{self, Settings};
use crate::explore::subject::Subject;
use crate::proto::deviation::{Deviation, Deviations, Side};
use crate::report::human::Palette;
use crate::report::mutants as report;
use crate::runtime::clock::{Stopwatch, timed};
use crate::scenario::diagnostics::suggest;
use crate::scenario::plan::Plan;
use crate::scenario::read::Case;
use crate::sim::body::Remote;
use crate::verdict::matrix::{Matrix, State};
use crate::verdict::outcome::Verdict;

/// The states of an earlier matrix, by ID.
type Earlier = BTreeMap<String, State>;

/// Runs the deviations that the command line selects.
///
/// # Errors
/// When nothing can be run, or a result cannot be written.
pub fn run(args: &Mutants) -> Result<Exit, CliError> {
    let mut deviations = deviations(&args.only)?;
    if args.attached {
        deviations.retain(|it| it.side() == Side::Device);
    }
    let earlier = args.check.as_deref().map(read).transpose()?;
    if let Some(folder) = &args.report {
        output::folder(folder, &["mutants.md", "mutants.json"])?;
    }
    let selection = Selection { paths: args.paths.clone(), ..Selection::default() };
    let loaded = setup::scenarios(&selection)?;
    let subjects = subjects(&loaded, args)?;
    let interrupt = setup::interrupt()?;
    let tests = if args.attached { tests(&loaded, &args.paths)? } else { BTreeSet::new() };
    let part = |case: &Case, plan: Plan, user: u32, deviation: Option<Deviation>| {
        let role = plan.spec.users.get(user as usize)?;
        let test = (case.id.clone(), role.to_string());
        tests.contains(&test).then(|| attached(args.opaque, case, plan, user, deviation))?
    };
    let settings = Settings {
        deviations: &deviations,
        all: args.all,
        stand: args.attached.then_some(&part),
        threads: setup::threads(args.threads),
        timed: &|work| timed(work),
        stopped: &|| interrupt.is_raised(),
    };
    let clock = Stopwatch::start();
    let progress = Progress::new(mutants::count(&subjects, &settings));
    let matrix = mutants::matrix(&subjects, &settings, |scenario| progress.done(scenario));
    drop(progress);
    let worse = earlier.map(|earlier| matrix.worse_than(&earlier));
    let exit = exit(&matrix, worse.as_deref(), interrupt.is_raised());
    if let Some(folder) = &args.report {
        output::write(&folder.join("mutants.md"), &report::markdown(&matrix))?;
        output::write(&folder.join("mutants.json"), &report::json(&matrix))?;
    }
    output::print(&match args.format {
        MatrixFormat::Json => report::json(&matrix),
        MatrixFormat::Markdown => report::markdown(&matrix),
        MatrixFormat::Human => {
            let color = output::stdout_has_color();
            let palette = if color { Palette::colored() } else { Palette::plain() };
            let ending = format!("{} (exit {})", exit.text(), exit.code());
            report::human(&matrix, palette, clock.elapsed(), &ending)
        }
    })?;
    for line in worse.iter().flatten() {
        output::note(&format!("{line}\n"));
    }
    Ok(exit)
}

/// Every case of a conformance suite with the device that is under test in it.
fn tests(loaded: &[Loaded], paths: &[PathBuf]) -> Result<BTreeSet<(String, String)>, CliError> {
    let suite = setup::suite(loaded, &mut files::profiles(paths)?, &Setting::default())?;
    let named = |test: &Test<'_>| {
        let case = &test.case;
        Some((case.case.id.clone(), case.device.as_ref()?.to_string()))
    };
    Ok(suite.0.iter().filter_map(named).collect())
}

/// The reference device at the end of a link, in the part of a user, with a deviation or without.
fn attached(
    opaque: bool,
    case: &Case,
    mut plan: Plan,
    user: u32,
    deviation: Option<Deviation>,
) -> Option<(Plan, Remote)> {
    let deviations: Deviations = deviation.into_iter().collect();
    let nature = Nature { deviations, opaque, native: false };
    applies(&case.scenario, &plan, &Adapter::new(nature).declaration(), user).ok()?;
    put_under_test(&mut plan, Some(user), !opaque);
    let remote = Near::attach(nature, &plan, user).ok()?;
    Some((plan, remote))
}

/// The deviations with these IDs, in the order of all; all of them if there is no ID.
pub fn deviations(only: &[String]) -> Result<Vec<Deviation>, CliError> {
    let ids = || Deviation::ALL.iter().map(|it| it.id());
    for id in only {
        if !ids().any(|known| known == id) {
            let hint = suggest(id, ids());
            let hint = hint.map_or_else(String::new, |near| format!("\n  did you mean `{near}`?"));
            return Err(CliError::Usage(format!("no deviation has the ID `{id}`{hint}")));
        }
    }
    let wanted = |it: &Deviation| only.is_empty() || only.iter().any(|id| id == it.id());
    Ok(Deviation::ALL.iter().copied().filter(wanted).collect())
}

/// An earlier matrix: JSON if its name says so, else Markdown.
fn read(path: &Path) -> Result<Earlier, CliError> {
    let name = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| CliError::Usage(format!("cannot read `{name}`: {error}")))?;
    let json = path.extension().is_some_and(|extension| extension == "json");
    let earlier = if json { report::read_json(&text) } else { report::read_markdown(&text) };
    earlier.map_err(|why| CliError::Usage(format!("`{name}` is no kill matrix: {why}")))
}

fn subjects<'a>(loaded: &'a [Loaded], args: &Mutants) -> Result<Vec<Subject<'a>>, CliError> {
    let mut subjects = Vec::new();
    for Loaded { path, reading } in loaded {
        let seeds = reading.cases.iter().map(|case| jobs::seeds(case, args.seeds.as_ref()));
        let seeds = seeds.collect::<Result<Vec<_>, _>>()?;
        subjects.extend(Subject::new(path.display().to_string(), reading, &seeds));
    }
    Ok(subjects)
}

/// What the matrix comes to. Compared with an earlier one, only what is worse is a finding.
fn exit(matrix: &Matrix, worse: Option<&[String]>, interrupted: bool) -> Exit {
    let wrong = match worse {
        Some(worse) => !worse.is_empty(),
        None => matrix.open().next().is_some() || matrix.stale().next().is_some(),
    };
    let reference =
        |verdict| matrix.reference.failures.iter().any(|failure| failure.verdict == verdict);
    [
        (wrong || reference(Verdict::Fail), Exit::Finding),
        (reference(Verdict::Error), Exit::Harness),
        (reference(Verdict::Inconclusive) || interrupted, Exit::Inconclusive),
        (matrix.reference.runs == 0 && !interrupted, Exit::NothingVerified),
    ]
    .into_iter()
    .filter(|(holds, _)| *holds)
    .fold(Exit::Success, |worst, (_, exit)| worst.worst(exit))
}
