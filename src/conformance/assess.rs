//! From what the judges say of a run to the verdict of a test: with a cause, and with evidence from the device
//! itself, or not at all.
//!
//! Not here: the judges (`oracle`), or what many tests come to (`verdict::conformity`).

use crate::base::id::NodeId;
use crate::conformance::transcript::Fault;
use crate::oracle::spec::{Check, UnderTest};
use crate::scenario::plan::Plan;
use crate::trace::fact::Fact;
use crate::trace::record::Record;
use crate::trace::sink::Sink;
use crate::verdict::conformity::Role;
use crate::verdict::finding::{Finding, Severity};
use crate::verdict::outcome::{Outcome, Verdict};
use crate::verdict::trial::{Cause, Mark, Shown, Stability, Trial};

/// Counts what is under test did for others to see: nothing is verified of one that does nothing.
#[derive(Clone, Copy, Debug)]
pub struct Alive {
    user: Option<u32>,
    /// Frames sent, and prompts and texts shown.
    pub said: u64,
}

impl Alive {
    /// Of this user's device; of none: of the server.
    #[must_use]
    pub const fn of(user: Option<u32>) -> Self {
        Self { user, said: 0 }
    }
}

impl Sink for Alive {
    fn take(&mut self, record: &Record) {
        let node = record.id.node;
        let own = match self.user {
            Some(user) => node == NodeId::device(user),
            None => node.is_account(),
        };
        let does = matches!(record.fact, Fact::Tx(_) | Fact::Prompt(_) | Fact::Display { .. });
        self.said += u64::from(own && does);
    }
}

/// What a run of a test left behind.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What the judges say.
    pub outcome: Outcome,
    /// What broke.
    pub fault: Option<Fault>,
    /// What was said by what is under test.
    pub said: u64,
}

/// The verdict of a test.
#[must_use]
pub fn assess(planned: Trial, plan: &Plan, seen: Seen) -> Trial {
    let Seen { outcome, fault, said } = seen;
    let shown = outcome.claimed.iter().map(|(requirement, side)| Shown {
        requirement: *requirement,
        side: *side,
        count: outcome.evidence.count(*requirement, *side),
        record: outcome.evidence.first(*requirement, *side).map(str::to_owned),
    });
    let shown: Vec<Shown> = shown.collect();
    let (mark, cause, reason) = match fault {
        Some(Fault { mark, cause, text }) => (mark, cause, text),
        None => mark(&outcome, plan, &shown, said),
    };
    let passes = u32::from(mark == Mark::Pass);
    Trial {
        mark,
        cause,
        reason,
        shown,
        verified: outcome.verified,
        said,
        findings: outcome.findings,
        stability: Stability { runs: 1, passes },
        black_box: outcome.digest.black_box,
        ..planned
    }
}

fn mark(
    outcome: &Outcome,
    plan: &Plan,
    shown: &[Shown],
    said: u64,
) -> (Mark, Option<Cause>, String) {
    let first = |severity| {
        let finding = outcome.findings.iter().find(|it| it.severity == severity);
        finding.map_or_else(String::new, sentence)
    };
    match outcome.verdict {
        Verdict::Error => (Mark::Error, None, first(Severity::Error)),
        Verdict::Fail => (Mark::Fail, Some(Cause::Behavior), first(Severity::Fail)),
        Verdict::Inconclusive => (Mark::Inconclusive, None, first(Severity::Inconclusive)),
        Verdict::Pass if said == 0 => {
            let why = "what is under test neither sent nor showed anything";
            (Mark::Inconclusive, None, why.to_owned())
        }
        Verdict::Pass if outcome.verified == 0 => {
            (Mark::Inconclusive, None, "nothing was verified".to_owned())
        }
        Verdict::Pass if is_unshown(plan, shown) => {
            let why = "what is under test showed none of the requirements that it is for";
            (Mark::Inconclusive, None, why.to_owned())
        }
        Verdict::Pass => match outcome.findings.iter().find(|it| is_breach(it, plan)) {
            Some(warning) => (Mark::Warn, None, sentence(warning)),
            None => (Mark::Pass, None, String::new()),
        },
    }
}

/// Whether a test is for requirements and none of them was shown. A server answers for few; what a test is for
/// beside those is no matter of it.
fn is_unshown(plan: &Plan, shown: &[Shown]) -> bool {
    let asked = |it: &&Shown| {
        let server = plan.spec.under_test == Some(UnderTest::Server);
        !server || Role::Server.answers_for(it.requirement)
    };
    let mut asked = shown.iter().filter(asked).peekable();
    asked.peek().is_some() && asked.all(|it| it.count == 0)
}

/// Whether a warning is about a rule, and not one that the scenario asks for.
fn is_breach(finding: &Finding, plan: &Plan) -> bool {
    let asked =
        plan.spec.expectations.iter().any(
            |it| matches!(&it.check, Check::Finding { oracle, .. } if *oracle == finding.oracle),
        );
    finding.severity == Severity::Warning && !finding.requirements.is_empty() && !asked
}

fn sentence(finding: &Finding) -> String {
    format!("{}: {}", finding.oracle, finding.message)
}

/// The code of what is wrong with a test: the judge that says so first, or the cause.
#[must_use]
pub fn reason_code(trial: &Trial) -> &str {
    let severity = match trial.mark {
        Mark::Fail => Severity::Fail,
        Mark::Warn => Severity::Warning,
        Mark::Pass
        | Mark::Inconclusive
        | Mark::Error
        | Mark::NotApplicable
        | Mark::Skipped
        | Mark::NotRun => Severity::Inconclusive,
    };
    match trial.cause {
        Some(cause) if cause != Cause::Behavior => cause.word(),
        Some(_) | None => {
            let finding = trial.findings.iter().find(|it| it.severity == severity);
            finding.map_or_else(|| trial.mark.word(), |it| it.oracle.as_str())
        }
    }
}
