//! The time of a device whose clock nobody moves: what its monotonic clock and its wall clock show.
//!
//! Not here: the clock of the operating system (`runtime`).

use std::num::NonZeroU32;

use crate::base::time::{Duration, Instant, Millis, Now};
use crate::conformance::message::Moment;
use crate::runtime::clock::Metronome;

/// Milliseconds by which a wall clock may be told wrongly without being set: times are told in whole ones.
const ROUNDING: u64 = 1;

/// Both clocks, which start when the device is made.
#[derive(Debug)]
pub struct OwnTime {
    metronome: Metronome,
    /// What the wall clock is ahead of the monotonic one, in milliseconds.
    ahead: i64,
}

impl OwnTime {
    /// Starts now, so many times as fast as real time.
    #[must_use]
    pub fn start(scale: NonZeroU32) -> Self {
        let ahead = i64::try_from(Millis::WORLD_START.0).unwrap_or(i64::MAX);
        Self { metronome: Metronome::start(scale), ahead }
    }

    /// What the clocks show.
    #[must_use]
    pub fn now(&self) -> Now {
        let at = self.metronome.now();
        let wall = millis(at.as_nanos() / NANOS).saturating_add(self.ahead);
        Now { at, wall: Millis(u64::try_from(wall).unwrap_or(0)) }
    }

    /// The harness says what the wall clock shows at a time of the world. Only the difference counts: it does
    /// not depend on how long the line took, or on how late the world is.
    pub fn set(&mut self, told: Moment) {
        let wall = i64::try_from(told.wall_ms).unwrap_or(i64::MAX);
        let ahead = wall.saturating_sub(millis(told.now_ns / NANOS));
        if ahead.abs_diff(self.ahead) > ROUNDING {
            self.ahead = ahead;
        }
    }

    /// The real time until then.
    #[must_use]
    pub fn until(&self, at: Instant) -> Duration {
        self.metronome.until(at)
    }
}

/// In a millisecond.
const NANOS: u64 = 1_000_000;

fn millis(millis: u64) -> i64 {
    i64::try_from(millis).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_clock_is_set_when_it_is_told_to_jump() {
        let mut time = OwnTime::start(NonZeroU32::MIN);
        let start = Millis::WORLD_START.0;
        for (now_ms, wall_ms, ahead) in [
            (5_000, start + 5_000, start),
            (5_000, start + 5_001, start),
            (7_000, start + 67_000, start + 60_000),
            (9_000, start + 9_000, start),
        ] {
            time.set(Moment { now_ns: now_ms * NANOS, wall_ms });
            assert_eq!(time.ahead.unsigned_abs(), ahead, "at {now_ms} ms");
        }
        let Now { at, wall } = time.now();
        assert_eq!(wall.0, start + at.as_nanos() / NANOS);
    }
}
