//! A device by itself, with its driver, on somebody else's clock: what stands outside of a world.
//!
//! It runs its turns as a node of a world does, so that a device inside and the same device outside do the
//! same at the same time. Not here: how one talks to it from another process (`conformance`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::base::id::{NodeId, UserId};
use crate::base::rng::Luck;
use crate::base::time::{Duration, Instant, Now};
use crate::crypto::model::Model;
use crate::crypto::p256::P256;
use crate::crypto::sign::record_hash;
use crate::crypto::suite::Suite;
use crate::engine::clock::NodeClock;
use crate::proto::config::DeviceConfig;
use crate::proto::device::Device;
use crate::proto::device::durable::{DeviceDurable, DeviceWrite, OwnKey};
use crate::proto::port::Output;
use crate::scenario::plan::{Cpu, Plan, SuiteName};
use crate::sim::body::{Answer, Broken, Happening, Outside, Remote, Said, Saying};
use crate::sim::loan::Loan;
use crate::sim::node::{Node, Stimulus};
use crate::sim::outbox::Context;
use crate::sim::power::made;
use crate::sim::turn::{Own, Resident, Stage, done, put_in, synced, turn, wake};
use crate::trace::record::RecordId;
use crate::verdict::finding::Severity;
use crate::wire::message::Ticket;
use crate::wire::record::KeyRecord;

/// What a device is when it is made.
#[derive(Clone, Debug)]
pub struct Make {
    /// Whose it is.
    pub user: UserId,
    /// What it is told of itself.
    pub config: Arc<DeviceConfig>,
    /// What its processor takes.
    pub cpu: Cpu,
    /// How long its durable writes take.
    pub sync: Duration,
    /// What it starts with.
    pub given: Given,
    /// Its randomness.
    pub luck: Luck,
}

/// What a device starts with.
#[derive(Clone, Debug)]
pub enum Given {
    /// Nothing.
    Blank,
    /// Keys of epoch 1 that nobody has recorded.
    Keyed(OwnKey),
    /// Keys, and the newest record of their chain.
    Registered(OwnKey, Box<KeyRecord>),
}

impl Given {
    fn durable<S: Suite>(self) -> DeviceDurable {
        match self {
            Self::Blank => DeviceDurable::default(),
            Self::Keyed(key) => DeviceDurable::keyed(key),
            Self::Registered(key, record) => {
                let hash = record_hash::<S>(&record.encode());
                DeviceDurable::registered(key, &record, hash)
            }
        }
    }
}

/// A device with its driver.
#[derive(Debug)]
pub struct Seat<S: Suite> {
    make: Make,
    node: Node<Device<S>>,
    loan: Loan<DeviceWrite>,
    now: Instant,
    /// What it has pending for itself, in the order of time and of coming.
    due: BTreeMap<(Instant, u64), Own>,
    scheduled: u64,
    said: Vec<Said>,
    snapshots: BTreeMap<String, (DeviceDurable, u64)>,
    broken: Option<Broken>,
}

/// What the device of a plan's user is.
#[must_use]
pub fn make_of(plan: &Plan, user: u32) -> Make {
    match plan.suite {
        SuiteName::Model => made::<Model>(plan, user),
        SuiteName::P256 => made::<P256>(plan, user),
    }
}

/// A device by itself.
#[must_use]
pub fn seated(suite: SuiteName, make: Make) -> Remote {
    match suite {
        SuiteName::Model => Arc::new(Mutex::new(Seat::<Model>::new(make))),
        SuiteName::P256 => Arc::new(Mutex::new(Seat::<P256>::new(make))),
    }
}

/// A user's device outside of the plan's world, in this very process.
#[must_use]
pub fn seat(plan: &Arc<Plan>, user: u32) -> Remote {
    seated(plan.suite, make_of(plan, user))
}

/// Whose number a device has that is alone.
const ALONE: u32 = 0;

impl<S: Suite> Seat<S> {
    /// A device that is off.
    #[must_use]
    pub fn new(make: Make) -> Self {
        Self {
            node: Node::new(make.given.clone().durable::<S>(), NodeClock::default()),
            make,
            loan: Loan::default(),
            now: Instant::START,
            due: BTreeMap::new(),
            scheduled: 0,
            said: Vec::new(),
            snapshots: BTreeMap::new(),
            broken: None,
        }
    }

    /// Lets everything happen that is due before `now`, in order, and at `now` itself if `through`.
    fn advance(&mut self, now: Now, through: bool) {
        while let Some(entry) = self.due.first_entry()
            && (entry.key().0 < now.at || through && entry.key().0 == now.at)
        {
            let ((at, _), own) = entry.remove_entry();
            self.now = at;
            match own {
                Own::Wake(generation) => wake::<_, Device<S>>(self, ALONE, generation),
                Own::Synced(life) => synced::<_, Device<S>>(self, ALONE, life),
                Own::Done(life) => done::<_, Device<S>>(self, ALONE, life),
            }
        }
        self.now = now.at;
        let ahead = i128::from(now.wall.0) - i128::from(self.node.clock.wall(now.at).0);
        if ahead != 0 {
            self.node.clock.step(now.at, i64::try_from(ahead).unwrap_or(i64::MAX));
        }
    }

    fn start(&mut self, ticket: Option<Ticket>, cause: Option<RecordId>) {
        if self.node.machine.is_some() {
            return;
        }
        self.node.boot += 1;
        let Make { user, config, luck, .. } = &self.make;
        let (config, durable) = (Arc::clone(config), self.node.durable.clone());
        let boot = self.node.boot;
        self.node.machine = Some(Device::new(config, user.clone(), durable, *luck, boot));
        turn::<_, Device<S>>(self, ALONE, Stimulus::Start(ticket), cause, None);
    }

    fn restore(&mut self, name: &str, rng: bool) -> Result<(), Broken> {
        let copy = self.snapshots.get(name).cloned();
        let (durable, boot) =
            copy.ok_or_else(|| Broken(format!("no snapshot is called {name}")))?;
        self.node.durable = durable;
        if rng {
            self.node.boot = boot.saturating_sub(1);
        }
        Ok(())
    }

    fn answer(&mut self) -> Result<Answer, Broken> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        Ok(Answer {
            said: std::mem::take(&mut self.said),
            next: self.due.keys().next().map(|(at, _)| *at),
            pending: self.node.durable.has_work() || !self.node.is_idle(),
        })
    }
}

impl<S: Suite> Outside for Seat<S> {
    fn happen(&mut self, now: Now, of: Option<u64>, what: Happening) -> Result<Answer, Broken> {
        // These are no occasion to say something: what is due at that very time comes later, or never.
        let quiet =
            matches!(what, Happening::Stop | Happening::Snapshot(_) | Happening::Restore(..));
        self.advance(now, !quiet);
        let cause = of.map(|seq| RecordId { node: <Device<S>>::id(ALONE), seq });
        match what {
            Happening::Start(ticket) => self.start(ticket, cause),
            Happening::Input(input) => put_in::<_, Device<S>>(self, ALONE, input, cause, None),
            Happening::Timeout | Happening::Fence => {}
            Happening::Stop => self.node.stop(),
            Happening::Snapshot(name) => {
                self.snapshots.insert(name, (self.node.durable.clone(), self.node.boot));
            }
            Happening::Restore(name, rng) => self.restore(&name, rng)?,
        }
        self.answer()
    }
}

impl<S: Suite> Stage for Seat<S> {
    fn now(&self) -> Instant {
        self.now
    }

    fn schedule_own(&mut self, at: Instant, _: NodeId, own: Own) {
        self.scheduled += 1;
        self.due.insert((at, self.scheduled), own);
    }

    fn give_up(&mut self, _: Severity, what: String) {
        self.broken.get_or_insert(Broken(what));
    }
}

impl<S: Suite> Resident<Seat<S>> for Device<S> {
    fn id(user: u32) -> NodeId {
        NodeId::device(user)
    }

    fn node(seat: &mut Seat<S>, _: u32) -> &mut Node<Self> {
        &mut seat.node
    }

    fn cpu(seat: &Seat<S>, _: u32) -> Cpu {
        seat.make.cpu
    }

    fn sync(seat: &Seat<S>, _: u32) -> Duration {
        seat.make.sync
    }

    fn loan(seat: &mut Seat<S>) -> &mut Loan<DeviceWrite> {
        &mut seat.loan
    }

    fn carry(seat: &mut Seat<S>, _: u32, output: Output<DeviceWrite>, context: Context) {
        let what = match output {
            Output::Fact(fact) => Saying::Fact(fact),
            Output::Transmit(_, envelope) => Saying::Frame(envelope.encode()),
            Output::Garbage(octets) => Saying::Frame(octets),
            // A device knows no accounts, and writes stay in the outbox.
            Output::Internal(..) | Output::Persist(..) => return,
        };
        let of = context.cause.map(|cause| cause.seq);
        seat.said.push(Said { what, at: seat.now, of });
    }
}
