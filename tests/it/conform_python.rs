//! The device in Python, written from the documents alone, does what the reference does.
//!
//! It needs `cryptography`, version 43 or later, for the interpreter that `PEADSIM_PYTHON` names, else for
//! `python3`. Not here: the reference device (`cli_conform`).

use std::process::Command;

use serde_json::Value;

use crate::cli::Place;

/// Cases that look at what only the inside of a device shows: a race, and an approval before it leaves. No
/// closed device passes them.
const INSIDE: [&str; 2] = ["CLAIM-17-refresh-by-time", "DELIV-approval-stored"];

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

#[test]
fn the_device_in_python_passes() {
    let Some(python) = python() else {
        println!("left out: python3 has no package cryptography of version 43 or later");
        return;
    };
    let device = format!("{python} {}", folder("tests/python/pead.py"));
    let (claims, delivery) = (folder("scenarios/claims"), folder("scenarios/delivery"));
    let place = Place::new();
    let args = ["conform", "--exec", &device, "--suite", "p256", "--format", "json"];
    let done = place.run(&[&args[..], &["--patience", "20s", &claims, &delivery]].concat());
    let results: Value = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{}", done.err));
    let runs = results["trials"].as_array().unwrap();
    let failed: Vec<&str> = runs
        .iter()
        .filter(|run| run["mark"] != "pass" && run["mark"] != "not_applicable")
        .map(|run| run["id"].as_str().unwrap())
        .collect();
    assert_eq!(failed, INSIDE);
    assert!(runs.len() >= 40, "only {} runs apply", runs.len());
}
