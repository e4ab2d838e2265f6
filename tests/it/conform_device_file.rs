//! The file of a device: where it is and what it declares; the command line wins over it.
//!
//! Not here: what is wrong with such a file in detail (`scenario::device`).

use serde_json::Value;

use crate::cli::{Done, Place};

const CASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/claims/claim-10-poll.yaml");

/// What the reference device declares, with one thing changed.
fn declaration(other: &str) -> String {
    let names = peadsim::verdict::capability::CAPABILITIES.iter().map(|it| it.name);
    let no = ["native", "store_faults", "kat", "power_cycle"];
    let can = |name: &str| no.contains(&name) == (name == other);
    names.map(|name| format!("  {name}: {}\n", can(name))).collect()
}

fn file(more: &str, other: &str) -> String {
    let device = format!("{} device", env!("CARGO_BIN_EXE_peadsim"));
    let declared = declaration(other);
    format!("peadsim: 1\nkind: device\nexec: '{device}'\n{more}capabilities:\n{declared}")
}

fn check(text: &str, more: &[&str], exit: i32, part: &str) -> Done {
    let place = Place::new().with("rig.yaml", text);
    let args = ["conform", "--device", "rig.yaml", "--suite", "p256", CASE];
    let done = place.run(&[args.as_slice(), more].concat());
    assert!(done.out.contains(part) || done.err.contains(part), "{}\n{}", done.out, done.err);
    assert_eq!(done.exit, exit, "{}\n{}", done.out, done.err);
    done
}

#[test]
fn a_file_says_where_a_device_is_and_what_it_declares() {
    let done = check(&file("", ""), &["--report", "out", "--format", "json"], 0, "pass");
    let results: Value = serde_json::from_str(&done.out).unwrap();
    let repro = results["trials"][0]["repro"].as_str().unwrap();
    assert!(repro.contains("--device rig.yaml --exec "), "{repro}");
    let shown = "declares otherwise than it should: `poll` is false there, and true in its answer";
    check(&file("", "poll"), &[], 4, shown);
    check(&file("patients: 2s\n", ""), &[], 2, "did you mean `patience`?");
    check(&file("clock: real\ntime_scale: 50\n", ""), &[], 0, "pass");
    check(&file("clock: real\ntime_scale: 50\n", ""), &["--budget-case", "1ms"], 5, "real time");
    let by_hand = ["--budget-case", "1ms", "--clock", "virtual"];
    check(&file("clock: real\ntime_scale: 50\n", ""), &by_hand, 0, "pass");
    check(&file("", ""), &["--exec", "true"], 4, "the device closed the line");
    check("peadsim: 1\nkind: device\nexec: a\ntcp: 127.0.0.1:1\n", &[], 2, "rig.yaml:4");
}

#[test]
fn the_doctor_reads_it_too_and_judges_how_fast_the_rig_is() {
    let place = Place::new().with("rig.yaml", &file("", ""));
    let done = place.run(&["conform", "doctor", "--device", "rig.yaml"]);
    assert!(
        done.exit == 0 && done.out.contains("timing        good  p99 is within"),
        "{}",
        done.out
    );
    assert!(done.out.contains("says 1 thing\n") || done.out.contains("things\n"), "{}", done.out);
    let args = ["conform", "doctor", "--device", "rig.yaml", "--time-scale", "1000000", CASE];
    let done = place.run(&args);
    assert!(
        done.exit == 0 && done.out.contains("timing        note  rig too slow"),
        "{}",
        done.out
    );
    assert!(done.out.contains("1 of 1 case"), "{}", done.out);
    let schema = place.run(&["schema", "device"]).out;
    let schema: Value = serde_json::from_str(&schema).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    assert_eq!(schema["title"], "peadsim device");
}
