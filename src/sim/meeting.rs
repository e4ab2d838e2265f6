//! Shards of a world that go through windows side by side, each on a thread of its own, and meet between them.
//!
//! At a meeting everybody says what comes next and hands over what is for others; everybody then knows where
//! the next window ends, without anybody in charge. Windows are short (tens of microseconds to milliseconds),
//! so whoever comes first waits by looking, not by sleeping. Not here: what happens in a window (`world`), or
//! what happens when nobody is under way (`shards`).

use std::hint::spin_loop;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;

use crate::base::lock::lock;
use crate::base::time::{Duration, Instant};
use crate::crypto::suite::Suite;
use crate::engine::queue::Key;
use crate::sim::world::{Event, World};

/// Looks after which one who waits lets other threads have the core: some tens of microseconds.
const LOOKS: u32 = 4_096;

/// What is handed over.
pub(super) type Post = Vec<(Key, Event)>;

/// Where the shards of a world meet.
#[derive(Debug)]
pub(super) struct Meeting {
    gate: Gate,
    lookahead: Duration,
    /// When the harness acts, unless it is given something to do before.
    harness: Instant,
    /// Records of all shards after which they stop.
    records: u64,
    /// Records of one shard after which it waits for the others.
    at_once: usize,
    /// What each shard has said at this meeting and at the one before: who is slow may still read that.
    said: [Vec<Said>; 2],
    /// What is for each shard, and for the harness at the end, from this meeting and from the one before.
    post: [Vec<Mutex<Post>>; 2],
}

/// What a shard says at a meeting.
#[derive(Debug, Default)]
struct Said {
    /// When the next event happens, of those that it has handed over too.
    next: AtomicU64,
    /// When the harness has something to do because of it.
    harness: AtomicU64,
    /// Records that it has made and nobody took.
    records: AtomicU64,
    /// It has come to the end of the window, and may go on.
    is_through: AtomicBool,
}

/// What all shards have said.
struct Word {
    next: Instant,
    harness: Instant,
    records: u64,
    are_through: bool,
}

impl Meeting {
    /// Of so many shards, until the harness has something to do or there are so many records.
    pub fn new(
        shards: usize,
        lookahead: Duration,
        harness: Option<Instant>,
        (records, at_once): (usize, usize),
    ) -> Self {
        let seats = || (0..shards).map(|_| Said::default()).collect();
        Self {
            gate: Gate::new(shards),
            lookahead,
            harness: harness.unwrap_or(Instant::NEVER),
            records: records as u64,
            at_once,
            said: [seats(), seats()],
            post: [(); 2].map(|()| (0..=shards).map(|_| Mutex::default()).collect()),
        }
    }

    /// What was handed over and not taken in, of the harness too.
    pub fn post(self) -> impl Iterator<Item = (Key, Event)> {
        let post = self.post.into_iter().flatten();
        post.flat_map(|post| post.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Goes through windows, the first until `end`, as long as all others do; returns the end of the last one
    /// and how many there were.
    pub fn attend<S: Suite>(
        &self,
        place: usize,
        world: &mut World<S>,
        mut end: Instant,
    ) -> (Instant, u64) {
        let _leaving = Leaving(&self.gate);
        let mut harness = Instant::NEVER;
        let mut windows = 0;
        for (seats, post) in self.said.iter().zip(&self.post).cycle() {
            windows += 1;
            world.run_before(end, self.at_once);
            let mut next = world.scheduler.next_at().unwrap_or(Instant::NEVER);
            let is_through = next >= end && world.goes_on();
            let shard = world.scheduler.shard();
            for (key, event) in world.scheduler.take_abroad() {
                let to = key.to.user().map(|user| shard.of(user) as usize);
                match to {
                    Some(_) => next = next.min(key.at),
                    None => harness = harness.min(key.at),
                }
                lock(&post[to.unwrap_or(post.len() - 1)]).push((key, event));
            }
            let said = &seats[place];
            said.next.store(next.as_nanos(), Ordering::Relaxed);
            said.harness.store(harness.as_nanos(), Ordering::Relaxed);
            said.records.store(world.made.len() as u64, Ordering::Relaxed);
            said.is_through.store(is_through, Ordering::Relaxed);
            if !self.gate.pass() {
                return (end, windows);
            }
            let Word { next, harness, records, are_through } = self.word(seats);
            let is_over = !are_through || records >= self.records;
            if is_over || next == Instant::NEVER || harness < next {
                return (end, windows);
            }
            for (key, event) in std::mem::take(&mut *lock(&post[place])) {
                world.take_in(key, event);
            }
            // At one instant the harness comes last.
            end = (harness + Duration::from_nanos(1)).min(next + self.lookahead);
        }
        (end, windows)
    }

    fn word(&self, seats: &[Said]) -> Word {
        let mut word =
            Word { next: Instant::NEVER, harness: self.harness, records: 0, are_through: true };
        for said in seats {
            let at = |moment: &AtomicU64| Instant::from_nanos(moment.load(Ordering::Relaxed));
            word.next = word.next.min(at(&said.next));
            word.harness = word.harness.min(at(&said.harness));
            word.records += said.records.load(Ordering::Relaxed);
            word.are_through &= said.is_through.load(Ordering::Relaxed);
        }
        word
    }
}

/// Lets nobody through before all have come.
#[derive(Debug)]
struct Gate {
    count: u32,
    come: AtomicU32,
    round: AtomicU32,
    /// Somebody will not come any more.
    is_broken: AtomicBool,
}

impl Gate {
    fn new(count: usize) -> Self {
        Self {
            count: u32::try_from(count).unwrap_or(u32::MAX),
            come: AtomicU32::new(0),
            round: AtomicU32::new(0),
            is_broken: AtomicBool::new(false),
        }
    }

    /// Waits until all have come; false when somebody does not.
    fn pass(&self) -> bool {
        let round = self.round.load(Ordering::Relaxed);
        if self.come.fetch_add(1, Ordering::AcqRel) + 1 == self.count {
            self.come.store(0, Ordering::Relaxed);
            self.round.store(round.wrapping_add(1), Ordering::Release);
            return true;
        }
        let mut looks = 0;
        while self.round.load(Ordering::Acquire) == round {
            if self.is_broken.load(Ordering::Relaxed) {
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
}

/// Nobody waits for one whose thread panics.
struct Leaving<'g>(&'g Gate);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.is_broken.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_passes_before_all_have_come() {
        let (gate, counts) = (Gate::new(3), [(); 3].map(|()| AtomicU64::new(0)));
        thread::scope(|scope| {
            for own in &counts {
                let (gate, counts) = (&gate, &counts);
                scope.spawn(move || {
                    for round in 1..=1_000 {
                        own.store(round, Ordering::Relaxed);
                        assert!(gate.pass());
                        assert!(counts.iter().all(|it| it.load(Ordering::Relaxed) >= round));
                    }
                });
            }
        });
    }

    #[test]
    fn nobody_waits_for_one_who_panics() {
        let gate = Gate::new(2);
        let passed = thread::scope(|scope| {
            let panics = scope.spawn(|| {
                let _leaving = Leaving(&gate);
                std::panic::resume_unwind(Box::new("on purpose"));
            });
            let passed = gate.pass();
            panics.join().unwrap_err();
            passed
        });
        assert!(!passed);
    }
}
