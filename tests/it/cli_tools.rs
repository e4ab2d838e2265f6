//! The small subcommands from outside: check, schema, new, explain, decode, vectors, man, completions.
//!
//! Not here: `run`.

use peadsim::conformance::{message, server_message};
use peadsim::report::{conformance, json, load};
use serde_json::Value;

use crate::cli::Place;

#[test]
fn every_skeleton_passes_the_check() {
    for like in ["rotation", "delivery", "approval", "fleet", "conform", "load"] {
        let place = Place::new();
        let new = place.run(&["new", "made/try.yaml", "--like", like]);
        assert_eq!(new.exit, 4, "the folder is not made: {}", new.err);
        std::fs::create_dir(place.path("made")).unwrap();
        assert_eq!(place.run(&["new", "made/try.yaml", "--like", like]).exit, 0);
        let check = place.run(&["check", "made"]);
        assert_eq!((check.exit, check.err.as_str()), (0, ""), "{like}");
        assert!(check.out.starts_with("1 file, "), "{}", check.out);
        let again = place.run(&["new", "made/try.yaml"]);
        assert_eq!(again.exit, 2);
        assert!(again.err.contains("exists already"), "{}", again.err);
        let stdout = place.run(&["new", "-", "--like", like]);
        assert!(stdout.out.contains("\nid: MY-SCENARIO\n"), "{}", stdout.out);
    }
}

#[test]
fn the_check_tells_everything_at_once() {
    let text = "peadsim: 1\nid: X\ntitle: t\ndevices: {bob: {}}\nsteps:\n  \
                - send: {from: bob, to: bob, txet: a}\n  - rotate: {by: bobb}\nexpect: []\n";
    let place = Place::new().with("bad.yaml", text);
    let human = place.run(&["check", "bad.yaml"]);
    assert_eq!(human.exit, 2);
    assert!(human.err.contains("bad.yaml:6:"), "{}", human.err);
    assert!(human.err.contains("txet"), "{}", human.err);
    let json = place.run(&["check", "bad.yaml", "--format", "json"]);
    assert_eq!(json.exit, 2);
    let value: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(value["exit"], 2);
    assert_eq!(value["files"][0]["findings"][0]["at"]["line"], 6);
    assert_eq!(place.run(&["check", "none.yaml"]).exit, 2);
}

#[test]
fn an_expanded_case_is_a_scenario_of_its_own() {
    let text = "peadsim: 1\nid: X\ntitle: t\nparams: {n: {each: [1s, 2s]}}\n\
                devices: {a: {receive: {poll: 20s..40s}}, b: {}}\n\
                steps: [{send: {as: m, from: a, to: b, at: $n}}]\nexpect: [{displayed: m}]\n";
    let place = Place::new().with("x.yaml", text);
    let done = place.run(&["check", "x.yaml", "--expand", "--seed", "3"]);
    assert_eq!(done.exit, 0, "{}", done.err);
    let cases: Vec<&str> = done.out.split("---\n").collect();
    assert_eq!(cases.len(), 2, "{}", done.out);
    assert!(cases[1].starts_with("# X[n=2s]\npeadsim: 1\n"), "{}", cases[1]);
    assert!(!done.out.contains(".."), "{}", done.out);
    let place = place.with("one.yaml", cases[1]);
    assert_eq!(place.run(&["check", "one.yaml"]).exit, 0);
}

#[test]
fn ids_of_every_kind_are_explained() {
    let place = Place::new();
    for (id, words) in [
        ("C05-R2", "judged by"),
        ("c05-r2", "judged by"),
        ("S-03", "at most once"),
        ("L-05", "kills      M41"),
        ("M39", "killed by  C17-R5"),
        ("R1", "receiver's epoch ends"),
        ("E101", "unknown-key"),
        ("unknown-key", "E101"),
    ] {
        let done = place.run(&["explain", id]);
        assert_eq!(done.exit, 0, "{id}: {}", done.err);
        assert!(done.out.contains(words), "{id}: {}", done.out);
    }
    let done = place.run(&["explain", "S-3"]);
    assert_eq!(done.exit, 2);
    assert!(done.err.contains("did you mean `S-3"), "{}", done.err);
}

#[test]
fn explanations_name_the_scenarios_of_the_folder() {
    let text = "peadsim: 1\nid: X\ntitle: t\nrequirements: {positive: [C17-R5]}\nreaches: [R1]\n\
                kills: [M39]\ndevices: {a: {}, b: {}}\n\
                steps: [{send: {as: m, from: a, to: b}}]\nexpect: [{displayed: m}]\n";
    let place = Place::new().with("scenarios/x.yaml", text);
    for id in ["C17-R5", "R1", "M39"] {
        let done = place.run(&["explain", id]);
        assert!(done.out.contains("scenario   X scenarios/x.yaml"), "{id}: {}", done.out);
    }
}

#[test]
fn frames_are_described_up_to_the_octet_that_breaks_them() {
    // A poll: version 1, type 7, request 8 octets, no ticket, body.
    let place = Place::new().with("frame.hex", "85 01 07\n48 0000000000000001 f6 ff\n");
    let done = place.run(&["decode", "frame.hex"]);
    assert_eq!(done.exit, 2);
    assert!(done.out.contains("breaks here"), "{}", done.out);
    assert_eq!(place.run(&["decode", "850107480000000000000001f6ff"]).out, done.out);
    for (frame, words) in [("8501x", "neither a frame in hex nor a file"), (".", "cannot read")] {
        let done = place.run(&["decode", frame]);
        assert!(done.exit != 0 && done.err.contains(words), "{frame}: {}", done.err);
    }
}

#[test]
fn documents_for_other_programs_are_printed_whole() {
    let place = Place::new();
    let schema: Value = serde_json::from_str(&place.run(&["schema"]).out).unwrap();
    assert_eq!(schema["title"], "peadsim scenario");
    assert_eq!(place.run(&["schema", "attachment"]).out, message::SCHEMA);
    let server = place.run(&["schema", "attachment-server"]).out;
    assert_eq!(server, server_message::SERVER_SCHEMA);
    assert_eq!(place.run(&["schema", "load"]).out, load::SCHEMA);
    assert_eq!(place.run(&["schema", "knee"]).out, load::KNEE_SCHEMA);
    assert_eq!(place.run(&["schema", "results"]).out, json::SCHEMA);
    assert_eq!(place.run(&["schema", "conformance"]).out, conformance::json::SCHEMA);
    let vectors: Value = serde_json::from_str(&place.run(&["vectors"]).out).unwrap();
    assert_eq!(vectors["profile"], "PEAD-P256-1");
    assert!(place.run(&["vectors", "--format", "c"]).out.contains("pead_kidA[32]"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.run(&["completions", shell]).out.contains("peadsim"), "{shell}");
    }
    let man = place.run(&["man"]).out;
    assert!(man.contains(".TH peadsim") && man.contains("fail\\-fast"), "{man}");
}

#[test]
fn help_states_the_exit_codes() {
    let place = Place::new();
    let help = place.run(&["--help"]);
    assert_eq!(help.exit, 0);
    assert!(help.out.contains("5 nothing was verified"), "{}", help.out);
    assert_eq!(place.run(&["frobnicate"]).exit, 2);
    assert_eq!(place.run(&[]).exit, 2);
}
