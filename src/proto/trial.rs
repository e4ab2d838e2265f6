//! Trials of machines against models of them: scripts drawn by the choices of the scenario generator, run with
//! a fixed seed, and made shorter when they fail.
//!
//! Not here: what a step is, and the models (`device::tests::model`, `server::tests::model`).

use proptest::prelude::{Strategy, any};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::base::rng::{Draw, Luck, Purpose};
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

/// What must hold of every script; an error says why it does not.
pub(super) type Property<'a, E> = dyn Fn(&Setting, &[E]) -> Result<(), String> + 'a;

/// A property of scripts: steps are drawn one by one, so a script without one of them has the others as before.
pub(super) struct Trial<'a, E> {
    pub(super) names: &'static [&'static str],
    pub(super) step: fn(&Setting, &mut Draw) -> E,
    pub(super) holds: &'a Property<'a, E>,
}

/// A script for which a property does not hold.
#[derive(Debug)]
#[allow(dead_code, reason = "most of it is only printed")]
pub(super) struct Failure<E> {
    why: String,
    setting: Setting,
    pub(super) steps: Vec<E>,
}

impl<E: std::fmt::Debug> Trial<'_, E> {
    /// Tries so many scripts. One that fails is made shorter in at most so many attempts.
    pub(super) fn run(&self, scripts: u32, attempts: u32) -> Result<(), Failure<E>> {
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
        let tried = runner.run(&scripts, |(seed, steps)| {
            let (setting, steps) = self.script(seed, &steps);
            (self.holds)(&setting, &steps).map_err(TestCaseError::fail)
        });
        match tried {
            Ok(()) => Ok(()),
            Err(TestError::Abort(why)) => panic!("gave up: {why}"),
            Err(TestError::Fail(why, (seed, steps))) => {
                let (setting, steps) = self.script(seed, &steps);
                Err(Failure { why: why.to_string(), setting, steps })
            }
        }
    }

    fn script(&self, seed: u64, steps: &[u64]) -> (Setting, Vec<E>) {
        let setting = Setting::new(seed, self.names);
        let steps = steps.iter().map(|it| (self.step)(&setting, &mut luck(*it).at(2))).collect();
        (setting, steps)
    }
}

fn luck(seed: u64) -> Luck {
    Luck::new(seed, Purpose::Swarm, 0)
}
