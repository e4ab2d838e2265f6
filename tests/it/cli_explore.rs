//! `peadsim explore` and `peadsim shrink` from outside: order, reports, small scenarios, exit codes.
//!
//! Not here: which failures there are to be found (`mutants`).

use serde_json::Value;

use crate::cli::Place;

/// The first text is displayed, but not with these words; all else is beside the point.
const FAIL: &str = "\
peadsim: 1
id: FAIL
title: A text that is not there
suite: model
seeds: 4..5
devices: {alice: {}, bob: {}, carol: {refresh: 30s}}
given: {warm: [[alice, carol]]}
network: {default: {latency: 20ms..30ms}}
steps:
  - send: {as: m1, from: alice, to: bob, text: hello, at: 1s}
  - rotate: {as: r1, by: carol, after: m1.stored, delay: 3s}
  - send: {as: m2, from: carol, to: alice, after: r1.acked}
expect:
  - displayed: {message: m1, text: other}
  - displayed: m2
time: {active: 30s, settle: 2m}
";

#[test]
fn an_exploration_is_the_same_on_any_number_of_threads() {
    let place = Place::new();
    let explore = |threads| {
        let line = ["explore", "--seeds", "1..6", "--suite", "model", "--format", "json"];
        place.run(&[&line[..], &["--threads", threads]].concat())
    };
    let (one, two) = (explore("1"), explore("3"));
    assert_eq!(one.out, two.out);
    let value: Value = serde_json::from_str(&one.out).unwrap();
    assert_eq!(value["exploration"]["runs"], 6);
    assert_eq!(value["exploration"]["evaluated"], 6);
    assert!(!value["exploration"]["marks"].as_object().unwrap().is_empty());
    let unknown = place.run(&["explore", "--deviation", "M00"]);
    assert_eq!(unknown.exit, 2, "{}", unknown.err);
}

#[test]
fn what_is_found_becomes_a_small_scenario_that_shows_it_again() {
    let place = Place::new();
    let line = ["explore", "--seed", "1", "--suite", "model", "--deviation", "M24"];
    let found = place.run(&[&line[..], &["--report", "found"]].concat());
    assert_eq!(found.exit, 1, "{}{}", found.out, found.err);
    assert!(found.out.contains("peadsim explore --seed 1 --deviation M24"), "{}", found.out);
    let text = std::fs::read_to_string(place.path("found/swarm-1.yaml")).unwrap();
    assert!(text.starts_with("# fingerprint: S-12 C08-R4: "), "{text}");
    assert!(text.matches("  - send:").count() <= 2, "{text}");
    let again = place.run(&["run", "found/swarm-1.yaml"]);
    assert_eq!(again.exit, 0, "{}{}\n{text}", again.out, again.err);
    let smaller = place.run(&["shrink", "found/swarm-1.yaml"]);
    assert_eq!(smaller.exit, 0, "{}", smaller.err);
    assert_eq!(smaller.out.lines().next(), text.lines().next());
}

#[test]
fn a_failing_file_is_shrunk_to_what_fails() {
    let place = Place::new().with("fail.yaml", FAIL);
    let done = place.run(&["shrink", "fail.yaml", "--out", "small.yaml"]);
    assert_eq!(done.exit, 0, "{}", done.err);
    let text = std::fs::read_to_string(place.path("small.yaml")).unwrap();
    assert!(text.starts_with("# fingerprint: expect: "), "{text}");
    for gone in ["carol", "m2", "rotate", "network"] {
        assert!(!text.contains(gone), "{gone} is still there:\n{text}");
    }
    assert_eq!(place.run(&["run", "small.yaml"]).exit, 1);
    let twice = place.run(&["shrink", "fail.yaml", "--out", "small.yaml"]);
    assert_eq!(twice.exit, 2, "nothing is written over: {}", twice.err);
}

#[test]
fn where_nothing_fails_there_is_nothing_to_shrink() {
    let pass = FAIL.replace("text: other", "text: hello");
    let gone = format!("# fingerprint: S-02 C01-R5: _ sees _\n{FAIL}");
    let place = Place::new().with("pass.yaml", &pass).with("gone.yaml", &gone);
    for (file, told) in [
        ("pass.yaml", "there is nothing to shrink"),
        ("gone.yaml", "no longer fails with `S-02 C01-R5: _ sees _`"),
    ] {
        let done = place.run(&["shrink", file]);
        assert_eq!(done.exit, 5, "{}", done.err);
        assert!(done.err.contains(told), "{}", done.err);
    }
}
