//! `peadsim explore --exhaustive`: every schedule of small worlds, and the first that fails.
//!
//! A search that ends at its limit without a finding is inconclusive: what it did not see may fail.
//! Not here: the search (`explore`).

use std::fmt::Write as _;
use std::num::NonZeroUsize;

use crate::cli::args::Explore;
use crate::cli::exit::{CliError, Exit};
use crate::cli::mutants;
use crate::cli::output;
use crate::cli::setup;
use crate::explore::exhaustive::scope::{SCOPES, Scope, TROUBLES};
use crate::explore::exhaustive::{Limits, Report, STATES, explore};
use crate::explore::mutants::deviant;
use crate::runtime::clock::Stopwatch;
use crate::scenario::diagnostics::suggest;

/// Explores the scopes that the command line selects.
///
/// # Errors
/// When a name is unknown, or nothing can be written.
pub fn run(args: &Explore) -> Result<Exit, CliError> {
    let scopes = scopes(args.scope.as_deref())?;
    let deviations = mutants::deviations(&args.deviations)?;
    let deviations = if args.deviations.is_empty() { Vec::new() } else { deviations };
    let interrupt = setup::interrupt()?;
    let states = args.states.map_or(STATES, NonZeroUsize::get);
    let limits = Limits { states, stopped: &|| interrupt.is_raised() };
    let mut exit = Exit::Success;
    for scope in scopes {
        let plan = scope.plan().map_err(CliError::Usage)?;
        let plan = deviations.iter().copied().fold(plan, deviant);
        output::print(&format!("{}: {}\n", scope.name, scope.about))?;
        for trouble in TROUBLES {
            let clock = Stopwatch::start();
            let report = explore(plan.clone(), trouble.faults, limits)
                .map_err(|error| CliError::Usage(format!("{}: {error}", scope.name)))?;
            output::print(&text(trouble.name, &report, clock.elapsed().as_secs_f64()))?;
            exit = exit.worst(exit_of(&report));
            if report.found.is_some() || interrupt.is_raised() {
                break;
            }
        }
        if interrupt.is_raised() {
            break;
        }
    }
    output::print(&format!("{} (exit {})\n", exit.text(), exit.code()))?;
    Ok(exit)
}

const fn exit_of(report: &Report) -> Exit {
    if report.found.is_some() {
        Exit::Finding
    } else if report.complete {
        Exit::Success
    } else {
        Exit::Inconclusive
    }
}

fn scopes(name: Option<&str>) -> Result<Vec<Scope>, CliError> {
    let Some(name) = name else { return Ok(SCOPES.to_vec()) };
    let names = || SCOPES.iter().map(|scope| scope.name);
    Scope::of(name).map(|scope| vec![scope]).ok_or_else(|| {
        let hint = suggest(name, names());
        let hint = hint.map_or_else(String::new, |near| format!("\n  did you mean `{near}`?"));
        let known = names().collect::<Vec<_>>().join(", ");
        CliError::Usage(format!("no scope has the name `{name}`{hint}\n  the scopes are: {known}"))
    })
}

fn text(trouble: &str, report: &Report, seconds: f64) -> String {
    let Report { states, choices, depth, distance, judged, turns, complete, found } = report;
    let extent = match (found, complete) {
        (Some(_), _) => "ended by a finding".to_owned(),
        (None, true) => "complete".to_owned(),
        (None, false) => format!("bounded: there is more at distance {distance} and beyond"),
    };
    let mut text = format!(
        "  {trouble}: {states} states, {choices} choices, depth {depth}, distance {distance}, {extent}; \
         {judged} states judged, {turns} turns computed, {seconds:.1} s\n"
    );
    if let Some(found) = found {
        for (number, line) in (1..).zip(&found.lines) {
            let _ = writeln!(text, "    {number:>3}. {line}");
        }
        for finding in &found.findings {
            let _ = writeln!(text, "    {}: {}", finding.oracle, finding.message);
        }
    }
    text
}
