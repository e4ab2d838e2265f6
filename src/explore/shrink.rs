//! The smallest scenario with the same failure: delta debugging over devices, steps, settings and values.
//!
//! A change counts only if a run still shows the same fingerprint. Luck is turned into steps where that keeps
//! it. Not here: the changes themselves (`scenario::shrink`), or files (`cli`).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::base::time::Instant;
use crate::explore::attempt::attempt;
use crate::explore::incidents::Incidents;
use crate::explore::mutants::EVENTS_MAX;
use crate::explore::subject;
use crate::explore::swarm::names;
use crate::proto::deviation::{Deviation, Side};
use crate::scenario::plan::Plan;
use crate::scenario::read::{Extras, read_text};
use crate::scenario::shrink::{
    Times, devices, length, parts, simpler, verb, with_items, without_device, without_items,
    without_part, without_steps,
};
use crate::scenario::source::{Span, Spanned};
use crate::scenario::tree::{Node, NodeKind};
use crate::scenario::write::write;
use crate::sim::run::RunOptions;
use crate::sim::world::Limits;
use crate::trace::fact::{Fact, Phase};
use crate::trace::record::Record;
use crate::trace::sink::Sink;
use crate::verdict::fingerprint::{Fingerprint, sentence};

/// Most runs of one shrinking: some ten times what a scenario of a swarm takes.
pub const RUNS_MAX: u64 = 4_000;
/// Settings of links that are luck.
const LUCK: [&str; 4] = ["loss", "duplicate", "reorder", "corrupt"];

/// What a failing run was shrunk to.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The scenario.
    pub tree: Node,
    /// Its failure.
    pub fingerprint: Fingerprint,
    /// What the failure says in it.
    pub message: String,
    /// Runs that were made.
    pub runs: u64,
    /// Whether it ended because of [`RUNS_MAX`] or because it was stopped.
    pub bounded: bool,
}

/// How shrinking is watched and ended.
pub struct Watch<'a> {
    /// Whether it is enough.
    pub stopped: &'a dyn Fn() -> bool,
    /// Told after each run that kept the failure: how many runs were made, and the size of the tree.
    pub smaller: &'a dyn Fn(u64, usize),
}

/// The failures of a single run, in order; none if it cannot be made.
#[must_use]
pub fn failures(tree: &Node) -> Vec<(Fingerprint, String)> {
    trial(tree).map(|trial| trial.failures).unwrap_or_default()
}

/// Makes a tree with this failure smaller; `None` if a run of it does not show the failure.
#[must_use]
pub fn shrink(tree: &Node, wanted: &Fingerprint, watch: &Watch<'_>) -> Option<Shrunk> {
    let first = trial(tree)?;
    let message = first.message(wanted)?;
    let mut it =
        Shrinker { tree: tree.clone(), times: first.times, message, wanted, runs: 1, watch };
    it.reduce();
    if it.has_luck() && it.settle_luck() {
        it.reduce();
    }
    let Shrinker { tree, message, runs, .. } = it;
    let bounded = runs >= RUNS_MAX || (watch.stopped)();
    Some(Shrunk { tree, fingerprint: wanted.clone(), message, runs, bounded })
}

/// The tree in which these deviations are on, and the finding that they lead to is expected.
#[must_use]
pub fn deviant(tree: &Node, deviations: &[Deviation], wanted: &Fingerprint) -> Node {
    let mut all = Node { span: Span::NOWHERE, kind: NodeKind::Map(Vec::new()) };
    let users = devices(tree);
    for deviation in deviations {
        let who = match deviation.side() {
            Side::Device => users.clone(),
            Side::Server => vec!["server".to_owned()],
        };
        for name in who {
            let id = Node::scalar(deviation.id(), Span::NOWHERE);
            if let Some(list) = all.get_mut(&name).and_then(Node::items_mut) {
                list.push(id);
            } else {
                let list = Node { span: Span::NOWHERE, kind: NodeKind::Seq(vec![id]) };
                all.put(Spanned::new(name, Span::NOWHERE), list);
            }
        }
    }
    let mut tree = tree.clone();
    tree.remove("expect");
    tree.put(Spanned::new("deviations".to_owned(), Span::NOWHERE), all);
    with_items(&tree, "expect", vec![expected(&wanted.oracle)])
}

fn expected(oracle: &str) -> Node {
    verb("finding", &[("oracle", oracle.to_owned())])
}

/// The tree of a deviation with every failure of its run expected, so that it passes as a regression.
#[must_use]
pub fn as_regression(tree: &Node) -> Node {
    if tree.get("deviations").is_none() {
        return tree.clone();
    }
    let known = |oracle: &str| {
        let items = tree.get("expect").and_then(Node::items).unwrap_or(&[]);
        items.iter().any(|it| {
            let finding = it.get("finding").and_then(|finding| finding.get("oracle"));
            finding.and_then(Node::text) == Some(oracle)
        })
    };
    let others: BTreeSet<String> =
        failures(tree).into_iter().map(|(print, _)| print.oracle).filter(|it| !known(it)).collect();
    let others = others.iter().filter(|it| it.starts_with(['S', 'L', 'C']));
    with_items(tree, "expect", others.map(|oracle| expected(oracle)).collect())
}

/// What one run showed.
struct Trial {
    failures: Vec<(Fingerprint, String)>,
    times: Times,
}

impl Trial {
    fn message(&self, wanted: &Fingerprint) -> Option<String> {
        self.failures.iter().find(|(print, _)| print == wanted).map(|(_, text)| text.clone())
    }
}

fn plan(tree: &Node) -> Option<Plan> {
    let name = "shrunk.yaml";
    let reading = read_text(name, &write(tree), &Extras::default());
    let [case] = reading.cases.as_slice() else { return None };
    let seed = *case.scenario.seeds.value.0.first()?;
    if reading.diagnostics.has_errors() {
        return None;
    }
    subject::plan(&reading, case, name, seed).ok()
}

/// Runs a tree; `None` if it does not resolve.
fn trial(tree: &Node) -> Option<Trial> {
    plan(tree).map(|plan| run(&Arc::new(plan), None))
}

fn run(plan: &Arc<Plan>, other: Option<&mut dyn Sink>) -> Trial {
    let mut clock = Clock::default();
    let names = names(plan);
    let limits = Limits { events: EVENTS_MAX, ..Limits::default() };
    let mut options = RunOptions { limits, ..RunOptions::default() };
    options.sinks.push(&mut clock);
    if let Some(other) = other {
        options.sinks.push(other);
    }
    let failures = match attempt(plan, options) {
        Ok(outcome) => {
            let of = |it| Fingerprint::of(it, &names).zip(sentence(it).map(str::to_owned));
            outcome.findings.iter().filter_map(of).collect()
        }
        Err(text) => vec![(Fingerprint::breakdown(&text), text)],
    };
    let step = |it: &crate::scenario::plan::Step| {
        let name = &plan.spec.names.get(it.name.0 as usize)?.name;
        let (_, at) = clock.steps.iter().find(|(acted, _)| acted == name)?;
        Some(at.since(clock.start?))
    };
    Trial { failures, times: plan.steps.iter().map(step).collect() }
}

/// When steps acted.
#[derive(Default)]
struct Clock {
    start: Option<Instant>,
    steps: Vec<(String, Instant)>,
}

impl Sink for Clock {
    fn take(&mut self, record: &Record) {
        if let Fact::Phase(Phase::Active) = &record.fact {
            self.start = Some(record.at);
        } else if let Fact::Step { name, .. } = &record.fact {
            self.steps.push((name.clone(), record.at));
        }
    }
}

/// A tree that shows the failure, and the search for a smaller one.
struct Shrinker<'a> {
    tree: Node,
    times: Times,
    message: String,
    wanted: &'a Fingerprint,
    runs: u64,
    watch: &'a Watch<'a>,
}

impl Shrinker<'_> {
    fn reduce(&mut self) {
        loop {
            let before = write(&self.tree);
            self.drop_devices();
            self.drop_items("steps");
            self.drop_items("workload");
            self.drop_items("expect");
            self.drop_devices();
            self.drop_parts();
            self.simplify();
            if write(&self.tree) == before || self.is_over() {
                return;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.runs >= RUNS_MAX || (self.watch.stopped)()
    }

    /// Takes a tree in place of the present one if it shows the same failure.
    fn accepts(&mut self, tree: Node) -> bool {
        if self.is_over() || tree == self.tree {
            return false;
        }
        let Some(plan) = plan(&tree) else { return false };
        self.runs += 1;
        let trial = run(&Arc::new(plan), None);
        let Some(message) = trial.message(self.wanted) else { return false };
        (self.tree, self.times, self.message) = (tree, trial.times, message);
        (self.watch.smaller)(self.runs, self.tree.size());
        true
    }

    fn drop_devices(&mut self) {
        for device in devices(&self.tree).iter().rev() {
            let smaller = without_device(&self.tree, device, &self.times);
            self.accepts(smaller);
        }
    }

    /// Leaves out chunks of a list, halves first and single items last.
    fn drop_items(&mut self, list: &str) {
        let mut size = length(&self.tree, list).div_ceil(2);
        while size > 0 {
            let mut at = 0;
            while at < length(&self.tree, list) {
                let chunk: BTreeSet<usize> = (at..at + size).collect();
                let smaller = if list == "steps" {
                    without_steps(&self.tree, &chunk, &self.times)
                } else {
                    without_items(&self.tree, list, &chunk)
                };
                if !self.accepts(smaller) {
                    at += size;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
    }

    fn drop_parts(&mut self) {
        let mut paths = parts(&self.tree);
        let mut at = 0;
        while let Some(path) = paths.get(at) {
            let smaller = without_part(&self.tree, path);
            if smaller.is_some_and(|smaller| self.accepts(smaller)) {
                paths = parts(&self.tree);
            } else {
                at += 1;
            }
        }
    }

    fn simplify(&mut self) {
        for path in parts(&self.tree) {
            for simpler in simpler(&self.tree, &path) {
                if self.accepts(simpler) {
                    break;
                }
            }
        }
    }

    fn has_luck(&self) -> bool {
        parts(&self.tree).iter().any(|path| is_luck(path))
    }

    /// Puts steps in the place of luck, all of it or one kind after the other.
    fn settle_luck(&mut self) -> bool {
        let Some(plan) = plan(&self.tree).map(Arc::new) else { return false };
        let mut incidents = Incidents::new(&plan.spec);
        run(&plan, Some(&mut incidents));
        let steps = incidents.steps();
        let mut calm = self.tree.clone();
        while let Some(path) = parts(&calm).into_iter().find(|path| is_luck(path)) {
            match without_part(&calm, &path) {
                Some(less) => calm = less,
                None => return false,
            }
        }
        self.accepts(with_items(&calm, "steps", steps))
    }
}

/// Is it a setting of links that is luck?
fn is_luck(path: &[String]) -> bool {
    let of_links = path.first().is_some_and(|key| key == "network")
        || path.get(2).is_some_and(|key| key == "network");
    of_links && path.last().is_some_and(|key| LUCK.contains(&key.as_str()))
}
