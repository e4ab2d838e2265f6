//! Findings: what was wrong, or could not be judged, and the evidence behind verdicts.
//!
//! Not here: the judges that make them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::time::Instant;
use crate::verdict::requirement::{Polarity, Requirement};

/// How bad a finding is for the verdict.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth telling, changes nothing.
    Warning,
    /// The run could not judge something it was asked to judge.
    Inconclusive,
    /// A requirement, invariant or expectation is broken.
    Fail,
    /// The harness itself could not go on.
    Error,
}

/// One thing found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its weight.
    pub severity: Severity,
    /// Who says so: `S-03`, `L-01`, `expect`, `reaches`, `renamed`, `vacuous`, `step`, `limit`.
    pub oracle: String,
    /// The requirements it is about.
    pub requirements: Vec<Requirement>,
    /// When the broken rule was seen to be broken.
    pub at: Instant,
    /// One sentence with names, numbers and epochs.
    pub message: String,
    /// Addresses of the records that show it, `node.seq`.
    pub records: Vec<String>,
}

/// How often each side of a requirement was shown, and by which record first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    counts: BTreeMap<Requirement, [u64; 2]>,
    /// Addresses of records, `node.seq`; none where something was shown only by the run as a whole.
    first: BTreeMap<Requirement, [Option<String>; 2]>,
}

impl Evidence {
    /// Notes one triggering situation that was evaluated; tells whether it is the first.
    pub fn note(&mut self, requirement: Requirement, polarity: Polarity) -> bool {
        let count = &mut self.counts.entry(requirement).or_default()[polarity as usize];
        *count += 1;
        *count == 1
    }

    /// How often this side was shown.
    #[must_use]
    pub fn count(&self, requirement: Requirement, polarity: Polarity) -> u64 {
        self.counts.get(&requirement).map_or(0, |counts| counts[polarity as usize])
    }

    /// Names the record that was the first to show this side.
    pub fn name(&mut self, requirement: Requirement, polarity: Polarity, record: String) {
        self.first.entry(requirement).or_default()[polarity as usize] = Some(record);
    }

    /// The address of the record that was the first to show this side.
    #[must_use]
    pub fn first(&self, requirement: Requirement, polarity: Polarity) -> Option<&str> {
        self.first.get(&requirement)?[polarity as usize].as_deref()
    }

    /// Adds what others have seen of the same run; the records are named afterwards.
    pub fn merge(&mut self, other: &Self) {
        for (requirement, [positive, negative]) in &other.counts {
            let counts = self.counts.entry(*requirement).or_default();
            counts[0] += positive;
            counts[1] += negative;
        }
    }

    /// Requirements with any evidence, in order.
    pub fn requirements(&self) -> impl Iterator<Item = Requirement> {
        self.counts.keys().copied()
    }
}
