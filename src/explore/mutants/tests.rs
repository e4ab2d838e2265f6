//! What kills a deviation, and what does not.
//!
//! Not here: the deviations of the repository against its scenarios (`peadsim mutants`).

use super::*;
use crate::base::time::Instant;
use crate::scenario::read::{Extras, Reading, read_text};
use crate::sim::run::run;

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
        let seen = judge(&outcome, ["S-12", "C09-R6"].into_iter(), false);
        assert_eq!(seen, (fate, by.split_whitespace().map(str::to_owned).collect()));
    }
}

#[test]
fn a_test_stands_for_the_judges_of_what_it_finds_broken() {
    let reading = reading();
    let subject = subject(&reading);
    let plan = Arc::new(subject.plan(subject.runs[0]).unwrap());
    let outcome = run(&plan, RunOptions::default());
    let requirement = Requirement::of(3, 1);
    let judges = requirement.info().unwrap().judges;
    assert_eq!(judges, ["S-13"]);
    let failure = |requirements: &[Requirement]| Finding {
        severity: Severity::Fail,
        oracle: "expect".to_owned(),
        requirements: requirements.to_vec(),
        at: Instant::START,
        message: String::new(),
        records: Vec::new(),
    };
    let own = (requirement, crate::verdict::requirement::Polarity::Positive);
    for (cited, claimed, fate, by) in [
        (vec![requirement], vec![], Fate::Killed, "C03-R1 (S-13)"),
        (vec![], vec![own], Fate::Killed, "C03-R1 (S-13)"),
        (vec![Requirement::of(9, 6)], vec![own], Fate::KilledOtherwise, "C09-R6"),
        (vec![], vec![], Fate::KilledOtherwise, "expect"),
    ] {
        let findings = vec![failure(&cited)];
        let outcome = Outcome { findings, claimed, ..outcome.clone() };
        let (seen, names) = judge(&outcome, ["S-13"].into_iter(), true);
        assert_eq!((seen, names[0].as_str()), (fate, by));
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
