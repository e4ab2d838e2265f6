//! The time of a world that keeps to a clock outside: what it is, and how long a run may take of it.
//!
//! Not here: the device's own (`own_time`), or what is heard meanwhile (`paced`, `server_paced`).

use std::num::NonZeroU32;

use crate::base::time::{Duration, Instant, Millis, Now};
use crate::conformance::campaign::Real;
use crate::runtime::clock::{Metronome, Stamp};
use crate::sim::pace::Waited;

/// A world's time.
#[derive(Debug)]
pub(super) struct WorldTime {
    clock: Metronome,
    scale: NonZeroU32,
    /// Real time that the run may take, and when, by the world's time, it has taken twice as much.
    budget: Duration,
    end: Instant,
    /// What was told last.
    told: Now,
}

impl WorldTime {
    /// Starts now.
    pub fn start(Real { scale, budget }: Real) -> Self {
        Self {
            clock: Metronome::start(scale),
            scale,
            budget,
            end: Instant::START + budget.times(2 * u64::from(scale.get())),
            told: Now { at: Instant::START, wall: Millis::WORLD_START },
        }
    }

    /// The world says what time it is; its wall clock goes on from there.
    pub const fn tell(&mut self, now: Now) {
        self.told = now;
    }

    /// When something came.
    pub fn at(&self, stamp: Stamp) -> Instant {
        self.clock.at(stamp)
    }

    /// Both clocks when something came.
    pub fn both_at(&self, stamp: Stamp) -> Now {
        let at = self.at(stamp);
        Now { at, wall: self.told.wall + at.since(self.told.at) }
    }

    /// The real time until then; nothing once it is over.
    pub fn until(&self, at: Instant) -> Duration {
        self.clock.until(at)
    }

    /// What so much of the world's time is in real time.
    pub fn real(&self, span: Duration) -> Duration {
        span.scale(1, u64::from(self.scale.get()))
    }

    /// Why a wait until then is none that the run has time for.
    pub fn over(&self, until: Instant) -> Option<Waited> {
        let budget = self.budget;
        let why = || format!("the run takes more than twice the {budget} of real time it has");
        (until > self.end).then(|| Waited::Over(why()))
    }
}
