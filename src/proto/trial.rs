//! Trials of machines against models of them: scripts drawn by the choices of the scenario generator, run with
//! a fixed seed, and made shorter when they fail.
//!
//! Not here: what a step is, and the models (`device::tests::model`, `server::tests::model`).

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::{Strategy, any};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::base::rng::{Draw, Luck, Purpose};
use crate::proto::deviation::Deviations;
use crate::proto::swarm::{Crowd, Families, Family};

/// Most steps of a script.
const STEPS_MAX: usize = 80;

/// What a whole script has, drawn as the generator draws it for a scenario.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    families: Families,
    pub(super) crowd: Crowd,
    seed: u64,
}

impl Setting {
    fn new(seed: u64, names: &[&'static str]) -> Self {
        let mut draw = luck(seed).at(0);
        Self { families: Families::draw(&mut draw), crowd: Crowd::draw(&mut draw, names), seed }
    }

    pub(super) fn has(&self, family: Family) -> bool {
        self.families.has(family)
    }

    /// Draws of the settings of the machine.
    pub(super) fn draw(&self) -> Draw {
        luck(self.seed).at(1)
    }
}

/// One of these, as often as its number says; numbers of families that are off are left out by the caller.
pub(super) fn weighted<T: Copy>(draw: &mut Draw, among: &[(u64, T)]) -> T {
    let mut left = draw.below(among.iter().map(|(weight, _)| weight).sum());
    for (weight, it) in among {
        match left.checked_sub(*weight) {
            Some(rest) => left = rest,
            None => return *it,
        }
    }
    unreachable!("the draw is below the sum")
}

/// A machine beside its model.
pub(super) trait Subject: Sized {
    /// What may happen to both.
    type Step: Copy + std::fmt::Debug;
    /// Who takes part.
    const NAMES: &'static [&'static str];

    /// Both as a setting has them, the machine with these deviations; an error says how they differ.
    fn new(setting: &Setting, deviations: Deviations) -> Result<Self, String>;

    /// Draws a step.
    fn draw(setting: &Setting, draw: &mut Draw) -> Self::Step;

    /// Makes both take a step; an error says how they differ.
    fn step(&mut self, step: Self::Step) -> Result<(), String>;

    /// Kinds of everything that was said.
    fn said(self) -> Vec<String>;
}

/// A script after which machine and model differ.
#[derive(Debug)]
#[allow(dead_code, reason = "most of it is only printed")]
pub(super) struct Failure<E> {
    why: String,
    setting: Setting,
    pub(super) steps: Vec<E>,
}

/// Tries so many scripts, and counts what was said in them. One that fails is made shorter in at most so many
/// attempts: steps are drawn one by one, so a script without one of them has the others as before.
pub(super) fn compare<S: Subject>(
    deviations: Deviations,
    scripts: u32,
    attempts: u32,
) -> Result<BTreeMap<String, usize>, Failure<S::Step>> {
    let config = Config {
        cases: scripts,
        max_shrink_iters: attempts,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    // Shrinking takes steps away; a smaller number would be another step, not a smaller one.
    let seeds = proptest::collection::vec(any::<u64>().no_shrink(), 0..STEPS_MAX);
    let scripts = (any::<u64>().no_shrink(), seeds);
    let said = RefCell::new(BTreeMap::new());
    let tried = runner.run(&scripts, |(seed, steps)| {
        let (setting, steps) = script::<S>(seed, &steps);
        let heard = perform::<S>(&setting, &steps, deviations).map_err(TestCaseError::fail)?;
        for kind in heard {
            *said.borrow_mut().entry(kind).or_default() += 1;
        }
        Ok(())
    });
    match tried {
        Ok(()) => Ok(said.take()),
        Err(TestError::Abort(why)) => panic!("gave up: {why}"),
        Err(TestError::Fail(why, (seed, steps))) => {
            let (setting, steps) = script::<S>(seed, &steps);
            Err(Failure { why: why.to_string(), setting, steps })
        }
    }
}

fn perform<S: Subject>(
    setting: &Setting,
    steps: &[S::Step],
    deviations: Deviations,
) -> Result<Vec<String>, String> {
    let mut subject = S::new(setting, deviations)?;
    steps.iter().try_for_each(|step| subject.step(*step))?;
    Ok(subject.said())
}

fn script<S: Subject>(seed: u64, steps: &[u64]) -> (Setting, Vec<S::Step>) {
    let setting = Setting::new(seed, S::NAMES);
    let steps = steps.iter().map(|it| S::draw(&setting, &mut luck(*it).at(2))).collect();
    (setting, steps)
}

fn luck(seed: u64) -> Luck {
    Luck::new(seed, Purpose::Swarm, 0)
}
