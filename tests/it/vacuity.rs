//! Nothing passes for nothing: null devices, idle worlds, expectations and oracles that are never reached.
//!
//! Not here: that what happens is judged rightly, which the kill matrix shows.

use std::path::Path;
use std::sync::Arc;

use peadsim::scenario::diagnostics::Diagnostics;
use peadsim::scenario::plan::Plan;
use peadsim::scenario::read::{Extras, read_file};
use peadsim::scenario::resolve::resolve;
use peadsim::sim::run::{RunOptions, run};
use peadsim::verdict::outcome::Verdict;
use rayon::prelude::*;
use serde_json::Value;

use crate::cli::{Done, Place};
use crate::sources::root;

#[test]
fn no_scenario_of_a_claim_passes_with_null_devices() {
    let mut plans = plans(&root().join("scenarios/claims"));
    assert!(plans.len() >= 40, "only {} cases", plans.len());
    plans.iter_mut().for_each(|plan| plan.null_devices = true);
    let passing: Vec<String> = plans
        .into_par_iter()
        .map(|plan| run(&Arc::new(plan), RunOptions::default()))
        .filter(|outcome| outcome.verdict == Verdict::Pass)
        .map(|outcome| outcome.case)
        .collect();
    assert!(passing.is_empty(), "{passing:#?}");
}

/// Every case of the files of a folder, with its first seed.
fn plans(folder: &Path) -> Vec<Plan> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .flat_map(|path| {
            let reading = read_file(&path, None, &Extras::default());
            let cases = reading.cases.into_iter();
            cases
                .map(|case| {
                    let seed = case.scenario.seeds.value.0[0];
                    resolve(&case, seed, "", &mut Diagnostics::default()).unwrap()
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

/// A text that arrives.
const PASS: &str = "\
peadsim: 1
id: PASS
title: A text arrives
suite: model
devices: {alice: {}, bob: {}}
steps:
  - send: {as: m1, from: alice, to: bob}
expect:
  - displayed: {message: m1, count: 1}
";

/// Runs a text: the exit code, and what is wrong.
fn judged(text: &str) -> (i32, Vec<String>) {
    let place = Place::new().with("it.yaml", text);
    let done = place.run(&["run", "it.yaml", "--format", "json"]);
    let runs = json(&done)["runs"].clone();
    let findings = runs[0]["findings"].as_array().unwrap();
    let name = |finding: &Value| {
        let word = |key: &str| finding[key].as_str().unwrap().to_owned();
        format!("{} {}: {}", word("severity"), word("oracle"), word("message"))
    };
    (done.exit, findings.iter().map(name).collect())
}

fn json(done: &Done) -> Value {
    serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{}\n{}", done.out, done.err))
}

#[test]
fn a_world_in_which_nothing_happens_verifies_nothing() {
    let vacuous = "inconclusive vacuous: nothing was verified: nothing that had to happen was \
                   expected or claimed";
    let idle = PASS.split("steps:").next().unwrap();
    assert_eq!(judged(PASS), (0, Vec::new()));
    assert_eq!(judged(idle), (5, vec![vacuous.to_owned()]));
    let nothing = format!("{idle}expect: [{{lookups: {{by: bob, count: 0}}}}]\n");
    assert_eq!(judged(&nothing), (5, vec![vacuous.to_owned()]), "absence alone is no evidence");
    let place = Place::new().with("idle.yaml", &idle.replace("PASS", "IDLE"));
    let both = place.with("pass.yaml", PASS).run(&["run", "idle.yaml", "pass.yaml"]);
    assert_eq!(both.exit, 3, "the other run does not make up for it\n{}", both.out);
}

#[test]
fn an_expectation_that_is_never_evaluated_is_inconclusive() {
    let text = PASS.replace(
        "expect:\n",
        "  - send: {as: m2, from: bob, to: alice, after: m1.bounced}\n\
         expect:\n  - displayed: {message: m2, count: 0}\n",
    );
    let (exit, findings) = judged(&text);
    assert_eq!(exit, 3);
    let never = |it: &String| it.starts_with("inconclusive expect: ") && it.contains("m2 never");
    assert!(findings.iter().any(never), "{findings:#?}");
}

#[test]
fn oracles_and_requirements_that_nothing_reached_are_told() {
    let place = Place::new().with("it.yaml", PASS);
    let coverage = json(&place.run(&["run", "it.yaml", "--format", "json"]))["coverage"].clone();
    let holds = |key: &str, id: &str| {
        coverage[key].as_array().unwrap().iter().any(|it| it.as_str() == Some(id))
    };
    assert!(holds("never_evaluated", "S-13"), "nobody asked for an approval");
    assert!(!holds("never_evaluated", "S-02"), "a text was displayed");
    assert!(holds("without_evidence", "C03-R1"));
    let out = place.run(&["run", "it.yaml"]).out;
    for row in ["no evidence   101 of 101 requirements\n", "never judged  "] {
        assert!(out.contains(row), "{out}");
    }
}
