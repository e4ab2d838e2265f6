//! Every schedule of a small world, by search over its states (issue 3; protocol, appendix B).
//!
//! States that are equal in everything the future depends on, and in what judges remember of the past, are
//! visited once. Those near the plain run come first: each frame that is let past another, each fault and
//! each user who does not wait counts one. A state in which something alarming was stated, and every state in
//! which all is done, is judged by all oracles of a run, over the records of the schedule that led to it.
//! Since every state's way on without faults is among the schedules, liveness is judged from all of them.
//! Not here: what may happen in a state (`sim::lockstep`), or how results look.

pub mod scope;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::scenario::plan::Plan;
use crate::sim::lockstep::{Choice, Faults, Judged, Lab, NoLab, State, Step};

/// States unless told otherwise: about a minute and a gigabyte.
pub const STATES: usize = 1_000_000;

/// What a search came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// States visited.
    pub states: usize,
    /// Choices made, also into states that were known.
    pub choices: u64,
    /// Choices on the longest way to a state.
    pub depth: usize,
    /// How far from the plain run the farthest state is.
    pub distance: u32,
    /// States judged by all oracles.
    pub judged: u64,
    /// Turns of machines that had to be computed.
    pub turns: usize,
    /// Whether all schedules were seen.
    pub complete: bool,
    /// The first failure.
    pub found: Option<Judged>,
}

/// How far a search may go.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// States to visit.
    pub states: usize,
    /// Whether to give up.
    pub stopped: &'a dyn Fn() -> bool,
}

/// A state to be gone on from.
struct Open {
    state: State,
    /// Its place among all ways.
    way: usize,
}

/// How a state was reached first.
struct Way {
    from: usize,
    choice: Option<Choice>,
    depth: usize,
}

/// A search under way.
struct Search {
    lab: Lab,
    known: BTreeSet<u128>,
    ways: Vec<Way>,
    /// States to be gone on from, by their distance from the plain run.
    open: BTreeMap<u32, VecDeque<Open>>,
    report: Report,
}

/// Searches the schedules of a plan until one fails, all are seen, or a limit is reached.
///
/// # Errors
/// When the plan cannot be explored step by step.
pub fn explore(plan: Plan, faults: Faults, limits: Limits<'_>) -> Result<Report, NoLab> {
    let mut search = Search::new(Lab::new(Arc::new(plan), faults)?);
    search.run(limits);
    search.report.states = search.ways.len();
    search.report.turns = search.lab.turns();
    Ok(search.report)
}

impl Search {
    fn new(lab: Lab) -> Self {
        let start = lab.start().clone();
        let report = Report {
            states: 0,
            choices: 0,
            depth: 0,
            distance: 0,
            judged: 0,
            turns: 0,
            complete: false,
            found: None,
        };
        Self {
            lab,
            known: BTreeSet::from([start.key()]),
            ways: vec![Way { from: 0, choice: None, depth: 0 }],
            open: BTreeMap::from([(0, VecDeque::from([Open { state: start, way: 0 }]))]),
            report,
        }
    }

    fn run(&mut self, limits: Limits<'_>) {
        while let Some((distance, open)) = self.nearest() {
            self.report.distance = distance;
            for (choice, price) in self.lab.choices(&open.state) {
                let Some(step) = self.lab.step(&open.state, choice) else { continue };
                self.report.choices += 1;
                if !self.known.insert(step.state.key()) {
                    continue;
                }
                let depth = self.ways[open.way].depth + 1;
                self.ways.push(Way { from: open.way, choice: Some(choice), depth });
                self.report.depth = self.report.depth.max(depth);
                if self.fails(&step) {
                    return;
                }
                if self.ways.len() >= limits.states {
                    return;
                }
                let next = Open { state: step.state, way: self.ways.len() - 1 };
                self.open.entry(distance + price).or_default().push_back(next);
            }
            if (limits.stopped)() {
                return;
            }
        }
        self.report.complete = true;
    }

    fn nearest(&mut self) -> Option<(u32, Open)> {
        let mut entry = self.open.first_entry()?;
        let distance = *entry.key();
        let open = entry.get_mut().pop_front();
        if entry.get().is_empty() {
            entry.remove();
        }
        open.map(|open| (distance, open))
    }

    /// Whether the newest state shows a failure.
    fn fails(&mut self, step: &Step) -> bool {
        let rest = self.lab.is_at_rest(&step.state);
        if !rest && !step.alarming {
            return false;
        }
        self.report.judged += 1;
        let judged = self.lab.judge(&self.schedule(), rest);
        let fails = !judged.findings.is_empty();
        if fails {
            self.report.found = Some(judged);
        }
        fails
    }

    /// The choices that led to the newest state.
    fn schedule(&self) -> Vec<Choice> {
        let mut choices = Vec::new();
        let mut way = self.ways.last();
        while let Some(Way { from, choice: Some(choice), .. }) = way {
            choices.push(*choice);
            way = self.ways.get(*from);
        }
        choices.reverse();
        choices
    }
}
