//! A device that connects to its server by itself: the harness is that server, and the line is for the rest.
//!
//! Not here: what can be wrong with such a connection (`conformance::native`).

use serde_json::Value;

use crate::cli::{Done, Place};

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");

fn conform(place: &Place, device: &str, more: &[&str]) -> Done {
    let device = format!("{} {device}", env!("CARGO_BIN_EXE_peadsim"));
    let args = ["conform", "--exec", &device, "--native", "127.0.0.1:0", "--suite", "p256"];
    place.run(&[args.as_slice(), more].concat())
}

#[test]
fn the_reference_device_passes_over_its_own_connection() {
    let place = Place::new();
    let cases = [
        "claims/claim-01-receive-hit.yaml",
        "conformance/approve/approve.yaml",
        "claims/claim-10-poll.yaml",
        "delivery/ack-lost-restart.yaml",
    ];
    let cases = cases.map(|it| format!("{SCENARIOS}/{it}"));
    let real = ["--clock", "real", "--time-scale", "20", "--report", "out", "--format", "json"];
    let mut more = real.to_vec();
    more.extend(cases.iter().map(String::as_str));
    let done = conform(&place, "device --native", &more);
    let results: Value =
        serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{}\n{}", done.out, done.err));
    for trial in results["trials"].as_array().unwrap() {
        assert_eq!(trial["mark"], "pass", "{trial}");
    }
    assert_eq!(results["trials"].as_array().unwrap().len(), cases.len());
    assert_eq!(place.run(&["judge", "out"]).exit, 0);
    // Its frames are not on the line.
    let transcript = place.transcript("out");
    assert!(transcript.contains(r#"\"native\":\"127.0.0.1:"#), "{transcript}");
    assert!(!transcript.contains("net.send") && !transcript.contains("net.deliver"));
}

#[test]
fn what_does_not_fit_together_is_named() {
    let place = Place::new();
    let case = format!("{SCENARIOS}/claims/claim-10-poll.yaml");
    let real = ["--clock", "real"];
    let done = conform(&place, "device --native", &[&case]);
    assert!(done.exit == 2 && done.err.contains("--clock real is needed"), "{}", done.err);
    let done = conform(&place, "device", &[real.as_slice(), &[&case]].concat());
    assert!(done.exit == 4 && done.err.contains("have to be `native`"), "{}", done.err);
    let device = format!("{} device --native", env!("CARGO_BIN_EXE_peadsim"));
    let done = place.run(&["conform", "--exec", &device, &case]);
    assert!(done.exit == 4 && done.err.contains("have to be `mediated`"), "{}", done.err);
    let args = ["conform", "--exec", &device, "--clock", "real", "--native", "0.0.0.0:0", &case];
    let done = place.run(&args);
    assert!(done.exit == 4 && done.err.contains("--allow-remote is needed"), "{}", done.err);
}

/// A device that answers no fence is at rest when it is silent.
#[cfg(target_os = "linux")]
#[test]
fn a_device_without_a_fence_passes_too() {
    let place = Place::new();
    let case = format!("{SCENARIOS}/claims/claim-01-receive-hit.yaml");
    let device = r#"device --native | sed -u 's/"sync":true/"sync":false/'"#;
    let more = ["--clock", "real", "--time-scale", "20", "--report", "out", &case];
    let done = conform(&place, device, &more);
    assert_eq!(done.exit, 0, "{}\n{}", done.out, done.err);
    let transcript = place.transcript("out");
    assert!(!transcript.contains(r#"\"m\":\"sync\""#), "{transcript}");
}
