//! What a device at rest takes, counted by the allocator (design 14).
//!
//! Not here: the judges' memory, or speed (`benches/world.rs`). A binary of its own: everything that is
//! allocated in it counts.

use std::alloc::System;
use std::sync::Arc;

use cap::Cap;
use peadsim::base::time::{Duration, Instant};
use peadsim::crypto::model::Model;
use peadsim::scenario::plan::Plan;
use peadsim::scenario::read::{Extras, read_text};
use peadsim::scenario::resolve::resolve;
use peadsim::sim::world::{Limits, World};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const DEVICES: usize = 20_000;

/// A fleet that does nothing but look for mail.
fn plan() -> Arc<Plan> {
    let text = format!(
        "
peadsim: 1
id: MEMORY-poll
title: A fleet that looks for mail
suite: model
fleets:
  post: {{count: {DEVICES}, receive: {{poll: 30s}}}}
network:
  default: {{latency: 40ms..60ms}}
time: {{active: 5m, settle: 1m}}
"
    );
    let mut reading = read_text("memory", &text, &Extras::default());
    assert!(!reading.cases.is_empty(), "{}", reading.render(false));
    let plan = resolve(&reading.cases[0], 1, "memory", &mut reading.diagnostics);
    Arc::new(plan.unwrap_or_else(|| panic!("{}", reading.render(false))))
}

/// Octets that a device, its account and its links may take at rest (design 14).
const MOST: usize = 1_024;

#[test]
fn a_device_at_rest_takes_little_memory() {
    let plan = plan();
    let before = ALLOCATOR.allocated();
    let mut world = World::<Model>::new(plan, Limits::default()).expect("within limits");
    let end = Instant::START + Duration::from_secs(240);
    while world.now() < end && world.step() {
        drop(world.take_keys());
        drop(world.take_records());
    }
    let each = (ALLOCATOR.allocated() - before) / DEVICES;
    assert!(world.now() >= end, "the fleet polls until its end");
    assert!(each <= MOST, "{each} octets a device");
}
