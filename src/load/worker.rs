//! A worker: a thread with its share of the devices, and the clockwork that makes their operations due.
//!
//! Not here: what one device does (`seat`), or when the load begins and ends (`run`).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration as Span;

use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;
use tokio::task::{JoinHandle, LocalSet, spawn_local, yield_now};

use crate::base::id::UserId;
use crate::base::rng::{Luck, Purpose};
use crate::base::time::{Duration, Instant};
use crate::crypto::p256::P256;
use crate::load::bench::{Bench, Common};
use crate::load::judged::{Keeper, Stated};
use crate::load::people::People;
use crate::load::progress::Progress;
use crate::load::schedule::Operation;
use crate::load::script::Cue;
use crate::load::seat::Seat;
use crate::load::tally::Tally;
use crate::proto::device::durable::DeviceDurable;
use crate::runtime::alarm::Alarm;
use crate::runtime::client::channel::Endpoint;
use crate::runtime::client::device::{Command, LiveDevice, Owner};
use crate::runtime::clock::BusyWatch;
use crate::runtime::cores;
use crate::scenario::plan::Plan;

/// Operations that are made due before devices have a turn.
const BATCH: usize = 32;
/// The least time from one waking of the clockwork to the next, so that it does not wake for each of a crowd.
const GRAIN: Duration = Duration::from_micros(50);

/// What a worker is given.
pub struct Task {
    /// What all workers share.
    pub common: Arc<Common>,
    /// Everybody's keys.
    pub people: Arc<People>,
    /// Its devices, each with those whom it will write to or hear of.
    pub devices: Vec<(u32, Vec<u32>)>,
    /// Their operations, in order.
    pub operations: Vec<Operation>,
    /// What else happens to them, in order.
    pub cues: Vec<(Duration, Cue)>,
    /// Those that are out of reach from the beginning.
    pub away: Vec<u32>,
    /// Where the server is.
    pub endpoint: Endpoint,
    /// How often these devices were switched on before: their salts differ each time.
    pub boot: u64,
    /// Messages of the whole load, by which it is decided what is judged.
    pub messages: u64,
    /// How far it is.
    pub progress: Arc<Progress>,
    /// Of a shard, its users.
    pub own: Option<Arc<BTreeSet<UserId>>>,
    /// When the load begins, and whether it is over.
    pub signal: watch::Receiver<Signal>,
    /// The core that it is kept to.
    pub core: Option<usize>,
}

/// What all workers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Get ready.
    Wait,
    /// The load begins then.
    Begin(Instant),
    /// It is over.
    End,
}

/// What a worker comes back with.
#[derive(Debug, Default)]
pub struct Yield {
    /// What it measured.
    pub tally: Tally,
    /// What is to be judged.
    pub stated: Vec<Stated>,
    /// What went wrong in this program.
    pub faults: Vec<String>,
}

/// Devices whose faults are told one by one.
const FAULTS_MAX: usize = 8;

type Shared<T> = Rc<RefCell<T>>;
/// Devices under way.
type Lives = Vec<(u32, JoinHandle<DeviceDurable>)>;

/// What is told of devices that have ended by a fault of this program: what they left undone is not the
/// server's.
async fn broken(lives: Lives) -> Vec<String> {
    let (mut faults, mut more) = (Vec::new(), 0_u64);
    for (user, life) in lives {
        // Of those that have not ended yet nothing is wrong.
        if life.is_finished()
            && let Err(error) = life.await
        {
            if faults.len() == FAULTS_MAX {
                more += 1;
            } else {
                faults.push(format!("device {user} failed by a fault of this program: {error}"));
            }
        }
    }
    faults.extend((more > 0).then(|| format!("and {more} more")));
    faults
}

impl Task {
    /// Does it on this thread.
    ///
    /// # Errors
    /// When the operating system does not give what it needs.
    pub fn run(self) -> io::Result<Yield> {
        cores::keep_to(self.core.as_slice());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, self.work())
    }

    async fn work(mut self) -> io::Result<Yield> {
        let bench = Rc::new(RefCell::new(Bench {
            common: Arc::clone(&self.common),
            start: None,
            tally: Tally::for_operations(self.operations.len()),
            keeper: Keeper::new(self.messages, self.operations.len() as u64).of(self.own.take()),
            progress: Arc::clone(&self.progress),
        }));
        let (seats, lives) = self.seat(&bench);
        let begun = self.signal.wait_for(|signal| *signal != Signal::Wait).await.map(|it| *it);
        if let Ok(Signal::Begin(start)) = begun {
            bench.borrow_mut().start = Some(start);
            let busy = BusyWatch::start();
            let mut signal = self.signal.clone();
            tokio::select! {
                paced = self.pace(start, &seats, &bench) => paced?,
                _ = signal.wait_for(|signal| *signal == Signal::End) => {}
            }
            self.progress.paced();
            // Who has nothing to do is late with nothing, and looks busy in the instant that it takes.
            let has_work = !self.operations.is_empty() || !self.cues.is_empty();
            bench.borrow_mut().tally.busy = if has_work { busy.share() } else { 0 };
            let _ = self.signal.wait_for(|signal| *signal == Signal::End).await;
        }
        seats.values().for_each(|seat| seat.borrow_mut().close());
        // Devices end by themselves once nobody commands them.
        yield_now().await;
        let faults = broken(lives).await;
        let mut bench = bench.borrow_mut();
        let keeper = std::mem::replace(&mut bench.keeper, Keeper::new(0, 0));
        Ok(Yield { tally: std::mem::take(&mut bench.tally), stated: keeper.kept(), faults })
    }

    /// Switches all devices on; with what becomes of each.
    fn seat(&mut self, bench: &Shared<Bench>) -> (BTreeMap<u32, Shared<Seat>>, Lives) {
        let now = self.common.clock.now();
        let flight = self.common.plan.load.flight;
        let (mut seats, mut lives) = (BTreeMap::new(), Lives::new());
        for (user, peers) in std::mem::take(&mut self.devices) {
            let durable = self.memory(user, &peers, now.at);
            let device = LiveDevice::<P256>::new(
                self.owner(user, durable),
                self.common.clock,
                endpoint_of(&self.endpoint, &self.common.plan, user),
            );
            let (commands, receiver) = unbounded_channel();
            let seat = Rc::new(RefCell::new(Seat::new(user, commands, flight)));
            let (heard_seat, bench) = (Rc::clone(&seat), Rc::clone(bench));
            let life = spawn_local(device.run(receiver, move |now, heard| {
                let answer = heard_seat.borrow_mut().hear(now, &heard, &mut bench.borrow_mut());
                if let Some(answer) = answer {
                    let seat = Rc::clone(&heard_seat);
                    spawn_local(async move {
                        tokio::time::sleep(Span::from(answer.after)).await;
                        seat.borrow_mut().answer(answer);
                    });
                }
            }));
            lives.push((user, life));
            seats.insert(user, seat);
        }
        (seats, lives)
    }

    fn memory(&self, user: u32, peers: &[u32], now: Instant) -> DeviceDurable {
        let plan = &self.common.plan;
        let profile = &plan.profiles[plan.devices[user as usize].profile as usize];
        let table = (profile.config.table_capacity, plan.load.warm);
        self.people.memory(user, peers, table, (now, self.common.first))
    }

    fn owner(&self, user: u32, durable: DeviceDurable) -> Owner {
        let plan = &self.common.plan;
        let profile = &plan.profiles[plan.devices[user as usize].profile as usize];
        Owner {
            config: Arc::clone(&profile.config),
            user: self.common.users[user as usize].clone(),
            luck: Luck::new(plan.seed, Purpose::Device, u64::from(user)),
            durable,
            boot: self.boot,
        }
    }

    /// Makes everything due at its instant.
    async fn pace(
        &self,
        start: Instant,
        seats: &BTreeMap<u32, Shared<Seat>>,
        bench: &Shared<Bench>,
    ) -> io::Result<()> {
        let mut alarm = Alarm::new()?;
        let (mut operations, mut cues) = (self.operations.iter(), self.cues.iter());
        let clock = self.common.clock;
        let mut reach = Reach { seats, away: BTreeMap::new() };
        reach.perform(&Cue::Leave(self.away.clone()));
        let mut woken = Duration::ZERO;
        loop {
            let next = [
                operations.as_slice().first().map(|it| it.at),
                cues.as_slice().first().map(|(at, _)| *at),
            ];
            let Some(next) = next.into_iter().flatten().min() else { return Ok(()) };
            alarm.until(clock.moment(start + next.max(woken + GRAIN))).await?;
            let now = clock.now().at.since(start);
            woken = now;
            while let Some((_, cue)) = cues.as_slice().first().filter(|(at, _)| *at <= now) {
                cues.next();
                reach.perform(cue);
            }
            let due = operations.as_slice().iter().take(BATCH).take_while(|it| it.at <= now);
            let due = operations.by_ref().take(due.count());
            due.for_each(|operation| {
                if let Some(seat) = seats.get(&operation.user) {
                    seat.borrow_mut().due(*operation, &mut bench.borrow_mut());
                }
            });
            // Alarms that ring at once give nobody else a turn.
            yield_now().await;
        }
    }
}

/// Who of a worker's devices is within reach of the server.
struct Reach<'s> {
    seats: &'s BTreeMap<u32, Shared<Seat>>,
    /// By how many faults a device is out of reach.
    away: BTreeMap<u32, u32>,
}

impl Reach<'_> {
    fn perform(&mut self, cue: &Cue) {
        match cue {
            Cue::Leave(users) => users.iter().for_each(|user| self.leave(*user)),
            Cue::Return(users) => users.iter().for_each(|user| self.come_back(*user)),
            Cue::Act(user, action) => tell(self.seats, *user, || action.clone().into()),
        }
    }

    fn leave(&mut self, user: u32) {
        let faults = self.away.entry(user).or_default();
        *faults += 1;
        if *faults == 1 {
            tell(self.seats, user, || Command::Leave);
        }
    }

    fn come_back(&mut self, user: u32) {
        let Some(faults) = self.away.get_mut(&user).filter(|faults| **faults > 0) else { return };
        *faults -= 1;
        if *faults == 0 {
            tell(self.seats, user, || Command::Return);
        }
    }
}

/// Where the server is for this user: each comes from an own address, as far as there are.
#[must_use]
pub fn endpoint_of(endpoint: &Endpoint, plan: &Plan, user: u32) -> Endpoint {
    let sources = &plan.load.sources;
    let from = sources.get(user as usize % sources.len().max(1)).copied().map(IpAddr::V4);
    Endpoint { from: from.or(endpoint.from), ..endpoint.clone() }
}

/// Tells a device something, if it is one of this worker.
fn tell(seats: &BTreeMap<u32, Shared<Seat>>, user: u32, command: impl Fn() -> Command) {
    if let Some(seat) = seats.get(&user) {
        seat.borrow_mut().command(command());
    }
}
