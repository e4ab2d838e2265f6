//! A node's timer: one deadline that may move, over queued events that cannot be taken back.
//!
//! Not here: what a node does when its time has come, or which of its time-outs is next (`proto`).

use crate::base::time::Instant;

/// The number of a wake-up, by which an old one is told from the current.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Generation(u32);

/// A wake-up to schedule: an event of the node to itself, carrying the generation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wake {
    /// When.
    pub at: Instant,
    /// What the event has to carry.
    pub generation: Generation,
}

/// What a wake-up that has come means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Woken {
    /// The deadline is reached; the slot is disarmed.
    Due,
    /// The deadline was moved later, and this wake-up has to be scheduled for it.
    Again(Wake),
    /// Nothing to do: no deadline, or another wake-up is pending for it.
    Idle,
}

/// A node's timer: one deadline that may move at any time, over events that cannot be taken back.
///
/// Wake-ups are canceled lazily. A pending one that comes too early is kept and renewed when it
/// comes; one that comes too late is overtaken by an earlier one. The slot knows the current
/// wake-up and the one it overtook first, so a deadline that moves to and fro between seconds and
/// days leaves two events in the queue, not one for each move.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimerSlot {
    deadline: Instant,
    /// When the current wake-up comes; never: there is none.
    near: Instant,
    /// When the one comes that was overtaken; never: there is none.
    far: Instant,
    /// Of those two. Apart from their moments, so that a slot takes less room.
    generations: [Generation; 2],
    /// The last one given.
    last: Generation,
}

impl Default for TimerSlot {
    fn default() -> Self {
        let (never, none) = (Instant::NEVER, Generation(0));
        Self { deadline: never, near: never, far: never, generations: [none; 2], last: none }
    }
}

impl TimerSlot {
    /// Sets the deadline, and says which wake-up has to be scheduled, if any.
    /// [`Instant::NEVER`] disarms.
    #[must_use = "the wake-up has to be scheduled"]
    pub fn arm(&mut self, at: Instant) -> Option<Wake> {
        self.deadline = at;
        if at >= self.near || at >= self.far {
            return None;
        }
        self.last = Generation(self.last.0.wrapping_add(1));
        let [near, far] = &mut self.generations;
        if self.far == Instant::NEVER && self.near != Instant::NEVER {
            (self.far, *far) = (self.near, *near);
        }
        (self.near, *near) = (at, self.last);
        Some(Wake { at, generation: self.last })
    }

    /// Forgets the deadline.
    pub fn disarm(&mut self) {
        self.deadline = Instant::NEVER;
    }

    /// The deadline, if there is one.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        (self.deadline != Instant::NEVER).then_some(self.deadline)
    }

    /// Is the wake-up with this generation one that the slot still waits for?
    #[must_use]
    pub fn is_current(&self, generation: Generation) -> bool {
        self.is_near(generation) || self.far != Instant::NEVER && self.generations[1] == generation
    }

    /// Takes a wake-up that has come.
    #[must_use = "a due timer has to be handled, a renewed one to be scheduled"]
    pub fn wake(&mut self, now: Instant, generation: Generation) -> Woken {
        if !self.is_current(generation) {
            return Woken::Idle;
        }
        let wake = if self.is_near(generation) { &mut self.near } else { &mut self.far };
        *wake = Instant::NEVER;
        if self.deadline <= now {
            self.disarm();
            return Woken::Due;
        }
        self.arm(self.deadline).map_or(Woken::Idle, Woken::Again)
    }

    fn is_near(&self, generation: Generation) -> bool {
        self.near != Instant::NEVER && self.generations[0] == generation
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::time::Duration;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn a_deadline_that_moves_to_and_fro_leaves_two_wake_ups() {
        let (second, day) = (Duration::from_secs(1), Duration::from_secs(86_400));
        let mut slot = TimerSlot::default();
        let mut pending: Vec<Wake> = slot.arm(at(0) + day).into_iter().collect();
        for n in 0..100_u64 {
            let now = at(0) + second.times(10 * n);
            pending.retain(|wake| wake.at > now || slot.wake(now, wake.generation) == Woken::Due);
            pending.extend(slot.arm(now + second));
            pending.extend(slot.arm(now + day));
            assert!(pending.len() <= 2, "{pending:?}");
        }
        assert_eq!(slot.deadline(), Some(at(0) + second.times(990) + day));
    }

    proptest! {
        /// Each step either moves the deadline (0 disarms) or lets the next wake-up come.
        #[test]
        fn a_timer_is_due_at_its_deadline_and_never_else(
            steps in prop::collection::vec((any::<bool>(), 0_u64..50), 1..200),
        ) {
            let mut slot = TimerSlot::default();
            let mut pending = std::collections::BTreeSet::new();
            let (mut now, mut deadline) = (0, None);
            let all_wakes = std::iter::repeat_n((false, 0), 500);
            for (moves, ahead) in steps.into_iter().chain(all_wakes) {
                let wake = if moves {
                    deadline = (ahead > 0).then_some(now + ahead);
                    slot.arm(deadline.map_or(Instant::NEVER, at))
                } else {
                    let Some((when, generation)) = pending.pop_first() else { continue };
                    now = when;
                    match slot.wake(at(now), Generation(generation)) {
                        Woken::Due => {
                            prop_assert_eq!(deadline.take(), Some(now));
                            None
                        }
                        Woken::Again(wake) => Some(wake),
                        Woken::Idle => None,
                    }
                };
                if let Some(wake) = wake {
                    pending.insert((wake.at.as_nanos(), wake.generation.0));
                }
                prop_assert_eq!(slot.deadline(), deadline.map(at));
            }
            prop_assert_eq!(deadline, None, "every deadline comes");
        }
    }
}
