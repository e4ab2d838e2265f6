//! The world: all nodes, their links and the events between them, as plain cloneable data.
//!
//! A turn of the world takes one event, lets one node act, and leaves the records that it made in
//! [`World::take_records`]. Not here: what a node's turn is (`turn`), frames (`path`), steps (`action`),
//! phases (`phase`), or judging records (`run`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::id::{NodeId, UserId};
use crate::base::time::{Duration, Instant};
use crate::crypto::suite::{Secret, Suite};
use crate::engine::queue::Key;
use crate::engine::scheduler::{Limit, Scheduler};
use crate::engine::shard::{PerUser, Shard};
use crate::engine::timer::Generation;
use crate::oracle::batch::{Batch, Part, Tag};
use crate::oracle::escrow::Held;
use crate::oracle::implied::Implied;
use crate::oracle::points::Tracker;
use crate::oracle::spec::NameId;
use crate::proto::config::ServerConfig;
use crate::proto::device::durable::{DeviceDurable, DeviceWrite};
use crate::proto::issue::Issuer;
use crate::proto::server::account::Account;
use crate::proto::server::durable::AccountWrite;
use crate::scenario::plan::{Plan, Profile};
use crate::scenario::traffic::Traffic;
use crate::sim::adversary::Adversary;
use crate::sim::agenda::{Agenda, Due, points_awaited};
use crate::sim::barrier::Armed;
use crate::sim::body::{Body, Remote, Said};
use crate::sim::frame::Frame;
use crate::sim::internal::{Mail, Post};
use crate::sim::links::Links;
use crate::sim::loan::Loan;
use crate::sim::made::Made;
use crate::sim::node::Node;
use crate::sim::pace::Pacer;
use crate::sim::power::issuer;
use crate::sim::rules::{Addresses, Rules};
use crate::sim::service::{Service, Word};
use crate::sim::store::Store;
use crate::sim::turn::{done, synced, wake};
use crate::sim::user::Screen;
use crate::trace::fact::Phase;
use crate::trace::record::Record;
use crate::verdict::finding::{Finding, Severity};

/// Version of what machines, network and world do; a change of what a scenario's records say is a change of
/// this number. With the versions of the draws and of the facts it is the reason why digests change.
pub const WORLD_VERSION: u32 = 3;

/// What happens to a node. Kept small: the queue moves it about.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A frame at an account.
    Arrive(Box<Frame>),
    /// A frame at the near end of a device's downlink.
    Ingress(Box<Frame>),
    /// A frame at a device.
    Deliver(Box<Frame>),
    /// A message from another account.
    Mail(Box<Mail>),
    /// A timer, unless it was overtaken.
    Wake(Generation),
    /// Writes are durable, unless the node lost power meanwhile.
    Synced(u32),
    /// The processor is done, unless the node lost power meanwhile.
    Done(u32),
    /// A step acts here.
    Begin(u32),
    /// What a step did here is over.
    End(u32),
    /// A step cuts the power here.
    Cut(u32),
    /// A workload's next action is due.
    Arrival(u16),
    /// A user answers what their screen asked at its so-manieth time.
    Answer(u32),
    /// The prelude lets this user write to that one.
    Warm(u32),
    /// The prelude lets the user look for mail.
    Look,
    /// The end of the prelude's `offline`.
    Online,
    /// A server outside wants to go on, unless it wanted something else since this so-manieth time.
    Serve(u64),
    /// A body outside says something by itself.
    Heard(Box<Said>),
    /// A server outside does.
    Spoken(Box<Word>),
    /// A whole second: is anything pending?
    Tick,
    /// `settle` begins.
    Settle,
}

/// A virtual world under way.
#[derive(Clone, Debug)]
pub struct World<S: Suite> {
    pub(super) plan: Arc<Plan>,
    pub(super) scheduler: Scheduler<Event>,
    pub(super) devices: PerUser<Node<Body<S>>>,
    pub(super) accounts: PerUser<Node<Account<S>>>,
    pub(super) links: PerUser<Links>,
    /// Bodies that are not part of the world.
    pub(super) outside: BTreeMap<u32, Remote>,
    /// The server, if it is not part of the world.
    pub(super) service: Option<Service>,
    /// What the world waits for; none: it goes from event to event.
    pub(super) pace: Option<Pacer>,
    pub(super) device_loan: Loan<DeviceWrite>,
    pub(super) account_loan: Loan<AccountWrite>,
    pub(super) server_key: Arc<Secret>,
    /// Makes the identities that users start with.
    pub(super) issuer: Arc<dyn Issuer>,
    /// Settings of accounts that differ from the plan's for a while.
    pub(super) limited: BTreeMap<u32, Arc<ServerConfig>>,
    /// The node whose event is being handled.
    pub(super) acting: NodeId,
    pub(super) phase: Phase,
    /// When `active` began.
    pub(super) start: Instant,
    /// When the world has come to its end.
    pub(super) ended: bool,
    pub(super) agenda: Agenda,
    pub(super) tracker: Tracker,
    implied: Implied,
    pub(super) addresses: Addresses,
    pub(super) rules: BTreeMap<u32, Rules>,
    pub(super) adversaries: BTreeMap<u32, Adversary>,
    pub(super) armed: BTreeMap<NodeId, Armed>,
    /// Nodes that a step has stopped and will start again.
    pub(super) fallen: BTreeMap<NodeId, u32>,
    pub(super) fences: BTreeMap<NodeId, Vec<String>>,
    pub(super) snapshots: BTreeMap<NameId, Snapshot>,
    pub(super) downloads: BTreeMap<u32, u64>,
    /// Durable stores that are or were in trouble.
    pub(super) stores: BTreeMap<NodeId, Store>,
    /// From when to when the directory answers no lookups, by step.
    pub(super) directory_offline: BTreeMap<u32, (Instant, Instant)>,
    /// Users whose turn in a swizzle is over, by step: one that ends early releases some before it has
    /// clogged them.
    pub(super) swizzled: BTreeSet<(u32, u32)>,
    /// Mail between accounts that is not dealt with.
    pub(super) post: Post,
    pub(super) traffic: Vec<Traffic>,
    /// How often each workload's devices have acted.
    pub(super) arrivals: BTreeMap<(u16, u32), u64>,
    /// What users who answer by themselves see.
    pub(super) screens: BTreeMap<u32, Screen>,
    /// Keys of devices that came into being since they were last asked for.
    pub(super) keys: Vec<(Instant, Held)>,
    /// Nodes with something to bring to an end.
    pub(super) restless: BTreeSet<NodeId>,
    pub(super) harness_records: u64,
    pub(super) made: Made,
    /// Where frames are encoded.
    pub(super) scratch: Vec<u8>,
    /// Whether steps wait for points, or act on frames by what they are about.
    looks: bool,
    seen: usize,
    pub(super) findings: Vec<Finding>,
    /// Processor time and energy of all devices.
    pub(super) spent: (Duration, u64),
    /// Whether frame facts carry their octets: a property of the plan, since digests cover it.
    pub(super) with_octets: bool,
    pub(super) stopped: bool,
}

/// A copy of a device's durable state.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub durable: DeviceDurable,
    pub boot: u64,
}

/// Users whose nodes are made at once: what they state is taken away before the next ones come.
pub(super) const MADE_AT_ONCE: usize = 256;

/// Users from which on frame facts leave their octets out: a fleet's records are too many to keep them.
pub const OCTETS_USERS_MAX: usize = 256;

/// Events pending at once and events in all, beyond which a run is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Pending at once.
    pub pending: usize,
    /// In all.
    pub events: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pending: crate::engine::queue::LEN_MAX, events: EVENTS_MAX }
    }
}

/// Events of a run unless told otherwise: about a day of a million devices that poll every 30 s.
pub const EVENTS_MAX: u64 = 20_000_000_000;

impl<S: Suite> World<S> {
    /// The world of a plan at its start: every device and account as the plan has it, nothing under way.
    ///
    /// # Errors
    /// When not even the first events fit into the limits.
    pub fn new(plan: Arc<Plan>, limits: Limits) -> Result<Self, Limit> {
        let users = u32::try_from(plan.devices.len()).unwrap_or(u32::MAX);
        let addresses = Addresses::of(&plan);
        let points = points_awaited(&plan);
        let traffic = (0..).zip(&plan.workloads).map(|(n, it)| Traffic::new(&plan, n, it));
        let mut world = Self {
            scheduler: Scheduler::new(users, limits.pending, limits.events),
            devices: PerUser::of(Shard::WHOLE, plan.devices.len()),
            accounts: PerUser::of(Shard::WHOLE, plan.devices.len()),
            links: PerUser::of(Shard::WHOLE, plan.devices.len()),
            outside: BTreeMap::new(),
            service: None,
            pace: None,
            device_loan: Loan::default(),
            account_loan: Loan::default(),
            server_key: crate::sim::keys::server_secret(plan.seed),
            issuer: issuer::<S>(&plan),
            limited: BTreeMap::new(),
            acting: NodeId::HARNESS,
            phase: Phase::Given,
            start: Instant::NEVER,
            ended: false,
            agenda: Agenda::new(&plan, &addresses),
            looks: !(points.is_empty() && addresses.is_empty()),
            tracker: Tracker::awaiting(&plan.spec, &points),
            implied: Implied::of(&plan.spec),
            addresses,
            rules: BTreeMap::new(),
            adversaries: Adversary::of(&plan),
            armed: BTreeMap::new(),
            fallen: BTreeMap::new(),
            fences: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            downloads: BTreeMap::new(),
            stores: BTreeMap::new(),
            directory_offline: BTreeMap::new(),
            swizzled: BTreeSet::new(),
            post: Post::default(),
            traffic: traffic.collect(),
            arrivals: BTreeMap::new(),
            screens: BTreeMap::new(),
            keys: Vec::new(),
            restless: BTreeSet::new(),
            harness_records: 0,
            made: Made::default(),
            scratch: Vec::new(),
            seen: 0,
            findings: Vec::new(),
            spent: (Duration::ZERO, 0),
            with_octets: plan.devices.len() <= OCTETS_USERS_MAX,
            stopped: false,
            plan,
        };
        world.begin_given();
        world.look();
        Ok(world)
    }

    /// Puts the body of a user's device outside; before the first step.
    pub fn put_outside(&mut self, user: u32, remote: Remote) {
        self.outside.insert(user, remote);
    }

    /// Lets the next event happen. False when the world has come to its end.
    pub fn step(&mut self) -> bool {
        if !self.goes_on() {
            return false;
        }
        if self.devices.next_user() < self.plan.devices.len() {
            self.make_nodes(self.devices.next_user() + MADE_AT_ONCE);
            self.look();
            return self.goes_on();
        }
        self.wait();
        if !self.goes_on() {
            return false;
        }
        self.foresee();
        match self.scheduler.next() {
            Ok(Some((key, event))) => {
                self.happen(key, event);
                self.goes_on()
            }
            Ok(None) => false,
            Err(limit) => {
                self.limit(Severity::Inconclusive, limit.to_string());
                false
            }
        }
    }

    /// Whether the world has not come to its end.
    #[must_use]
    pub const fn goes_on(&self) -> bool {
        !self.ended && !self.stopped
    }

    /// One event.
    pub(super) fn happen(&mut self, key: Key, event: Event) {
        self.acting = key.to;
        self.handle(key.to, event);
        self.look();
    }

    /// The records made since the last call.
    pub fn take_records(&mut self) -> std::vec::Drain<'_, Record> {
        self.seen = 0;
        self.made.drain()
    }

    /// The devices' keys that came into being since the last call, for the judges.
    pub fn take_keys(&mut self) -> impl Iterator<Item = Held> {
        self.keys.drain(..).map(|(_, held)| held)
    }

    /// Goes on until there are so many records, and moves them out, with the keys that came into being. False
    /// when the world has come to its end.
    pub fn fill(&mut self, batch: &mut Batch, records: usize) -> bool {
        let mut goes_on = true;
        self.made.let_go();
        batch.keys.extend(self.take_keys().map(|held| (0, held)));
        while goes_on && self.made.len() < records {
            let made = self.made.len();
            goes_on = self.step();
            batch.keys.extend(self.take_keys().map(|held| (made, held)));
        }
        batch.arrange(&[self.made.tags()], |_| ());
        batch.put(self.hand_out(self.made.len()).0);
        goes_on
    }

    /// The first so many of the records that were made.
    pub(super) fn hand_out(&mut self, count: usize) -> (Part, Vec<Tag>) {
        self.seen = 0;
        self.made.hand_out(count)
    }

    /// What the world itself found, in the order of time.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    /// The time of the world.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.scheduler.now()
    }

    /// Events that have happened.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.scheduler.steps()
    }

    /// Processor time and energy (nanojoules) of all devices so far.
    #[must_use]
    pub const fn spent(&self) -> (Duration, u64) {
        self.spent
    }

    /// Looks at new records for points that steps wait for.
    pub(super) fn look(&mut self) {
        while self.looks && self.seen < self.made.len() {
            let record = &self.made[self.seen];
            let mut reached = Vec::new();
            if let Some(implied) = self.implied.before(record) {
                reached.extend(self.tracker.observe(&implied));
            }
            reached.extend(self.tracker.observe(record));
            for implied in self.implied.after(record, &self.plan.spec) {
                reached.extend(self.tracker.observe(&implied));
            }
            self.seen += 1;
            for one in reached {
                let due = self.agenda.reached(one.of, one.at, one.record.node);
                self.enter(due);
            }
        }
    }

    fn handle(&mut self, node: NodeId, event: Event) {
        let Some(user) = node.user() else { return self.handle_harness(event) };
        match event {
            Event::Arrive(frame) => self.arrive(user, frame),
            Event::Ingress(frame) => self.ingress(frame),
            Event::Deliver(frame) => self.deliver(user, frame),
            Event::Mail(mail) => self.mail(user, *mail),
            Event::Wake(generation) if node.is_device() => {
                wake::<_, Body<S>>(self, user, generation);
            }
            Event::Wake(generation) => wake::<_, Account<S>>(self, user, generation),
            Event::Synced(life) if node.is_device() => synced::<_, Body<S>>(self, user, life),
            Event::Synced(life) => synced::<_, Account<S>>(self, user, life),
            Event::Done(life) if node.is_device() => done::<_, Body<S>>(self, user, life),
            Event::Done(life) => done::<_, Account<S>>(self, user, life),
            Event::Begin(step) => self.begin(node, step),
            Event::End(step) => self.end(node, step),
            Event::Cut(step) => self.cut(node, step),
            Event::Arrival(workload) => self.arrival(user, workload),
            Event::Answer(time) => self.answer(user, time),
            Event::Warm(to) => self.warm(user, to),
            Event::Look => self.look_for_mail(user),
            Event::Online => self.online(user),
            Event::Heard(said) => self.hear(user, *said),
            Event::Serve(time) => self.wake_server(time),
            Event::Tick | Event::Settle | Event::Spoken(_) => {}
        }
        self.list(node);
    }

    pub(super) fn handle_harness(&mut self, event: Event) {
        match event {
            Event::Begin(step) => self.begin(NodeId::HARNESS, step),
            Event::End(step) => self.end(NodeId::HARNESS, step),
            Event::Tick => {
                self.ask_around();
                let pending = self.pending();
                self.tick(pending);
            }
            Event::Settle => self.begin_settle(),
            Event::Serve(time) => self.wake_server(time),
            Event::Spoken(word) => self.take_words(vec![*word]),
            Event::Arrive(_)
            | Event::Ingress(_)
            | Event::Deliver(_)
            | Event::Mail(_)
            | Event::Wake(_)
            | Event::Synced(_)
            | Event::Done(_)
            | Event::Cut(_)
            | Event::Arrival(_)
            | Event::Answer(_)
            | Event::Warm(_)
            | Event::Look
            | Event::Online
            | Event::Heard(_) => {}
        }
    }

    /// Lets an event happen, caused by the node that acts now.
    pub(super) fn schedule(&mut self, at: Instant, to: NodeId, event: Event) {
        if let Err(limit) = self.scheduler.schedule(at, to, self.acting, event) {
            self.limit(Severity::Inconclusive, limit.to_string());
        }
    }

    /// Enters what is due into the queue, at every node that it concerns.
    pub(super) fn enter(&mut self, due: impl IntoIterator<Item = Due>) {
        let heal = self.agenda.heal_at();
        for Due { at, step, end } in due {
            for (node, later) in self.places(step, end) {
                let when = at + later;
                if end {
                    self.schedule(when.min(heal.max(at)), node, Event::End(step));
                } else if when < heal {
                    self.schedule(when, node, Event::Begin(step));
                }
            }
        }
    }

    /// The account of a user's name, if it is in the plan.
    pub(super) fn index(&self, user: &UserId) -> Option<u32> {
        self.plan.spec.index(user)
    }

    /// A user's name.
    pub(super) fn user(&self, index: u32) -> UserId {
        self.plan.devices[index as usize].user.clone()
    }

    /// The settings of a user's device.
    pub(super) fn profile(&self, user: u32) -> &Profile {
        let profile = self.plan.devices[user as usize].profile;
        &self.plan.profiles[profile as usize]
    }

    /// The name of a step.
    pub(super) fn step_name(&self, step: u32) -> String {
        let name = self.plan.steps[step as usize].name;
        self.plan.spec.names[name.0 as usize].name.clone()
    }
}
