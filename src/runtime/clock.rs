//! The clocks of the operating system: how long something took in real time, and of the processor.
//!
//! The only place that reads them. Not here: virtual time, which is an argument everywhere (`base::time`).

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

/// Does some work and tells what processor time it took on this thread.
///
/// Where the operating system does not tell, it is real time.
pub fn timed(work: &mut dyn FnMut()) -> Duration {
    let watch = ThreadWatch::start();
    work();
    watch.elapsed()
}

#[cfg(not(unix))]
use Stopwatch as ThreadWatch;

/// Runs while its thread does.
#[cfg(unix)]
struct ThreadWatch(rustix::time::Timespec);

#[cfg(unix)]
impl ThreadWatch {
    fn start() -> Self {
        Self(Self::now())
    }

    fn elapsed(&self) -> Duration {
        let nanos = |time: rustix::time::Timespec| {
            i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
        };
        let elapsed = nanos(Self::now()) - nanos(self.0);
        Duration::from_nanos(u64::try_from(elapsed).unwrap_or(0))
    }

    fn now() -> rustix::time::Timespec {
        rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_processor_time() {
        let mut sum = 0_u64;
        let time = timed(&mut || {
            sum = (0..1_000_000).fold(0, |sum, n| std::hint::black_box(sum + n));
        });
        assert_eq!(sum, 499_999_500_000);
        assert!(time > Duration::ZERO);
    }
}
