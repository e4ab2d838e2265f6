//! What passing runs showed of the requirements, side by side with what they should show.
//!
//! Credit needs both: the scenario claims a side of a requirement, and its records show it. Not here: the
//! list of requirements (`verdict`).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::verdict::finding::Severity;
use crate::verdict::outcome::{Outcome, Verdict};
use crate::verdict::requirement::{Polarity, Requirement};

/// What runs can show at most.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Every requirement.
    pub requirements: Vec<Requirement>,
    /// Every oracle that judges runs.
    pub oracles: Vec<&'static str>,
}

/// How often each requirement was shown, and how often it was found broken; which oracles had something to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    rows: BTreeMap<Requirement, Shown>,
    oracles: BTreeSet<String>,
}

/// What runs say of one requirement, in runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Passing runs that showed the required behavior.
    pub positive: u64,
    /// Passing runs that made the provocation and did not see the forbidden behavior.
    pub negative: u64,
    /// Runs with a failure that cites it.
    pub broken: u64,
}

impl Coverage {
    /// Adds a run.
    pub fn add(&mut self, outcome: &Outcome) {
        if outcome.verdict == Verdict::Pass {
            for (requirement, polarity) in &outcome.claimed {
                if outcome.evidence.count(*requirement, *polarity) == 0 {
                    continue;
                }
                let row = self.rows.entry(*requirement).or_default();
                match polarity {
                    Polarity::Positive => row.positive += 1,
                    Polarity::Negative => row.negative += 1,
                }
            }
        }
        let failures = || outcome.findings.iter().filter(|it| it.severity == Severity::Fail);
        let broken: BTreeSet<Requirement> =
            failures().flat_map(|finding| finding.requirements.iter().copied()).collect();
        self.oracles.extend(outcome.evaluated.keys().cloned());
        self.oracles.extend(failures().map(|finding| finding.oracle.clone()));
        for requirement in broken {
            self.rows.entry(requirement).or_default().broken += 1;
        }
    }

    /// What is known of a requirement.
    #[must_use]
    pub fn of(&self, requirement: Requirement) -> Shown {
        self.rows.get(&requirement).copied().unwrap_or_default()
    }

    /// How many requirements of `all` have this side shown.
    pub fn shown(&self, all: &[Requirement], polarity: Polarity) -> usize {
        all.iter().filter(|requirement| self.of(**requirement).side(polarity) > 0).count()
    }

    /// Requirements of which nothing is known: no passing run showed a side of them.
    pub fn without_evidence<'a>(
        &self,
        all: &'a [Requirement],
    ) -> impl Iterator<Item = &'a Requirement> {
        all.iter().filter(|requirement| {
            let shown = self.of(**requirement);
            shown.positive == 0 && shown.negative == 0
        })
    }

    /// Oracles that never met a situation to judge, so that their silence means nothing.
    pub fn never_evaluated<'a>(
        &self,
        all: &'a [&'static str],
    ) -> impl Iterator<Item = &'a &'static str> {
        all.iter().filter(|oracle| !self.oracles.contains(**oracle))
    }

    /// How many claims have every requirement of theirs in `all` shown on some side and none broken.
    #[must_use]
    pub fn claims(&self, all: &[Requirement]) -> usize {
        let open: BTreeSet<u8> =
            all.iter().filter(|it| !self.of(**it).is_shown()).map(|it| it.claim).collect();
        claims(all) - open.len()
    }
}

impl Shown {
    /// Runs that showed this side.
    #[must_use]
    pub const fn side(self, polarity: Polarity) -> u64 {
        match polarity {
            Polarity::Positive => self.positive,
            Polarity::Negative => self.negative,
        }
    }

    /// Some side was shown and no run broke it.
    #[must_use]
    pub const fn is_shown(self) -> bool {
        self.broken == 0 && (self.positive > 0 || self.negative > 0)
    }
}

/// How many claims `all` is about.
#[must_use]
pub fn claims(all: &[Requirement]) -> usize {
    all.iter().map(|requirement| requirement.claim).collect::<BTreeSet<u8>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    const ALL: [Requirement; 4] = [
        Requirement::of(5, 1),
        Requirement::of(5, 2),
        Requirement::of(6, 1),
        Requirement::of(6, 2),
    ];

    #[test]
    fn credit_needs_claim_evidence_and_a_pass() {
        let mut pass = samples::pass(1);
        pass.claimed = vec![
            (ALL[0], Polarity::Positive),
            (ALL[1], Polarity::Positive),
            (ALL[2], Polarity::Negative),
        ];
        pass.evidence.note(ALL[0], Polarity::Positive);
        pass.evidence.note(ALL[0], Polarity::Negative);
        pass.evidence.note(ALL[1], Polarity::Negative);
        pass.evidence.note(ALL[2], Polarity::Negative);
        pass.evidence.note(ALL[3], Polarity::Positive);
        let mut coverage = Coverage::default();
        coverage.add(&pass);
        pass.verdict = Verdict::Inconclusive;
        coverage.add(&pass);
        let shown = |n: usize| (coverage.of(ALL[n]).positive, coverage.of(ALL[n]).negative);
        assert_eq!([shown(0), shown(1), shown(2), shown(3)], [(1, 0), (0, 0), (0, 1), (0, 0)]);
        assert_eq!(coverage.shown(&ALL, Polarity::Positive), 1);
        assert_eq!(coverage.claims(&ALL), 0);
        assert_eq!(coverage.claims(&ALL[2..3]), 1);
        assert_eq!(claims(&ALL), 2);
    }

    #[test]
    fn what_was_never_judged_is_known() {
        let mut coverage = Coverage::default();
        coverage.add(&samples::pass(1));
        let all = ["S-03", "S-04", "L-01"];
        let never = |coverage: &Coverage| -> Vec<&str> {
            coverage.never_evaluated(&all).copied().collect()
        };
        assert_eq!(never(&coverage), ["S-04", "L-01"]);
        let mut fail = samples::fail(1);
        fail.findings[1].oracle = "L-01".to_owned();
        coverage.add(&fail);
        assert_eq!(never(&coverage), ["S-04"], "a failure is a judgement");
        let without: Vec<_> = coverage.without_evidence(&ALL).collect();
        assert_eq!(without, ALL.iter().collect::<Vec<_>>());
    }

    #[test]
    fn one_broken_run_takes_the_claim_away() {
        let mut pass = samples::pass(1);
        pass.claimed = vec![(ALL[0], Polarity::Positive)];
        pass.evidence.note(ALL[0], Polarity::Positive);
        let mut coverage = Coverage::default();
        coverage.add(&pass);
        assert_eq!(coverage.claims(&ALL[..1]), 1);
        let mut fail = samples::fail(2);
        fail.findings[1].requirements = vec![ALL[0], ALL[0]];
        coverage.add(&fail);
        assert_eq!(coverage.of(ALL[0]), Shown { positive: 1, negative: 0, broken: 1 });
        assert_eq!(coverage.claims(&ALL[..1]), 0);
    }
}
