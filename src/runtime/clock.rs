//! The clock of the operating system: how long something took in real time.
//!
//! The only place that reads it. Not here: virtual time, which is an argument everywhere (`base::time`).

use crate::base::time::Duration;

/// Runs from its start on.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is the place that may read the clock")]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// Real time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}
