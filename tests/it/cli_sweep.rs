//! `peadsim run --sweep` from outside: the table, the figure and where they come from.
//!
//! Not here: the statistics (unit tests of `verdict::figures`), or how a chart looks in detail.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::cli::{Done, Place};
use crate::sources::root;

/// Texts on a link whose latency is drawn, with a library and something to sweep.
const TEXT: &str = "\
peadsim: 1
id: SWEEP
title: A text <arrives> again & again
suite: model
use: [lib.yaml]
params: {gap: {default: 20s}}
devices: {alice: {like: phone}, bob: {like: phone}}
network: {default: {latency: {uniform: 10ms..30ms}}}
steps:
  - send: {as: m1, from: alice, to: bob}
  - send: {as: m2, from: alice, to: bob, delay: $gap}
expect: [{displayed: {message: m2}}]
time: {active: 1m, settle: 2m}
";
const LIBRARY: &str = "templates: {phone: {receive: {push: true}}}\n";

/// Two by two combinations.
const SWEEP: [&str; 6] =
    ["run", "a.yaml", "--sweep", "params.gap=10s,20s", "--sweep", "devices.bob.table.capacity=1,8"];

fn place() -> Place {
    Place::new().with("a.yaml", TEXT).with("lib.yaml", LIBRARY)
}

#[track_caller]
fn check(exit: i32, done: &Done) {
    assert_eq!(done.exit, exit, "{}\n{}", done.out, done.err);
}

#[test]
fn a_sweep_gives_the_same_table_figure_and_provenance_each_time() {
    let place = place();
    for (folder, threads) in [("one", "1"), ("two", "3")] {
        let places = [format!("{folder}.csv"), format!("{folder}.svg")];
        let more = ["--seeds", "1..4", "--threads", threads, "--report", folder];
        let more = [&more[..], &["--csv", &places[0], "--figure", &places[1]]].concat();
        check(0, &place.run(&[&SWEEP[..], &more].concat()));
    }
    let names = ["junit.xml", "provenance.json", "results.json", "sweep.csv"];
    assert_eq!(place.names("one"), names);
    for (one, two) in [
        ("one.csv", "two.csv"),
        ("one.csv", "one/sweep.csv"),
        ("one.svg", "two.svg"),
        ("one/provenance.json", "two/provenance.json"),
        ("one/sweep.csv", "two/sweep.csv"),
    ] {
        assert!(place.read(one) == place.read(two), "{one} is not {two}");
    }
    let table = place.read("one.csv");
    let mut lines = table.lines();
    let head =
        "scenario,params.gap,devices.bob.table.capacity,metric,unit,mean,ci95_low,ci95_high,n";
    assert_eq!(lines.next(), Some(head));
    assert_eq!(lines.clone().count(), 4 * 8, "four combinations, eight metrics");
    assert!(lines.all(|line| line.starts_with("SWEEP,") && line.ends_with(",4")), "{table}");
    let figure = place.read("one.svg");
    assert!(figure.contains("A text &lt;arrives&gt; again &amp; again"), "{figure}");
    assert!(figure.contains("params.gap</text>") && figure.contains("table.capacity=8</text>"));
}

#[test]
fn the_provenance_says_what_it_takes_to_do_it_again() {
    let place = place();
    check(0, &place.run(&[&SWEEP[..], &["--seeds", "3..9", "--report", "out"]].concat()));
    let provenance: Value = serde_json::from_str(&place.read("out/provenance.json")).unwrap();
    let results: Value = serde_json::from_str(&place.read("out/results.json")).unwrap();
    let schema = serde_json::from_str(peadsim::report::provenance::SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&provenance).map(|it| it.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert_eq!(provenance["digest"], results["digest"]);
    let file = |path: &str, text: &str| {
        let sha256 = peadsim::base::units::hex(&Sha256::digest(text));
        json!({"path": path, "octets": text.len(), "sha256": sha256})
    };
    assert_eq!(provenance["files"], json!([file("./lib.yaml", LIBRARY), file("a.yaml", TEXT)]));
    let case = &provenance["cases"][3];
    assert_eq!(case["case"], "SWEEP[params.gap=20s,devices.bob.table.capacity=8]");
    assert_eq!(case["seeds"], json!([{"first": 3, "last": 9}]));

    let line = provenance["command"].as_str().unwrap();
    let words: Vec<&str> = line.split(' ').skip(1).collect();
    check(0, &place.run(&[&words[..], &["--report", "again"]].concat()));
    for name in place.names("out") {
        let both = ["out", "again"].map(|folder| place.read(&format!("{folder}/{name}")));
        assert!(both[0] == both[1], "{name} differs: {line}");
    }
}

#[test]
fn one_seed_has_a_mean_and_no_interval() {
    let place = place();
    check(0, &place.run(&[&SWEEP[..], &["--seed", "1", "--csv", "x.csv"]].concat()));
    let table = place.read("x.csv");
    assert!(table.lines().skip(1).all(|line| line.ends_with(",,,1")), "{table}");
}

#[test]
fn places_that_cannot_be_written_are_found_before_the_first_run() {
    let place = place().with("file", "").with("out/sweep.csv/file", "").with("taken/file", "");
    for more in [
        ["--csv", "none/x.csv"],
        ["--csv", "taken"],
        ["--figure", "file/x.svg"],
        ["--report", "file"],
        ["--report", "out"],
    ] {
        let done = place.run(&[&SWEEP[..], &more].concat());
        check(4, &done);
        assert_eq!(done.out, "", "{more:?} ran first");
        assert!(done.err.contains("cannot "), "{}", done.err);
    }
    assert_eq!(place.names("."), ["a.yaml", "file", "lib.yaml", "out", "taken"]);
    assert_eq!(place.names("out"), ["sweep.csv"]);
}

#[test]
fn what_makes_no_sweep_is_refused() {
    let place = place();
    let many: Vec<String> = (1..=1_001).map(|n| n.to_string()).collect();
    let many = format!("devices.bob.table.capacity={}", many.join(","));
    for (args, message) in [
        (&["--figure", "x.svg"][..], "--sweep <PATH=A,B>"),
        (&["--csv", "x.csv"], "--sweep <PATH=A,B>"),
        (&["--sweep", "params.gap"], "expected PATH=VALUE"),
        (&["--sweep", "params.gap="], "a sweep takes at least one value"),
        (&["--sweep", "params.gap=10s,soon"], "`soon` is no duration"),
        (&["--sweep", "params.gap=10s,10s"], "twice"),
        (&["--sweep", "params.gap=1s", "--sweep", "params.gap=2s"], "swept twice"),
        (&["--sweep", "devices.bob.table.capacity=0,4"], "E110 out-of-limits"),
        (&["--sweep", "devices.bob.table.cap=4"], "E101 unknown-key"),
        (&["--sweep", &many], "E206 too-many-cases"),
        (&["--sweep", "params.gap=1s", "--csv", "x", "--figure", "x"], "name one file"),
    ] {
        let done = place.run(&[&["run", "a.yaml"], args].concat());
        check(2, &done);
        assert!(done.err.contains(message), "{args:?}\n{}", done.err);
    }
    assert_eq!(place.names("."), ["a.yaml", "lib.yaml"]);
}

#[test]
fn a_larger_table_is_searched_with_more_success() {
    let study = root().join("scenarios/cache/study.yaml");
    let study = study.to_str().unwrap();
    let place = Place::new();
    let sweep = ["--sweep", "params.capacity=1,16", "--csv", "x.csv"];
    check(0, &place.run(&[&["run", study], &sweep[..]].concat()));
    let table = place.read("x.csv");
    let hits: Vec<Vec<f64>> = table
        .lines()
        .filter(|line| line.contains(",table-hits,%,"))
        .map(|line| line.split(',').skip(4).map(|field| field.parse().unwrap()).collect())
        .collect();
    assert!(matches!(&hits[..], [one, two] if one[2] < two[1]), "apart with confidence\n{table}");
}
