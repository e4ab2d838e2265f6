//! Devices that poll, without any protocol: a timer, a question that travels, an answer that travels.
//!
//! On this engine and on `nexosim`, with the same three events for each poll. Not here: frames, state
//! machines, records (`world`), or sockets (`hosts`).

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nexosim::model::{Context, Model};
use nexosim::ports::EventSource;
use nexosim::simulation::{EventId, Mailbox, Scheduler as NexoScheduler, SimInit};
use nexosim::time::MonotonicTime;
use peadsim::base::id::NodeId;
use peadsim::base::time;
use peadsim::engine::queue::LEN_MAX;
use peadsim::engine::scheduler::Scheduler;
use serde::{Deserialize, Serialize};

use crate::idle::{LATENCY, PERIOD, first_poll};
use crate::{Ran, Seen, Tally, nanos, secs};

/// What happens to a device or to the server.
enum Step {
    Poll,
    Asked(NodeId),
    Answered,
}

/// On this engine, for so long.
pub fn ours(devices: u32, span: Duration) -> Ran {
    let mut scheduler = Scheduler::new(devices, LEN_MAX, u64::MAX);
    let server = NodeId::HARNESS;
    for device in 0..devices {
        let (at, node) =
            (time::Instant::START + to_virtual(first_poll(device)), NodeId::device(device));
        scheduler.schedule(at, node, node, Step::Poll).expect("far from the limit");
    }
    let end = time::Instant::START + to_virtual(span);
    let (latency, period) = (to_virtual(LATENCY), to_virtual(PERIOD));
    let mut seen = Seen::default();
    let secs = secs(|| {
        while let Some((key, step)) = scheduler.next_before(end).expect("no limit") {
            let mut cause = |delay, to, step| {
                scheduler.schedule(key.at + delay, to, key.to, step).expect("far from the limit");
            };
            match step {
                Step::Poll => {
                    cause(latency, server, Step::Asked(key.to));
                    cause(period, key.to, Step::Poll);
                    seen.count();
                }
                Step::Asked(device) => {
                    cause(latency, device, Step::Answered);
                    seen.count();
                }
                Step::Answered => seen.see(key.at.as_nanos(), key.to.raw() >> 1),
            }
        }
    });
    Ran::new(seen, secs)
}

const fn to_virtual(span: Duration) -> time::Duration {
    time::Duration::from_millis(span.as_secs() * 1_000 + span.subsec_millis() as u64)
}

/// On `nexosim`, for so long on one thread. Its own periodic events make the timers.
pub fn theirs(devices: u32, span: Duration) -> Ran {
    let net = Arc::new(Net::default());
    let mut bench = SimInit::with_num_threads(1);
    let mailbox = Mailbox::new();
    let ask = EventSource::new().connect(Server::ask, &mailbox).register(&mut bench);
    bench = bench.add_model(Server { net: Arc::clone(&net) }, mailbox, "server");
    let (mut polls, mut answers) = (Vec::new(), Vec::new());
    for id in 0..devices {
        let mailbox = Mailbox::new();
        polls.push(EventSource::new().connect(Device::poll, &mailbox).register(&mut bench));
        answers.push(EventSource::new().connect(Device::answer, &mailbox).register(&mut bench));
        bench = bench.add_model(Device { id, net: Arc::clone(&net) }, mailbox, "device");
    }
    let mut simulation = bench.init(MonotonicTime::EPOCH).expect("a valid bench");
    let scheduler = simulation.scheduler();
    for (device, poll) in (0..).zip(&polls) {
        scheduler.schedule_periodic_event(first_poll(device), PERIOD, poll, ()).expect("later");
    }
    assert!(net.wires.set(Wires { scheduler, ask, answers }).is_ok(), "wired once");
    let secs = secs(|| simulation.step_until(MonotonicTime::EPOCH + span).expect("no model fails"));
    Ran::new(net.tally.seen(), secs)
}

struct Wires {
    scheduler: NexoScheduler,
    ask: EventId<u32>,
    answers: Vec<EventId<()>>,
}

/// What the models share.
#[derive(Default)]
struct Net {
    wires: OnceLock<Wires>,
    tally: Tally,
}

impl Net {
    fn wires(&self) -> &Wires {
        self.wires.get().expect("wired before the first event")
    }
}

#[derive(Serialize, Deserialize)]
struct Device {
    id: u32,
    #[serde(skip)]
    net: Arc<Net>,
}

#[Model]
impl Device {
    fn poll(&mut self) {
        self.net.tally.update(Seen::count);
        let wires = self.net.wires();
        wires.scheduler.schedule_event(LATENCY, &wires.ask, self.id).expect("later");
    }

    fn answer(&mut self, _: (), cx: &Context<Self>) {
        self.net.tally.update(|seen| seen.see(nanos(cx.time()), self.id));
    }
}

#[derive(Serialize, Deserialize)]
struct Server {
    #[serde(skip)]
    net: Arc<Net>,
}

#[Model]
impl Server {
    fn ask(&mut self, device: u32) {
        self.net.tally.update(Seen::count);
        let wires = self.net.wires();
        let answer = &wires.answers[device as usize];
        wires.scheduler.schedule_event(LATENCY, answer, ()).expect("later");
    }
}
