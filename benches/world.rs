//! Events of a world per second, with the digest of what was run beside the figure.
//!
//! Not here: single primitives (`crypto`), the queue by itself (`queue`).
#![allow(clippy::print_stdout, missing_docs, reason = "a bench prints, and its groups are private")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main,
};
use peadsim::crypto::model::Model;
use peadsim::crypto::p256::P256;
use peadsim::crypto::suite::Suite;
use peadsim::scenario::plan::{Plan, SuiteName};
use peadsim::scenario::read::{Extras, read_text};
use peadsim::scenario::resolve::resolve;
use peadsim::sim::run::{RunOptions, run};
use peadsim::sim::world::{Limits, World};
use peadsim::trace::fact::{Fact, Phase};
use peadsim::trace::record::Record;

/// That of the program.
#[cfg(feature = "cli")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Devices that write to each other over lossy links, some of them rotating.
fn plan(suite: &str, users: u32, rate: &str) -> Arc<Plan> {
    let text = format!(
        "
peadsim: 1
id: BENCH-chat
title: A fleet that chats
suite: {suite}
seeds: 1
fleets:
  crowd: {{count: {users}, receive: {{poll: 20s..40s}}}}
network:
  default: {{latency: 40ms..60ms, loss: 1%}}
workload:
  - send:
      as: chat
      from: {{fleet: crowd}}
      to: {{contacts: 4, zipf: 1.1, among: crowd}}
      size: {{loguniform: 64B..256B}}
      arrivals: {{poisson: {{rate: {rate}, per: device}}}}
time: {{active: 10m, settle: 2m}}
"
    );
    let mut reading = read_text("bench", &text, &Extras::default());
    assert!(!reading.cases.is_empty(), "{}", reading.render(false));
    let plan = resolve(&reading.cases[0], 1, "bench", &mut reading.diagnostics);
    Arc::new(plan.unwrap_or_else(|| panic!("{}", reading.render(false))))
}

/// A world when its prelude is over: everybody is there and attached.
fn begun<S: Suite>(plan: &Arc<Plan>) -> World<S> {
    let mut world = World::new(Arc::clone(plan), Limits::default()).expect("within limits");
    let is_start = |record: Record| matches!(record.fact, Fact::Phase(Phase::Active));
    while world.step() && !world.take_records().any(is_start) {}
    world
}

/// Runs a world to its end without judges.
fn drive<S: Suite>(mut world: World<S>) -> World<S> {
    while world.step() {
        black_box(world.take_records().count());
    }
    world
}

fn bench_world<S: Suite>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, plan: &Arc<Plan>) {
    let events = drive::<S>(begun(plan)).events() - begun::<S>(plan).events();
    group.throughput(Throughput::Elements(events));
    group.bench_function(name, |bencher| {
        bencher.iter_batched(|| begun::<S>(plan), drive, BatchSize::PerIteration);
    });
}

fn worlds(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("world");
    group.sample_size(10);
    for (name, users, rate) in [("idle", 1_000, "0.5/d"), ("chat", 100, "30/h")] {
        for suite in ["model", "p256"] {
            if name == "idle" && suite == "p256" {
                continue;
            }
            let plan = plan(suite, users, rate);
            let outcome = run(&plan, RunOptions::default());
            println!("{name}/{suite}: {} events, digest {}", outcome.events, outcome.digest.full);
            let title = format!("{name}/{suite}");
            match plan.suite {
                SuiteName::Model => bench_world::<Model>(&mut group, &title, &plan),
                SuiteName::P256 => bench_world::<P256>(&mut group, &title, &plan),
            }
            group.throughput(Throughput::Elements(outcome.events));
            group.bench_function(format!("{name}/{suite}/judged"), |bencher| {
                bencher.iter(|| run(&plan, RunOptions::default()));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, worlds);
criterion_main!(benches);
