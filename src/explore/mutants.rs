//! The kill matrix: every deviation against the scenarios that say they reveal it (protocol 6, design 10).
//!
//! A deviation is killed when a failure's oracle, or a requirement that it cites, is named for it in the
//! catalog. Neither an expectation of the scenario, a crash nor a limit counts: the oracles are what is tested.
//! Not here: the matrix as a value (`verdict::matrix`), or printing it.

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
use crate::verdict::finding::{Finding, Severity};
use crate::verdict::matrix::{Cell, Failure, Fate, Matrix, Reference, Row};
use crate::verdict::outcome::{Outcome, Verdict};

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
    let mut rows: Vec<Row> = settings.deviations.iter().copied().map(row).collect();
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
    Matrix { rows, reference: reference(subjects, &used, settings, done) }
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

fn row(deviation: Deviation) -> Row {
    let id = deviation.id();
    Row {
        id: id.to_owned(),
        text: deviation.text().to_owned(),
        killers: catalog::killers(id).iter().map(|&it| it.to_owned()).collect(),
        undetectable: catalog::undetectable(id).map(str::to_owned),
        cells: Vec::new(),
    }
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
                let (fate, by) = trial(made, *deviation);
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

/// One run with a deviation.
fn trial((plan, outside): Made, deviation: Deviation) -> (Fate, Vec<String>) {
    let limits = Limits { events: EVENTS_MAX, ..Limits::default() };
    let options = RunOptions { limits, outside, ..RunOptions::default() };
    match attempt(&Arc::new(plan), options) {
        Ok(outcome) => judge(&outcome, catalog::killers(deviation.id())),
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

fn judge(outcome: &Outcome, killers: &[&str]) -> (Fate, Vec<String>) {
    let failures = || outcome.findings.iter().filter(|it| it.severity == Severity::Fail);
    let cites = |it: &Finding, killer: &str| {
        it.oracle == killer || it.requirements.iter().any(|one| one.to_string() == killer)
    };
    let limit = outcome.findings.iter().find(|it| it.oracle == "limit");
    if let Some(limit) = limit {
        return (Fate::Stuck, vec![limit.message.clone()]);
    }
    let named = killers.iter().filter(|killer| failures().any(|it| cites(it, killer)));
    let named: Vec<String> = named.map(|&killer| killer.to_owned()).collect();
    if !named.is_empty() {
        return (Fate::Killed, named);
    }
    let mut others: Vec<String> = failures().map(|it| it.oracle.clone()).collect();
    others.sort();
    others.dedup();
    let fate = if others.is_empty() { Fate::Survived } else { Fate::KilledOtherwise };
    (fate, others)
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
mod tests {
    use super::*;
    use crate::base::time::Instant;
    use crate::scenario::read::{Extras, Reading, read_text};
    use crate::sim::run::run;
    use crate::verdict::requirement::Requirement;

    /// Two texts under one key: enough for a constant nonce.
    const TEXT: &str = "peadsim: 1\nid: TWO\ntitle: Two texts\nsuite: model\nkills: [M24, M28]\n\
                        devices: {alice: {}, bob: {}}\n\
                        steps:\n  - send: {as: m1, from: alice, to: bob}\n  \
                        - send: {as: m2, from: alice, to: bob}\n\
                        expect: [{displayed: {message: m2, count: 1}}]\n";

    fn reading() -> Reading {
        let reading = read_text("two.yaml", TEXT, &Extras::default());
        assert!(!reading.diagnostics.has_errors(), "{}", reading.render(false));
        reading
    }

    fn subject(reading: &Reading) -> Subject<'_> {
        Subject::new("two.yaml".to_owned(), reading, &[vec![1, 2]]).unwrap()
    }

    fn settings(deviations: &[Deviation], all: bool, stopped: bool) -> Settings<'_> {
        Settings {
            deviations,
            all,
            stand: None,
            threads: NonZeroUsize::new(2).unwrap(),
            timed: &|work| {
                work();
                Duration::from_millis(1)
            },
            stopped: if stopped { &|| true } else { &|| false },
        }
    }

    fn matrix_of(deviations: &[Deviation], all: bool, stopped: bool) -> Matrix {
        let reading = reading();
        let settings = settings(deviations, all, stopped);
        matrix(&[subject(&reading)], &settings, |scenario| assert_eq!(scenario, "TWO"))
    }

    #[test]
    fn one_is_killed_one_survives_and_one_is_not_listed() {
        let matrix = matrix_of(&[Deviation::M24, Deviation::M28, Deviation::M39], false, false);
        let shown: Vec<(&str, &str)> =
            matrix.rows.iter().map(|row| (row.id.as_str(), row.state().word())).collect();
        assert_eq!(shown, [("M24", "killed"), ("M28", "survived"), ("M39", "unlisted")]);
        let cell = matrix.rows[0].shown().unwrap();
        assert_eq!((cell.by.join(" "), cell.seed, cell.runs), ("S-12".to_owned(), 1, 1));
        assert_eq!(matrix.rows[1].cells[0].runs, 2, "a survivor gets every seed");
        assert_eq!(matrix.reference.runs, 2);
        assert_eq!(matrix.reference.failures, []);
    }

    #[test]
    fn what_is_not_listed_runs_with_all_and_changes_no_state() {
        let matrix = matrix_of(&[Deviation::M39], true, false);
        assert_eq!(matrix.rows[0].cells.len(), 1);
        assert!(!matrix.rows[0].cells[0].listed);
        assert_eq!(matrix.rows[0].state().word(), "unlisted");
    }

    #[test]
    fn a_stop_leaves_out_what_is_not_complete() {
        let matrix = matrix_of(&[Deviation::M24, Deviation::M28], false, true);
        assert_eq!((matrix.rows.len(), matrix.reference.runs), (0, 0));
    }

    #[test]
    fn only_the_side_that_deviates_does() {
        let reading = reading();
        let subject = subject(&reading);
        let plan = || subject.plan(subject.runs[0]).unwrap();
        for (deviation, device, server) in
            [(Deviation::M39, true, false), (Deviation::M68, false, true)]
        {
            let plan = deviant(plan(), deviation);
            let on = plan.profiles.iter().all(|it| it.config.deviations.has(deviation));
            assert_eq!((on, plan.server.deviations.has(deviation)), (device, server));
        }
    }

    #[test]
    fn only_a_failure_that_names_a_killer_kills() {
        let reading = reading();
        let subject = subject(&reading);
        let outcome = run(&Arc::new(subject.plan(subject.runs[0]).unwrap()), RunOptions::default());
        let finding = |severity, oracle: &str, requirements: &[Requirement]| Finding {
            severity,
            oracle: oracle.to_owned(),
            requirements: requirements.to_vec(),
            at: Instant::START,
            message: oracle.to_owned(),
            records: Vec::new(),
        };
        let (fail, doubt) = (Severity::Fail, Severity::Inconclusive);
        let cited = [Requirement::of(9, 6)];
        for (findings, fate, by) in [
            (vec![], Fate::Survived, ""),
            (vec![finding(Severity::Warning, "S-12", &[])], Fate::Survived, ""),
            (vec![finding(doubt, "claimed", &cited)], Fate::Survived, ""),
            (vec![finding(fail, "expect", &[])], Fate::KilledOtherwise, "expect"),
            (vec![finding(fail, "S-03", &[])], Fate::KilledOtherwise, "S-03"),
            (vec![finding(fail, "S-12", &[]), finding(fail, "expect", &[])], Fate::Killed, "S-12"),
            (vec![finding(fail, "S-03", &cited)], Fate::Killed, "C09-R6"),
            (vec![finding(fail, "S-12", &[]), finding(doubt, "limit", &[])], Fate::Stuck, "limit"),
        ] {
            let outcome = Outcome { findings, ..outcome.clone() };
            let seen = judge(&outcome, &["S-12", "C09-R6"]);
            assert_eq!(seen, (fate, by.split_whitespace().map(str::to_owned).collect()));
        }
    }

    #[test]
    fn a_reference_that_does_not_pass_is_told() {
        let text = TEXT.replace("count: 1", "count: 2");
        let reading = read_text("two.yaml", &text, &Extras::default());
        let subject = subject(&reading);
        let (case, seed) = subject.runs[0];
        let settings = settings(&[], false, false);
        let told = |plan| by_the_book(case, plan, &settings);
        let impossible = "impossible".to_owned();
        assert_eq!(told(Err(impossible.clone())), Some((Verdict::Error, impossible)));
        let (verdict, message) = told(subject.plan((case, seed))).unwrap();
        assert_eq!(verdict, Verdict::Fail);
        assert!(message.starts_with("expect: line "), "{message}");
    }
}
