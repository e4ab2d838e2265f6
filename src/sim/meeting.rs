//! Shards of a world that go on side by side, each on a thread of its own, and say how far they are.
//!
//! What a shard does reaches others the lookahead later at the earliest, so each may go on until then from
//! where the slowest of the others is, and nobody waits for all. Its clock says before which time it does
//! nothing more (the null messages of Chandy, Misra and Bryant). Shards are close to each other (tens of
//! microseconds), so whoever has to wait does so by looking, not by sleeping. Not here: what happens in a
//! shard (`world`), or what happens when nobody is under way (`shards`).

use std::hint::spin_loop;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crate::base::lock::lock;
use crate::base::time::{Duration, Instant};
use crate::crypto::suite::Suite;
use crate::engine::queue::Key;
use crate::sim::world::{Event, World};

/// Looks after which one who waits lets other threads have the core: some tens of microseconds.
const LOOKS: u32 = 4_096;

/// How often a shard says how far it is, within the lookahead: the others need not wait for the rest.
const WORDS: u64 = 4;

/// What is handed over.
pub(super) type Post = Vec<(Key, Event)>;

/// Where the shards of a world meet.
#[derive(Debug)]
pub(super) struct Meeting {
    lookahead: Duration,
    /// What happens from then on is left, for the harness has something to do or it was enough.
    end: AtomicU64,
    /// Records of all shards after which they stop.
    records: u64,
    /// Records of one shard after which they stop.
    at_once: usize,
    seats: Vec<Seat>,
    /// What is for each shard, and for the harness at the end.
    post: Vec<Mutex<Post>>,
    /// Everybody leaves.
    is_over: AtomicBool,
}

/// What a shard says to the others, on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Seat {
    /// The time before which it does nothing more.
    clock: AtomicU64,
    /// Records that it has made and nobody took.
    records: AtomicU64,
}

impl Meeting {
    /// Of so many shards, from `next`, when the first thing happens, until `end` or there are so many records
    /// of all or of one.
    pub fn new(
        shards: usize,
        lookahead: Duration,
        (next, end): (Instant, Instant),
        (records, at_once): (usize, usize),
    ) -> Self {
        let seat = || Seat { clock: AtomicU64::new(next.as_nanos()), records: AtomicU64::new(0) };
        Self {
            lookahead,
            end: AtomicU64::new(end.as_nanos()),
            records: records as u64,
            at_once,
            seats: (0..shards).map(|_| seat()).collect(),
            post: (0..=shards).map(|_| Mutex::default()).collect(),
            is_over: AtomicBool::new(false),
        }
    }

    /// What was handed over and not taken in, of the harness too.
    pub fn post(self) -> impl Iterator<Item = (Key, Event)> {
        let post = self.post.into_iter();
        post.flat_map(|post| post.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Goes on with a shard as long as all others do.
    pub fn attend<S: Suite>(&self, place: usize, world: &mut World<S>) {
        let _leaving = Leaving(&self.is_over);
        loop {
            // What others have sent before they were where they are comes after their clocks are read.
            let others = self.others(place);
            let post = std::mem::take(&mut *lock(&self.post[place]));
            for (key, event) in post {
                world.take_in(key, event);
            }
            let (free, end) = (others + self.lookahead, self.end());
            let next = world.scheduler.next_at().unwrap_or(Instant::NEVER);
            let word = next + self.lookahead.scale(1, WORDS);
            let bound = free.min(end).min(word);
            world.run_before(bound, self.at_once);
            let next = self.tell(place, world, free);
            let is_enough = self.made() >= self.records || next < bound || !world.goes_on();
            if is_enough {
                self.is_over.store(true, Ordering::Relaxed);
            }
            let end = self.end();
            if self.is_over.load(Ordering::Relaxed) || others.min(free).min(next) >= end {
                return;
            }
            if next >= free.min(end) && !self.waits(place, others) {
                return;
            }
        }
    }

    /// Hands over what is for others, and says how far a shard is whom nobody reaches before `free`; when
    /// something happens there next, of what is known.
    fn tell<S: Suite>(&self, place: usize, world: &mut World<S>, free: Instant) -> Instant {
        let shard = world.scheduler.shard();
        for (key, event) in world.scheduler.take_abroad() {
            let to = key.to.user().map(|user| shard.of(user) as usize);
            if to.is_none() {
                // At one instant the harness comes last.
                let end = key.at + Duration::from_nanos(1);
                self.end.fetch_min(end.as_nanos(), Ordering::Relaxed);
            }
            lock(&self.post[to.unwrap_or(self.seats.len())]).push((key, event));
        }
        let next = world.scheduler.next_at().unwrap_or(Instant::NEVER);
        let seat = &self.seats[place];
        seat.records.store(world.made.len() as u64, Ordering::Relaxed);
        seat.clock.store(next.min(free).as_nanos(), Ordering::Release);
        next
    }

    /// Waits until the others are farther than this; false when it is over.
    fn waits(&self, place: usize, others: Instant) -> bool {
        let mut looks = 0;
        while self.others(place) <= others {
            if self.is_over.load(Ordering::Relaxed) {
                return false;
            }
            if looks < LOOKS {
                looks += 1;
                spin_loop();
            } else {
                thread::yield_now();
            }
        }
        true
    }

    /// Where the slowest of the others is.
    fn others(&self, place: usize) -> Instant {
        let others = self.seats.iter().enumerate().filter(|(other, _)| *other != place);
        let clocks = others.map(|(_, seat)| seat.clock.load(Ordering::Acquire));
        Instant::from_nanos(clocks.min().unwrap_or(u64::MAX))
    }

    fn end(&self) -> Instant {
        Instant::from_nanos(self.end.load(Ordering::Relaxed))
    }

    fn made(&self) -> u64 {
        self.seats.iter().map(|seat| seat.records.load(Ordering::Relaxed)).sum()
    }
}

/// Nobody waits for one whose thread panics.
struct Leaving<'m>(&'m AtomicBool);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meeting() -> Meeting {
        let times = (Instant::START, Instant::NEVER);
        Meeting::new(2, Duration::from_millis(1), times, (usize::MAX, usize::MAX))
    }

    #[test]
    fn one_waits_until_the_slowest_goes_on() {
        let meeting = meeting();
        let later = Instant::START + Duration::from_millis(1);
        let waited = thread::scope(|scope| {
            let waits = scope.spawn(|| meeting.waits(0, Instant::START));
            meeting.seats[1].clock.store(later.as_nanos(), Ordering::Release);
            waits.join().unwrap()
        });
        assert!(waited);
        assert_eq!((meeting.others(0), meeting.others(1)), (later, Instant::START));
    }

    #[test]
    fn nobody_waits_for_one_who_panics() {
        let meeting = meeting();
        let waited = thread::scope(|scope| {
            let panics = scope.spawn(|| {
                let _leaving = Leaving(&meeting.is_over);
                std::panic::resume_unwind(Box::new("on purpose"));
            });
            let waited = meeting.waits(0, Instant::START);
            panics.join().unwrap_err();
            waited
        });
        assert!(!waited);
    }
}
