//! A device that stands outside of the world does what the same device does inside, at the same times.
//!
//! Beside the world in the same process, and through the attachment protocol. Not here: other processes.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};

use peadsim::base::time::Duration;
use peadsim::conformance::adapter::{Adapter, Nature};
use peadsim::conformance::attached::{Attached, Clock, greet};
use peadsim::conformance::link::{Line, Link, LinkFault};
use peadsim::explore::subject::plan;
use peadsim::scenario::plan::{Action, Plan};
use peadsim::scenario::read::{Extras, read_file};
use peadsim::sim::body::Remote;
use peadsim::sim::run::{RunOptions, run};
use peadsim::sim::seat::seat;
use peadsim::trace::digest::Forms;
use peadsim::verdict::finding::Severity;
use peadsim::verdict::outcome::Outcome;

/// Whether a step looks into the device of a user, or into its store.
fn looks_inside(plan: &Plan, user: u32) -> bool {
    plan.steps.iter().any(|step| match &step.action {
        Action::Crash { by, at, .. } => *by == user && at.is_some(),
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

/// The reference device at the other end of a line that needs no process.
#[derive(Debug)]
struct Loop(Adapter, VecDeque<String>);

impl Line for Loop {
    fn send(&mut self, line: &str) -> Result<(), LinkFault> {
        self.1.extend(self.0.answer(line.as_bytes()).0);
        Ok(())
    }

    fn receive(&mut self, _: Duration) -> Result<Vec<u8>, LinkFault> {
        Ok(self.1.pop_front().expect("every request is answered").into_bytes())
    }

    fn log(&self) -> Vec<String> {
        Vec::new()
    }
}

fn attached(plan: &Arc<Plan>, user: u32) -> Remote {
    let line = Loop(Adapter::new(Nature::default()), VecDeque::new());
    let mut link = Link::new(Box::new(line), Duration::from_secs(2));
    greet(&mut link, "test", Clock::Virtual).unwrap().capabilities.check().unwrap();
    let link = Arc::new(Mutex::new(link));
    Arc::new(Mutex::new(Attached::provision(link, plan, user).unwrap()))
}

#[test]
fn so_does_one_that_is_attached() {
    for (folder, least) in [("claims", 80), ("approval", 30), ("provisioning", 15)] {
        check(folder, least, attached);
    }
}
