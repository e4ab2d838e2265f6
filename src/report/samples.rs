//! Outcomes, a slice and a study for the tests of this room. Not here: assertions.

use std::collections::BTreeMap;

use crate::base::id::{Epoch, NodeId, UserId};
use crate::base::time::{Duration, Instant};
use crate::trace::slice::{Arrow, Line, Slice, Tone, Weight, What};
use crate::verdict::finding::{Evidence, Finding, Severity};
use crate::verdict::metrics::Metrics;
use crate::verdict::outcome::{Digests, Outcome, Verdict};
use crate::verdict::requirement::{Polarity, Requirement};
use crate::verdict::study::{Setting, Study};

/// A run in which all is as expected.
pub(super) fn pass(seed: u64) -> Outcome {
    let requirement = Requirement::of(17, 5);
    let mut evidence = Evidence::default();
    evidence.note(requirement, Polarity::Positive);
    let mut metrics = Metrics::default();
    metrics.add("lookups", 2);
    metrics.time("chat.delivery", Duration::from_millis(120));
    metrics.time("heal.partition", Duration::from_millis(800 * seed.min(3)));
    Outcome {
        case: "ROT-R1-inflight[lead=20ms]".to_owned(),
        title: "A message stored before the receiver rotates is still displayed".to_owned(),
        seed,
        suite: "p256".to_owned(),
        verdict: Verdict::Pass,
        verified: 3,
        findings: Vec::new(),
        evidence,
        evaluated: BTreeMap::from([("S-03".to_owned(), 2)]),
        claimed: vec![(requirement, Polarity::Positive)],
        reached: vec!["R1".to_owned()],
        metrics,
        events: 1_412 + seed % 100,
        records: 900,
        virtual_time: Duration::from_secs(252),
        digest: digests(seed),
        repro: format!("peadsim run scenarios/rotation/inflight.yaml --seed {seed}"),
    }
}

/// A run with a failure and a warning.
pub(super) fn fail(seed: u64) -> Outcome {
    let shown = |severity, oracle: &str, message: &str| Finding {
        severity,
        oracle: oracle.to_owned(),
        requirements: vec![Requirement::of(5, 2), Requirement::of(15, 1)],
        at: Instant::from_nanos(12_345_678_901),
        message: message.to_owned(),
        records: vec!["d1.17".to_owned(), "s0.4".to_owned()],
    };
    Outcome {
        case: "APR-one-press".to_owned(),
        title: "One press approves <one> request".to_owned(),
        verdict: Verdict::Fail,
        findings: vec![
            shown(Severity::Warning, "S-27", "alice's table is full"),
            shown(Severity::Fail, "S-03", "m1 is displayed twice at epoch 2"),
        ],
        claimed: Vec::new(),
        repro: format!("peadsim run scenarios/approval/press.yaml --seed {seed}"),
        ..pass(seed)
    }
}

/// A run that leaves something open.
pub(super) fn inconclusive(seed: u64) -> Outcome {
    let finding = Finding {
        severity: Severity::Inconclusive,
        oracle: "reaches".to_owned(),
        requirements: Vec::new(),
        at: Instant::from_nanos(60_000_000_000),
        message: "R2 did not occur".to_owned(),
        records: Vec::new(),
    };
    Outcome {
        case: "ROT-R2".to_owned(),
        verdict: Verdict::Inconclusive,
        findings: vec![finding],
        claimed: Vec::new(),
        repro: format!("peadsim run scenarios/rotation/r2.yaml --seed {seed}"),
        ..pass(seed)
    }
}

/// A setting of a case.
pub(super) fn setting(label: &str, value: &str) -> Setting {
    Setting { label: label.to_owned(), value: value.to_owned() }
}

/// Two tables of three sizes, three seeds each but for the last.
pub(super) fn study() -> Study {
    let mut study = Study::default();
    for (table, bonus) in [("lru", 10), ("<a, b>", 0)] {
        for (capacity, hits) in [("16", 80), ("4", 50), ("64", 86)] {
            let settings = [setting("table", table), setting("capacity", capacity)];
            for seed in 1..=if hits == 86 { 1 } else { 3 } {
                let mut run = pass(seed);
                run.metrics = Metrics::default();
                run.metrics.add("table.hit", hits + bonus);
                run.metrics.add("table.miss", 20 + seed);
                study.add("STUDY", &settings, &run);
            }
        }
    }
    study
}

fn digests(seed: u64) -> Digests {
    let digest = |form: &str| format!("{form}{seed:0width$x}", width = 64 - form.len());
    Digests { full: digest("f0"), masked: digest("aa"), black_box: digest("bb") }
}

/// A message that arrives the second time it is sent.
pub(super) fn slice() -> Slice {
    let (alice, server, bob) = (NodeId::device(0), NodeId::account(1), NodeId::device(1));
    let line = |millis: u64, node, tone, what| Line {
        at: Instant::START + Duration::from_millis(millis),
        node,
        what,
        tone,
        weight: Weight::Step,
        marked: millis == 3,
    };
    let note = |text: &str| What::Note(text.to_owned());
    let arrow = |to, label: &str, epoch, arrives: Option<u64>, died: Option<&str>| {
        What::Arrow(Arrow {
            to,
            arrives: arrives.map(|at| Instant::START + Duration::from_millis(at)),
            label: label.to_owned(),
            epoch: Some(Epoch(epoch)),
            died: died.map(str::to_owned),
        })
    };
    Slice {
        title: "m1 (alice>bob#1): a text; <b>&".to_owned(),
        answer: vec!["m1 reached bob's user at 0.060000s.".to_owned()],
        users: ["alice", "bob"].map(|name| UserId::new(name).unwrap()).to_vec(),
        lines: vec![
            line(0, NodeId::HARNESS, Tone::Doubt, note("fault cut (partition) begins")),
            line(1, alice, Tone::Good, note("encrypts m1, own e1 to bob e2")),
            line(2, alice, Tone::Bad, arrow(server, "submit m1", 1, None, Some("partition"))),
            line(3, alice, Tone::Plain, arrow(server, "submit m1", 1, Some(23), None)),
            line(40, server, Tone::Plain, arrow(bob, "deliver m1", 2, Some(60), None)),
            line(60, bob, Tone::Good, note("shows m1: `\u{1b}[2J<script>`")),
        ],
        omitted: 2,
    }
}
