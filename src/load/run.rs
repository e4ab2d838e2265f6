//! One load from its beginning to its end: workers get ready, begin together, and are watched until all is
//! over.
//!
//! Not here: what it comes to (`result`), or several loads one after the other (`knee`).

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;

use crate::base::id::UserId;
use crate::base::time::{Duration, Instant, Millis};
use crate::load::bench::Common;
use crate::load::cleanup;
use crate::load::crew::{Crew, Harvest, Job};
use crate::load::error::LoadError;
use crate::load::judged::{Keeper, Stated};
use crate::load::people::{People, Person};
use crate::load::progress::Snapshot;
use crate::load::schedule::{Operation, Schedule, ScheduleHash, Share, traffic};
use crate::load::script::Script;
use crate::load::slo;
use crate::load::tally::Tally;
use crate::load::worker::endpoint_of;
use crate::runtime::client::channel::{Channel, Endpoint};
use crate::runtime::clock::{Timeline, WorldClock, wall};
use crate::runtime::host::has_address;
use crate::scenario::plan::{Plan, WorkloadKind};
use crate::verdict::load::{Ending, Objective};

/// How long a server may take to let a first connection in.
const REACHING: Duration = Duration::from_secs(10);
/// Messages of a pair of users in a millisecond, as a power of two: more than there will be.
const NUMBERS: u32 = 20;
/// Users that something is done for at once.
const AT_ONCE: usize = 64;
/// For how long nothing comes to a shard before it is taken to be through, at least.
const QUIET: Duration = Duration::from_secs(3);

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

/// What is due to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The hash of what is due in this share.
    pub hash: ScheduleHash,
    /// That of the whole load.
    pub whole: ScheduleHash,
    /// How many operations of this share are due.
    pub operations: u64,
}

impl Planned {
    /// Of a share of a whole schedule.
    #[must_use]
    pub fn of(whole: &Schedule, share: &Schedule) -> Self {
        let operations = share.operations.len() as u64;
        Self { hash: share.hash, whole: whole.hash, operations }
    }
}

/// What came of a load.
#[derive(Debug)]
pub struct Run {
    /// What was due to happen.
    pub planned: Planned,
    /// What was measured.
    pub tally: Tally,
    /// What is to be judged.
    pub stated: Vec<Stated>,
    /// One pair of users in so many is judged.
    pub one_in: u64,
    /// The users' names.
    pub users: Vec<UserId>,
    /// What is expected.
    pub objectives: Vec<Objective>,
    /// What went wrong in the generator.
    pub faults: Vec<String>,
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
    let quiet = (*share != Share::WHOLE).then(|| quiet(plan));
    if let Some(quiet) = quiet.filter(|quiet| *quiet >= plan.settle) {
        let why =
            format!("a shard waits until nothing has come for {quiet}: `settle` has to be longer");
        return Err(LoadError::Script(why));
    }
    let mut sources = plan.load.sources.iter();
    if let Some(source) = sources.find(|source| !has_address(IpAddr::V4(**source))) {
        return Err(LoadError::Source(*source));
    }
    if setting.registers {
        watch.tell("registering users");
        register(setting, &people, watch)?;
    } else {
        reach(&setting.endpoint)?;
    }
    let clock = WorldClock::start(Timeline::System, Instant::START);
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
    let planned = Planned::of(&whole, &schedule);
    let messages = messages(plan, &schedule.operations);
    let one_in = Keeper::new(messages, 0).one_in;
    let (peers, operations) = (peers(plan, &whole), schedule.operations);
    drop(whole);
    let job = Job { common, people, peers, operations, script, messages, quiet };
    let crew = Crew::hire(setting, job)?;
    let (began, start) = crew.get_ready(setting.start_at, clock, watch)?;
    let ending = crew.watch((plan.active, plan.settle), (clock, start), watch);
    let took = clock.now().at.since(start);
    let Harvest { tally, stated, faults } = crew.dismiss();
    let offset = tally.offset();
    Ok(Run {
        planned,
        tally,
        stated,
        one_in,
        users,
        objectives,
        faults,
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
    let own: Vec<(u32, &Person)> = own.collect();
    let mut sum = 0;
    for some in own.chunks(AT_ONCE) {
        if watch.is_stopped() {
            return Err(LoadError::Stopped);
        }
        let tasks = some.iter().map(|(user, person)| {
            let endpoint = endpoint_of(&setting.endpoint, &setting.plan, *user);
            runtime.spawn(work((*person).clone(), endpoint))
        });
        for task in tasks.collect::<Vec<_>>() {
            let done = runtime.block_on(task);
            sum += done.map_err(|error| LoadError::Fault(error.to_string()))??;
        }
    }
    Ok(sum)
}

/// Whether somebody answers there, and as who is expected.
///
/// # Errors
/// When nobody does.
pub fn reach(endpoint: &Endpoint) -> Result<(), LoadError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let dialed = async { tokio::time::timeout(REACHING.into(), Channel::dial(endpoint)).await };
    let dialed = runtime.block_on(dialed).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
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
