//! Relations of two runs, from a scenario's text to what is found: each judge fires, and none without cause.
//!
//! Not here: which differences a relation tells (unit tests of `oracle::relation`).

use std::sync::Arc;

use peadsim::explore::relations::attempt_related;
use peadsim::explore::subject::plan;
use peadsim::scenario::read::{Extras, read_text};
use peadsim::sim::run::RunOptions;
use peadsim::verdict::metrics::{RELATED, UNRELATED};
use peadsim::verdict::outcome::Outcome;

/// Two texts to Bob from each of two senders; the acknowledgement of the first is lost.
const MAIL: &str = "\
peadsim: 1
id: REL
title: Texts to Bob
suite: model
deviations: {bob: [], server: []}
devices: {alice: {}, bob: {table: {capacity: 1}}, carol: {}}
given: {warm: [[alice, bob]]}
steps:
  - drop: {frame: m1.deliver-ack#1, at: 0s}
  - send: {as: m1, from: alice, to: bob}
  - send: {as: m2, from: carol, to: bob, delay: 1s}
  - send: {as: m3, from: alice, to: bob, delay: 1s}
  - send: {as: m4, from: carol, to: bob, delay: 1s}
expect:
  - displayed: {message: m4}
  - finding: {oracle: S-03, count: 0..}
time: {active: 2m, settle: 5m}
";

fn related(text: &str) -> Outcome {
    let reading = read_text("a.yaml", text, &Extras::default());
    let cases = reading.cases.first();
    let case = cases.unwrap_or_else(|| panic!("{}", reading.render(false)));
    let plan = plan(&reading, case, "a.yaml", 1).unwrap_or_else(|text| panic!("{text}"));
    attempt_related(&Arc::new(plan), RunOptions::default()).unwrap()
}

fn check(text: &str, [judged, idle]: [u64; 2], found: &[&str]) {
    let outcome = related(text);
    let count = |name| outcome.metrics.counts.get(name).copied().unwrap_or(0);
    assert_eq!([count(RELATED), count(UNRELATED)], [judged, idle], "{:?}", outcome.findings);
    let relations = ["S-27", "S-29", "S-31", "S-33", "renamed", "another-day", "overtaken"];
    let mut by: Vec<&str> = outcome.findings.iter().map(|it| it.oracle.as_str()).collect();
    by.retain(|oracle| relations.contains(oracle));
    by.dedup();
    assert_eq!(by, found, "{:?}", outcome.findings);
}

#[test]
fn the_reference_keeps_all_relations() {
    check(MAIL, [6, 0], &[]);
}

#[test]
fn a_device_that_trusts_what_is_pushed_shows_it_twice_then() {
    let trusting = MAIL.replace("bob: []", "bob: [M67]").replace("carol, to", "alice, to");
    check(&trusting, [6, 0], &["S-33"]);
}

#[test]
fn a_device_that_drops_mail_when_its_table_is_full_shows_less_than_one_with_room() {
    check(&MAIL.replace("bob: []", "bob: [M51]"), [6, 0], &["S-29"]);
}

#[test]
fn a_device_that_shows_mail_as_it_comes_shows_another_order_when_frames_overtake() {
    check(&MAIL.replace("bob: []", "bob: [M80]"), [6, 0], &["overtaken", "S-27"]);
}

#[test]
fn where_frames_are_lost_at_random_only_exact_repetitions_are_compared() {
    check(&MAIL.replace("devices:", "network: {default: {loss: 5%}}\ndevices:"), [2, 4], &[]);
}
