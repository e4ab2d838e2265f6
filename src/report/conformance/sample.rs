//! Results for the tests of this folder. Not here: real ones.

use std::collections::BTreeMap;

use crate::base::time::Instant;
use crate::verdict::conformity::Role;
use crate::verdict::finding::{Finding, Severity};
use crate::verdict::requirement::{Polarity, Requirement};
use crate::verdict::results::{Results, Subject};
use crate::verdict::trial::{Cause, Expected, Kept, Mark, Shown, Stability, Trial};

fn shown(claim: u8, number: u8, count: u64) -> Shown {
    let record = (count > 0).then(|| "d1.7".to_owned());
    let requirement = Requirement::of(claim, number);
    Shown { requirement, side: Polarity::Positive, count, record }
}

fn trial(id: &str, mark: Mark, reason: &str, shown: Vec<Shown>) -> Trial {
    let planned = Trial::planned(id.to_owned(), format!("Title of <{id}>"), "ab".repeat(32));
    let passes = u32::from(mark == Mark::Pass);
    let made = u32::from(mark.is_judged());
    let stability = Stability { runs: made, passes };
    let repro = format!("peadsim conform --exec device --only '{id}'");
    Trial { shown, stability, repro, verified: 1, said: 3, ..planned.left(mark, reason) }
}

fn failed() -> Trial {
    let finding = Finding {
        severity: Severity::Fail,
        oracle: "S-21".to_owned(),
        requirements: vec![Requirement::of(1, 5)],
        at: Instant::START,
        message: "bob shows a message & it does not <authenticate>".to_owned(),
        records: vec!["d1.9".to_owned()],
    };
    let reason = format!("S-21: {}", finding.message);
    Trial {
        cause: Some(Cause::Behavior),
        findings: vec![finding],
        expected: Expected::Unknown,
        ..trial("B@bob#1", Mark::Fail, &reason, vec![shown(1, 5, 0)])
    }
}

/// One of every mark.
pub fn results() -> Results {
    let root = "cd".repeat(32);
    let kept = Some(Kept { file: "transcripts/A_bob_1-0.jsonl".to_owned(), root });
    let hung = Trial {
        cause: Some(Cause::Hang),
        expected: Expected::Known("the watchdog".to_owned()),
        ..trial("F@bob#1", Mark::Fail, "no answer", vec![shown(2, 1, 0)])
    };
    let trials = vec![
        Trial {
            profiles: vec!["core".to_owned()],
            transcript: kept,
            black_box: "ef".repeat(32),
            ..trial("A[n=1]@bob#1", Mark::Pass, "", vec![shown(1, 1, 2)])
        },
        failed(),
        hung,
        trial("W@bob#1", Mark::Warn, "S-20: a nonce comes again", vec![shown(1, 2, 1)]),
        trial("I@bob#1", Mark::Inconclusive, "nothing was verified", vec![shown(2, 2, 0)]),
        trial("E@bob#1", Mark::Error, "the rig", Vec::new()),
        trial("N@bob#1", Mark::NotApplicable, "it needs `rotate`", vec![shown(17, 1, 0)]),
        trial("S@bob#1", Mark::Skipped, "others were asked for", vec![shown(17, 2, 0)]),
        trial("R@bob#1", Mark::NotRun, "interrupted", vec![shown(17, 3, 0)]),
    ];
    let capabilities = BTreeMap::from([("poll".to_owned(), true), ("push".to_owned(), false)]);
    let subject = Subject {
        role: Role::Device,
        vendor: "Acme & Sons".to_owned(),
        model: "PEAD 1".to_owned(),
        version: "1.2".to_owned(),
        capabilities,
    };
    Results { exit: 4, ..Results::of("0.1.0", subject, trials, true) }
}
