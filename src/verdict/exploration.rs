//! What an exploration came to: how many seeds, which failures, which situations were met, and since when none
//! is new.
//!
//! Not here: making the runs (`explore`), or printing it (`report`).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::verdict::fingerprint::Fingerprint;

/// New marks are counted per so many seeds.
pub const WINDOW: usize = 100;

/// All that an exploration came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Exploration {
    /// Seeds that were run, in order from the first.
    pub runs: usize,
    /// Runs in which an oracle evaluated some requirement.
    pub evaluated: usize,
    /// Runs that could not be judged in all, and the first reason of each kind.
    pub unjudged: BTreeMap<String, Unjudged>,
    /// Failing seeds, in order.
    pub failures: Vec<Failure>,
    /// Situations that were met, and the seed that met each first.
    pub marks: BTreeMap<String, u64>,
    /// Marks that were new in each hundred seeds.
    pub fresh: Vec<usize>,
    /// Whether it ended because nothing new came.
    pub saturated: bool,
    /// Events of all runs.
    pub events: u64,
}

/// Runs that could not be judged in all, for one kind of reason.
#[derive(Clone, Debug, Serialize)]
pub struct Unjudged {
    /// How many.
    pub runs: usize,
    /// The first of them.
    pub seed: u64,
    /// What it says.
    pub message: String,
}

/// A failing seed.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What failed first.
    pub fingerprint: Fingerprint,
    /// The first finding in full.
    pub message: String,
    /// The command that shows it again.
    pub repro: String,
    /// The smallest scenario found, if it was looked for and written.
    pub file: Option<String>,
}

impl Exploration {
    /// The first failing seed of each fingerprint, in order of seeds.
    pub fn distinct(&self) -> impl Iterator<Item = &Failure> {
        let first = |it: &Failure| self.failures.iter().find(|f| f.fingerprint == it.fingerprint);
        self.failures.iter().filter(move |it| first(it).is_some_and(|first| first.seed == it.seed))
    }

    /// How many seeds failed with a fingerprint.
    #[must_use]
    pub fn count(&self, fingerprint: &Fingerprint) -> usize {
        self.failures.iter().filter(|it| it.fingerprint == *fingerprint).count()
    }

    /// With 95 % confidence a seed fails less often than once in so many, if none of them failed (the rule of
    /// three); `None` when some did, or too few were run.
    #[must_use]
    pub fn less_than_one_in(&self) -> Option<usize> {
        (self.failures.is_empty() && self.runs >= 3).then_some(self.runs / 3)
    }
}
