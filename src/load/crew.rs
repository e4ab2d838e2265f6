//! The workers of a load: hired, made ready, watched until all is over, dismissed with what they have.
//!
//! Not here: what a worker does (`worker`), or what a load is made of (`run`).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::watch;

use crate::base::id::UserId;
use crate::base::time::{Duration, Instant, Millis};
use crate::load::bench::Common;
use crate::load::error::LoadError;
use crate::load::judged::Stated;
use crate::load::people::People;
use crate::load::progress::{Progress, Snapshot};
use crate::load::run::{Setting, Watch};
use crate::load::schedule::{Operation, Share};
use crate::load::script::{Cue, Script};
use crate::load::tally::Tally;
use crate::load::worker::{Signal, Task, Yield};
use crate::runtime::clock::{WorldClock, rest, wall};
use crate::verdict::load::Ending;

/// How long devices may take to attach, all together, at least; and each of them adds to it.
const ATTACHING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_millis(5));
/// From everybody's readiness to the beginning.
const PREPARATION: Duration = Duration::from_millis(200);
/// How often the load is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// For how long no device that could has a connection before the server is taken to be gone.
const GONE: Duration = Duration::from_secs(15);
/// The same when the time to settle is over: longer than a device takes to connect again to a server that is
/// there.
const GONE_AT_LAST: Duration = Duration::from_secs(1);

/// All workers.
pub struct Crew {
    workers: Vec<JoinHandle<io::Result<Yield>>>,
    progress: Vec<Arc<Progress>>,
    signal: watch::Sender<Signal>,
    devices: BTreeSet<u32>,
    script: Script,
    /// For how long nothing may come before all is through, where only that shows it.
    quiet: Option<Duration>,
}

/// What the workers of a load work on.
pub struct Job {
    /// What they share.
    pub common: Common,
    /// Everybody's keys.
    pub people: People,
    /// Whom each device will write to or hear of.
    pub peers: Vec<Vec<u32>>,
    /// What is due.
    pub operations: Vec<Operation>,
    /// What else happens.
    pub script: Script,
    /// Messages of the whole load.
    pub messages: u64,
    /// Of a shard: for how long nothing may come before all is through.
    pub quiet: Option<Duration>,
}

/// What they come back with.
#[derive(Debug, Default)]
pub struct Harvest {
    /// What was measured.
    pub tally: Tally,
    /// What is to be judged.
    pub stated: Vec<Stated>,
    /// What went wrong in the generator.
    pub faults: Vec<String>,
}

impl Crew {
    /// Hires workers for a job, each with its part of the devices.
    ///
    /// # Errors
    /// When the operating system has no threads.
    pub fn hire(setting: &Setting, job: Job) -> Result<Self, LoadError> {
        let Job { common, people, peers, operations, script, messages, quiet } = job;
        let count = setting.workers.get();
        let share = setting.share;
        let place = |user: u32| (user / share.of) as usize % count;
        let own_names = || {
            let names = (0..).zip(&common.users).filter(|(user, _)| share.holds(*user));
            Arc::new(names.map(|(_, name)| name.clone()).collect::<BTreeSet<UserId>>())
        };
        let own = (share != Share::WHOLE).then(own_names);
        let mut devices: Vec<Vec<(u32, Vec<u32>)>> = vec![Vec::new(); count];
        let of_share = (0..).zip(peers).filter(|(user, _)| share.holds(*user));
        of_share.for_each(|(user, peers)| devices[place(user)].push((user, peers)));
        let mut parts: Vec<Vec<Operation>> = vec![Vec::new(); count];
        operations.into_iter().for_each(|it| parts[place(it.user)].push(it));
        let (signal, signaled) = watch::channel(Signal::Wait);
        let (common, people) = (Arc::new(common), Arc::new(people));
        let mut crew = Self {
            workers: Vec::new(),
            progress: Vec::new(),
            signal,
            devices: devices.iter().flatten().map(|(user, _)| *user).collect(),
            script,
            quiet,
        };
        for (index, (devices, operations)) in devices.into_iter().zip(parts).enumerate() {
            let progress = Arc::new(Progress::default());
            let task = Task {
                common: Arc::clone(&common),
                people: Arc::clone(&people),
                devices,
                operations,
                cues: crew.script.cues.clone(),
                away: crew.script.away.clone(),
                endpoint: setting.endpoint.clone(),
                boot: wall().0 / 1_000,
                messages,
                own: own.clone(),
                progress: Arc::clone(&progress),
                signal: signaled.clone(),
                core: setting.cores.get(index % setting.cores.len().max(1)).copied(),
            };
            let thread = std::thread::Builder::new().name("load".to_owned());
            crew.workers.push(thread.spawn(move || task.run())?);
            crew.progress.push(progress);
        }
        Ok(crew)
    }

    /// Waits until all devices have attached, and tells everybody when the load begins.
    ///
    /// # Errors
    /// When they do not, or the time to begin is over by then.
    pub fn get_ready(
        &self,
        start_at: Option<Millis>,
        clock: WorldClock,
        watch: &mut dyn Watch,
    ) -> Result<(Millis, Instant), LoadError> {
        let count = self.devices.len();
        watch.tell(&format!("attaching {count} devices"));
        let within = ATTACHING.0 + ATTACHING.1.times(count as u64);
        let late = clock.now().at + within;
        loop {
            let seen = self.look();
            let attached = usize::try_from(seen.attached).unwrap_or(0);
            if attached >= count {
                break;
            }
            if watch.is_stopped() {
                return Err(LoadError::Stopped);
            }
            if clock.now().at > late || self.has_lost_a_worker() {
                let (missing, why) = (count - attached, seen.trouble);
                let why = why.unwrap_or_else(|| "the server does not answer".to_owned());
                return Err(LoadError::NotAttached { missing, count, within, why });
            }
            rest(LOOK);
        }
        let now = clock.now();
        let wait = match start_at {
            None => PREPARATION,
            Some(at) if at < now.wall => return Err(LoadError::TooLate(now.wall.since(at))),
            Some(at) => at.since(now.wall),
        };
        let start = now.at + wait;
        self.signal.send_replace(Signal::Begin(start));
        Ok((now.wall + wait, start))
    }

    /// Watches the load until nothing is left to wait for. `active` and `settle` are the plan's.
    pub fn watch(
        &self,
        (active, settle): (Duration, Duration),
        (clock, start): (WorldClock, Instant),
        watch: &mut dyn Watch,
    ) -> Ending {
        let end = start + active;
        let (mut told, mut connected, mut moved) = (start, start, start);
        let mut seen = Snapshot::default();
        loop {
            rest(LOOK);
            let now = clock.now().at;
            let (responses, before) = (std::mem::take(&mut seen.responses), seen.through);
            seen = self.look();
            seen.responses.merge(&responses);
            if seen.through != before {
                moved = now;
            }
            if now.since(told) >= Duration::from_secs(1) {
                told = now;
                watch.look(now.since(start), &seen);
                seen.responses = Default::default();
            }
            if seen.connected > 0 || now < start || self.is_dark(now.since(start)) {
                connected = now;
            }
            if watch.is_stopped() {
                return Ending::Stopped;
            } else if now >= end && self.is_over(&seen, now.since(moved.max(end))) {
                return Ending::Drained;
            }
            let patience = if now >= end + settle { GONE_AT_LAST } else { GONE };
            if now.since(connected) >= patience {
                return Ending::ServerGone;
            } else if now >= end + settle || self.has_lost_a_worker() {
                return Ending::Open;
            }
        }
    }

    /// Whether nothing is left to wait for, when nothing has come for so long. What a shard's devices receive
    /// nobody in it has sent: it waits until nothing comes any more.
    fn is_over(&self, seen: &Snapshot, silence: Duration) -> bool {
        let through = match self.quiet {
            None => seen.through >= seen.accepted && seen.asked <= 0,
            Some(quiet) => silence >= quiet,
        };
        seen.is_paced && seen.over >= seen.due && through
    }

    /// Whether the script has all devices out of reach at this time of the load.
    fn is_dark(&self, at: Duration) -> bool {
        let mut away: BTreeMap<u32, i64> = BTreeMap::new();
        self.script.away.iter().for_each(|user| *away.entry(*user).or_default() += 1);
        for (_, cue) in self.script.cues.iter().filter(|(when, _)| *when <= at) {
            match cue {
                Cue::Leave(users) => {
                    users.iter().for_each(|user| *away.entry(*user).or_default() += 1);
                }
                Cue::Return(users) => {
                    users.iter().for_each(|user| *away.entry(*user).or_default() -= 1);
                }
                Cue::Act(..) => {}
            }
        }
        self.devices.iter().all(|user| away.get(user).is_some_and(|faults| *faults > 0))
    }

    /// A worker ends only when it is told to, unless it fails.
    fn has_lost_a_worker(&self) -> bool {
        self.workers.iter().any(JoinHandle::is_finished)
    }

    fn look(&self) -> Snapshot {
        let mut all = Snapshot { is_paced: true, ..Snapshot::default() };
        self.progress.iter().for_each(|progress| progress.look(&mut all));
        all
    }

    /// Ends the load. What a worker that failed had is gone; what the others have is kept.
    #[must_use]
    pub fn dismiss(mut self) -> Harvest {
        self.signal.send_replace(Signal::End);
        let mut all = Harvest::default();
        for worker in std::mem::take(&mut self.workers) {
            match worker.join() {
                Ok(Ok(part)) => {
                    all.tally = all.tally.and(part.tally);
                    all.stated.extend(part.stated);
                    all.faults.extend(part.faults);
                }
                Ok(Err(error)) => all.faults.push(format!("a worker failed: {error}")),
                Err(_) => all.faults.push("a worker failed by a fault of this program".to_owned()),
            }
        }
        all
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        // Those that still wait would wait for ever.
        self.signal.send_replace(Signal::End);
    }
}
