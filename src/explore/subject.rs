//! A scenario to be explored: its cases, and the seeds to run each with.
//!
//! Not here: reading files, or choosing among them.

use crate::proto::deviation::Deviation;
use crate::scenario::plan::Plan;
use crate::scenario::read::{Case, Reading};
use crate::scenario::render::render;
use crate::scenario::resolve::resolve;

/// A scenario with the runs that may be made of it.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The file as given on the command line.
    pub source: String,
    /// The file as read.
    pub reading: &'a Reading,
    /// Each case with a seed: every case once before any case twice.
    pub runs: Vec<(&'a Case, u64)>,
}

impl<'a> Subject<'a> {
    /// All cases of a file, each with its seeds; `None` if it has no case.
    #[must_use]
    pub fn new(source: String, reading: &'a Reading, seeds: &[Vec<u64>]) -> Option<Self> {
        let rounds = seeds.iter().map(Vec::len).max()?;
        let round = |n| {
            let cases = reading.cases.iter().zip(seeds);
            cases.filter_map(move |(case, seeds)| Some((case, *seeds.get(n)?)))
        };
        Some(Self { source, reading, runs: (0..rounds).flat_map(round).collect() })
    }

    /// The scenario's ID.
    #[must_use]
    pub fn id(&self) -> &'a str {
        self.runs.first().map_or("", |(case, _)| &case.scenario.id.value.0)
    }

    /// Whether it says that it kills a deviation.
    #[must_use]
    pub fn kills(&self, deviation: Deviation) -> bool {
        let listed =
            |case: &Case| case.scenario.kills.iter().any(|it| it.value.0 == deviation.id());
        self.runs.first().is_some_and(|(case, _)| listed(case))
    }

    /// Whether it is by the book but for what is added.
    #[must_use]
    pub fn is_by_the_book(&self) -> bool {
        self.runs.iter().all(|(case, _)| case.scenario.deviations.0.is_empty())
    }

    /// The plan of one of its runs.
    ///
    /// # Errors
    /// As [`plan`].
    pub fn plan(&self, (case, seed): (&Case, u64)) -> Result<Plan, String> {
        plan(self.reading, case, &self.source, seed)
    }
}

/// The plan of a case of a file under a seed.
///
/// # Errors
/// The findings, drawn over the text, when this seed draws something impossible.
pub fn plan(reading: &Reading, case: &Case, source: &str, seed: u64) -> Result<Plan, String> {
    let mut diagnostics = reading.diagnostics.clone();
    resolve(case, seed, source, &mut diagnostics)
        .ok_or_else(|| render(&diagnostics, &reading.sources, false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::read::{Extras, read_text};

    #[test]
    fn every_case_runs_once_before_any_runs_twice() {
        let text = "peadsim: 1\nid: A\ntitle: t\nkills: [M39]\nparams: {n: {each: [1ms, 2ms]}}\n\
                    steps: [{send: {from: a, to: b, at: $n}}]\nexpect: []\n";
        let reading = read_text("a.yaml", text, &Extras::default());
        let subject =
            Subject::new("a.yaml".to_owned(), &reading, &[vec![1, 2, 3], vec![1, 2]]).unwrap();
        let runs: Vec<(&str, u64)> =
            subject.runs.iter().map(|(case, seed)| (case.id.as_str(), *seed)).collect();
        let (one, two) = ("A[n=1ms]", "A[n=2ms]");
        assert_eq!(runs, [(one, 1), (two, 1), (one, 2), (two, 2), (one, 3)]);
        assert!(subject.kills(Deviation::M39) && !subject.kills(Deviation::M40));
        assert_eq!(subject.id(), "A");
        assert!(Subject::new(String::new(), &Reading::default(), &[]).is_none());
    }
}
