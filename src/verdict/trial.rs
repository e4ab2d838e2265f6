//! One conformance test of one device: what was asked, what came of it, and the evidence behind that.
//!
//! Not here: what many tests come to (`conformity`), or who judges.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::verdict::finding::Finding;
use crate::verdict::requirement::{Polarity, Requirement};

/// What came of a test.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// All as required, with evidence from the device itself.
    Pass,
    /// The device breaks a rule that it had better keep.
    Warn,
    /// There is no evidence, or it came in no condition to be judged.
    Inconclusive,
    /// The device breaks a rule.
    Fail,
    /// The harness or the rig is at fault.
    Error,
    /// The device declares that it cannot do what the test is about.
    NotApplicable,
    /// The operator left it out.
    Skipped,
    /// It was selected, and never began.
    NotRun,
}

impl Mark {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Pass,
        Self::Warn,
        Self::Inconclusive,
        Self::Fail,
        Self::Error,
        Self::NotApplicable,
        Self::Skipped,
        Self::NotRun,
    ];

    /// Whether the test was made, and so says something.
    #[must_use]
    pub const fn is_judged(self) -> bool {
        matches!(self, Self::Pass | Self::Warn | Self::Inconclusive | Self::Fail | Self::Error)
    }

    /// What several come to: the worst of those that were made; of none, nothing was shown.
    #[must_use]
    pub fn merge(marks: impl IntoIterator<Item = Self>) -> Self {
        let made = marks.into_iter().filter(|mark| mark.is_judged());
        made.max().unwrap_or(Self::Inconclusive)
    }

    /// As it stands in files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::NotApplicable => "not_applicable",
            Self::Skipped => "skipped",
            Self::NotRun => "not_run",
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Why a test failed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A rule of the protocol is broken.
    Behavior,
    /// The device, or its adapter, ended.
    Crash,
    /// It gives no answer.
    Hang,
    /// It breaks the rules of the line between device and harness.
    LinkViolation,
    /// It says more after having said that all was out.
    LateOutput,
    /// It does what it declares that it cannot do.
    UnderDeclared,
    /// It cannot do what it declares that it can.
    OverDeclared,
}

impl Cause {
    /// As it stands in files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Behavior => "behavior",
            Self::Crash => "crash",
            Self::Hang => "hang",
            Self::LinkViolation => "link_violation",
            Self::LateOutput => "late_output",
            Self::UnderDeclared => "under_declared",
            Self::OverDeclared => "over_declared",
        }
    }
}

/// One side of a requirement that a test is to show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The requirement.
    pub requirement: Requirement,
    /// Which side.
    pub side: Polarity,
    /// Situations that showed it of the device under test; 0 shows nothing.
    pub count: u64,
    /// The address of the first record that did, `node.seq`.
    pub record: Option<String>,
}

/// How often a test was made, and how often it passed. More runs never make its mark better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stability {
    /// Runs.
    pub runs: u32,
    /// Of these, passed.
    pub passes: u32,
}

/// Whether a mark is the one that the expectations say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// It is what it should be without any expectation: nothing is wrong.
    Good,
    /// Something is wrong, and the expectations say so, for this reason.
    Known(String),
    /// Something is wrong, and nobody expected it.
    Unknown,
    /// The expectations say otherwise: what they say.
    Otherwise(String),
}

impl Expected {
    /// Whether nothing is to be told.
    #[must_use]
    pub const fn is_as_expected(&self) -> bool {
        matches!(self, Self::Good | Self::Known(_))
    }
}

/// Where everything that was said in a test is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The file, from the folder of the report.
    pub file: String,
    /// The hash at the end of its chain.
    pub root: String,
}

/// A conformance test and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// `ROT-R1-inflight[lead=20ms]@bob#1`: the case, the device of it that is under test, the seed.
    pub id: String,
    /// What it shows, in one sentence.
    pub title: String,
    /// Hash of the texts that the test is made of.
    pub content: String,
    /// Profiles that it belongs to.
    pub profiles: Vec<String>,
    /// What came of it.
    pub mark: Mark,
    /// Of a failure: why.
    pub cause: Option<Cause>,
    /// In one sentence: what is wrong, or why it was not made.
    pub reason: String,
    /// What it is to show, and what it showed.
    pub shown: Vec<Shown>,
    /// Expectations that were evaluated and claims that were shown.
    pub verified: u64,
    /// Frames and prompts that the device under test made.
    pub said: u64,
    /// What was found.
    pub findings: Vec<Finding>,
    /// How often it was made.
    pub stability: Stability,
    /// Whether that is what was expected.
    pub expected: Expected,
    /// Digest over what an observer outside of the device can see.
    pub black_box: String,
    /// Everything that was said.
    pub transcript: Option<Kept>,
    /// The command that makes it again.
    pub repro: String,
}

impl Trial {
    /// A test that is not made yet.
    #[must_use]
    pub fn planned(id: String, title: String, content: String) -> Self {
        Self {
            id,
            title,
            content,
            profiles: Vec::new(),
            mark: Mark::NotRun,
            cause: None,
            reason: String::new(),
            shown: Vec::new(),
            verified: 0,
            said: 0,
            findings: Vec::new(),
            stability: Stability { runs: 0, passes: 0 },
            expected: Expected::Good,
            black_box: String::new(),
            transcript: None,
            repro: String::new(),
        }
    }

    /// The same, left alone for this reason.
    #[must_use]
    pub fn left(self, mark: Mark, reason: impl Into<String>) -> Self {
        Self { mark, reason: reason.into(), ..self }
    }

    /// Joins another making of the same test: the worse of both stands.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        let (one, two) = (self.stability, other.stability);
        let stability = Stability { runs: one.runs + two.runs, passes: one.passes + two.passes };
        let worse = if other.mark > self.mark { other } else { self };
        Self { stability, ..worse }
    }

    /// The scenario's ID.
    #[must_use]
    pub fn scenario(&self) -> &str {
        self.id.split(['[', '@']).next().unwrap_or_default()
    }

    /// The requirements that it is to show.
    pub fn requirements(&self) -> impl Iterator<Item = Requirement> {
        self.shown.iter().map(|it| it.requirement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_test_that_was_made_counts_and_none_shows_nothing() {
        use Mark::{Error, Fail, Inconclusive, NotApplicable, NotRun, Pass, Skipped, Warn};
        for (marks, expected) in [
            (vec![], Inconclusive),
            (vec![NotApplicable, Skipped, NotRun], Inconclusive),
            (vec![Pass, NotApplicable], Pass),
            (vec![Pass, Warn, NotRun], Warn),
            (vec![Inconclusive, Warn], Inconclusive),
            (vec![Inconclusive, Fail, Pass], Fail),
            (vec![Fail, Error], Error),
        ] {
            assert_eq!(Mark::merge(marks.clone()), expected, "{marks:?}");
        }
    }

    #[test]
    fn a_second_making_never_makes_a_test_better() {
        let trial = |mark| Trial {
            stability: Stability { runs: 1, passes: u32::from(mark == Mark::Pass) },
            ..Trial::planned("A@bob#1".to_owned(), String::new(), String::new()).left(mark, "")
        };
        for (one, two) in [(Mark::Pass, Mark::Fail), (Mark::Fail, Mark::Pass)] {
            let both = trial(one).joined(trial(two));
            assert_eq!(both.mark, Mark::Fail);
            assert_eq!(both.stability, Stability { runs: 2, passes: 1 });
        }
    }

    #[test]
    fn words_in_files_are_those_that_are_shown() {
        for mark in Mark::ALL {
            assert_eq!(serde_json::to_value(mark).unwrap(), mark.word());
        }
        assert_eq!(Trial::planned("A-B[n=1]@bob#1".into(), "".into(), "".into()).scenario(), "A-B");
    }
}
