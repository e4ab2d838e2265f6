//! `peadsim why` from outside: what it finds, what it draws, and what it says when it cannot.
//!
//! Not here: the words of a slice in detail.

use quick_xml::events::Event;
use serde_json::Value;

use crate::cli::{Done, Place};

/// Every frame is lost until the settle phase, so that the text comes too late.
const LATE: &str = "\
peadsim: 1
id: LATE
title: A text comes too late
suite: model
seeds: 1..2
given: {warm: [[alice, bob]]}
devices: {alice: {}, bob: {}}
network: {default: {loss: 100%}}
steps:
  - send: {as: m1, from: alice, to: bob, text: hello}
expect:
  - displayed: {message: m1, until: 5s}
time: {active: 60s, settle: 5m}
";

fn fine() -> String {
    LATE.replace("loss: 100%", "loss: 0%").replace("until: 5s", "count: 1")
}

fn check(exit: i32, done: &Done) {
    assert_eq!(done.exit, exit, "{}\n{}", done.out, done.err);
}

/// A place with the trace of a run in `t.jsonl`.
fn traced() -> Place {
    let place = Place::new().with("late.yaml", LATE);
    check(1, &place.run(&["run", "late.yaml", "--seed", "1", "--trace", "t.jsonl"]));
    place
}

#[test]
fn the_first_finding_is_explained_by_default() {
    let place = Place::new().with("late.yaml", LATE);
    let done = place.run(&["why", "late.yaml"]);
    check(0, &done);
    assert!(done.out.starts_with("expect at "), "{}", done.out);
    for part in ["alice e1 -X server  submit m1: loss", "more times: submit m1, all lost (loss)"] {
        assert!(done.out.contains(part), "no `{part}` in {}", done.out);
    }
    assert!(done.out.lines().filter(|line| line.contains("s  ")).count() <= 30, "{}", done.out);
    let run = place.run(&["run", "late.yaml"]);
    let line = run.out.lines().find_map(|line| line.trim().strip_prefix("peadsim why "));
    let words: Vec<&str> = line.unwrap().split(' ').collect();
    assert_eq!(place.run(&[&["why"], &words[..]].concat()).out, done.out);
}

#[test]
fn a_message_is_explained_by_its_name_and_by_its_mid() {
    let place = Place::new().with("fine.yaml", &fine());
    let named = place.run(&["why", "fine.yaml", "--message", "m1", "--seed", "2"]);
    check(0, &named);
    assert!(named.out.contains("shows m1: `hello`"), "{}", named.out);
    let mid = place.run(&["why", "fine.yaml", "--message", "alice>bob#2", "--seed", "2"]);
    assert_eq!(named.out, mid.out);
}

#[test]
fn a_trace_tells_the_same_as_the_run_it_is_of() {
    let place = traced();
    let recorded = place.run(&["why", "t.jsonl", "--message", "m1"]);
    check(0, &recorded);
    let made = place.run(&["why", "late.yaml", "--message", "m1", "--seed", "1"]);
    assert_eq!(recorded.out, made.out);
    let text = place.read("t.jsonl");
    let place = place.with("renamed", &text);
    assert_eq!(place.run(&["why", "renamed", "--message", "m1"]).out, made.out);
}

#[test]
fn every_drawing_is_well_formed() {
    let place = traced();
    let draw = |format: &str| {
        let done = place.run(&["why", "t.jsonl", "--message", "m1", "--format", format]);
        check(0, &done);
        done.out
    };
    assert!(draw("mermaid").starts_with("sequenceDiagram\n    title m1 "));
    let events: Value = serde_json::from_str(&draw("perfetto")).unwrap();
    assert!(events["traceEvents"].as_array().unwrap().len() > 30);
    let svg = draw("svg");
    let mut reader = quick_xml::reader::Reader::from_str(&svg);
    let mut depth = 0;
    loop {
        match reader.read_event().unwrap() {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0, "{svg}");
    assert!(svg.contains("submit m1, e1: loss"), "{svg}");
}

#[test]
fn colors_are_for_terminals_and_obey_no_color() {
    let place = traced();
    let args = ["why", "t.jsonl", "--message", "m1"];
    let colored = |variables: &[(&str, &str)]| {
        let output = place.command(&args).envs(variables.iter().copied()).output().unwrap();
        output.stdout.contains(&0x1b)
    };
    assert!(colored(&[("CLICOLOR_FORCE", "1")]));
    assert!(!colored(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!colored(&[]));
}

#[test]
fn traces_that_cannot_be_read_say_where() {
    let place = traced();
    let text = place.read("t.jsonl");
    let lines = text.lines().count();
    let third: String = text.lines().take(3).map(|line| format!("{line}\n")).collect();
    let ask = |name: &str, text: &str| {
        std::fs::write(place.path(name), text).unwrap();
        place.run(&["why", name, "--message", "m1"])
    };
    for (name, text, says) in [
        ("cut.jsonl", &third[..], "the trace is cut off after line 3".to_owned()),
        ("torn.jsonl", &text[..text.len() - 5], format!("is cut off after line {lines}")),
        (
            "other.jsonl",
            &text.replacen("\"peadsim-trace\":1", "\"peadsim-trace\":7", 1),
            "the trace has version 7, this program reads version 1".to_owned(),
        ),
        (
            "damaged.jsonl",
            &text.replacen("\"fact\":", "\"fakt\":", 1),
            "damaged.jsonl: line 2: no record, missing field `fact`".to_owned(),
        ),
        ("yaml.jsonl", LATE, "this is no trace: line 1 should be its header".to_owned()),
        ("empty.jsonl", "", "this is no trace".to_owned()),
    ] {
        let done = ask(name, text);
        check(2, &done);
        assert!(done.err.contains(&says), "{name}: {}", done.err);
        assert_eq!(done.out, "");
    }
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let place = traced().with("fine.yaml", &fine()).with("bad.yaml", &LATE.replace("text", "txet"));
    for (args, exit, says) in [
        (&["why", "late.yaml", "--message", "m2"][..], 2, "did you mean `m1`?"),
        (&["why", "t.jsonl", "--message", "alice>bob#7"], 2, "did you mean `alice>bob#"),
        (&["why", "t.jsonl", "--message", "zebra"], 2, "there are m1, alice>bob#1"),
        (&["why", "t.jsonl"], 2, "ask for a message: --message NAME, one of m1"),
        (&["why", "t.jsonl", "--message", "m1", "--seed", "1"], 2, "--seed changes a run"),
        (&["why", "fine.yaml"], 5, "no run has a finding"),
        (&["why", "late.yaml", "--finding", "S-03"], 5, "S-03 found nothing in LATE with seed 1"),
        (&["why", "late.yaml", "--case", "LATR", "--message", "m1"], 2, "did you mean `LATE`?"),
        (&["why", "none.yaml"], 2, "no such file"),
        (&["why", "none.jsonl"], 2, "no such file"),
        (&["why", "."], 2, "is a folder"),
        (&["why", "bad.yaml"], 2, "txet"),
    ] {
        let done = place.run(args);
        check(exit, &done);
        assert!(done.err.contains(says), "{args:?}: {}", done.err);
        assert_eq!(done.out, "", "{args:?}");
    }
}
