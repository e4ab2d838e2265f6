//! `peadsim verify` from outside: what it tells, exit codes, and when stored digests are replaced.
//!
//! Not here: runs that differ, which only a broken simulator makes (`explore::verify`).

use serde_json::Value;

use crate::cli::{Done, Place};

const ONE: &str = "\
peadsim: 1
id: ONE
title: A text arrives
seeds: 1..2
devices: {alice: {}, bob: {}}
steps:
  - send: {as: m1, from: alice, to: bob}
expect:
  - displayed: {message: m1, count: 1}
";

const STORED: &str = "scenarios/digests.txt";

fn place() -> Place {
    Place::new().with("scenarios/one.yaml", ONE)
}

fn check(exit: i32, done: &Done) {
    assert_eq!(done.exit, exit, "{}\n{}", done.out, done.err);
}

#[test]
fn every_way_is_counted() {
    let place = place();
    let done = place.run(&["verify", "--threads", "3", "--format", "json"]);
    check(0, &done);
    let value: Value = serde_json::from_str(&done.out).unwrap();
    let ways: Vec<_> = value["ways"].as_array().unwrap().iter().collect();
    let names: Vec<&str> = ways.iter().map(|way| way["way"].as_str().unwrap()).collect();
    let expected = ["again on one thread", "on 2 threads", "on 3 threads", "on the other suite"];
    assert_eq!(names[..4], expected);
    assert_eq!(names.get(4).is_some(), value["two_backends"].as_bool().unwrap());
    assert!(ways.iter().all(|way| way["equal"] == 2 && way["different"] == 0), "{}", done.out);
    let schema: Value = serde_json::from_str(peadsim::cli::verify::SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    assert!(validator.is_valid(&value), "{:#?}", validator.iter_errors(&value).collect::<Vec<_>>());
    assert_eq!(value["stored"]["not_compared"], "there is no scenarios/digests.txt");
    let human = place.run(&["verify", "scenarios/one.yaml", "--seeds", "5..9", "--threads", "1"]);
    check(0, &human);
    assert!(human.out.contains("again on one thread  5 equal\n"), "{}", human.out);
    assert!(human.out.contains("all as expected (exit 0)"), "{}", human.out);
}

#[test]
fn stored_digests_change_only_with_a_version() {
    let place = place();
    let bless = || place.run(&["verify", "--bless"]);
    check(0, &bless());
    let first = place.read(STORED);
    assert_eq!(first.lines().count(), 2, "a header and the first seed: {first}");
    check(0, &bless());
    assert_eq!(place.read(STORED), first);
    let place = place
        .with("scenarios/one.yaml", &ONE.replace("from: alice, to: bob", "from: bob, to: alice"));
    let bless = || place.run(&["verify", "--bless"]);
    let done = bless();
    check(2, &done);
    assert!(
        done.err.contains("1 stored digest changes, and no version was raised"),
        "{}",
        done.err
    );
    assert!(done.err.contains("ONE 1: changed from record "), "{}", done.err);
    assert_eq!(place.read(STORED), first);
    let (_, rest) = first.split_once(" world ").unwrap();
    let (_, rest) = rest.split_once(':').unwrap();
    let older = format!("# rng 1 trace 1 world 0:{rest}");
    let place = place.with(STORED, &older);
    check(0, &place.run(&["verify", "--bless"]));
    let second = place.read(STORED);
    assert!(second != first && second.lines().next() == first.lines().next(), "{second}");
}

#[test]
fn runs_are_compared_with_the_stored_digests() {
    let place = place();
    check(0, &place.run(&["verify", "--bless"]));
    let stored = place.read(STORED);
    let done = place.run(&["verify"]);
    check(0, &done);
    assert!(done.out.contains("stored digests       1 equal, 1 not stored\n"), "{}", done.out);
    let changed = place.run(&["verify", "--set", "title=Another"]);
    check(0, &changed);
    let why = "stored digests       not compared: the scenarios are changed by --set or --sweep\n";
    assert!(changed.out.contains(why), "{}", changed.out);
    let (header, run) = stored.split_once('\n').unwrap();
    let digest = run.split(' ').nth(2).unwrap();
    let place = place.with(STORED, &stored.replace(digest, &"0".repeat(digest.len())));
    let done = place.run(&["verify"]);
    check(1, &done);
    assert!(done.out.contains("✗ not as stored: ONE 1: changed\n"), "{}", done.out);
    assert!(
        done.out.contains("stored digests       0 equal, 1 different, 1 not stored\n"),
        "{}",
        done.out
    );
    let later = header.replace("rng 1", "rng 2");
    let place = place.with(STORED, &format!("{later}\n{run}"));
    let done = place.run(&["verify", "--format", "json"]);
    check(0, &done);
    let value: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(value["stored"]["not_compared"], "they are of rng version 2, not 1");
}

#[test]
fn generated_scenarios_are_verified_like_files() {
    let place = Place::new().with(STORED, "of no matter here");
    let done = place.run(&["verify", "--explore", "3..5", "--threads", "2", "--format", "json"]);
    check(0, &done);
    let value: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(value["runs"], 3);
    for way in value["ways"].as_array().unwrap() {
        assert!(way["equal"] == 3 && way["different"] == 0, "{way}");
    }
    assert_eq!(value["stored"]["not_compared"], "none is stored of generated scenarios");
    let human = place.run(&["verify", "--explore", "3..3", "--threads", "1"]);
    check(0, &human);
    assert!(human.out.contains("again on one thread  1 equal\n"), "{}", human.out);
    for other in [&["scenarios"][..], &["--bless"], &["--seeds", "1..2"], &["--set", "id=A"]] {
        check(2, &place.run(&[&["verify", "--explore", "3..3"], other].concat()));
    }
    let endless = format!("0..{}", u64::MAX);
    let done = place.run(&["verify", "--explore", &endless]);
    check(2, &done);
    assert!(done.err.contains("at most 10000000 runs: take fewer seeds"), "{}", done.err);
}

#[test]
fn wrong_use_is_told() {
    let place = place().with("empty/notes.txt", "").with("other/digests.txt", "");
    check(5, &place.run(&["verify", "empty"]));
    check(2, &place.run(&["verify", "none.yaml"]));
    let done = place.run(&["verify", "scenarios", "--bless"]);
    check(2, &done);
    assert!(done.err.contains("peadsim verify --bless [--threads <N>]"), "{}", done.err);
    assert!(!done.err.contains("--bless [PATH]"), "{}", done.err);
    check(2, &place.run(&["verify", "--bless", "--seeds", "1..2"]));
    let place = place.with(STORED, "ONE 1\n");
    let done = place.run(&["verify", "--bless"]);
    check(2, &done);
    assert!(done.err.contains("scenarios/digests.txt: line 1: "), "{}", done.err);
    let done = place.run(&["explain", "world"]);
    check(0, &done);
    assert!(done.out.contains("WORLD_VERSION in src/sim/world.rs"), "{}", done.out);
}
