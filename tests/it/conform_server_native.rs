//! The server of `serve` over real sockets as a server under test: it passes, and mistakes in it are caught.
//!
//! Not here: a server whose frames go over the line (`conform_server`), or devices that connect by themselves
//! (`conform_native`).

use serde_json::Value;

use crate::cli::{Done, Place};

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");

fn conform(place: &Place, server: &str, more: &[&str]) -> Done {
    let server = format!("{} device --server {server}", env!("CARGO_BIN_EXE_peadsim"));
    let args = ["conform", "--server", "--exec", &server, "--suite", "p256"];
    place.run(&[args.as_slice(), more].concat())
}

/// A real clock, thirty times as fast, and a free port.
const REAL: [&str; 6] = ["--clock", "real", "--time-scale", "30", "--native", "127.0.0.1:0"];

/// The marks of tests, in their order.
fn marks(done: &Done) -> Vec<(String, String)> {
    let results: Value = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{}", done.err));
    let word = |it: &Value| it.as_str().unwrap().to_owned();
    let trials = results["trials"].as_array().unwrap().iter();
    let made = trials.filter(|it| it["mark"] != "skipped");
    made.map(|it| (word(&it["id"]), word(&it["mark"]))).collect()
}

#[test]
fn the_reference_server_passes_over_its_own_connections() {
    let place = Place::new();
    let cases = [
        "CLAIM-09-full-mailbox",
        "CLAIM-11-push",
        "FAULT-server-crash",
        "PROV-second-registration",
        "ADV-reregister",
        "ROT-R11-revoked",
        "ROT-R6-in-grace",
    ];
    let only = cases.iter().flat_map(|case| ["--only", *case]);
    let mut more: Vec<&str> = REAL.into_iter().chain(only).collect();
    more.extend(["--report", "out", "--format", "json", SCENARIOS]);
    let done = conform(&place, "--native", &more);
    let marks = marks(&done);
    assert!(marks.iter().all(|it| it.1 == "pass"), "{marks:?}\n{}", done.err);
    assert_eq!((done.exit, marks.len()), (0, cases.len()));
    assert_eq!(place.run(&["judge", "out"]).exit, 0);
    // Frames are not on the line, and it listens where it says.
    let transcript = place.transcript("out");
    assert!(transcript.contains(r#"\"native\":\"127.0.0.1:"#), "{transcript}");
    assert!(!transcript.contains("net.send") && !transcript.contains("net.deliver"));
}

#[test]
fn servers_that_break_rules_are_caught_over_sockets() {
    let place = Place::new();
    for (deviation, case) in [
        ("M69", "CLAIM-09-full-mailbox"),
        ("M74", "PROV-second-registration"),
        ("M76", "CLAIM-09-expiry"),
    ] {
        let server = format!("--native --deviation {deviation}");
        let more = [REAL.as_slice(), &["--only", case, "--format", "json", SCENARIOS]].concat();
        let done = conform(&place, &server, &more);
        let marks = marks(&done);
        assert!(done.exit == 1 && marks[0].1 == "fail", "{deviation}: {marks:?}\n{}", done.err);
    }
}

#[test]
fn what_does_not_fit_together_is_named() {
    let place = Place::new();
    let case = format!("{SCENARIOS}/claims/claim-10-poll.yaml");
    let check = |server: &str, more: &[&str], exit: i32, part: &str| {
        let done = conform(&place, server, &[more, &[&case]].concat());
        assert!(done.exit == exit && done.err.contains(part), "{}\n{}", done.exit, done.err);
    };
    check("--native", &["--native", "127.0.0.1:0"], 2, "--clock real is needed");
    check("--native", &["--clock", "real"], 2, "--native says where it is to listen");
    check("", &REAL, 4, "this server has no clock of its own");
    check("--native", &[], 4, "nobody moves the clock of a server with connections of its own");
    let away = ["--clock", "real", "--native", "192.0.2.1:7000"];
    check("--native", &away, 2, "--allow-remote is needed");
}
