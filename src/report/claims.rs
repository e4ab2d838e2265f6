//! What a scenario claims to show, judged over all of its runs.
//!
//! A run shows what its case and its luck give occasion to, so a claim is missing only when no run of its
//! scenario shows it. Not here: how often each requirement was shown (`coverage`).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::verdict::finding::Severity;
use crate::verdict::outcome::Outcome;
use crate::verdict::requirement::{Polarity, Requirement};

/// A claim that no run of its scenario showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unshown {
    /// The scenario's ID.
    pub scenario: String,
    /// What was claimed.
    pub requirement: Requirement,
    /// Which side of it.
    pub side: Polarity,
    /// Inconclusive; a warning where runs of the scenario were left out, for they may show it.
    pub severity: Severity,
}

/// The claims that the runs of one scenario make, and whether one of them shows it.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    sides: BTreeMap<(Requirement, Polarity), bool>,
}

impl Claims {
    /// Adds a run of the scenario.
    pub fn add(&mut self, outcome: &Outcome) {
        for (requirement, side) in &outcome.claimed {
            let shown = self.sides.entry((*requirement, *side)).or_default();
            *shown |= outcome.evidence.count(*requirement, *side) > 0;
        }
    }

    /// What is missing when the scenario is over; `whole` when every case ran with every seed of its own.
    pub fn unshown(&self, scenario: &str, whole: bool) -> impl Iterator<Item = Unshown> {
        let severity = if whole { Severity::Inconclusive } else { Severity::Warning };
        let open = self.sides.iter().filter(|(_, shown)| !**shown);
        open.map(move |((requirement, side), _)| Unshown {
            scenario: scenario.to_owned(),
            requirement: *requirement,
            side: *side,
            severity,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn a_claim_needs_one_run_that_shows_it() {
        let shown = samples::pass(1);
        let bare = Outcome { evidence: Default::default(), ..samples::pass(2) };
        let missing = |runs: &[&Outcome], whole| -> Vec<Severity> {
            let mut claims = Claims::default();
            runs.iter().for_each(|run| claims.add(run));
            claims.unshown("ROT", whole).map(|it| it.severity).collect()
        };
        assert_eq!(missing(&[&bare, &shown], true), []);
        assert_eq!(missing(&[&bare], true), [Severity::Inconclusive]);
        assert_eq!(missing(&[&bare], false), [Severity::Warning]);
    }
}
