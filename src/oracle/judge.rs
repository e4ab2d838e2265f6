//! What every oracle implements, and where it puts what it found.
//!
//! Not here: any rule; those are the oracles' own.

use crate::base::id::Mid;
use crate::base::time::Instant;
use crate::oracle::escrow::Escrow;
use crate::oracle::spec::{Spec, UnderTest};
use crate::trace::fact::{Fact, FactKind, FrameKind};
use crate::trace::record::{Record, RecordId};
use crate::verdict::finding::{Evidence, Finding, Severity};
use crate::verdict::metrics::Metrics;
use crate::verdict::requirement::{Polarity, Requirement};

/// A judge of one rule over the records of one run, in the order of their keys.
pub trait Oracle: Send {
    /// `S-03`, `L-01`, ...
    fn id(&self) -> &'static str;

    /// The facts that it looks at. Records of others, and of other frames, need not come to it.
    fn facts(&self) -> Facts;

    /// Whether it asks the escrow for keys; those that do judge on one thread.
    fn asks_for_keys(&self) -> bool {
        false
    }

    /// Whether it looks something up of the user of the most frequent records, so that [`Self::glance`] is
    /// worth while.
    fn looks_ahead(&self) -> bool {
        false
    }

    /// Reads of what it keeps of the record's user, and says nothing of it: for a fleet that is fetched from
    /// memory for many records together.
    fn glance(&self, _record: &Record) -> u64 {
        0
    }

    /// Takes one record.
    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket);

    /// Says what only the end of the run can show.
    fn conclude(&mut self, _spec: &Spec, _docket: &mut Docket) {}
}

/// The facts that an oracle looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Facts {
    /// A bit for each [`FactKind`].
    kinds: u128,
    /// A bit for each [`FrameKind`]: of facts about frames, only these.
    frames: u32,
}

impl Facts {
    /// All that there are.
    pub const ALL: Self = Self { kinds: u128::MAX, frames: u32::MAX };

    /// None.
    pub const NONE: Self = Self { kinds: 0, frames: 0 };

    /// Facts of these kinds.
    #[must_use]
    pub const fn of(kinds: &[FactKind]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < kinds.len() {
            bits |= 1 << kinds[at] as u32;
            at += 1;
        }
        Self { kinds: bits, frames: u32::MAX }
    }

    /// Of facts about frames, only those about frames of these kinds.
    #[must_use]
    pub const fn frames(self, kinds: &[FrameKind]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < kinds.len() {
            bits |= 1 << kinds[at] as u32;
            at += 1;
        }
        Self { frames: bits, ..self }
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { kinds: self.kinds | other.kinds, frames: self.frames | other.frames }
    }

    /// Whether a fact is among them.
    #[must_use]
    pub fn contain_fact(self, fact: &Fact) -> bool {
        self.contain(FactKind::from(fact), fact.frame().and_then(|frame| frame.kind))
    }

    /// Whether a fact of this kind is among them, and of facts about frames one of this kind; octets that
    /// are no frame have none.
    #[must_use]
    pub const fn contain(self, kind: FactKind, frame: Option<FrameKind>) -> bool {
        let framed = match frame {
            Some(frame) => self.frames & 1 << frame as u32 != 0,
            None => true,
        };
        self.kinds & 1 << kind as u32 != 0 && framed
    }
}

/// The [`Facts`] of these kinds.
macro_rules! facts {
    ($($kind:ident),+ $(,)?) => {
        const { $crate::oracle::judge::Facts::of(&[$($crate::trace::fact::FactKind::$kind),+]) }
    };
}
pub(crate) use facts;

/// These kinds of frames, for [`Facts::frames`].
macro_rules! frames {
    ($($kind:ident),+ $(,)?) => { &[$($crate::trace::fact::FrameKind::$kind),+] };
}
pub(crate) use frames;

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
#[inline]
#[must_use]
pub fn device_of(record: &Record) -> Option<u32> {
    record.id.node.user().filter(|_| record.id.node.is_device())
}

/// The user whose account states this record.
#[inline]
#[must_use]
pub fn account_of(record: &Record) -> Option<u32> {
    record.id.node.user().filter(|_| record.id.node.is_account())
}

/// Whether a fact leaves nothing to remember of a device of which nothing is remembered: most devices of a
/// fleet come up and attach, and that is all.
#[must_use]
pub const fn is_uneventful(fact: &Fact) -> bool {
    matches!(fact, Fact::PowerOn { .. } | Fact::State { .. } | Fact::Attached { .. })
}

/// Whether a record is of what is under test: of the user's device or account, or of a message from or to them;
/// of the server's accounts, a frame to or from one, or of a message, which went through it.
fn concerns(record: &Record, what: UnderTest, spec: &Spec) -> bool {
    let user = match what {
        UnderTest::Device(user) => user,
        UnderTest::Server => {
            let frame = matches!(record.fact, Fact::Tx(_) | Fact::Rx(_));
            return record.id.node.is_account() || frame || record.fact.mid().is_some();
        }
    };
    let name = &spec.users[user as usize];
    let is_theirs = |mid: &Mid| mid.sender == *name || mid.receiver == *name;
    record.id.node.user() == Some(user) || record.fact.mid().is_some_and(is_theirs)
}

/// What lies before the judges: the keys they may ask for, and what they have found and seen shown.
#[derive(Debug, Default)]
pub struct Docket {
    /// Time of the record judged last.
    pub now: Instant,
    /// The record being judged; none at the end of the run.
    pub record: Option<RecordId>,
    /// The record being judged says nothing of the device that the run is made for.
    pub aside: bool,
    /// Keys that the harness owns.
    pub escrow: Escrow,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What was shown.
    pub evidence: Evidence,
    /// The first record that showed each side.
    pub first: std::collections::BTreeMap<(Requirement, Polarity), (Instant, RecordId)>,
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
    /// Takes over what others have found and seen shown.
    pub fn add(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.evidence.merge(&other.evidence);
        for (side, record) in other.first {
            let first = self.first.entry(side).or_insert(record);
            *first = record.min(*first);
        }
        for (oracle, count) in other.evaluated {
            *self.evaluated.entry(oracle).or_default() += count;
        }
        self.reached.extend(other.reached);
        self.metrics.merge(&other.metrics);
        self.verified += other.verified;
    }

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
        if self.aside {
            return;
        }
        for (requirement, polarity) in sides {
            let is_first = self.evidence.note(*requirement, *polarity);
            if let (true, Some(record)) = (is_first, self.record) {
                self.first.insert((*requirement, *polarity), (self.now, record));
            }
        }
    }

    /// Turns to the next record.
    pub fn turn_to(&mut self, record: &Record, spec: &Spec) {
        (self.now, self.record) = (record.at, Some(record.id));
        self.aside = spec.under_test.is_some_and(|it| !concerns(record, it, spec));
    }

    /// Turns to the end of the run, at `now`.
    pub fn turn_to_end(&mut self, now: Instant) {
        (self.now, self.record, self.aside) = (now, None, false);
    }

    /// An expectation that is evidence for these came true: by this record, if by a single one.
    pub fn credit(&mut self, sides: &[(Requirement, Polarity)], by: Option<(Instant, RecordId)>) {
        for (requirement, polarity) in sides {
            self.evidence.note(*requirement, *polarity);
            if let Some(record) = by {
                self.first.entry((*requirement, *polarity)).or_insert(record);
            }
        }
    }
}

/// Findings kept for one run and oracle; more say nothing new.
pub const FINDINGS_MAX: usize = 100;
