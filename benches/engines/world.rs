//! The whole world with devices that only poll: frames, state machines, links and records included.
//!
//! Not here: worlds that do something (`benches/world.rs`).

use std::hint::black_box;
use std::sync::Arc;

use peadsim::base::time::{Duration, Instant};
use peadsim::crypto::model::Model;
use peadsim::scenario::plan::Plan;
use peadsim::scenario::read::{Extras, read_text};
use peadsim::scenario::resolve::resolve;
use peadsim::sim::run::{RunOptions, run};
use peadsim::sim::world::{Limits, World};

use crate::{Ran, secs};

/// Devices that poll for as long as the bare models do, and a second to settle.
pub fn plan(devices: u32) -> Arc<Plan> {
    let text = format!(
        "
peadsim: 1
id: BENCH-idle
title: Devices that only poll
suite: model
seeds: 1
fleets:
  crowd: {{count: {devices}, receive: {{poll: 30s}}}}
network:
  default: {{latency: 50ms}}
time: {{active: 5m, settle: 1s}}
"
    );
    let mut reading = read_text("bench", &text, &Extras::default());
    assert!(!reading.cases.is_empty(), "{}", reading.render(false));
    let plan = resolve(&reading.cases[0], 1, "bench", &mut reading.diagnostics);
    Arc::new(plan.unwrap_or_else(|| panic!("{}", reading.render(false))))
}

/// What the world did and what that took, and its time at the end.
pub struct Whole {
    pub ran: Ran,
    pub span: Duration,
}

/// Without judges: its records are dropped.
pub fn alone(plan: &Arc<Plan>) -> Whole {
    let mut world =
        World::<Model>::new(Arc::clone(plan), Limits::default()).expect("within limits");
    let mut records = 0;
    let secs = secs(|| {
        while world.step() {
            records += black_box(world.take_records().count()) as u64;
        }
    });
    let ran = Ran { events: world.events(), digest: records, secs };
    Whole { ran, span: world.now().since(Instant::START) }
}

/// Judged by every oracle; building the world included. With the digest of the run.
pub fn judged(plan: &Arc<Plan>) -> (Ran, String) {
    let mut outcome = None;
    let secs = secs(|| outcome = Some(run(plan, RunOptions::default())));
    let outcome = outcome.expect("it ran");
    (Ran { events: outcome.events, digest: 0, secs }, outcome.digest.full.to_string())
}
