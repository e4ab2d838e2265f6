//! A device or a server that stands outside of the world does what the same does inside, at the same times.
//!
//! Beside the world in the same process, and through the attachment protocol. Not here: other processes.

use std::path::Path;
use std::sync::Arc;

use peadsim::conformance::applies::applies_to_server;
use peadsim::conformance::near::Near;
use peadsim::conformance::reference::Nature;
use peadsim::conformance::server_adapter::ServerAdapter;
use peadsim::explore::subject::plan;
use peadsim::scenario::plan::{Action, CrashAt, Plan};
use peadsim::scenario::read::{Extras, read_file, read_text};
use peadsim::sim::body::Remote;
use peadsim::sim::house::house;
use peadsim::sim::run::{RunOptions, run};
use peadsim::sim::seat::seat;
use peadsim::sim::service::RemoteServer;
use peadsim::trace::digest::Forms;
use peadsim::verdict::finding::Severity;
use peadsim::verdict::outcome::Outcome;

/// Whether a step looks into the device of a user, or into its store.
fn looks_inside(plan: &Plan, user: u32) -> bool {
    plan.steps.iter().any(|step| match &step.action {
        Action::Crash { by, at: Some(CrashAt::Barrier(_)), .. } => *by == user,
        Action::Store { .. } => true,
        _ => false,
    })
}

fn outcome(plan: &Arc<Plan>, outside: Option<(u32, Remote)>) -> Outcome {
    let forms = Forms { black_box: true, ..Forms::default() };
    run(plan, RunOptions { forms, outside: outside.into_iter().collect(), ..RunOptions::default() })
}

/// The findings, without numbers of records: a device outside is woken more often.
fn told(outcome: &Outcome) -> Vec<(Severity, &str, &str)> {
    // What a device waits for is its own affair.
    let findings = outcome.findings.iter().filter(|it| it.oracle != "pending");
    findings.map(|it| (it.severity, it.oracle.as_str(), it.message.as_str())).collect()
}

/// Puts the first two devices of each scenario outside, one at a time.
fn check(folder: &str, least: usize, stand: fn(&Arc<Plan>, u32) -> Remote) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(folder);
    let files = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let files = files.filter(|it| it.extension().is_some_and(|it| it == "yaml"));
    let mut compared = 0;
    for file in files {
        let reading = read_file(&file, None, &Extras::default());
        let Some(case) = reading.cases.first() else { continue };
        let plan = Arc::new(plan(&reading, case, &case.id, 1).unwrap());
        if plan.devices.len() > 8 {
            continue;
        }
        let inside = outcome(&plan, None);
        assert!(!inside.digest.black_box.is_empty());
        for user in (0..2).filter(|user| !looks_inside(&plan, *user)) {
            let outside = outcome(&plan, Some((user, stand(&plan, user))));
            assert_eq!(told(&outside), told(&inside), "{}, device {user}", case.id);
            assert_eq!(outside.digest.black_box, inside.digest.black_box, "{}, {user}", case.id);
            compared += 1;
        }
    }
    assert!(compared >= least, "only {compared} runs were compared");
}

#[test]
fn a_device_outside_gives_the_same_black_box_digest() {
    for (folder, least) in [
        ("claims", 80),
        ("approval", 30),
        ("cache", 15),
        ("delivery", 30),
        ("faults", 15),
        ("provisioning", 15),
        ("rotation", 30),
    ] {
        check(folder, least, seat);
    }
}

/// A text and a request each way, and a power cut.
const CUT: &str = "\
peadsim: 1
id: CUT
title: Power is cut with something that is seen
devices: {alice: {}, bob: {cpu: cortex-m4}}
steps:
  - crash: {device: bob, at: seen#1, for: 8s}
  - send: {as: m1, from: alice, to: bob, text: hello, at: 1s}
  - send: {as: m2, from: bob, to: alice, text: hello yourself, at: 20s}
  - request: {as: q1, from: alice, to: bob, lines: [Pay], at: 30s}
  - press: {by: bob, button: approve, after: q1.armed}
expect:
  - displayed: {message: m1, count: 1}
";

#[test]
fn a_power_cut_with_something_that_is_seen_is_the_same_outside() {
    for number in (1..20).step_by(3) {
        let text = CUT.replace("#1", &format!("#{number}"));
        let reading = read_text("cut.yaml", &text, &Extras::default());
        let plan = Arc::new(plan(&reading, &reading.cases[0], "CUT", 1).unwrap());
        let inside = outcome(&plan, None);
        let outside = outcome(&plan, Some((1, seat(&plan, 1))));
        assert_eq!(told(&outside), told(&inside), "{number}");
        assert_eq!(outside.digest.black_box, inside.digest.black_box, "{number}");
    }
}

fn attached(plan: &Arc<Plan>, user: u32) -> Remote {
    Near::attach(Nature::default(), plan, user).unwrap()
}

#[test]
fn so_does_one_that_is_attached() {
    for (folder, least) in [("claims", 80), ("approval", 30), ("provisioning", 15)] {
        check(folder, least, attached);
    }
}

/// Puts the server of each scenario outside, unless a step looks into it.
fn check_server(folder: &str, least: usize, stand: fn(&Plan) -> RemoteServer) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(folder);
    let files = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let mut compared = 0;
    for file in files.filter(|it| it.extension().is_some_and(|it| it == "yaml")) {
        let reading = read_file(&file, None, &Extras::default());
        let Some(case) = reading.cases.first() else { continue };
        let plan = Arc::new(plan(&reading, case, &case.id, 1).unwrap());
        let fits = applies_to_server(&plan, &ServerAdapter::default().declaration());
        if plan.devices.len() > 8 || fits.is_err() {
            continue;
        }
        let inside = outcome(&plan, None);
        let forms = Forms { black_box: true, ..Forms::default() };
        let server = Some(stand(&plan));
        let outside = run(&plan, RunOptions { forms, server, ..RunOptions::default() });
        assert_eq!(told(&outside), told(&inside), "{}", case.id);
        assert_eq!(outside.digest.black_box, inside.digest.black_box, "{}", case.id);
        compared += 1;
    }
    assert!(compared >= least, "only {compared} runs were compared");
}

#[test]
fn a_server_outside_gives_the_same_black_box_digest() {
    for (folder, least) in [
        ("approval", 12),
        ("cache", 6),
        ("claims", 35),
        ("delivery", 12),
        ("faults", 8),
        ("provisioning", 6),
        ("rotation", 12),
    ] {
        check_server(folder, least, house);
    }
}

fn attached_server(plan: &Plan) -> RemoteServer {
    Near::attach_server(Nature::default(), plan).unwrap()
}

#[test]
fn so_does_a_server_that_is_attached() {
    check_server("claims", 35, attached_server);
}
