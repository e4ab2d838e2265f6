//! The scheduler: the world's time, the order of its events, and the steps it may take.
//!
//! Not here: what events do, and which thread handles a node: keys are the same on any number.

use crate::base::id::NodeId;
use crate::base::time::Instant;
use crate::engine::queue::{Full, Key, Queue};
use crate::engine::shard::Shard;

/// Pending events with the world's time. Plain data: its clone is a snapshot.
#[derive(Clone, Debug)]
pub struct Scheduler<T> {
    queue: Queue<T>,
    shard: Shard,
    /// Events of nodes that are not of this shard, in the order of their scheduling.
    abroad: Vec<(Key, T)>,
    now: Instant,
    /// Per node the number of its next event; the harness has the last one.
    sequences: Vec<u64>,
    steps: u64,
    steps_max: u64,
}

/// A limit of the run is reached. That is a finding about the scenario, not a bug and not a hang.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// Too many events are pending.
    #[error(transparent)]
    Pending(#[from] Full),
    /// Too many events happened.
    #[error("the run took {limit} steps without coming to its end")]
    Steps {
        /// The most steps that this run may take.
        limit: u64,
    },
}

impl<T> Scheduler<T> {
    /// The start of a world with this many users, of at most `pending_max` events at a time and
    /// `steps_max` in all.
    ///
    /// # Panics
    /// With more users than [`NodeId::USERS_MAX`].
    #[must_use]
    pub fn new(users: u32, pending_max: usize, steps_max: u64) -> Self {
        assert!(users <= NodeId::USERS_MAX, "{users} users have no node numbers");
        Self {
            queue: Queue::new(pending_max),
            shard: Shard::WHOLE,
            abroad: Vec::new(),
            now: Instant::START,
            sequences: vec![0; 2 * users as usize + 1],
            steps: 0,
            steps_max,
        }
    }

    /// The world's time: that of the event taken last.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// How many events were taken.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// How many events are pending.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.queue.len()
    }

    /// Is nothing pending?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Events that come next, in no order: to whom, and the number of the next one that will be caused there.
    /// See [`Queue::coming`].
    pub fn coming(&mut self) -> Option<impl Iterator<Item = (NodeId, u64, &T)> + Clone> {
        let Self { queue, sequences, .. } = self;
        let next_of = |node: NodeId| sequences.get(node.raw() as usize).copied().unwrap_or(0);
        Some(queue.coming()?.map(move |(key, event)| (key.to, next_of(key.to), event)))
    }

    /// When the next event happens.
    pub fn next_at(&mut self) -> Option<Instant> {
        self.queue.peek_at()
    }

    /// Lets `event` happen to `to` at `at`, caused by `from`, and says under which key.
    ///
    /// Only what handles `from` may call this: the number in the key counts what `from` causes.
    ///
    /// # Errors
    /// [`Limit::Pending`]; the event is dropped.
    ///
    /// # Panics
    /// When `at` has passed, or a node is not of this world.
    pub fn schedule(
        &mut self,
        at: Instant,
        to: NodeId,
        from: NodeId,
        event: T,
    ) -> Result<Key, Limit> {
        assert!(at >= self.now, "{from} schedules {at:?} at {:?}", self.now);
        self.index(to);
        let source = self.index(from);
        let next = &mut self.sequences[source];
        let key = Key { at, to, from, seq: *next };
        *next += 1;
        if self.shard.owns(to) {
            self.queue.push(key, event)?;
        } else {
            self.abroad.push((key, event));
        }
        Ok(key)
    }

    /// Deals everything out to `count` shards, and says what none of them has. Each may go on by itself for
    /// as long as nodes of different shards cannot reach each other.
    #[must_use]
    pub fn split(mut self, count: u32) -> (Vec<Self>, Vec<(Key, T)>) {
        let mut parts: Vec<Self> = Shard::all(count)
            .map(|shard| Self {
                queue: Queue::new(self.queue.limit()),
                shard,
                abroad: Vec::new(),
                now: self.now,
                sequences: self.sequences.clone(),
                steps: 0,
                steps_max: self.steps_max,
            })
            .collect();
        parts[0].steps = self.steps;
        let mut others = self.abroad;
        while let Some((key, event)) = self.queue.pop() {
            match key.to.user().map(|user| parts[0].shard.of(user)) {
                // What was in one queue fits into several.
                Some(part) => drop(parts[part as usize].queue.push(key, event)),
                None => others.push((key, event)),
            }
        }
        (parts, others)
    }

    /// Whose events it holds.
    #[must_use]
    pub const fn shard(&self) -> Shard {
        self.shard
    }

    /// What was scheduled since the last call for nodes of other shards.
    pub fn take_abroad(&mut self) -> std::vec::Drain<'_, (Key, T)> {
        self.abroad.drain(..)
    }

    /// Takes in what another shard has scheduled for a node of this one.
    ///
    /// # Errors
    /// [`Limit::Pending`]; the event is dropped.
    ///
    /// # Panics
    /// When its time has passed here, or the node is of another shard.
    pub fn take_in(&mut self, key: Key, event: T) -> Result<(), Limit> {
        assert!(key.at >= self.now && self.shard.owns(key.to), "{key:?} comes at {:?}", self.now);
        Ok(self.queue.push(key, event)?)
    }

    /// Takes a step that another queue has: an event of nobody's.
    ///
    /// # Panics
    /// As for [`advance`](Self::advance).
    pub fn step_at(&mut self, now: Instant) {
        self.advance(now);
        self.steps += 1;
    }

    /// Sets the time to that of an event that happens elsewhere.
    ///
    /// # Panics
    /// When something is pending before it.
    pub fn advance(&mut self, now: Instant) {
        assert!(self.next_at().is_none_or(|next| next >= now), "something is left before {now:?}");
        self.now = self.now.max(now);
    }

    /// Takes the next event and sets the time to it; `None` when nothing is pending.
    ///
    /// # Errors
    /// [`Limit::Steps`] when the run took as many steps as it may; the event stays.
    #[allow(
        clippy::should_implement_trait,
        reason = "handling an event schedules others, so this cannot be an iterator"
    )]
    pub fn next(&mut self) -> Result<Option<(Key, T)>, Limit> {
        if self.steps >= self.steps_max && !self.queue.is_empty() {
            return Err(Limit::Steps { limit: self.steps_max });
        }
        let Some((key, event)) = self.queue.pop() else { return Ok(None) };
        assert!(key.at >= self.now, "time goes back from {:?} to {key:?}", self.now);
        self.now = key.at;
        self.steps += 1;
        Ok(Some((key, event)))
    }

    /// As [`next`](Self::next), but leaves what happens at or after `end`.
    ///
    /// # Errors
    /// As for [`next`](Self::next).
    pub fn next_before(&mut self, end: Instant) -> Result<Option<(Key, T)>, Limit> {
        match self.queue.peek_at() {
            Some(at) if at < end => self.next(),
            Some(_) | None => Ok(None),
        }
    }

    /// Where the node's counter is.
    fn index(&self, node: NodeId) -> usize {
        let nodes = self.sequences.len() - 1;
        let index = if node == NodeId::HARNESS { nodes } else { node.raw() as usize };
        assert!(index < nodes || node == NodeId::HARNESS, "{node} is not of this world");
        index
    }
}

/// Most steps of a run unless told otherwise: a day of a million devices at a message a minute and
/// some events each. A scenario that runs in circles ends here.
pub const STEPS_MAX: u64 = 100_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    fn scheduler() -> Scheduler<&'static str> {
        Scheduler::new(2, 10, 100)
    }

    #[test]
    fn events_come_in_the_order_of_their_keys() {
        let (d0, d1, s1) = (NodeId::device(0), NodeId::device(1), NodeId::account(1));
        let mut scheduler = scheduler();
        for (when, to, from, name) in [
            (9, d0, d0, "last"),
            (5, NodeId::HARNESS, d0, "harness"),
            (5, d1, s1, "from account"),
            (5, d1, d1, "from device, first"),
            (5, d1, d1, "from device, second"),
            (5, d0, NodeId::HARNESS, "to device 0"),
        ] {
            scheduler.schedule(at(when), to, from, name).expect("within limits");
        }
        let mut order = Vec::new();
        while let Ok(Some((key, name))) = scheduler.next() {
            assert_eq!(scheduler.now(), key.at);
            order.push((key.seq, name));
        }
        assert_eq!(
            order,
            [
                (0, "to device 0"),
                (0, "from device, first"),
                (1, "from device, second"),
                (0, "from account"),
                (1, "harness"),
                (0, "last"),
            ]
        );
        assert_eq!(scheduler.steps(), 6);
    }

    #[test]
    fn limits_are_answers() {
        let node = NodeId::device(0);
        let mut scheduler = Scheduler::new(1, 2, 3);
        for _ in 0..2 {
            scheduler.schedule(at(1), node, node, ()).expect("within limits");
        }
        let full = scheduler.schedule(at(1), node, node, ()).expect_err("beyond the limit");
        assert_eq!(full.to_string(), "the event queue is full at 2 pending events");
        for _ in 0..3 {
            let (key, ()) = scheduler.next().expect("within limits").expect("still pending");
            scheduler.schedule(key.at, node, node, ()).expect("within limits");
        }
        let steps = scheduler.next().expect_err("beyond the limit");
        assert_eq!(steps.to_string(), "the run took 3 steps without coming to its end");
    }

    #[test]
    fn a_window_ends_before_its_end() {
        let node = NodeId::account(1);
        let mut scheduler = scheduler();
        for when in [3, 7] {
            scheduler.schedule(at(when), node, node, "event").expect("within limits");
        }
        let times = |scheduler: &mut Scheduler<_>, end| {
            std::iter::from_fn(|| scheduler.next_before(at(end)).expect("within limits"))
                .map(|(key, _)| key.at.as_nanos())
                .collect::<Vec<_>>()
        };
        assert_eq!(times(&mut scheduler, 7), [3]);
        assert_eq!(scheduler.next_at(), Some(at(7)));
        // The next event is known already, and still something may happen before it.
        scheduler.schedule(at(5), node, node, "between").expect("within limits");
        assert_eq!(times(&mut scheduler, 8), [5, 7]);
    }

    #[test]
    #[should_panic(expected = "d0 schedules 0.000000s at 0.000005s")]
    fn the_past_is_closed() {
        let node = NodeId::device(0);
        let mut scheduler = scheduler();
        scheduler.schedule(at(5_000), node, node, "event").expect("within limits");
        let _ = scheduler.next();
        let _ = scheduler.schedule(at(0), node, node, "too late");
    }

    #[test]
    #[should_panic(expected = "d2 is not of this world")]
    fn strangers_get_no_events() {
        let _ = scheduler().schedule(at(1), NodeId::device(2), NodeId::HARNESS, "event");
    }
}
