//! What the tests of a device come to: a verdict for each requirement, and two for the whole.
//!
//! A requirement is shown by a test that passed and has evidence for it from the device itself; silence never
//! shows anything. Not here: the tests (`trial`), or how all this is printed (`report`).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::verdict::finding::{Finding, Severity};
use crate::verdict::requirement::{Class, Observability, Polarity, Requirement};
use crate::verdict::trial::{Cause, Mark, Trial};

/// What is under test.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A device.
    #[default]
    Device,
    /// A server.
    Server,
}

impl Role {
    /// Whether a requirement asks something of it.
    #[must_use]
    pub fn answers_for(self, requirement: Requirement) -> bool {
        let classes = requirement.info().map_or(&[][..], |info| info.classes);
        match self {
            Self::Device => classes.iter().any(|class| *class != Class::Srv),
            Self::Server => classes.contains(&Class::Srv),
        }
    }
}

/// What the tests say of one requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Which.
    pub requirement: Requirement,
    /// What they say.
    pub mark: Mark,
    /// In one sentence, unless it passed.
    pub reason: String,
    /// Tests that showed the required behavior.
    pub positive: u64,
    /// Tests that made the provocation and did not see the forbidden behavior.
    pub negative: u64,
    /// Tests that are to show it, or found it broken.
    pub trials: Vec<String>,
}

/// A verdict over many requirements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headline {
    /// The worst of theirs.
    pub mark: Mark,
    /// How many passed.
    pub shown: u64,
    /// Of so many that apply.
    pub of: u64,
    /// Those that did not pass.
    pub open: Vec<Requirement>,
}

/// Everything that tests come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conformity {
    /// Conforms to the claims: what they say, and what they cannot work without.
    pub claims: Headline,
    /// Meets the profile PEAD-P256-1: everything.
    pub profile: Headline,
    /// The requirements that the tests are about, in order.
    pub rows: Vec<Row>,
}

impl Conformity {
    /// What these tests come to, for what is under test.
    #[must_use]
    pub fn of(trials: &[Trial], role: Role) -> Self {
        let mut sheets: BTreeMap<Requirement, Sheet<'_>> = BTreeMap::new();
        for trial in trials {
            let broken = broken(trial);
            let about: BTreeSet<_> = trial.requirements().chain(broken.iter().copied()).collect();
            for requirement in about {
                if role.answers_for(requirement) {
                    sheets.entry(requirement).or_default().add(trial, requirement, &broken);
                }
            }
        }
        let rows: Vec<Row> = sheets.into_iter().map(|(id, sheet)| sheet.row(id)).collect();
        let of_claims = |row: &&Row| row.requirement.info().is_some_and(|it| it.is_of_claim());
        Self {
            claims: headline(rows.iter().filter(of_claims)),
            profile: headline(rows.iter()),
            rows,
        }
    }

    /// Requirements that some test was made for and that none showed or broke.
    pub fn without_evidence(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.mark == Mark::Inconclusive)
    }
}

fn headline<'a>(rows: impl Iterator<Item = &'a Row>) -> Headline {
    let rows: Vec<&Row> = rows.filter(|row| row.mark != Mark::NotApplicable).collect();
    let passed = |row: &&&Row| matches!(row.mark, Mark::Pass | Mark::Warn);
    let marks = rows.iter().map(|row| match row.mark {
        Mark::Skipped | Mark::NotRun => Mark::Inconclusive,
        mark @ (Mark::Pass
        | Mark::Warn
        | Mark::Inconclusive
        | Mark::Fail
        | Mark::Error
        | Mark::NotApplicable) => mark,
    });
    Headline {
        mark: Mark::merge(marks),
        shown: rows.iter().filter(passed).count() as u64,
        of: rows.len() as u64,
        open: rows.iter().filter(|row| !passed(row)).map(|row| row.requirement).collect(),
    }
}

/// Requirements that a test found broken.
fn broken(trial: &Trial) -> BTreeSet<Requirement> {
    match (trial.mark, trial.cause) {
        (Mark::Fail, Some(Cause::Behavior)) => blamed(&trial.findings, trial.requirements()),
        // What judges say of a run that broke off is about its end.
        (Mark::Fail, _) => trial.requirements().collect(),
        _ => BTreeSet::new(),
    }
}

/// Requirements that failures find broken: those that they cite, or else all that the test is for.
#[must_use]
pub fn blamed(
    findings: &[Finding],
    own: impl Iterator<Item = Requirement>,
) -> BTreeSet<Requirement> {
    let failures = || findings.iter().filter(|it| it.severity == Severity::Fail);
    let cited: BTreeSet<_> = failures().flat_map(|it| it.requirements.iter().copied()).collect();
    match failures().next() {
        None => BTreeSet::new(),
        Some(_) if cited.is_empty() => own.collect(),
        Some(_) => cited,
    }
}

/// What is known of one requirement so far.
#[derive(Default)]
struct Sheet<'a> {
    marks: Vec<(Mark, &'a str)>,
    left: Vec<(Mark, &'a str)>,
    sides: [u64; 2],
    trials: Vec<String>,
}

impl<'a> Sheet<'a> {
    fn add(&mut self, trial: &'a Trial, requirement: Requirement, broken: &BTreeSet<Requirement>) {
        self.trials.push(trial.id.clone());
        let reason = trial.reason.as_str();
        match trial.mark {
            Mark::Pass | Mark::Warn => {
                let own = trial.shown.iter().filter(|it| it.requirement == requirement);
                for it in own.filter(|it| it.count > 0) {
                    self.sides[it.side as usize] += 1;
                    self.marks.push((trial.mark, ""));
                }
            }
            Mark::Fail if broken.contains(&requirement) => self.marks.push((Mark::Fail, reason)),
            // It failed by something else, before or after it could show this.
            Mark::Fail => {}
            Mark::Inconclusive | Mark::Error => self.marks.push((trial.mark, reason)),
            Mark::NotApplicable | Mark::Skipped | Mark::NotRun => {
                self.left.push((trial.mark, reason));
            }
        }
    }

    fn row(self, requirement: Requirement) -> Row {
        let (mark, reason) = self.verdict(requirement);
        let [positive, negative] = self.sides;
        Row { requirement, mark, reason, positive, negative, trials: self.trials }
    }

    fn verdict(&self, requirement: Requirement) -> (Mark, String) {
        if let Some((mark, reason)) = self.marks.iter().rev().max_by_key(|(mark, _)| *mark) {
            return (*mark, (*reason).to_owned());
        }
        let inside = requirement.info().is_some_and(|it| it.seen == [Observability::W]);
        if inside {
            return (Mark::NotApplicable, "only the inside of a device shows it".to_owned());
        }
        let all_left = self.left.len() == self.trials.len();
        let open = self.left.iter().find(|(mark, _)| *mark != Mark::NotApplicable);
        match (open, self.left.first()) {
            (Some((mark, reason)), _) => (*mark, (*reason).to_owned()),
            (None, Some((mark, reason))) if all_left => (*mark, (*reason).to_owned()),
            _ => (Mark::Inconclusive, "no test that was made shows it".to_owned()),
        }
    }
}

impl Row {
    /// How often this side was shown.
    #[must_use]
    pub const fn side(&self, side: Polarity) -> u64 {
        match side {
            Polarity::Positive => self.positive,
            Polarity::Negative => self.negative,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Instant;
    use crate::verdict::finding::Finding;
    use crate::verdict::trial::Shown;

    const HIT: Requirement = Requirement::of(1, 1);
    const MISS: Requirement = Requirement::of(1, 2);
    const HARDENING: Requirement = Requirement::of(1, 5);

    fn trial(id: &str, mark: Mark, shown: &[(Requirement, u64)]) -> Trial {
        let shown = shown.iter().map(|(requirement, count)| Shown {
            requirement: *requirement,
            side: Polarity::Positive,
            count: *count,
            record: None,
        });
        let trial = Trial::planned(id.to_owned(), String::new(), String::new());
        Trial { shown: shown.collect(), ..trial.left(mark, format!("{id} is {mark}")) }
    }

    fn failing(id: &str, cites: &[Requirement], claims: &[Requirement]) -> Trial {
        let claims: Vec<_> = claims.iter().map(|it| (*it, 1)).collect();
        let finding = Finding {
            severity: Severity::Fail,
            oracle: "expect".to_owned(),
            requirements: cites.to_vec(),
            at: Instant::START,
            message: String::new(),
            records: Vec::new(),
        };
        let cause = Some(Cause::Behavior);
        Trial { findings: vec![finding], cause, ..trial(id, Mark::Fail, &claims) }
    }

    /// What each row says, and the two headlines.
    fn check(trials: &[Trial], expected: &[&str]) {
        let all = Conformity::of(trials, Role::Device);
        let mut got: Vec<String> = all
            .rows
            .iter()
            .map(|row| format!("{} {} {}", row.requirement, row.mark, row.positive))
            .collect();
        let headline = |it: &Headline| format!("{} {}/{}", it.mark, it.shown, it.of);
        got.extend([headline(&all.claims), headline(&all.profile)]);
        assert_eq!(got, expected);
    }

    #[test]
    fn evidence_is_what_counts() {
        check(&[], &["inconclusive 0/0", "inconclusive 0/0"]);
        check(
            &[trial("a", Mark::Pass, &[(HIT, 1), (MISS, 0)])],
            &["C01-R1 pass 1", "C01-R2 inconclusive 0", "inconclusive 1/2", "inconclusive 1/2"],
        );
        check(
            &[trial("a", Mark::Pass, &[(HIT, 1)]), trial("b", Mark::NotApplicable, &[(MISS, 0)])],
            &["C01-R1 pass 1", "C01-R2 not_applicable 0", "pass 1/1", "pass 1/1"],
        );
        check(
            &[trial("a", Mark::Skipped, &[(HIT, 0)]), trial("b", Mark::Warn, &[(MISS, 2)])],
            &["C01-R1 skipped 0", "C01-R2 warn 1", "inconclusive 1/2", "inconclusive 1/2"],
        );
    }

    #[test]
    fn a_failure_counts_against_what_it_cites_or_else_against_all() {
        check(
            &[failing("a", &[HARDENING], &[HIT]), trial("b", Mark::Pass, &[(HIT, 1)])],
            &["C01-R1 pass 1", "C01-R5 fail 0", "pass 1/1", "fail 1/2"],
        );
        check(
            &[failing("a", &[], &[HIT, MISS]), trial("b", Mark::Pass, &[(HIT, 1)])],
            &["C01-R1 fail 1", "C01-R2 fail 0", "fail 0/2", "fail 0/2"],
        );
    }
}
