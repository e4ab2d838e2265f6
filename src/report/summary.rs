//! The sum of many runs: counts, coverage and the digests of all of them.
//!
//! Runs are added in the order of cases and seeds, whatever the order in which they were made. Not here: the
//! runs themselves, so that a campaign of a million seeds stays small.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::base::time::Duration;
use crate::base::units::hex;
use crate::report::claims::{Claims, Unshown};
use crate::report::coverage::Coverage;
use crate::verdict::finding::Severity;
use crate::verdict::metrics::{Distribution, RELATED, UNRELATED};
use crate::verdict::outcome::{Digests, Outcome, Verdict};

/// The sum.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Counts.
    pub totals: Totals,
    /// What was shown.
    pub coverage: Coverage,
    /// Claims that the scenarios so far did not show.
    pub unshown: Vec<Unshown>,
    /// How long after its end a fault's last effect was over, by kind of fault.
    pub healing: BTreeMap<String, Distribution>,
    claims: Claims,
    last_case: String,
    only: Option<Digests>,
    campaign: [Sha256; 3],
}

/// What the names of times to heal begin with; the kind of fault follows.
const HEALING: &str = "heal.";

/// Counts over all runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Cases with at least one run.
    pub cases: u64,
    /// Runs: a case with a seed.
    pub runs: u64,
    /// Runs that passed.
    pub pass: u64,
    /// Runs with something that could not be judged.
    pub inconclusive: u64,
    /// Runs with a failure.
    pub fail: u64,
    /// Runs in which the harness could not go on.
    pub error: u64,
    /// Situations that were evaluated.
    pub verified: u64,
    /// Claims of whole scenarios that none of their runs showed.
    pub unshown: u64,
    /// Findings that are warnings, and claims that may be shown by runs that were not made.
    pub warnings: u64,
    /// Relations of two runs that were judged.
    pub related: u64,
    /// Relations of two runs that did not apply.
    pub unrelated: u64,
    /// Events processed.
    pub events: u64,
    /// Records made.
    pub records: u64,
    /// Virtual time of all runs, in nanoseconds.
    pub virtual_time: Duration,
}

impl Summary {
    /// Adds a run. Runs of one case must follow each other, and cases of one scenario too.
    pub fn add(&mut self, outcome: &Outcome) {
        let totals = &mut self.totals;
        if totals.runs == 0 || self.last_case != outcome.case {
            totals.cases += 1;
            self.last_case.clone_from(&outcome.case);
        }
        totals.runs += 1;
        *totals.of_mut(outcome.verdict) += 1;
        totals.verified += outcome.verified;
        let warnings = outcome.findings.iter().filter(|it| it.severity == Severity::Warning);
        totals.warnings += warnings.count() as u64;
        let count = |name| outcome.metrics.counts.get(name).copied().unwrap_or(0);
        totals.related += count(RELATED);
        totals.unrelated += count(UNRELATED);
        totals.events += outcome.events;
        totals.records += outcome.records;
        totals.virtual_time += outcome.virtual_time;
        self.coverage.add(outcome);
        for (name, times) in &outcome.metrics.times {
            if let Some(kind) = name.strip_prefix(HEALING) {
                self.healing.entry(kind.to_owned()).or_default().merge(times);
            }
        }
        self.claims.add(outcome);

        let digests = &outcome.digest;
        let forms = [&digests.full, &digests.masked, &digests.black_box];
        for (sha, digest) in self.campaign.iter_mut().zip(forms) {
            sha.update(format!("{}\n{}\n{digest}\n", outcome.case, outcome.seed));
        }
        self.only = (totals.runs == 1).then(|| digests.clone());
    }

    /// Ends a scenario and returns what its runs claimed and did not show; `whole` when none was left out.
    pub fn end_scenario(&mut self, id: &str, whole: bool) -> &[Unshown] {
        let before = self.unshown.len();
        self.unshown.extend(std::mem::take(&mut self.claims).unshown(id, whole));
        let new = &self.unshown[before..];
        let totals = &mut self.totals;
        *(if whole { &mut totals.unshown } else { &mut totals.warnings }) += new.len() as u64;
        new
    }

    /// The digests of the only run, or of all runs together; empty when there is none.
    #[must_use]
    pub fn digests(&self) -> Digests {
        if self.totals.runs < 2 {
            return self.only.clone().unwrap_or_default();
        }
        let [full, masked, black_box] =
            self.campaign.each_ref().map(|sha| hex(&sha.clone().finalize()));
        Digests { full, masked, black_box }
    }
}

impl Totals {
    /// Runs with this verdict.
    #[must_use]
    pub const fn of(&self, verdict: Verdict) -> u64 {
        match verdict {
            Verdict::Pass => self.pass,
            Verdict::Inconclusive => self.inconclusive,
            Verdict::Fail => self.fail,
            Verdict::Error => self.error,
        }
    }

    const fn of_mut(&mut self, verdict: Verdict) -> &mut u64 {
        match verdict {
            Verdict::Pass => &mut self.pass,
            Verdict::Inconclusive => &mut self.inconclusive,
            Verdict::Fail => &mut self.fail,
            Verdict::Error => &mut self.error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    fn sum(outcomes: &[Outcome]) -> Summary {
        let mut summary = Summary::default();
        outcomes.iter().for_each(|outcome| summary.add(outcome));
        summary
    }

    #[test]
    fn counts_add_up() {
        let outcomes =
            [samples::pass(1), samples::pass(2), samples::fail(1), samples::inconclusive(1)];
        let totals = sum(&outcomes).totals;
        assert_eq!((totals.cases, totals.runs), (3, 4));
        assert_eq!([totals.pass, totals.inconclusive, totals.fail, totals.error], [2, 1, 1, 0]);
        assert_eq!(totals.events, outcomes.iter().map(|outcome| outcome.events).sum::<u64>());
    }

    #[test]
    fn each_scenario_answers_for_its_own_claims() {
        let bare = Outcome { evidence: Default::default(), ..samples::pass(1) };
        let mut summary = Summary::default();
        for (whole, unshown) in [(true, 1), (false, 1)] {
            summary.add(&bare);
            assert_eq!(summary.end_scenario("ROT", whole).len(), unshown);
        }
        summary.add(&samples::pass(2));
        assert_eq!(summary.end_scenario("ROT", true), []);
        assert_eq!((summary.totals.unshown, summary.totals.warnings), (1, 1));
        assert_eq!(summary.unshown.len(), 2);
    }

    #[test]
    fn the_digest_of_one_run_is_its_own_and_that_of_many_covers_case_and_seed() {
        let one = samples::pass(1);
        assert_eq!(sum(std::slice::from_ref(&one)).digests(), one.digest);
        let both = sum(&[one.clone(), samples::pass(2)]).digests();
        let mut other = samples::pass(2);
        other.seed = 3;
        assert_ne!(sum(&[one, other]).digests(), both);
        assert_eq!(sum(&[]).digests(), Digests::default());
    }
}
