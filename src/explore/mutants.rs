//! The kill matrix: every deviation against the scenarios that say they reveal it (protocol 6, design 10).
//!
//! A deviation is killed when a failure's oracle, or a requirement that it cites, is named for it in the
//! catalog. Neither a crash nor a limit counts, nor an expectation but for the requirement that it shows: the
//! oracles are what is tested.
//! Of a device that stands outside the tests are what is tested: there a requirement that a test finds broken
//! stands for its judges, too, whoever found that.
//! Not here: the matrix as a value (`verdict::matrix`), or printing it.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::base::time::Duration;
use crate::explore::attempt::attempt;
use crate::explore::campaign::in_order;
use crate::explore::subject::Subject;
use crate::proto::deviation::{Deviation, Side};
use crate::scenario::plan::Plan;
use crate::scenario::read::Case;
use crate::sim::body::Remote;
use crate::sim::run::RunOptions;
use crate::sim::world::Limits;
use crate::verdict::catalog;
use crate::verdict::conformity::blamed;
use crate::verdict::finding::{Finding, Severity};
use crate::verdict::matrix::{Cell, Failure, Fate, Matrix, Reference, Row};
use crate::verdict::outcome::{Outcome, Verdict};
use crate::verdict::requirement::Requirement;

/// Events of a run with a deviation: many times those of the largest small scenario, so that only a
/// runaway comes to it.
pub const EVENTS_MAX: u64 = 2_000_000;

/// What is run, and with what.
pub struct Settings<'a> {
    /// Which deviations.
    pub deviations: &'a [Deviation],
    /// Against every scenario, not only against those that list them.
    pub all: bool,
    /// Who puts one device outside, and lets only that one deviate.
    pub stand: Option<&'a Stand<'a>>,
    /// Threads to run on; the matrix does not depend on it, but for times.
    pub threads: NonZeroUsize,
    /// Does some work and tells what processor time it took.
    pub timed: &'a (dyn Fn(&mut dyn FnMut()) -> Duration + Sync),
    /// Whether it is enough.
    pub stopped: &'a (dyn Fn() -> bool + Sync),
}

/// Puts the body of a user's device outside of a plan by the book, with a deviation or without: nothing where
/// the case is none for it.
pub type Stand<'a> =
    dyn Fn(&Case, Plan, u32, Option<Deviation>) -> Option<(Plan, Remote)> + Sync + 'a;

/// Devices of a case that take the part outside, one at a time.
const PARTS_MAX: u32 = 6;

/// A deviation and a scenario.
struct Job<'a> {
    row: usize,
    deviation: Deviation,
    subject: usize,
    scenario: &'a Subject<'a>,
}

/// Runs deviations against scenarios, and the same runs without them. `done` is told of each scenario that was
/// run. When it is stopped, the rows that are not complete are left out.
pub fn matrix(
    subjects: &[Subject<'_>],
    settings: &Settings<'_>,
    mut done: impl FnMut(&str),
) -> Matrix {
    let jobs = jobs(subjects, settings);
    let test = settings.stand.is_some();
    let rows = settings.deviations.iter().map(|it| row(*it, test));
    let mut rows: Vec<Row> = rows.collect();
    let mut used = vec![0; subjects.len()];
    let mut made = 0;
    in_order(
        &jobs,
        settings.threads,
        settings.stopped,
        |job| cell(job, settings),
        |job, cell| {
            done(&cell.scenario);
            used[job.subject] = used[job.subject].max(cell.runs);
            rows[job.row].cells.push(cell);
            made += 1;
            ControlFlow::Continue(())
        },
    );
    if let Some(job) = jobs.get(made) {
        rows.truncate(job.row);
    }
    if test {
        rows.iter_mut().for_each(keep_the_best);
    }
    Matrix { rows, reference: reference(subjects, &used, settings, done) }
}

/// What scenarios say that they kill, their oracles kill; a suite of tests as a whole answers for a deviation.
fn keep_the_best(row: &mut Row) {
    let best = row.cells.iter().map(|cell| cell.fate).max();
    let hides = |cell: &Cell| row.undetectable.is_some() && cell.fate == Fate::Survived;
    row.cells.retain(|cell| cell.runs > 0 && Some(cell.fate) == best && !hides(cell));
    row.cells.truncate(1);
}

/// How many scenarios [`matrix`] will run, so that somebody may show how far it is.
#[must_use]
pub fn count(subjects: &[Subject<'_>], settings: &Settings<'_>) -> usize {
    jobs(subjects, settings).len()
}

fn jobs<'a>(subjects: &'a [Subject<'a>], settings: &Settings<'_>) -> Vec<Job<'a>> {
    let rows = settings.deviations.iter().copied().enumerate();
    rows.flat_map(|(row, deviation)| {
        let wanted =
            move |it: &&Subject<'_>| it.kills(deviation) || (settings.all && it.is_by_the_book());
        let subjects = subjects.iter().enumerate().filter(move |(_, it)| wanted(it));
        subjects.map(move |(subject, scenario)| Job { row, deviation, subject, scenario })
    })
    .collect()
}

fn row(deviation: Deviation, test: bool) -> Row {
    let id = deviation.id();
    let hidden = if test { catalog::hidden(id) } else { None };
    Row {
        id: id.to_owned(),
        text: deviation.text().to_owned(),
        killers: killers(deviation, test).map(str::to_owned).collect(),
        undetectable: catalog::undetectable(id).or(hidden).map(str::to_owned),
        cells: Vec::new(),
    }
}

/// What is named for a deviation; for tests, what they find broken, too.
fn killers(deviation: Deviation, test: bool) -> impl Iterator<Item = &'static str> {
    let id = deviation.id();
    let broken = if test { catalog::breaks(id) } else { &[] };
    catalog::killers(id).iter().chain(broken).copied()
}

/// Runs a scenario with a deviation until a run kills it.
fn cell(job: &Job<'_>, settings: &Settings<'_>) -> Cell {
    let Job { deviation, scenario, .. } = job;
    let mut cell = Cell {
        scenario: scenario.id().to_owned(),
        listed: scenario.kills(*deviation),
        fate: Fate::Survived,
        by: Vec::new(),
        case: String::new(),
        seed: 0,
        runs: 0,
        cpu: Duration::ZERO,
    };
    cell.cpu = (settings.timed)(&mut || {
        for (case, seed) in &scenario.runs {
            // A plan that cannot be made is told by the reference, which runs it as well.
            let Ok(plan) = scenario.plan((case, *seed)) else { continue };
            for part in parts(&plan, settings.stand) {
                let Some(made) = made(case, plan.clone(), part, Some(*deviation), settings) else {
                    continue;
                };
                let (fate, by) = trial(made, *deviation, part.is_some());
                if cell.runs == 0 || fate > cell.fate {
                    (cell.fate, cell.by) = (fate, by);
                    (cell.case, cell.seed) = (named(&case.id, &plan, part), *seed);
                }
                cell.runs += 1;
                if fate == Fate::Killed {
                    return;
                }
            }
        }
    });
    cell
}

/// The users whose devices stand outside in the runs of a plan, one in each; nobody: all are inside.
fn parts(plan: &Plan, stand: Option<&Stand<'_>>) -> Vec<Option<u32>> {
    let users = u32::try_from(plan.devices.len()).unwrap_or(u32::MAX);
    match stand {
        None => vec![None],
        Some(_) => (0..users.min(PARTS_MAX)).map(Some).collect(),
    }
}

/// A case with who stands outside in it.
fn named(case: &str, plan: &Plan, part: Option<u32>) -> String {
    part.map_or_else(
        || case.to_owned(),
        |user| format!("{case}@{}", plan.spec.users[user as usize]),
    )
}

/// A plan to be run, and the bodies that are outside of it.
type Made = (Plan, Vec<(u32, Remote)>);

/// The run of a plan with this device outside, if it is one for it.
fn made(
    case: &Case,
    plan: Plan,
    part: Option<u32>,
    deviation: Option<Deviation>,
    settings: &Settings<'_>,
) -> Option<Made> {
    match (settings.stand, part) {
        (Some(stand), Some(user)) => {
            let (plan, remote) = stand(case, plan, user, deviation)?;
            Some((plan, vec![(user, remote)]))
        }
        (Some(_), None) | (None, _) => {
            let plan = match deviation {
                Some(deviation) => deviant(plan, deviation),
                None => plan,
            };
            Some((plan, Vec::new()))
        }
    }
}

/// One run with a deviation, of a test or of the oracles.
fn trial((plan, outside): Made, deviation: Deviation, test: bool) -> (Fate, Vec<String>) {
    let limits = Limits { events: EVENTS_MAX, ..Limits::default() };
    let options = RunOptions { limits, outside, ..RunOptions::default() };
    match attempt(&Arc::new(plan), options) {
        Ok(outcome) => judge(&outcome, killers(deviation, test), test),
        Err(message) => (Fate::Crash, vec![message]),
    }
}

/// A plan in which all devices, or the server, deviate.
#[must_use]
pub fn deviant(mut plan: Plan, deviation: Deviation) -> Plan {
    match deviation.side() {
        Side::Device => {
            for profile in &mut plan.profiles {
                let config = Arc::make_mut(&mut profile.config);
                config.deviations = config.deviations.with(deviation);
            }
        }
        Side::Server => {
            let config = Arc::make_mut(&mut plan.server);
            config.deviations = config.deviations.with(deviation);
        }
    }
    // What an end computes wrongly must not reach the other (design 5).
    plan.share_agreements = false;
    plan
}

fn judge(
    outcome: &Outcome,
    killers: impl Iterator<Item = &'static str>,
    test: bool,
) -> (Fate, Vec<String>) {
    let failures = || outcome.findings.iter().filter(|it| it.severity == Severity::Fail);
    let limit = outcome.findings.iter().find(|it| it.oracle == "limit");
    if let Some(limit) = limit {
        return (Fate::Stuck, vec![limit.message.clone()]);
    }
    let cites = |it: &Finding, killer: &str| {
        it.oracle == killer || it.requirements.iter().any(|one| one.to_string() == killer)
    };
    let broken = if test { broken(outcome) } else { BTreeSet::new() };
    let stands = |killer: &str| {
        let mut judged = broken.iter().filter(|it| is_judged_by(**it, killer));
        judged.next().map(|it| format!("{it} ({killer})"))
    };
    let named = killers.filter_map(|killer| {
        let found = failures().any(|it| cites(it, killer));
        if found { Some(killer.to_owned()) } else { stands(killer) }
    });
    let named: Vec<String> = named.collect();
    if !named.is_empty() {
        return (Fate::Killed, named);
    }
    let mut others: Vec<String> = failures().map(|it| it.oracle.clone()).collect();
    others.extend(broken.iter().map(Requirement::to_string));
    others.sort();
    others.dedup();
    let fate = if others.is_empty() { Fate::Survived } else { Fate::KilledOtherwise };
    (fate, others)
}

/// What a test finds broken.
fn broken(outcome: &Outcome) -> BTreeSet<Requirement> {
    blamed(&outcome.findings, outcome.claimed.iter().map(|(requirement, _)| *requirement))
}

fn is_judged_by(requirement: Requirement, killer: &str) -> bool {
    requirement.to_string() == killer
        || requirement.info().is_some_and(|info| info.judges.contains(&killer))
}

/// The same runs by the book: for each scenario as many as some deviation needed.
fn reference<'s>(
    subjects: &'s [Subject<'s>],
    used: &[u64],
    settings: &Settings<'_>,
    mut done: impl FnMut(&str),
) -> Reference {
    let runs = |(subject, used): (&'s Subject<'s>, &u64)| {
        let used = usize::try_from(*used).unwrap_or(usize::MAX);
        subject.runs.iter().take(used).map(move |run| (subject, *run))
    };
    let jobs: Vec<_> = subjects.iter().zip(used).flat_map(runs).collect();
    let mut reference = Reference::default();
    in_order(
        &jobs,
        settings.threads,
        settings.stopped,
        |(subject, (case, seed))| by_the_book(case, subject.plan((case, *seed)), settings),
        |(subject, (case, seed)), failure| {
            done(subject.id());
            reference.runs += 1;
            reference.failures.extend(failure.map(|(verdict, message)| Failure {
                case: case.id.clone(),
                seed: *seed,
                verdict,
                message,
            }));
            ControlFlow::Continue(())
        },
    );
    reference
}

/// Why the runs by the book of a case, one for each part, do not all pass, if so.
fn by_the_book(
    case: &Case,
    plan: Result<Plan, String>,
    settings: &Settings<'_>,
) -> Option<(Verdict, String)> {
    let plan = match plan {
        Ok(plan) => plan,
        Err(message) => return Some((Verdict::Error, message)),
    };
    let mut parts = parts(&plan, settings.stand).into_iter();
    parts.find_map(|part| failure(made(case, plan.clone(), part, None, settings)?))
}

/// Why a run does not pass, if it does not.
fn failure((plan, outside): Made) -> Option<(Verdict, String)> {
    let options = RunOptions { outside, ..RunOptions::default() };
    let outcome = match attempt(&Arc::new(plan), options) {
        Ok(outcome) if outcome.verdict == Verdict::Pass => return None,
        Ok(outcome) => outcome,
        Err(message) => return Some((Verdict::Error, message)),
    };
    let worst = outcome.findings.iter().rev().max_by_key(|finding| finding.severity);
    let message = worst.map(|it| format!("{}: {}", it.oracle, it.message)).unwrap_or_default();
    Some((outcome.verdict, message))
}

#[cfg(test)]
mod tests;
