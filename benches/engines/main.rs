//! This simulator beside others in one run: the engine by itself (PHOLD) and idle devices that poll.
//!
//! Every figure is processor time of one thread, with the digest of what happened beside it; where a run
//! is short, the least of several. Not here: the queue by itself (`queue`), worlds that do more than poll
//! (`world`).
//!
//! The others get the shape that suits them: `nexosim` runs on one thread, without threads of its own
//! to hand work to, and schedules on the receiving model at once instead of through a model that only
//! delays; `turmoil` sends datagrams, so that no connection has to be made.
#![allow(clippy::print_stdout, missing_docs, reason = "a bench prints, and its groups are private")]

mod bare;
mod hosts;
mod idle;
mod phold;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use criterion::{Criterion, criterion_group, criterion_main};
use nexosim::time::MonotonicTime;
use peadsim::runtime::clock::timed;

/// What a run did, and what it took.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Ran {
    /// Events that the engine took.
    events: u64,
    /// Over what happened, in no order: equal for engines that let the same happen.
    digest: u64,
    /// Processor time of this thread, without building and dropping the world.
    secs: f64,
}

impl Ran {
    fn new(seen: Seen, secs: f64) -> Self {
        Self { events: seen.events, digest: seen.digest, secs }
    }

    fn thousands_per_sec(&self) -> f64 {
        self.events as f64 / self.secs / 1e3
    }
}

/// What happened, summed up so that the order of simultaneous events does not count.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    events: u64,
    digest: u64,
}

impl Seen {
    /// An event that is only counted.
    fn count(&mut self) {
        self.events += 1;
    }

    /// An event that the digest covers.
    fn see(&mut self, at_ns: u64, entity: u32) {
        self.events += 1;
        self.digest = self.digest.wrapping_add(mix(at_ns ^ mix(u64::from(entity))));
    }
}

/// [`Seen`] as the models of `nexosim` share it. They run on one thread, so it needs no more than
/// loads and stores.
#[derive(Default)]
struct Tally {
    events: AtomicU64,
    digest: AtomicU64,
}

impl Tally {
    fn update(&self, change: impl FnOnce(&mut Seen)) {
        let mut seen = self.seen();
        change(&mut seen);
        self.events.store(seen.events, Ordering::Relaxed);
        self.digest.store(seen.digest, Ordering::Relaxed);
    }

    fn seen(&self) -> Seen {
        let read = |it: &AtomicU64| it.load(Ordering::Relaxed);
        Seen { events: read(&self.events), digest: read(&self.digest) }
    }
}

/// Nanoseconds of a simulation of `nexosim` since its start.
fn nanos(time: MonotonicTime) -> u64 {
    u64::try_from(time.duration_since(MonotonicTime::EPOCH).as_nanos()).unwrap_or(u64::MAX)
}

/// The finalizer of SplitMix64: a cheap hash and, over a counter, a cheap generator.
const fn mix(z: u64) -> u64 {
    let z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Processor seconds of this thread.
fn secs(mut work: impl FnMut()) -> f64 {
    timed(&mut work).as_secs_f64()
}

/// The fastest of so many runs; all must have done the same.
fn fastest(runs: u32, mut run: impl FnMut() -> Ran) -> Ran {
    let mut best = run();
    for _ in 1..runs {
        let next = run();
        assert_eq!((next.events, next.digest), (best.events, best.digest), "a run is repeatable");
        best.secs = best.secs.min(next.secs);
    }
    best
}

fn bench(criterion: &mut Criterion) {
    phold::compare();
    idle::compare();
    phold::measure(criterion);
}

criterion_group!(benches, bench);
criterion_main!(benches);
