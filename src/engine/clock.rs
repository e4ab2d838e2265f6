//! A node's wall clock: world time plus an offset and a drift, both of which faults may change.
//!
//! Not here: the world's own time, which never goes back and is the scheduler's.

use crate::base::time::{Duration, Instant, Millis, Now};

/// The wall clock of one node, in integers only. By default it is right.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NodeClock {
    /// What the clock was ahead of the world at `since`, in nanoseconds; behind when negative.
    offset: i64,
    /// What it gains in a million nanoseconds; loses when negative.
    drift_ppm: i32,
    /// From when on the drift counts.
    since: Instant,
}

impl NodeClock {
    /// A clock that is ahead of the world by this much from the start.
    #[must_use]
    pub fn ahead_by(span: Duration) -> Self {
        let offset = i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        Self { offset, ..Self::default() }
    }

    /// What this clock shows at a moment of the world. It may go back, as wall clocks do, and stops
    /// at 1970.
    #[must_use]
    pub fn wall(&self, at: Instant) -> Millis {
        if *self == Self::default() {
            return Millis::WORLD_START + at.since(Instant::START);
        }
        let start = i128::from(Millis::WORLD_START.0) * NANOS_PER_MILLI;
        let nanos = start + i128::from(at.as_nanos()) + i128::from(self.ahead(at));
        Millis(u64::try_from(nanos.div_euclid(NANOS_PER_MILLI)).unwrap_or(0))
    }

    /// Both times of an input to the node.
    #[must_use]
    pub fn now(&self, at: Instant) -> Now {
        Now { at, wall: self.wall(at) }
    }

    /// Sets the clock forward by so many milliseconds, or back.
    pub fn step(&mut self, at: Instant, millis: i64) {
        self.settle(at);
        self.offset = self.offset.saturating_add(millis.saturating_mul(1_000_000));
    }

    /// From now on the clock gains this much, kept within [`DRIFT_MAX_PPM`], or loses it.
    pub fn set_drift(&mut self, at: Instant, ppm: i32) {
        self.settle(at);
        self.drift_ppm = ppm.clamp(-DRIFT_MAX_PPM, DRIFT_MAX_PPM);
    }

    /// Nanoseconds ahead of the world.
    fn ahead(&self, at: Instant) -> i64 {
        let gained = i128::from(at.since(self.since).as_nanos()) * i128::from(self.drift_ppm);
        let ahead = i128::from(self.offset) + gained.div_euclid(1_000_000);
        i64::try_from(ahead).unwrap_or(if ahead < 0 { i64::MIN } else { i64::MAX })
    }

    /// Counts the drift so far into the offset.
    fn settle(&mut self, at: Instant) {
        self.offset = self.ahead(at);
        self.since = at;
    }
}

/// Largest drift in parts per million: a clock that runs at half or at one and a half times speed.
/// Crystals have some 20 to 100; more than this is a stopped clock, which steps say better.
pub const DRIFT_MAX_PPM: i32 = 500_000;
const NANOS_PER_MILLI: i128 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::from_nanos(secs * 1_000_000_000)
    }

    /// Milliseconds that the clock is ahead of the world.
    fn ahead(clock: &NodeClock, secs: u64) -> i64 {
        let wall = i64::try_from(clock.wall(at(secs)).0).expect("a date of this era");
        wall - i64::try_from(Millis::WORLD_START.0 + secs * 1_000).expect("a date of this era")
    }

    #[test]
    fn a_clock_is_right_until_somebody_touches_it() {
        let clock = NodeClock::default();
        assert_eq!(clock.wall(Instant::START), Millis::WORLD_START);
        assert_eq!(ahead(&clock, 1_000_000), 0);
    }

    #[test]
    fn steps_and_drift_add_up() {
        let mut clock = NodeClock::default();
        clock.set_drift(at(100), 100);
        assert_eq!(ahead(&clock, 100), 0);
        assert_eq!(ahead(&clock, 10_100), 1_000, "100 ppm of 10 000 s");
        clock.step(at(10_100), -5_000);
        assert_eq!(ahead(&clock, 10_100), -4_000);
        clock.set_drift(at(20_100), -200);
        assert_eq!(ahead(&clock, 20_100), -3_000);
        assert_eq!(ahead(&clock, 30_100), -5_000);
    }

    #[test]
    fn changing_the_drift_often_loses_less_than_a_millisecond() {
        let mut clock = NodeClock::default();
        for secs in 0..1_000 {
            clock.set_drift(at(secs), 37);
        }
        assert_eq!(ahead(&clock, 1_000), 37);
    }

    #[test]
    fn extremes_saturate() {
        let mut clock = NodeClock::default();
        clock.step(at(1), i64::MIN);
        assert_eq!(clock.wall(at(1)), Millis(0));
        clock.step(at(1), i64::MAX);
        clock.step(at(1), i64::MAX);
        clock.set_drift(at(1), i32::MAX);
        assert!(clock.wall(Instant::NEVER) > Millis::WORLD_START);
    }
}
