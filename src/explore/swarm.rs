//! A swarm: generated scenarios, a seed each, with nobody's expectations but the invariants.
//!
//! Results come in the order of seeds whatever the number of threads. Not here: what is generated
//! (`scenario::generate`), or making failures smaller (`shrink`).

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::explore::attempt::attempt;
use crate::explore::campaign::in_order;
use crate::explore::marks::Marks;
use crate::explore::mutants::{EVENTS_MAX, deviant};
use crate::explore::shrink;
use crate::explore::subject;
use crate::proto::deviation::Deviation;
use crate::scenario::generate::generate;
use crate::scenario::plan::{Plan, SuiteName};
use crate::scenario::read::{Extras, read_text};
use crate::scenario::tree::Node;
use crate::sim::run::RunOptions;
use crate::sim::world::Limits;
use crate::verdict::exploration::{Exploration, Failure, Unjudged, WINDOW};
use crate::verdict::finding::Severity;
use crate::verdict::fingerprint::Fingerprint;
use crate::verdict::outcome::Outcome;

/// What is explored, and with what.
pub struct Settings<'a> {
    /// The seeds, in order.
    pub seeds: &'a [u64],
    /// The suite of all runs; most are on `model` and some on `p256` if it is not said.
    pub suite: Option<SuiteName>,
    /// What devices and server do wrong on purpose.
    pub deviations: &'a [Deviation],
    /// Threads to run on; the results do not depend on it.
    pub threads: NonZeroUsize,
    /// End after so many seeds in a row without a new mark.
    pub saturate: Option<usize>,
    /// Whether it is enough.
    pub stopped: &'a (dyn Fn() -> bool + Sync),
}

/// What came of one seed.
#[derive(Debug)]
pub struct Explored {
    /// What failed first, and its sentence.
    pub failure: Option<(Fingerprint, String)>,
    /// Why it could not be judged in all.
    pub unjudged: Option<(String, String)>,
    /// The situations that it met.
    pub marks: BTreeSet<String>,
    /// Whether any requirement was evaluated.
    pub evaluated: bool,
    /// Its events.
    pub events: u64,
}

/// Runs the seeds. `done` is told of each.
pub fn explore(settings: &Settings<'_>, mut done: impl FnMut(u64, &Explored)) -> Exploration {
    let mut exploration = Exploration::default();
    let mut stale = 0;
    in_order(
        settings.seeds,
        settings.threads,
        settings.stopped,
        |seed| one(*seed, settings.suite, settings.deviations),
        |seed, explored| {
            done(*seed, &explored);
            let fresh = exploration.take(*seed, explored, settings);
            stale = if fresh == 0 { stale + 1 } else { 0 };
            exploration.saturated = settings.saturate.is_some_and(|most| stale >= most);
            if exploration.saturated { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        },
    );
    exploration
}

impl Exploration {
    /// Adds a seed's result and says how many of its marks are new.
    fn take(&mut self, seed: u64, explored: Explored, settings: &Settings<'_>) -> usize {
        if self.runs.is_multiple_of(WINDOW) {
            self.fresh.push(0);
        }
        self.runs += 1;
        self.evaluated += usize::from(explored.evaluated);
        self.events += explored.events;
        if let Some((fingerprint, message)) = explored.failure {
            let repro = repro(seed, settings);
            self.failures.push(Failure { seed, fingerprint, message, repro, file: None });
        }
        if let Some((who, message)) = explored.unjudged {
            let first = || Unjudged { runs: 0, seed, message };
            self.unjudged.entry(who).or_insert_with(first).runs += 1;
        }
        let before = self.marks.len();
        for mark in explored.marks {
            self.marks.entry(mark).or_insert(seed);
        }
        let fresh = self.marks.len() - before;
        if let Some(last) = self.fresh.last_mut() {
            *last += fresh;
        }
        fresh
    }
}

/// The command that shows a seed again.
#[must_use]
pub fn repro(seed: u64, settings: &Settings<'_>) -> String {
    let mut line = format!("peadsim explore --seed {seed}");
    for deviation in settings.deviations {
        line += &format!(" --deviation {deviation}");
    }
    match settings.suite {
        Some(suite) => line + " --suite " + suite.word(),
        None => line,
    }
}

fn one(seed: u64, suite: Option<SuiteName>, deviations: &[Deviation]) -> Explored {
    let plan = match plan(seed, suite) {
        Ok(plan) => plan,
        Err(findings) => return broken("generator", &findings),
    };
    let plan = Arc::new(deviations.iter().fold(plan, |plan, it| deviant(plan, *it)));
    let mut marks = Marks::new(&plan);
    let limits = Limits { events: EVENTS_MAX, ..Limits::default() };
    let options = RunOptions { limits, sinks: vec![&mut marks], ..RunOptions::default() };
    match attempt(&plan, options) {
        Ok(outcome) => {
            let (failure, unjudged) = (first(&outcome, &plan), unjudged(&outcome));
            Explored {
                failure,
                unjudged,
                marks: marks.with_races(&outcome.reached),
                evaluated: outcome.evidence.requirements().next().is_some(),
                events: outcome.events,
            }
        }
        Err(text) => broken("harness", &text),
    }
}

/// The plan of a seed's scenario.
///
/// # Errors
/// The findings, drawn over the text: the generator is broken.
pub fn plan(seed: u64, suite: Option<SuiteName>) -> Result<Plan, String> {
    let name = format!("swarm-{seed}.yaml");
    let reading = read_text(&name, &generate(seed, suite), &Extras::default());
    let case = reading.cases.first().ok_or_else(|| reading.render(false))?;
    subject::plan(&reading, case, &name, seed)
}

/// The scenario of a failing seed as a tree that shows the failure by itself; `None` if nothing can be run.
#[must_use]
pub fn tree(seed: u64, settings: &Settings<'_>, wanted: &Fingerprint) -> Option<Node> {
    let text = generate(seed, settings.suite);
    let reading = read_text("swarm.yaml", &text, &Extras::default());
    let tree = &reading.cases.first()?.tree;
    let by_the_book = settings.deviations.is_empty();
    Some(if by_the_book {
        tree.clone()
    } else {
        shrink::deviant(tree, settings.deviations, wanted)
    })
}

fn broken(who: &str, text: &str) -> Explored {
    let fingerprint = Fingerprint { oracle: who.to_owned(), ..Fingerprint::breakdown(text) };
    Explored {
        failure: Some((fingerprint, text.to_owned())),
        unjudged: None,
        marks: BTreeSet::new(),
        evaluated: false,
        events: 0,
    }
}

/// The names that a run's sentences may contain.
#[must_use]
pub fn names(plan: &Plan) -> BTreeSet<String> {
    let users = plan.spec.users.iter().map(ToString::to_string);
    users.chain(plan.spec.names.iter().map(|it| it.name.clone())).collect()
}

fn first(outcome: &Outcome, plan: &Plan) -> Option<(Fingerprint, String)> {
    let names = names(plan);
    outcome
        .findings
        .iter()
        .find_map(|it| Fingerprint::of(it, &names).map(|print| (print, it.message.clone())))
}

/// Reasons that do not matter here: steps that never act or have no effect are luck, and a generated scenario
/// expects and claims nothing.
const OF_NO_MATTER: [&str; 2] = ["step", "vacuous"];

/// The first reason for which a run could not be judged.
fn unjudged(outcome: &Outcome) -> Option<(String, String)> {
    let it = outcome.findings.iter().find(|it| {
        it.severity == Severity::Inconclusive && !OF_NO_MATTER.contains(&it.oracle.as_str())
    })?;
    Some((it.oracle.clone(), it.message.clone()))
}
