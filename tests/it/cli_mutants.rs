//! `peadsim mutants` from outside: states, exit codes, reports, comparison with an earlier matrix.
//!
//! Not here: whether the suite kills what it should, which the matrix itself tells.

use serde_json::Value;

use crate::cli::{Done, Place};

/// Two texts under one key show a constant nonce; nothing shows a replay.
const TWO: &str = "\
peadsim: 1
id: TWO
title: Two texts arrive
suite: model
seeds: 1..3
kills: [M24, M28]
devices: {alice: {}, bob: {}}
steps:
  - send: {as: m1, from: alice, to: bob}
  - send: {as: m2, from: alice, to: bob}
expect:
  - displayed: {message: m2, count: 1}
";

fn place() -> Place {
    Place::new().with("scenarios/two.yaml", TWO)
}

fn check(exit: i32, done: &Done) {
    assert_eq!(done.exit, exit, "{}\n{}", done.out, done.err);
}

/// State of each row, by the fate of its only cell.
fn fates(done: &Done) -> Vec<(String, String)> {
    let value: Value = serde_json::from_str(&done.out).unwrap();
    let rows = value["matrix"]["rows"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or("unlisted").to_owned();
    rows.iter().map(|row| (text(&row["id"]), text(&row["cells"][0]["fate"]))).collect()
}

#[test]
fn what_is_killed_survives_or_is_not_listed_is_told() {
    let place = place();
    let done = place.run(&["mutants", "--only", "M24,M28,M39", "--format", "json"]);
    check(1, &done);
    let expected = [("M24", "killed"), ("M28", "survived"), ("M39", "unlisted")];
    assert_eq!(fates(&done), expected.map(|(id, fate)| (id.to_owned(), fate.to_owned())));
    check(0, &place.run(&["mutants", "--only", "M24"]));
    check(1, &place.run(&["mutants", "--only", "M28"]));
    check(1, &place.run(&["mutants", "--only", "M39"]));
    let human = place.run(&["mutants", "--only", "M24,M28"]).out;
    assert!(human.contains("2 listed, 1 killed by what is named for them, 1 survived"), "{human}");
    assert!(human.contains("TWO lists it: survived in 3 runs"), "{human}");
}

#[test]
fn the_matrix_does_not_depend_on_the_number_of_threads() {
    let place = place();
    let matrix = |threads: &str| {
        let args = ["mutants", "--all", "--only", "M24,M28,M39", "--format", "json"];
        let done = place.run(&[&args[..], &["--threads", threads]].concat());
        let lines = done.out.lines().filter(|line| !line.contains("\"cpu\""));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(matrix("1"), matrix("3"));
}

#[test]
fn a_reference_that_does_not_pass_is_a_finding() {
    let wrong = TWO.replace("displayed: {message: m2, count: 1}", "lookups: {by: bob, count: 0}");
    let place = Place::new().with("two.yaml", &wrong);
    let done = place.run(&["mutants", "two.yaml", "--only", "M24"]);
    check(1, &done);
    assert!(done.out.contains("✗ reference TWO seed 1 does not pass: expect: "), "{}", done.out);
}

#[test]
fn only_what_is_worse_than_the_committed_matrix_counts() {
    let place = place();
    let both = ["mutants", "--only", "M24,M28"];
    check(1, &place.run(&[&both[..], &["--report", "reports"]].concat()));
    assert_eq!(place.names("reports"), ["mutants.json", "mutants.md"]);
    for file in ["reports/mutants.md", "reports/mutants.json"] {
        check(0, &place.run(&[&both[..], &["--check", file]].concat()));
    }
    let text = place.read("reports/mutants.md");
    let other = text.replace("| survived |", "| killed |");
    let place = place.with("better.md", &other).with("none.md", "# nothing\n");
    let done = place.run(&[&both[..], &["--check", "better.md"]].concat());
    check(1, &done);
    assert_eq!(done.err, "M28: was killed, now survived\n");
    check(2, &place.run(&[&both[..], &["--check", "none.md"]].concat()));
    check(2, &place.run(&[&both[..], &["--check", "missing.md"]].concat()));
    let printed = place.run(&[&both[..], &["--format", "markdown"]].concat()).out;
    let without_times = |text: &str| -> String {
        text.lines().map(|line| line.rsplit_once(" | ").map_or(line, |(head, _)| head)).collect()
    };
    assert_eq!(without_times(&printed), without_times(&text));
}

#[test]
fn nothing_unknown_is_run() {
    let place = place().with("empty/notes.txt", "");
    let done = place.run(&["mutants", "--only", "M240"]);
    check(2, &done);
    assert!(done.err.contains("did you mean `M24`?"), "{}", done.err);
    check(5, &place.run(&["mutants", "empty"]));
    check(2, &place.run(&["mutants", "--seeds", "2..1"]));
    let place = place.with("file", "");
    check(4, &place.run(&["mutants", "--only", "M24", "--report", "file/out"]));
}
