//! `peadsim compare` from outside: pairs on the same luck, what differs, and what cannot be compared.
//!
//! Not here: the statistics (unit tests of `verdict::figures`).

use serde_json::Value;

use crate::cli::{Done, Place};

/// One text on a link whose latency is drawn.
const TEXT: &str = "\
peadsim: 1
id: LAT
title: A text arrives
suite: model
seeds: 1..6
devices: {alice: {}, bob: {receive: {push: true}}}
network: {default: {latency: {uniform: 10ms..30ms}}}
steps: [{send: {as: m1, from: alice, to: bob}}]
expect: [{displayed: {message: m1}}]
time: {active: 10s, settle: 2m}
";

fn place() -> Place {
    Place::new().with("a.yaml", TEXT).with("b.yaml", &TEXT.replace("30ms", "60ms"))
}

fn check(exit: i32, done: &Done) {
    assert_eq!(done.exit, exit, "{}\n{}", done.out, done.err);
}

fn rows(done: &Done) -> Vec<(String, bool)> {
    let all: Value = serde_json::from_str(&done.out).unwrap();
    let rows = all["cases"][0]["figures"].as_array().unwrap();
    let row =
        |it: &Value| (it["figure"].as_str().unwrap().to_owned(), it["clear"].as_bool().unwrap());
    rows.iter().map(row).filter(|(_, clear)| *clear).collect()
}

#[test]
fn only_what_the_setting_changes_differs() {
    let slow = "network.default.latency={uniform: 110ms..130ms}";
    let done = place().run(&["compare", "a.yaml", "--set", slow, "--format", "json"]);
    check(0, &done);
    let clear: Vec<String> = rows(&done).into_iter().map(|(figure, _)| figure).collect();
    assert_eq!(clear, ["delivery-mean", "delivery-p50", "delivery-p99"]);
    let again = ["compare", "a.yaml", "--set", slow, "--format", "json", "--threads", "1"];
    assert_eq!(place().run(&again).out, done.out);
}

#[test]
fn two_files_are_two_arms_and_the_same_file_twice_is_one() {
    let done = place().run(&["compare", "a.yaml", "b.yaml", "--seeds", "1..20"]);
    check(0, &done);
    assert!(done.out.starts_with("A  a.yaml\nB  b.yaml\n\nLAT, 20 pairs\n"), "{}", done.out);
    let same = place().run(&["compare", "a.yaml", "a.yaml", "--format", "json"]);
    check(0, &same);
    assert!(rows(&same).is_empty(), "{}", same.out);
}

#[test]
fn what_has_no_pairs_is_refused() {
    let place = place().with("c.yaml", &TEXT.replace("1..6", "1..7"));
    check(2, &place.run(&["compare", "a.yaml"]));
    check(2, &place.run(&["compare", "a.yaml", "c.yaml"]));
    check(0, &place.run(&["compare", "a.yaml", "c.yaml", "--seed", "4"]));
    check(2, &place.run(&["compare", "a.yaml", "--set", "devices.bob.recieve=1"]));
    check(2, &place.run(&["compare", "a.yaml", "missing.yaml"]));
}
