//! All of one run: verdict, findings, evidence, metrics and digests.
//!
//! Not here: how long the simulator took, which is no property of the run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::time::Duration;
use crate::verdict::finding::{Evidence, Finding, Severity};
use crate::verdict::metrics::Metrics;
use crate::verdict::requirement::{Polarity, Requirement};

/// The result of a run, of a case, or of everything (design 9).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// All as expected, and something was verified.
    Pass,
    /// Something that was asked for could not be judged.
    Inconclusive,
    /// A finding.
    Fail,
    /// The harness could not go on.
    Error,
}

/// All of one run: one case of a scenario with one seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// `ROT-R1-inflight[lead=20ms,loss=5%]`.
    pub case: String,
    /// The scenario's title.
    pub title: String,
    /// The seed of all luck.
    pub seed: u64,
    /// `p256` or `model`.
    pub suite: String,
    /// The result.
    pub verdict: Verdict,
    /// Expectations that were evaluated and claims that were shown.
    pub verified: u64,
    /// What was found, in the order of time.
    pub findings: Vec<Finding>,
    /// Evidence for each requirement.
    pub evidence: Evidence,
    /// Situations that each oracle evaluated and found in order; an oracle that never did says nothing.
    pub evaluated: BTreeMap<String, u64>,
    /// Requirements that the scenario claims to show, with their side.
    pub claimed: Vec<(Requirement, Polarity)>,
    /// Races and coverage marks that occurred.
    pub reached: Vec<String>,
    /// What was measured.
    pub metrics: Metrics,
    /// Events processed.
    pub events: u64,
    /// Records made.
    pub records: u64,
    /// Virtual time from the start of the world to its end.
    pub virtual_time: Duration,
    /// Digests of the run, as hex.
    pub digest: Digests,
    /// The command that shows this run again.
    pub repro: String,
}

/// Three digests over the same run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    /// Over every record.
    pub full: String,
    /// With every octet string computed from key material blanked: equal for all suites.
    pub masked: String,
    /// Over what an observer outside can see: equal for a device inside and outside.
    pub black_box: String,
}

impl Outcome {
    /// The verdict that findings and verification lead to.
    #[must_use]
    pub fn judge(findings: &[Finding]) -> Verdict {
        let worst = findings.iter().map(|finding| finding.severity).max();
        match worst {
            Some(Severity::Error) => Verdict::Error,
            Some(Severity::Fail) => Verdict::Fail,
            Some(Severity::Inconclusive) => Verdict::Inconclusive,
            Some(Severity::Warning) | None => Verdict::Pass,
        }
    }
}
