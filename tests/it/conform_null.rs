//! A device that answers everything and does nothing: no test may pass with it.
//!
//! It is the skeleton of an adapter in C, which so is shown to compile and to speak the protocol. Not here:
//! devices that speak it badly (`conform_flaws`).

use std::process::Command;

use serde_json::Value;

use crate::cli::Place;

/// The skeleton as a program in this place.
fn compiled(place: &Place) -> String {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/c/adapter.c");
    let program = place.path("adapter").display().to_string();
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-o", &program, source];
    let done = Command::new(compiler).args(flags).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    program
}

#[test]
fn what_does_nothing_never_passes() {
    let place = Place::new();
    let device = compiled(&place);
    let suite = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let args = ["conform", "--exec", &device, "--suite", "p256", "--format", "json"];
    // What only the profile of closed devices asks for is enough: 100 tests of every class.
    let done = place.run(&[&args[..], &["--profile", "hook-free", suite]].concat());
    let results: Value = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{}", done.err));
    assert!([1, 5].contains(&done.exit), "exit {}: {}", done.exit, done.err);
    let trials = results["trials"].as_array().unwrap();
    let of = |mark: &'static str| trials.iter().filter(move |it| it["mark"] == mark);
    assert_eq!(of("pass").map(|it| it["id"].as_str().unwrap()).collect::<Vec<_>>(), [""; 0]);
    assert_eq!(of("error").count(), 0);
    let judged = of("fail").count() + of("inconclusive").count();
    assert!(judged >= 90, "only {judged} tests apply");
    assert_eq!(results["conformity"]["claims"]["shown"], 0);
}
