//! One load from its beginning to its end: workers get ready, begin together, and are watched until all is
//! over.
//!
//! Not here: what it comes to (`result`), or several loads one after the other (`knee`).

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;

use tokio::sync::watch;

use crate::base::id::UserId;
use crate::base::time::{Duration, Instant, Millis};
use crate::load::bench::Common;
use crate::load::cleanup;
use crate::load::error::LoadError;
use crate::load::judged::{Keeper, Stated};
use crate::load::people::{People, Person};
use crate::load::progress::{Progress, Snapshot};
use crate::load::schedule::{Operation, Schedule, ScheduleHash, Share, traffic};
use crate::load::script::Script;
use crate::load::slo;
use crate::load::tally::Tally;
use crate::load::worker::{Signal, Task, Yield};
use crate::runtime::client::channel::{Channel, Endpoint};
use crate::runtime::clock::{WorldClock, rest, wall};
use crate::scenario::plan::{Plan, WorkloadKind};
use crate::verdict::load::{Ending, Objective};

/// How long devices may take to attach, all together, at least; and each of them adds to it.
const ATTACHING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_millis(20));
/// From everybody's readiness to the beginning.
const PREPARATION: Duration = Duration::from_millis(200);
/// Messages of a pair of users in a millisecond, as a power of two: more than there will be.
const NUMBERS: u32 = 20;
/// Users that something is done for at once.
const AT_ONCE: usize = 64;
/// How often the load is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// For how long nothing comes to a shard before it is taken to be through, at least.
const QUIET: Duration = Duration::from_secs(3);
/// For how long no device has a connection before the server is taken to be gone.
const GONE: Duration = Duration::from_secs(15);

/// What a load is told.
#[derive(Clone)]
pub struct Setting {
    /// Devices and traffic.
    pub plan: Arc<Plan>,
    /// Where the server is.
    pub endpoint: Endpoint,
    /// Which share of the devices.
    pub share: Share,
    /// Threads.
    pub workers: NonZeroUsize,
    /// The cores that they are kept to, each to one; any where there are none.
    pub cores: Vec<usize>,
    /// In front of all users' names.
    pub namespace: String,
    /// Whether the users are to be registered first.
    pub registers: bool,
    /// When shards begin together.
    pub start_at: Option<Millis>,
    /// Whether the server's word is enough that a message was delivered: one that does nothing delivers none.
    pub trusting: bool,
}

/// Whoever watches a load.
pub trait Watch {
    /// How far it is; asked every second.
    fn look(&mut self, at: Duration, snapshot: &Snapshot);
    /// What is done before the load begins.
    fn tell(&mut self, what: &str);
    /// Whether it shall end.
    fn is_stopped(&self) -> bool;
}

/// What came of a load.
#[derive(Debug)]
pub struct Run {
    /// What is due to happen.
    pub hash: ScheduleHash,
    /// How many operations that are.
    pub operations: u64,
    /// What was measured.
    pub tally: Tally,
    /// What is to be judged, and of how many pairs of users one is.
    pub stated: Vec<Stated>,
    /// One pair of users in so many is judged.
    pub one_in: u64,
    /// The users' names.
    pub users: Vec<UserId>,
    /// What is expected.
    pub objectives: Vec<Objective>,
    /// When it began, by the wall clock.
    pub began: Millis,
    /// How far the server's wall clock was ahead, in milliseconds.
    pub offset: i64,
    /// From its beginning to its end.
    pub took: Duration,
    /// How it ended.
    pub ending: Ending,
}

/// Puts a load on a server.
///
/// # Errors
/// [`LoadError`], when it does not come to its beginning.
pub fn run(setting: &Setting, watch: &mut dyn Watch) -> Result<Run, LoadError> {
    let Setting { plan, share, .. } = setting;
    let traffic = traffic(plan);
    let whole = Schedule::of(plan, &traffic, Share::WHOLE)?;
    let schedule = whole.share(*share);
    let people = People::of(plan, &setting.namespace, pairs(plan, &whole))?;
    let users: Vec<UserId> = people.all.iter().map(|person| person.user.clone()).collect();
    let script = Script::of(plan, &users)?;
    let objectives = slo::objectives(plan, &script)?;
    if whole.operations.is_empty() && script.cues.is_empty() {
        return Err(LoadError::Empty);
    }
    reach(&setting.endpoint)?;
    let clock = WorldClock::start(Instant::START);
    // No two loads of one namespace have one time, and all shards of one load have the same.
    let time = setting.start_at.unwrap_or_else(wall).0;
    let (first, run) = (time << NUMBERS, u32::try_from((time / 1_000) & 0xffff_ffff).unwrap_or(0));
    let common = Common {
        first,
        plan: Arc::clone(plan),
        traffic,
        users: users.clone(),
        run,
        clock,
        trusting: setting.trusting,
    };
    let (hash, operations) = (schedule.hash, schedule.operations.len() as u64);
    let messages = messages(plan, &schedule.operations);
    let one_in = Keeper::new(messages, 0).one_in;
    let peers = peers(plan, &whole);
    drop(whole);
    let crew = Crew::hire(setting, (common, people, peers), (schedule, &script), messages)?;
    let (began, start) = crew.get_ready(setting, clock, watch)?;
    let ending = crew.watch(plan, clock, start, watch);
    let took = clock.now().at.since(start);
    let (tally, stated) = crew.dismiss()?;
    let offset = tally.offset();
    Ok(Run {
        hash,
        operations,
        tally,
        stated,
        one_in,
        users,
        objectives,
        began,
        offset,
        took,
        ending,
    })
}

/// Registers the users of a load and does nothing else; how many they are.
///
/// # Errors
/// When the server does not register one of them.
pub fn register(
    setting: &Setting,
    people: &People,
    watch: &mut dyn Watch,
) -> Result<u64, LoadError> {
    for_each(setting, people, watch, |person, endpoint| {
        Box::pin(async move { person.register(&endpoint).await.map(|()| 1) })
    })
}

/// Drops the mail of the users of a load; how many items that were.
///
/// # Errors
/// When the server does not let one of them in.
pub fn clean(setting: &Setting, people: &People, watch: &mut dyn Watch) -> Result<u64, LoadError> {
    let name = setting.plan.server.server.clone();
    for_each(setting, people, watch, |person, endpoint| {
        let name = name.clone();
        Box::pin(async move { cleanup::clean(&person, &endpoint, &name).await })
    })
}

type Work = Pin<Box<dyn Future<Output = Result<u64, LoadError>> + Send>>;

/// Does something for every user of a share, several at once; the sum of what comes of it.
fn for_each(
    setting: &Setting,
    people: &People,
    watch: &mut dyn Watch,
    work: impl Fn(Person, Endpoint) -> Work,
) -> Result<u64, LoadError> {
    reach(&setting.endpoint)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let own = (0..).zip(&people.all).filter(|(user, _)| setting.share.holds(*user));
    let own: Vec<&Person> = own.map(|(_, person)| person).collect();
    let mut sum = 0;
    for some in own.chunks(AT_ONCE) {
        if watch.is_stopped() {
            return Err(LoadError::Stopped);
        }
        let tasks = some
            .iter()
            .map(|person| runtime.spawn(work((*person).clone(), setting.endpoint.clone())));
        for task in tasks.collect::<Vec<_>>() {
            let done = runtime.block_on(task);
            sum += done.map_err(|error| LoadError::Fault(error.to_string()))??;
        }
    }
    Ok(sum)
}

/// Whether somebody answers there, and as who is expected.
fn reach(endpoint: &Endpoint) -> Result<(), LoadError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let dialed = runtime.block_on(Channel::dial(endpoint));
    let address = endpoint.address.to_string();
    dialed.map(drop).map_err(|source| LoadError::Unreachable { address, source })
}

/// Those who will write to each other.
fn pairs<'s>(plan: &'s Plan, schedule: &'s Schedule) -> impl Iterator<Item = (u32, u32)> + 's {
    let warm = plan.load.warm;
    let written = schedule.operations.iter().filter(move |it| warm && it.to != it.user);
    written.map(|it| (it.user, it.to))
}

/// Whom each device will write to or hear of.
fn peers(plan: &Plan, schedule: &Schedule) -> Vec<Vec<u32>> {
    let mut peers = vec![BTreeSet::new(); plan.devices.len()];
    for Operation { user, to, .. } in schedule.operations.iter().filter(|it| it.to != it.user) {
        peers[*user as usize].insert(*to);
        peers[*to as usize].insert(*user);
    }
    peers.into_iter().map(|of_one| of_one.into_iter().collect()).collect()
}

/// How long mail may take at most that takes its ordinary course: the longest two polls, and a while.
fn quiet(plan: &Plan) -> Duration {
    let polls = plan.profiles.iter().filter_map(|profile| profile.config.poll);
    polls.max().unwrap_or_default().times(2) + QUIET
}

fn messages(plan: &Plan, operations: &[Operation]) -> u64 {
    let writes = |it: &&Operation| {
        let what = &plan.workloads[usize::from(it.workload)].what;
        matches!(what, WorkloadKind::Send { .. } | WorkloadKind::Ask { .. })
    };
    operations.iter().filter(writes).count() as u64
}

/// All workers.
struct Crew {
    workers: Vec<JoinHandle<std::io::Result<Yield>>>,
    progress: Vec<Arc<Progress>>,
    ready: Receiver<Result<(), LoadError>>,
    signal: watch::Sender<Signal>,
    devices: usize,
    /// Devices that are out of reach from the beginning.
    away: usize,
    /// For how long nothing may come before all is through, where only that shows it.
    quiet: Option<Duration>,
}

impl Crew {
    fn hire(
        setting: &Setting,
        (common, people, peers): (Common, People, Vec<Vec<u32>>),
        (schedule, script): (Schedule, &Script),
        messages: u64,
    ) -> Result<Self, LoadError> {
        let count = setting.workers.get();
        let (common, people) = (Arc::new(common), Arc::new(people));
        let (signal, signaled) = watch::channel(Signal::Wait);
        let (ready, is_ready) = channel();
        let place = |user: u32| (user / setting.share.of) as usize % count;
        let mut devices: Vec<Vec<(u32, Vec<u32>)>> = vec![Vec::new(); count];
        let own = (0..).zip(peers).filter(|(user, _)| setting.share.holds(*user));
        own.for_each(|(user, peers)| devices[place(user)].push((user, peers)));
        let mut operations: Vec<Vec<Operation>> = vec![Vec::new(); count];
        schedule.operations.iter().for_each(|it| operations[place(it.user)].push(*it));
        let mut crew = Self {
            workers: Vec::new(),
            progress: Vec::new(),
            ready: is_ready,
            signal,
            devices: devices.iter().map(Vec::len).sum(),
            away: script.away.iter().filter(|user| setting.share.holds(**user)).count(),
            quiet: (setting.share != Share::WHOLE).then(|| quiet(&setting.plan)),
        };
        for (index, (devices, operations)) in devices.into_iter().zip(operations).enumerate() {
            let core = setting.cores.get(index % setting.cores.len().max(1)).copied();
            let progress = Arc::new(Progress::default());
            let task = Task {
                common: Arc::clone(&common),
                people: Arc::clone(&people),
                devices,
                operations,
                cues: script.cues.clone(),
                away: script.away.clone(),
                endpoint: setting.endpoint.clone(),
                registers: setting.registers,
                boot: wall().0 / 1_000,
                messages,
                progress: Arc::clone(&progress),
                ready: ready.clone(),
                signal: signaled.clone(),
                core,
            };
            let thread = std::thread::Builder::new().name("load".to_owned());
            crew.workers.push(thread.spawn(move || task.run())?);
            crew.progress.push(progress);
        }
        Ok(crew)
    }

    /// Waits until all devices have attached, and tells everybody when the load begins.
    fn get_ready(
        &self,
        setting: &Setting,
        clock: WorldClock,
        watch: &mut dyn Watch,
    ) -> Result<(Millis, Instant), LoadError> {
        if setting.registers {
            watch.tell(&format!("registering {} users", self.devices));
        }
        for _ in &self.workers {
            loop {
                match self.ready.recv_timeout(LOOK.into()) {
                    Ok(ready) => break ready?,
                    Err(RecvTimeoutError::Timeout) if watch.is_stopped() => {
                        return Err(LoadError::Stopped);
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => {
                        return Err(LoadError::Fault("a worker".to_owned()));
                    }
                }
            }
        }
        watch.tell(&format!("attaching {} devices", self.devices));
        let within = ATTACHING.0 + ATTACHING.1.times(self.devices as u64);
        let late = clock.now().at + within;
        loop {
            let attached = usize::try_from(self.look().attached).unwrap_or(0);
            if attached >= self.devices {
                break;
            }
            if watch.is_stopped() {
                return Err(LoadError::Stopped);
            }
            if clock.now().at > late {
                let missing = self.devices - attached;
                return Err(LoadError::NotAttached { missing, count: self.devices, within });
            }
            rest(LOOK);
        }
        let now = clock.now();
        let wait = match setting.start_at {
            None => PREPARATION,
            Some(at) if at < now.wall => return Err(LoadError::TooLate(now.wall.since(at))),
            Some(at) => at.since(now.wall),
        };
        let start = now.at + wait;
        self.signal.send_replace(Signal::Begin(start));
        Ok((now.wall + wait, start))
    }

    /// Watches the load until nothing is left to wait for.
    fn watch(
        &self,
        plan: &Plan,
        clock: WorldClock,
        start: Instant,
        watch: &mut dyn Watch,
    ) -> Ending {
        let end = start + plan.active + plan.settle;
        let (mut told, mut connected, mut moved) = (start, start, start);
        let mut seen = Snapshot::default();
        loop {
            rest(LOOK);
            let now = clock.now().at;
            let (responses, before) = (std::mem::take(&mut seen.responses), seen.through);
            seen = self.look();
            if seen.through != before {
                moved = now;
            }
            seen.responses.merge(&responses);
            if now.since(told) >= Duration::from_secs(1) {
                told = now;
                watch.look(now.since(start), &seen);
                seen.responses = Default::default();
            }
            if seen.connected > 0 || self.devices == self.away || now < start {
                connected = now;
            }
            // What a shard's devices receive nobody in it has sent: it waits until nothing comes any more.
            let through = match self.quiet {
                None => seen.through >= seen.accepted,
                Some(quiet) => now.since(moved.max(start + plan.active)) >= quiet,
            };
            let over = seen.is_paced && seen.over >= seen.due && through;
            if watch.is_stopped() {
                return Ending::Stopped;
            } else if over && now >= start + plan.active {
                return Ending::Drained;
            } else if now.since(connected) >= GONE {
                return Ending::ServerGone;
            } else if now >= end {
                return Ending::Open;
            }
        }
    }

    fn look(&self) -> Snapshot {
        let mut all = Snapshot { is_paced: true, ..Snapshot::default() };
        self.progress.iter().for_each(|progress| progress.look(&mut all));
        all
    }

    fn dismiss(mut self) -> Result<(Tally, Vec<Stated>), LoadError> {
        self.signal.send_replace(Signal::End);
        let (mut tally, mut stated) = (Tally::default(), Vec::new());
        for worker in std::mem::take(&mut self.workers) {
            let part = worker.join().map_err(|_| LoadError::Fault("a worker".to_owned()))??;
            tally = tally.and(part.tally);
            stated.extend(part.stated);
        }
        Ok((tally, stated))
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        // Those that still wait would wait for ever.
        self.signal.send_replace(Signal::End);
    }
}
