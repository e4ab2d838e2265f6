//! How fast one peer is served: so many frames a second in the long run, and so many at once.
//!
//! The generic cell rate algorithm (ITU-T I.371) in whole nanoseconds. Not here: who waits (`connection`).

use crate::base::time::{Duration, Instant};

/// The pace of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    interval: Duration,
    tolerance: Duration,
    /// When the next frame would come if all came evenly.
    due: Instant,
}

impl Pace {
    /// So many a second, and so many at once; neither is taken as zero.
    #[must_use]
    pub fn new(rate: u32, burst: u32) -> Self {
        let interval = Duration::from_nanos(1_000_000_000 / u64::from(rate.max(1)));
        let tolerance = interval.times(u64::from(burst.max(1) - 1));
        Self { interval, tolerance, due: Instant::START }
    }

    /// A frame comes now; how long it has to wait.
    pub fn take(&mut self, now: Instant) -> Duration {
        let due = self.due.max(now);
        self.due = due + self.interval;
        due.since(now).saturating_sub(self.tolerance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_the_rest_comes_at_the_rate() {
        let mut pace = Pace::new(10, 3);
        let (now, later) = (Instant::from_nanos(5), Instant::from_nanos(2_000_000_005));
        let waits: Vec<u64> = (0..5).map(|_| pace.take(now).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 100, 200]);
        assert_eq!(pace.take(later), Duration::ZERO, "who was silent has its burst again");
    }
}
