//! The device in Python, written from the documents alone, does what the reference does.
//!
//! It needs `cryptography`, version 43 or later, for the interpreter that `PEADSIM_PYTHON` names, else for
//! `python3`. Its other profiles are tested with the optimized program, as users do (`.ci/run`).
//! Not here: the reference device (`cli_conform`).

use std::process::Command;

use serde_json::Value;

use crate::cli::Place;

/// The interpreter, if it has the package. One that was named must have it.
fn python() -> Option<String> {
    let named = std::env::var("PEADSIM_PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| "python3".to_owned());
    let asked = "import cryptography as c; raise SystemExit(int(c.__version__.split('.')[0]) < 43)";
    let has = Command::new(&python).args(["-c", asked]).output();
    let has = has.is_ok_and(|output| output.status.success());
    assert!(has || named.is_none(), "{python} has no package cryptography of version 43 or later");
    has.then_some(python)
}

fn folder(name: &str) -> String {
    format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A command that starts a script of the Python device, unless Python has not what it needs.
fn device(script: &str) -> Option<String> {
    let python = python();
    if python.is_none() {
        println!("left out: python3 has no package cryptography of version 43 or later");
    }
    Some(format!("{} {}/{script}", python?, folder("tests/python")))
}

/// The results of a device with tests of the suite.
fn results(device: &str, more: &[&str]) -> Value {
    let args = ["conform", "--exec", device, "--suite", "p256", "--format", "json"];
    let done = Place::new().run(&[&args[..], &["--patience", "20s"], more].concat());
    serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{}", done.err))
}

/// The tests that were made, with the mark of each.
fn marks(results: &Value) -> Vec<(&str, &str)> {
    let trials = results["trials"].as_array().unwrap().iter();
    let marks = trials.map(|it| (it["id"].as_str().unwrap(), it["mark"].as_str().unwrap()));
    marks.filter(|(_, mark)| !["skipped", "not_applicable"].contains(mark)).collect()
}

#[test]
fn the_device_in_python_passes_its_profiles() {
    let Some(device) = device("pead.py") else { return };
    let suite = folder("scenarios");
    for (profile, least) in [("poll", 4), ("push", 4)] {
        let results = results(&device, &["--profile", profile, &suite]);
        let marks = marks(&results);
        let failed: Vec<_> = marks.iter().filter(|(_, mark)| *mark != "pass").collect();
        assert!(failed.is_empty(), "{profile}: {failed:?}");
        assert!(marks.len() >= least, "{profile}: only {} tests apply", marks.len());
    }
}

#[test]
fn bugs_in_a_copy_of_it_are_caught_by_the_tests_named_for_them() {
    let suite = folder("scenarios");
    for (bug, test) in [
        ("early-press", "BOX-03-early-press@alice"),
        ("nonce-reset", "BOX-02-nonces@alice"),
        ("one-press-signs-two", "BOX-03-one-press@alice"),
        ("stale-secret", "BOX-15-mail-in-flight@bob"),
        ("window-in-memory", "BOX-10-ack-lost-power-cut@bob"),
    ] {
        let Some(device) = device(&format!("broken.py {bug}")) else { return };
        let results = results(&device, &["--only", test, &suite]);
        let failed = marks(&results).iter().any(|(_, mark)| *mark == "fail");
        assert!(failed, "{bug} passes {test}: {}", results["trials"]);
        assert_eq!(results["exit"], 1, "{bug}");
    }
}
