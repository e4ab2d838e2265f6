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

/// States of one search unless told otherwise: up to about a minute, and 0.7 GB (`reports/exhaustive.md`).
pub const STATES: usize = 200_000;

/// How often the choices of a failing schedule are gone through to leave some out.
const PASSES_MAX: usize = 8;

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
    /// The first failure, with a schedule from which no single choice can be left out.
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

/// A state to be gone on from by the choices of one price.
struct Open {
    state: Arc<State>,
    /// Its place among all ways.
    way: usize,
    price: u32,
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
    /// States to be gone on from, by how far from the plain run that leads. What lies farther is not looked
    /// at before its turn comes, so that the limit goes to what is near.
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
            open: BTreeMap::from([(
                0,
                VecDeque::from([Open { state: Arc::new(start), way: 0, price: 0 }]),
            )]),
            report,
        }
    }

    fn run(&mut self, limits: Limits<'_>) {
        while let Some((distance, open)) = self.nearest() {
            self.report.distance = distance;
            let choices = self.lab.choices(&open.state);
            if open.price == 0 {
                self.postpone(distance, &open, &choices);
            }
            for (choice, _) in choices.into_iter().filter(|(_, price)| *price == open.price) {
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
                let way = self.ways.len() - 1;
                let next = Open { state: Arc::new(step.state), way, price: 0 };
                self.open.entry(distance).or_default().push_back(next);
            }
            if (limits.stopped)() {
                return;
            }
        }
        self.report.complete = true;
    }

    /// Comes back to a state for its choices that have a price.
    fn postpone(&mut self, distance: u32, open: &Open, choices: &[(Choice, u32)]) {
        let prices: BTreeSet<u32> = choices.iter().map(|(_, price)| *price).collect();
        for price in prices.into_iter().filter(|price| *price > 0) {
            let again = Open { state: Arc::clone(&open.state), way: open.way, price };
            self.open.entry(distance + price).or_default().push_back(again);
        }
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
        let schedule = self.schedule();
        let judged = self.lab.judge(&schedule, rest);
        let fails = !judged.findings.is_empty();
        if fails {
            self.report.found = Some(self.shorten(schedule, judged));
        }
        fails
    }

    /// Leaves choices out, one after the other, as long as the same oracle fails.
    fn shorten(&mut self, mut schedule: Vec<Choice>, mut judged: Judged) -> Judged {
        let oracle = judged.findings.first().map(|it| it.oracle.clone());
        for _ in 0..PASSES_MAX {
            let before = schedule.len();
            for place in (0..before).rev() {
                if place >= schedule.len() {
                    continue;
                }
                let mut fewer = schedule.clone();
                fewer.remove(place);
                let (mut fewer, end) = self.lab.follow(&fewer);
                let rest = self.lab.is_at_rest(&end);
                let other = self.lab.judge(&fewer, rest);
                if other.findings.first().map(|it| &it.oracle) == oracle.as_ref() {
                    fewer.truncate(other.lines.len());
                    (schedule, judged) = (fewer, other);
                }
            }
            if schedule.len() == before {
                break;
            }
        }
        judged
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::exhaustive::scope::Scope;
    use crate::explore::mutants::deviant;
    use crate::explore::subject::plan;
    use crate::proto::deviation::Deviation;
    use crate::scenario::read::{Extras, read_text};

    /// What a search of these steps comes to.
    fn search(steps: &str, faults: Faults, states: usize) -> Report {
        let text = format!(
            "peadsim: 1\nid: TOY\ntitle: t\nsuite: model\ndevices: {{alice: {{receive: {{push: \
             true}}}}, bob: {{receive: {{push: true}}}}}}\nsteps: [{steps}]\nexpect: []\n"
        );
        let reading = read_text("toy.yaml", &text, &Extras::default());
        let plan = plan(&reading, &reading.cases[0], "toy.yaml", 1).unwrap();
        explore(plan, faults, Limits { states, stopped: &|| false }).unwrap()
    }

    const ROTATE: &str = "{rotate: {as: r1, by: alice, at: 1s}}";
    const BOTH: &str = "{rotate: {as: r1, by: alice, at: 1s}}, {rotate: {as: r2, by: bob, at: 1s}}";

    fn extent(report: &Report) -> (usize, usize, bool) {
        assert!(report.found.is_none(), "{:?}", report.found);
        (report.states, report.depth, report.complete)
    }

    #[test]
    fn a_rotation_alone_has_four_states_one_after_the_other() {
        assert_eq!(extent(&search(ROTATE, Faults::default(), STATES)), (4, 3, true));
    }

    #[test]
    fn two_rotations_that_do_not_touch_meet_in_the_product_of_their_states() {
        assert_eq!(extent(&search(BOTH, Faults::default(), STATES)), (16, 6, true));
    }

    #[test]
    fn a_loss_adds_the_states_of_a_repetition() {
        let faults = Faults { losses: 1, ..Faults::default() };
        let (states, _, complete) = extent(&search(ROTATE, faults, STATES));
        assert!(states > 4 && complete, "{states}");
    }

    #[test]
    fn a_search_that_reaches_its_limit_is_bounded() {
        let (states, _, complete) = extent(&search(BOTH, Faults::default(), 10));
        assert_eq!((states, complete), (10, false));
    }

    #[test]
    fn a_deviation_is_found_and_its_schedule_has_nothing_to_leave_out() {
        let scope = Scope::of("first-contact").unwrap();
        let plan = deviant(scope.plan().unwrap(), Deviation::M85);
        let limits = Limits { states: 5_000, stopped: &|| false };
        let found = explore(plan, Faults::default(), limits).unwrap().found.unwrap();
        assert!(found.lines.iter().any(|line| line.contains("rotates")), "{:?}", found.lines);
        assert!(!found.lines.iter().any(|line| line.contains("m2")), "{:?}", found.lines);
    }

    #[test]
    fn steps_that_are_no_texts_or_rotations_are_refused() {
        let reading = read_text(
            "toy.yaml",
            "peadsim: 1\nid: TOY\ntitle: t\ndevices: {alice: {}}\nsteps: [{poll: {by: alice}}]\n\
             expect: []\n",
            &Extras::default(),
        );
        let plan = plan(&reading, &reading.cases[0], "toy.yaml", 1).unwrap();
        let limits = Limits { states: 1, stopped: &|| false };
        assert_eq!(explore(plan, Faults::default(), limits).unwrap_err(), NoLab::Steps);
    }
}
