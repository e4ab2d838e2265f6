//! What the oracles make of the history of a server.
//!
//! Not here: how it is judged (`conformance::history`), or printed (`report::history`).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::verdict::finding::{Finding, Severity};

/// A history, judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HistoryVerdict {
    /// How often the server started.
    pub starts: u64,
    /// Starts of the server on the same data that kept no history: what happened then is not known.
    pub missing: u64,
    /// Accounts that have stated something.
    pub accounts: u64,
    /// Records that were judged.
    pub records: u64,
    /// Situations that each oracle has evaluated.
    pub evaluated: BTreeMap<String, u64>,
    /// What they have found.
    pub findings: Vec<Finding>,
}

impl HistoryVerdict {
    /// The weight of the worst finding; where a part of the history is missing, not all could be judged.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        let gap = (self.missing > 0).then_some(Severity::Inconclusive);
        self.findings.iter().map(|finding| finding.severity).chain(gap).max()
    }
}
