//! Everything that came of a conformance run, as one value: it is written, read again, judged again, merged.
//!
//! Not here: its file (`report`), or how it came to be (`conformance`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::verdict::conformity::{Conformity, Role};
use crate::verdict::trial::{Expected, Mark, Trial};

/// Version of the format; a change of a name or a meaning is a change of this number.
pub const CONFORMANCE_VERSION: u32 = 1;

/// What the protocol is called that is tested.
pub const PROTOCOL: &str = "PEAD-P256-1";

/// What is under test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// A device or a server.
    pub role: Role,
    /// Who makes it.
    pub vendor: String,
    /// What it is called.
    pub model: String,
    /// Of its software.
    pub version: String,
    /// What it declares that it can and cannot do.
    pub capabilities: BTreeMap<String, bool>,
}

/// A conformance run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// [`CONFORMANCE_VERSION`].
    #[serde(rename = "peadsim-conformance")]
    pub version: u32,
    /// Version of the program.
    pub program: String,
    /// [`PROTOCOL`].
    pub protocol: String,
    /// What was tested.
    pub subject: Subject,
    /// The exit code.
    pub exit: u8,
    /// Whether somebody stopped it before the end.
    pub interrupted: bool,
    /// Tests by mark.
    pub totals: BTreeMap<Mark, u64>,
    /// What they come to.
    pub conformity: Conformity,
    /// The tests.
    pub trials: Vec<Trial>,
}

impl Results {
    /// What these tests of this subject come to. The exit code is set by whoever ends with it.
    #[must_use]
    pub fn of(program: &str, subject: Subject, trials: Vec<Trial>, interrupted: bool) -> Self {
        let mut totals: BTreeMap<Mark, u64> = Mark::ALL.map(|mark| (mark, 0)).into();
        for trial in &trials {
            *totals.entry(trial.mark).or_default() += 1;
        }
        Self {
            version: CONFORMANCE_VERSION,
            program: program.to_owned(),
            protocol: PROTOCOL.to_owned(),
            conformity: Conformity::of(&trials, subject.role),
            subject,
            exit: 0,
            interrupted,
            totals,
            trials,
        }
    }

    /// Tests with this mark.
    #[must_use]
    pub fn count(&self, mark: Mark) -> u64 {
        self.totals.get(&mark).copied().unwrap_or_default()
    }

    /// Tests of which something is to be told: wrong and nobody expected it, or otherwise than expected.
    pub fn surprises(&self) -> impl Iterator<Item = &Trial> {
        self.trials.iter().filter(|trial| !trial.expected.is_as_expected())
    }

    /// Failures that nobody expected, and expectations that were not met.
    #[must_use]
    pub fn failures(&self) -> u64 {
        let counts = |trial: &&Trial| match trial.expected {
            Expected::Good | Expected::Known(_) => false,
            Expected::Unknown => trial.mark == Mark::Fail,
            Expected::Otherwise(_) => true,
        };
        self.trials.iter().filter(counts).count() as u64
    }

    /// Tests that passed, with evidence.
    #[must_use]
    pub fn verified(&self) -> u64 {
        self.count(Mark::Pass) + self.count(Mark::Warn)
    }
}
