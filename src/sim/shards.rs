//! A world spread over threads: shards of its users run side by side through windows of the lookahead.
//!
//! Within a window nodes of different shards cannot reach each other (design 3), so each shard goes on by
//! itself: one shard after the other, through windows that begin together for all, or side by side, where that
//! of each begins where the slowest of the others is (`meeting`). Events of the harness happen when everything
//! before them has. What comes of a run does not depend on the number of shards. Not here: what happens to a
//! node (`world`), or judging (`run`).

use crate::base::id::NodeId;
use crate::base::time::{Duration, Instant};
use crate::crypto::suite::Suite;
use crate::engine::queue::{Key, Queue};
use crate::engine::scheduler::Scheduler;
use crate::engine::shard::PerUser;
use crate::oracle::batch::{Batch, Tag};
use crate::oracle::escrow::Held;
use crate::scenario::plan::{Action, Plan};
use crate::sim::agenda::points_awaited;
use crate::sim::meeting::Meeting;
use crate::sim::world::{Event, MADE_AT_ONCE, World};
use crate::trace::fact::Phase;
use crate::trace::record::Record;
use crate::verdict::finding::Severity;

/// Events of a window from which on shards side by side are quicker than one after the other beside the judges:
/// with fewer they wait for each other.
const DENSE: u64 = 24;

/// The least lookahead for which windows are worth while: shorter ones hold too few events.
const LOOKAHEAD_MIN: Duration = Duration::from_millis(1);

/// Records of a shard after which it waits for the others and for the judges: what a core's cache holds.
const RECORDS_AT_ONCE: usize = 1 << 12;

/// Windows of the lookahead after which shards that go side by side look whether they may jump over idle time.
const WINDOWS: u64 = 64;

/// The place of whatever comes after everything.
const LAST: (Instant, NodeId) = (Instant::NEVER, NodeId::HARNESS);

/// Users of a shard, at least, unless told otherwise: fewer are not worth a thread.
pub const USERS_MIN: usize = 500;

/// Why a run stays on one thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Whole {
    /// Too few users for a second shard.
    #[error("fewer than {0} users")]
    Small(usize),
    /// Nodes can reach each other too soon.
    #[error("a lookahead of {0}, below {LOOKAHEAD_MIN}")]
    Lookahead(Duration),
    /// A step looks at what happens at several nodes.
    #[error("steps that wait for points, act on single frames, or take the directory offline")]
    Steps,
    /// Somebody wants every record at once, or the run may end at any of them.
    #[error("its records are taken one by one")]
    Watched,
}

/// Into how many shards a plan's world can be spread on so many threads, each with so many users at least.
///
/// # Errors
/// Why it cannot.
pub fn shards(plan: &Plan, threads: usize, users_min: usize) -> Result<u32, Whole> {
    let most = plan.devices.len() / users_min.max(1);
    if most < 2 {
        return Err(Whole::Small(users_min.saturating_mul(2)));
    }
    let alone = |it: &Action| {
        !matches!(
            it,
            Action::Frames { .. } | Action::Adversary { .. } | Action::DirectoryOffline { .. }
        )
    };
    if !points_awaited(plan).is_empty() || !plan.steps.iter().all(|step| alone(&step.action)) {
        return Err(Whole::Steps);
    }
    let lookahead = lookahead(plan);
    if lookahead < LOOKAHEAD_MIN {
        return Err(Whole::Lookahead(lookahead));
    }
    Ok(u32::try_from(threads.min(most)).unwrap_or(1))
}

/// How long no node can reach another: the least delay of all links, or that between accounts.
fn lookahead(plan: &Plan) -> Duration {
    plan.links.iter().map(|link| link.min_delay()).fold(plan.internal, Duration::min)
}

/// A world in shards. The first of them speaks for the harness.
pub struct Shards<S: Suite> {
    worlds: Vec<World<S>>,
    /// What is to happen to the harness.
    harness: Queue<Event>,
    lookahead: Duration,
    /// The end of the window under way, when shards go in turn.
    end: Option<Instant>,
    /// Records of a shard after which it waits for the others and for the judges.
    at_once: usize,
    /// Windows that were gone through when records were taken last, and what happened in them.
    windows: u64,
    events: u64,
}

/// How shards go through a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Going {
    /// One after the other, so that the judges have the other threads.
    InTurn,
    /// Side by side: the pool has a thread for each, and nothing else to do.
    SideBySide,
}

impl<S: Suite> Shards<S> {
    /// Spreads a world before its first step; see [`shards`].
    ///
    /// # Panics
    /// When something has happened in it.
    #[must_use]
    pub fn of(world: World<S>, count: u32) -> Self {
        assert!(world.devices.is_empty(), "only a whole world is spread");
        let lookahead = lookahead(&world.plan);
        let (worlds, events) = world.split(count);
        let harness = Queue::default();
        let at_once = RECORDS_AT_ONCE;
        let mut shards =
            Self { worlds, harness, lookahead, end: None, at_once, windows: 0, events: 0 };
        events.into_iter().for_each(|(key, event)| shards.hand_over(key, event));
        shards
    }

    /// Has each shard wait for the others and for the judges after so many records.
    #[must_use]
    pub fn wait_after(self, records: usize) -> Self {
        Self { at_once: records, ..self }
    }

    /// As [`World::fill`].
    pub fn fill(&mut self, batch: &mut Batch, records: usize, going: Going) -> bool {
        if self.is_unmade() {
            self.make_nodes(batch, records);
            return true;
        }
        let goes_on = self.go(records, going, &mut None::<fn()>);
        self.gather(batch);
        batch.close();
        goes_on
    }

    /// Goes on side by side until there are so many records, when all nodes are made, and does something else
    /// on those threads that have nothing to do. False when the world has come to its end.
    pub fn go_beside(&mut self, records: usize, other: impl FnOnce() + Send) -> bool {
        let mut other = Some(other);
        let goes_on = self.go(records, Going::SideBySide, &mut other);
        other.into_iter().for_each(|other| other());
        goes_on
    }

    fn go(
        &mut self,
        records: usize,
        going: Going,
        other: &mut Option<impl FnOnce() + Send>,
    ) -> bool {
        let (before, records) = (self.steps(), records.min(self.at_once));
        self.windows = 0;
        loop {
            let goes_on = self.window(records, going, other);
            let made: usize = self.worlds.iter().map(|world| world.made.len()).sum();
            // What happens after an event of the harness at the same instant comes behind its records.
            if !goes_on || made >= records || self.spoke() {
                self.events = self.steps() - before;
                return goes_on;
            }
        }
    }

    /// Takes records back that were gathered, each where it was made.
    pub fn take_back(&mut self, batch: &mut Batch) {
        let parts = self.worlds.iter_mut().zip(batch.take_parts());
        parts.for_each(|(world, judged)| world.made.take_back(judged));
    }

    /// Whether so much happened in a window of late that shards are better side by side.
    #[must_use]
    pub const fn is_dense(&self) -> bool {
        self.windows > 0 && self.events / self.windows >= DENSE
    }

    /// Whether there are users without nodes.
    fn is_unmade(&self) -> bool {
        let users = self.worlds[0].plan.devices.len();
        self.worlds.iter().any(|world| world.devices.next_user() < users)
    }

    /// Makes the nodes of the next users, as many as have so many records, on the threads of the current pool.
    /// What comes of that is in the order of users, as in a whole world.
    fn make_nodes(&mut self, batch: &mut Batch, records: usize) {
        // What the world has stated before there was anybody.
        batch.arrange(&[self.worlds[0].made.tags()], |_| ());
        while self.is_unmade() && batch.len() < records {
            let made = self.worlds.iter().map(|world| world.devices.next_user()).min();
            let end = made.unwrap_or(0) + MADE_AT_ONCE;
            let before: Vec<_> = self.worlds.iter().map(|world| world.made.len()).collect();
            rayon::scope(|scope| {
                for world in &mut self.worlds {
                    scope.spawn(move |_| world.make_nodes(end));
                }
            });
            let place = batch.len();
            let keys = self.worlds.iter_mut().flat_map(|world| world.keys.drain(..));
            let mut keys: Vec<_> = keys.map(|(_, held)| (place, held)).collect();
            keys.sort_by_key(|(_, held)| held.user);
            batch.keys.append(&mut keys);
            let parts = self.worlds.iter().zip(before);
            let parts: Vec<_> = parts.map(|(world, before)| &world.made.tags()[before..]).collect();
            batch.arrange(&parts, |tag| tag.node.user());
        }
        for world in &mut self.worlds {
            batch.put(world.hand_out(world.made.len()).0);
        }
    }

    /// The shards, for what each of them has counted.
    #[must_use]
    pub fn worlds(&mut self) -> &mut [World<S>] {
        &mut self.worlds
    }

    /// Whether the last record of all is the harness's.
    fn spoke(&self) -> bool {
        self.worlds[0].made.last().is_some_and(|record| record.id.node == NodeId::HARNESS)
    }

    /// A part of a window, or some windows side by side, or one event of the harness. False when the world has
    /// come to its end.
    fn window(
        &mut self,
        records: usize,
        going: Going,
        other: &mut Option<impl FnOnce() + Send>,
    ) -> bool {
        if going == Going::SideBySide {
            // Whatever is under way may come to its end there.
            self.end = None;
            self.exchange();
        }
        let next = self.next();
        let word = self.harness.peek_at();
        match (self.end, word, next) {
            (None, Some(at), next) if next.is_none_or(|next| at < next) => {
                return self.harness_acts(at);
            }
            (None, None, None) => return false,
            (end, word, next) => {
                let next = next.unwrap_or(Instant::NEVER);
                // At one instant the harness comes last.
                let word = word.map_or(Instant::NEVER, |at| at + Duration::from_nanos(1));
                match going {
                    Going::InTurn => {
                        self.in_turn(end.unwrap_or_else(|| word.min(next + self.lookahead)));
                    }
                    Going::SideBySide => {
                        let end = word.min(next + self.lookahead.times(WINDOWS));
                        self.side_by_side((next, end), records, other.take());
                    }
                }
            }
        }
        self.worlds.iter().all(World::goes_on)
    }

    /// One shard after the other up to `end`, as far as each may go for its records.
    fn in_turn(&mut self, end: Instant) {
        let at_once = self.at_once;
        self.worlds.iter_mut().for_each(|world| world.run_before(end, at_once));
        self.windows += 1;
        self.end = Some(end).filter(|end| self.next().is_some_and(|next| next < *end));
        if self.end.is_none() {
            self.exchange();
        }
    }

    /// All shards at once from `next`, when the first thing happens, until `end` or there are so many records.
    fn side_by_side(
        &mut self,
        times: (Instant, Instant),
        records: usize,
        other: Option<impl FnOnce() + Send>,
    ) {
        let most = (records, self.at_once);
        let meeting = Meeting::new(self.worlds.len(), self.lookahead, times, most);
        let (first, others) = self.worlds.split_at_mut(1);
        rayon::in_place_scope(|scope| {
            for (place, world) in (1..).zip(others) {
                let meeting = &meeting;
                scope.spawn(move |_| meeting.attend(place, world));
            }
            // Whoever has come to the end first begins with it.
            other.into_iter().for_each(|other| scope.spawn(|_| other()));
            meeting.attend(0, &mut first[0]);
        });
        meeting.post().for_each(|(key, event)| self.hand_over(key, event));
        let gone = self.latest().since(times.0).as_nanos();
        self.windows += 1 + gone / self.lookahead.as_nanos().max(1);
    }

    /// When the last thing happened that has.
    fn latest(&self) -> Instant {
        self.worlds.iter().map(World::now).max().unwrap_or(Instant::START)
    }

    /// When the next event of any node happens.
    fn next(&mut self) -> Option<Instant> {
        self.worlds.iter_mut().filter_map(|world| world.scheduler.next_at()).min()
    }

    fn steps(&self) -> u64 {
        self.worlds.iter().map(World::events).sum()
    }

    /// Everything before `at` has happened.
    fn harness_acts(&mut self, at: Instant) -> bool {
        let Some((_, event)) = self.harness.pop() else { return false };
        let ticks = matches!(event, Event::Tick);
        let pending: Vec<(NodeId, String)> =
            self.worlds.iter().filter(|_| ticks).flat_map(World::pending).collect();
        let (first, others) = self.worlds.split_at_mut(1);
        let first = &mut first[0];
        for other in &mut *others {
            other.scheduler.advance(at);
            first.agenda.hear_of(&other.agenda);
        }
        first.scheduler.step_at(at);
        first.acting = NodeId::HARNESS;
        if ticks {
            first.tick(pending);
        } else {
            first.handle_harness(event);
        }
        for other in others {
            if (other.phase, first.phase) == (Phase::Given, Phase::Active) {
                other.follow_into_active(first.start);
            }
            other.phase = first.phase;
            other.ended = first.ended;
        }
        self.exchange();
        // What comes at this instant may be at any node.
        self.worlds.iter_mut().for_each(|world| world.acting = NodeId::device(0));
        self.worlds[0].goes_on()
    }

    /// Hands everything over that shards have for each other and for the harness.
    fn exchange(&mut self) {
        for from in 0..self.worlds.len() {
            let events: Vec<(Key, Event)> = self.worlds[from].scheduler.take_abroad().collect();
            events.into_iter().for_each(|(key, event)| self.hand_over(key, event));
        }
    }

    fn hand_over(&mut self, key: Key, event: Event) {
        match key.to.user() {
            Some(user) => {
                let place = self.worlds[0].shard_of(user);
                self.worlds[place].take_in(key, event);
            }
            None => {
                if let Err(limit) = self.harness.push(key, event) {
                    self.worlds[0].limit(Severity::Inconclusive, limit.to_string());
                }
            }
        }
    }

    /// Where the shard goes on that is farthest behind, of those that do not go on after all others are.
    fn behind(&mut self) -> Option<(Instant, NodeId)> {
        let latest = self.latest();
        let at = |world: &mut World<S>| {
            let next = world.scheduler.next_at().filter(|next| *next <= latest)?;
            let node = if next > world.now() { NodeId::device(0) } else { world.acting };
            Some((next, node))
        };
        self.worlds.iter_mut().filter_map(at).min()
    }

    /// Moves the records of all shards out, to be put in the order of (time, node, number), with their keys.
    /// They are complete up to where the last shard is, and up to what the harness did.
    pub fn gather(&mut self, batch: &mut Batch) {
        let place = |tag: &Tag| (tag.at, tag.node);
        let until = if self.spoke() { None } else { self.behind() }.unwrap_or(LAST);
        let of_key = |(at, held): &(Instant, Held)| (*at, NodeId::device(held.user));
        let mut keys = Vec::new();
        for world in &mut self.worlds {
            let complete = world.keys.partition_point(|key| of_key(key) < until);
            keys.extend(world.keys.drain(..complete));
        }
        let complete = |world: &World<S>| world.made.tags().partition_point(|it| place(it) < until);
        let counts: Vec<_> = self.worlds.iter().map(complete).collect();
        for key in keys {
            let before = |world: &World<S>| {
                world.made.tags().partition_point(|it| place(it) < until.min(of_key(&key)))
            };
            batch.keys.push((self.worlds.iter().map(before).sum(), key.1));
        }
        for (world, count) in self.worlds.iter_mut().zip(counts) {
            let (part, tags) = world.hand_out(count);
            batch.put_tagged(part, tags);
        }
        batch.keys.sort_by_key(|(before, held)| (*before, held.user));
    }
}

impl<S: Suite> World<S> {
    /// Deals users out to shards, and says what is to happen to the harness.
    fn split(mut self, count: u32) -> (Vec<Self>, Vec<(Key, Event)>) {
        let scheduler = std::mem::replace(&mut self.scheduler, Scheduler::new(0, 0, 0));
        let (schedulers, events) = scheduler.split(count);
        let users = self.plan.devices.len();
        // Room for all users is given up before each shard has its own.
        self.devices = PerUser::default();
        self.accounts = PerUser::default();
        self.links = PerUser::default();
        let mut worlds: Vec<Self> = Vec::new();
        for scheduler in schedulers {
            let shard = scheduler.shard();
            let mut world = self.clone();
            if shard.number() > 0 {
                // The first has what came before, and what is the harness's.
                world.made.clear();
                world.findings.clear();
            }
            world.scheduler = scheduler;
            world.devices = PerUser::of(shard, users);
            world.accounts = PerUser::of(shard, users);
            world.links = PerUser::of(shard, users);
            worlds.push(world);
        }
        (worlds, events)
    }

    /// Which shard a user is of.
    pub(super) fn shard_of(&self, user: u32) -> usize {
        self.scheduler.shard().of(user) as usize
    }

    /// Takes in what another shard has for this one.
    pub(super) fn take_in(&mut self, key: Key, event: Event) {
        if let Err(limit) = self.scheduler.take_in(key, event) {
            self.limit(Severity::Inconclusive, limit.to_string());
        }
    }

    /// What happens before `end`, up to so many records. If those are all of this very node and instant it
    /// goes on, since the judges get only what is before them.
    pub(super) fn run_before(&mut self, end: Instant, at_once: usize) {
        self.made.let_go();
        let place = |record: &Record| (record.at, record.id.node);
        while self.goes_on() {
            let now = (self.now(), self.acting);
            if self.made.len() >= at_once && self.made.first().map(place) < Some(now) {
                break;
            }
            self.foresee();
            match self.scheduler.next_before(end) {
                Ok(Some((key, event))) => self.happen(key, event),
                Ok(None) => break,
                Err(limit) => {
                    self.limit(Severity::Inconclusive, limit.to_string());
                }
            }
        }
    }
}
