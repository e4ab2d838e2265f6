//! PHOLD: each event causes one event at a random entity after a random delay.
//!
//! Not here: anything an entity might do. Each chain of events draws from a state that it carries, so
//! that any engine lets the same happen.

use std::sync::{Arc, OnceLock};
use std::time::Duration as StdDuration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use nexosim::model::{Context, Model};
use nexosim::ports::EventSource;
use nexosim::simulation::{EventId, Mailbox, Scheduler as NexoScheduler, SimInit, Simulation};
use nexosim::time::MonotonicTime;
use peadsim::base::id::NodeId;
use peadsim::base::time::{Duration, Instant};
use peadsim::engine::queue::LEN_MAX;
use peadsim::engine::scheduler::Scheduler;
use serde::{Deserialize, Serialize};

use crate::{Ran, Seen, Tally, fastest, mix, nanos, secs};

/// Entities, each with one event pending.
const ENTITIES: [u32; 2] = [1_000, 100_000];
/// Events of a run.
const EVENTS: u64 = 2_000_000;
/// Longest delay.
const DELAY_MAX_NS: u64 = 200_000_000;
const RUNS: u32 = 3;

pub fn compare() {
    println!("PHOLD of {EVENTS} events, thousand/s:");
    for entities in ENTITIES {
        let mut last = Instant::START;
        let ours = fastest(RUNS, || {
            let (ran, now) = Ours::new(entities).run(EVENTS);
            last = now;
            ran
        });
        let theirs = fastest(RUNS, || Theirs::new(entities).run(last));
        assert_eq!(
            (ours.events, ours.digest),
            (theirs.events, theirs.digest),
            "the same happens at the same entities at the same times"
        );
        println!(
            "{entities:>7} entities: engine {:.0}, nexosim {:.0}, ratio {:.1}, digest {:016x}",
            ours.thousands_per_sec(),
            theirs.thousands_per_sec(),
            theirs.secs / ours.secs,
            ours.digest
        );
    }
}

pub fn measure(criterion: &mut Criterion) {
    const EVENTS: u64 = 100_000;
    let mut group = criterion.benchmark_group("phold");
    group.sample_size(10).throughput(Throughput::Elements(EVENTS));
    for entities in ENTITIES {
        let (_, last) = Ours::new(entities).run(EVENTS);
        group.bench_function(BenchmarkId::new("engine", entities), |bencher| {
            let one = |ours: &mut Ours| ours.run(EVENTS);
            bencher.iter_batched_ref(|| Ours::new(entities), one, BatchSize::PerIteration);
        });
        group.bench_function(BenchmarkId::new("nexosim", entities), |bencher| {
            let one = |theirs: &mut Theirs| theirs.run(last);
            bencher.iter_batched_ref(|| Theirs::new(entities), one, BatchSize::PerIteration);
        });
    }
    group.finish();
}

/// What an event causes.
struct Next {
    delay_ns: u64,
    to: u32,
    state: u64,
}

impl Next {
    fn after(state: u64, entities: u32) -> Self {
        let draw = mix(state);
        let to = ((draw >> 32) * u64::from(entities)) >> 32;
        Self {
            delay_ns: 1 + (draw & 0xffff_ffff) % DELAY_MAX_NS,
            to: u32::try_from(to).unwrap_or(0),
            state: draw,
        }
    }

    /// The first event of an entity's chain.
    fn first(entity: u32, entities: u32) -> Self {
        Self::after(mix(u64::from(entity)), entities)
    }
}

/// On this engine. An event is the state of its chain.
struct Ours {
    entities: u32,
    scheduler: Scheduler<u64>,
}

impl Ours {
    fn new(entities: u32) -> Self {
        let mut ours = Self { entities, scheduler: Scheduler::new(entities, LEN_MAX, u64::MAX) };
        for entity in 0..entities {
            ours.cause(Instant::START, NodeId::device(entity), &Next::first(entity, entities));
        }
        ours
    }

    /// Takes so many events; says when the last of them was.
    fn run(&mut self, events: u64) -> (Ran, Instant) {
        let mut seen = Seen::default();
        let secs = secs(|| {
            while seen.events < events {
                let next = self.scheduler.next().expect("no limit");
                let (key, state) = next.expect("each event causes another");
                seen.see(key.at.as_nanos(), key.to.raw() >> 1);
                self.cause(key.at, key.to, &Next::after(state, self.entities));
            }
        });
        (Ran::new(seen, secs), self.scheduler.now())
    }

    fn cause(&mut self, now: Instant, from: NodeId, next: &Next) {
        let at = now + Duration::from_nanos(next.delay_ns);
        let to = NodeId::device(next.to);
        self.scheduler.schedule(at, to, from, next.state).expect("far from the limit");
    }
}

/// On `nexosim`: an entity is a model, an event is scheduled at its receiver.
struct Theirs {
    simulation: Simulation,
    net: Arc<Net>,
}

/// What the models share.
#[derive(Default)]
struct Net {
    wires: OnceLock<(NexoScheduler, Vec<EventId<u64>>)>,
    tally: Tally,
}

impl Net {
    fn cause(&self, next: &Next) {
        let (scheduler, inputs) = self.wires.get().expect("wired before the first event");
        let delay = StdDuration::from_nanos(next.delay_ns);
        scheduler.schedule_event(delay, &inputs[next.to as usize], next.state).expect("later");
    }
}

#[derive(Serialize, Deserialize)]
struct Entity {
    id: u32,
    entities: u32,
    #[serde(skip)]
    net: Arc<Net>,
}

#[Model]
impl Entity {
    fn event(&mut self, state: u64, cx: &Context<Self>) {
        self.net.tally.update(|seen| seen.see(nanos(cx.time()), self.id));
        self.net.cause(&Next::after(state, self.entities));
    }
}

impl Theirs {
    fn new(entities: u32) -> Self {
        let net = Arc::new(Net::default());
        let mut bench = SimInit::with_num_threads(1);
        let mut inputs = Vec::new();
        for id in 0..entities {
            let mailbox = Mailbox::new();
            let input = EventSource::new().connect(Entity::event, &mailbox);
            inputs.push(input.register(&mut bench));
            let entity = Entity { id, entities, net: Arc::clone(&net) };
            bench = bench.add_model(entity, mailbox, "entity");
        }
        let simulation = bench.init(MonotonicTime::EPOCH).expect("a valid bench");
        let wired = net.wires.set((simulation.scheduler(), inputs));
        assert!(wired.is_ok(), "wired once");
        (0..entities).for_each(|entity| net.cause(&Next::first(entity, entities)));
        Self { simulation, net }
    }

    /// Runs up to and with this instant.
    fn run(&mut self, last: Instant) -> Ran {
        let end = MonotonicTime::EPOCH + StdDuration::from_nanos(last.as_nanos());
        let secs = secs(|| self.simulation.step_until(end).expect("no model fails"));
        Ran::new(self.net.tally.seen(), secs)
    }
}
