//! What every oracle implements, and where it puts what it found.
//!
//! Not here: any rule; those are the oracles' own.

use crate::base::time::Instant;
use crate::oracle::escrow::Escrow;
use crate::oracle::spec::Spec;
use crate::trace::record::{Record, RecordId};
use crate::verdict::finding::{Evidence, Finding, Severity};
use crate::verdict::metrics::Metrics;
use crate::verdict::requirement::{Polarity, Requirement};

/// A judge of one rule over the records of one run, in the order of their keys.
pub trait Oracle: Send {
    /// `S-03`, `L-01`, ...
    fn id(&self) -> &'static str;

    /// Takes one record.
    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket);

    /// Says what only the end of the run can show.
    fn conclude(&mut self, _spec: &Spec, _docket: &mut Docket) {}

    /// Obligations of the settle phase that are not met yet; a run need not go on when there are none.
    fn open(&self) -> usize {
        0
    }
}

/// The required behavior of `C<claim>-R<number>` was seen.
#[must_use]
pub const fn positive(claim: u8, number: u8) -> (Requirement, Polarity) {
    (Requirement::of(claim, number), Polarity::Positive)
}

/// `C<claim>-R<number>` was provoked and the forbidden behavior stayed away.
#[must_use]
pub const fn negative(claim: u8, number: u8) -> (Requirement, Polarity) {
    (Requirement::of(claim, number), Polarity::Negative)
}

/// The user whose device states this record.
#[must_use]
pub fn device_of(record: &Record) -> Option<u32> {
    record.id.node.user().filter(|_| record.id.node.is_device())
}

/// The user whose account states this record.
#[must_use]
pub fn account_of(record: &Record) -> Option<u32> {
    record.id.node.user().filter(|_| record.id.node.is_account())
}

/// What lies before the judges: the keys they may ask for, and what they have found and seen shown.
#[derive(Debug, Default)]
pub struct Docket {
    /// Time of the record judged last.
    pub now: Instant,
    /// Keys that the harness owns.
    pub escrow: Escrow,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What was shown.
    pub evidence: Evidence,
    /// Situations evaluated, by oracle.
    pub evaluated: std::collections::BTreeMap<&'static str, u64>,
    /// Races and coverage marks that occurred.
    pub reached: std::collections::BTreeSet<String>,
    /// What was measured.
    pub metrics: Metrics,
    /// Expectations that were evaluated and claims that were shown; a run that asks nothing verifies nothing.
    pub verified: u64,
}

impl Docket {
    /// A rule is broken.
    pub fn violation(
        &mut self,
        oracle: &'static str,
        requirements: &[Requirement],
        at: Instant,
        records: &[RecordId],
        message: String,
    ) {
        self.push(Severity::Fail, oracle, requirements, at, records, message);
    }

    /// Something of any weight is found.
    pub fn push(
        &mut self,
        severity: Severity,
        oracle: &str,
        requirements: &[Requirement],
        at: Instant,
        records: &[RecordId],
        message: String,
    ) {
        let same = self.findings.iter().filter(|finding| finding.oracle == oracle).count();
        if same >= FINDINGS_MAX {
            return;
        }
        self.findings.push(Finding {
            severity,
            oracle: oracle.to_owned(),
            requirements: requirements.to_vec(),
            at,
            message,
            records: records.iter().map(ToString::to_string).collect(),
        });
    }

    /// A triggering situation was evaluated and found in order.
    pub fn shown(&mut self, oracle: &'static str, sides: &[(Requirement, Polarity)]) {
        *self.evaluated.entry(oracle).or_default() += 1;
        for (requirement, polarity) in sides {
            self.evidence.note(*requirement, *polarity);
        }
    }
}

/// Findings kept for one run and oracle; more say nothing new.
pub const FINDINGS_MAX: usize = 100;
