//! The clocks of the operating system: how long something took in real time, and of the processor.
//!
//! The only place that reads them. Not here: virtual time, which is an argument everywhere (`base::time`).

use std::num::NonZeroU32;

use crate::base::time::{Duration, Instant, Millis, Now};

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

/// A moment by the clock of the operating system, which never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(std::time::Instant);

impl Stamp {
    /// This moment.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is the place that may read the clock")]
    pub fn now() -> Self {
        Self(std::time::Instant::now())
    }

    /// The time since `earlier`, or nothing when that is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let nanos = self.0.saturating_duration_since(earlier.0).as_nanos();
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// Lets real time pass.
pub fn rest(time: Duration) {
    let watch = Stopwatch::start();
    loop {
        let left = time.saturating_sub(watch.elapsed());
        if left == Duration::ZERO {
            return;
        }
        std::thread::park_timeout(left.into());
    }
}

/// The clock of something that lives in real time, or so many times as fast; it starts at zero.
#[derive(Clone, Copy, Debug)]
pub struct Metronome {
    start: Stamp,
    scale: NonZeroU32,
}

impl Metronome {
    /// Starts now.
    #[must_use]
    pub fn start(scale: NonZeroU32) -> Self {
        Self { start: Stamp::now(), scale }
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.at(Stamp::now())
    }

    /// What it showed at that moment; zero before its start.
    #[must_use]
    pub fn at(&self, stamp: Stamp) -> Instant {
        Instant::START + stamp.since(self.start).times(u64::from(self.scale.get()))
    }

    /// The real time until it shows this; nothing once it has.
    #[must_use]
    pub fn until(&self, at: Instant) -> Duration {
        let left = at.since(self.now()).as_nanos();
        Duration::from_nanos(left.div_ceil(u64::from(self.scale.get())))
    }
}

/// Whose time it is that machines live in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Timeline {
    /// That of the operating system.
    #[default]
    System,
    /// What somebody who tests them says that it is at the start, and then so many times as fast.
    Told {
        /// What the wall clock shows first.
        wall: Millis,
        /// Seconds of it in a second.
        scale: NonZeroU32,
    },
}

/// The clock of machines that live in this world: its instants count from 1970 and never go back, not even
/// from one start of a program to the next.
#[derive(Clone, Copy, Debug)]
pub struct WorldClock {
    start: Stamp,
    from: Instant,
    timeline: Timeline,
}

impl WorldClock {
    /// Starts now, and not before the last instant that an earlier one has shown.
    #[must_use]
    pub fn start(timeline: Timeline, last: Instant) -> Self {
        let today = match timeline {
            Timeline::System => wall(),
            Timeline::Told { wall, .. } => wall,
        };
        let today = Instant::START + today.since(Millis(0));
        Self { start: Stamp::now(), from: today.max(last), timeline }
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> Now {
        let passed = Stamp::now().since(self.start).times(u64::from(self.scale().get()));
        let wall = match self.timeline {
            Timeline::System => wall(),
            Timeline::Told { wall, .. } => wall + passed,
        };
        Now { at: self.from + passed, wall }
    }

    /// The moment of the operating system's clock at which it shows this.
    #[must_use]
    pub fn moment(&self, at: Instant) -> std::time::Instant {
        let nanos = at.since(self.from).as_nanos().div_ceil(u64::from(self.scale().get()));
        let after = Duration::from_nanos(nanos).into();
        // What is further away than clocks reach is looked at again after a day.
        let day = std::time::Duration::from_secs(86_400);
        self.start.0.checked_add(after).unwrap_or(self.start.0 + day)
    }

    /// The same as something to compare with other moments.
    #[must_use]
    pub fn stamp(&self, at: Instant) -> Stamp {
        Stamp(self.moment(at))
    }

    const fn scale(&self) -> NonZeroU32 {
        match self.timeline {
            Timeline::System => NonZeroU32::MIN,
            Timeline::Told { scale, .. } => scale,
        }
    }
}

/// The wall clock.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "this is the place that may read the clock")]
pub fn wall() -> Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Millis(u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX))
}

/// Does some work and tells what processor time it took on this thread.
///
/// Where the operating system does not tell, it is real time.
pub fn timed(work: &mut dyn FnMut()) -> Duration {
    let watch = ThreadWatch::start();
    work();
    watch.elapsed()
}

/// Which share of its time a thread has worked since the start.
pub struct BusyWatch(ThreadWatch, Stopwatch);

impl BusyWatch {
    /// Starts now, on this thread.
    #[must_use]
    pub fn start() -> Self {
        Self(ThreadWatch::start(), Stopwatch::start())
    }

    /// In percent; where the operating system does not tell, it is all of it. The two clocks are not read at
    /// one instant: of a very short time more could have been worked than there was.
    #[must_use]
    pub fn share(&self) -> u64 {
        let (worked, all) = (self.0.elapsed().as_nanos(), self.1.elapsed().as_nanos());
        (worked.saturating_mul(100) / all.max(1)).min(100)
    }
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
    fn a_metronome_goes_as_fast_as_it_is_told() {
        let metronome = Metronome::start(NonZeroU32::new(1_000).unwrap());
        let until = Instant::from_nanos(2_000_000_000_000);
        let left = metronome.until(until);
        assert!(left <= Duration::from_secs(2) && left > Duration::from_millis(1_900), "{left}");
        let stamp = Stamp::now();
        assert!(metronome.at(stamp) <= metronome.now());
        assert_eq!(metronome.until(Instant::START), Duration::ZERO);
    }

    #[test]
    fn a_clock_that_is_told_the_time_starts_there_and_goes_as_fast_as_it_is_told() {
        let (wall, scale) = (Millis::WORLD_START, NonZeroU32::new(1_000).unwrap());
        let clock = WorldClock::start(Timeline::Told { wall, scale }, Instant::START);
        let (first, watch) = (clock.now(), Stopwatch::start());
        let start = Instant::START + Millis::WORLD_START.since(Millis(0));
        assert!(first.at >= start && first.wall >= wall);
        rest(Duration::from_millis(2));
        let (second, most) = (clock.now(), watch.elapsed().times(1_001));
        let passed = second.at.since(first.at);
        assert!(passed >= Duration::from_secs(2) && passed <= most, "{passed}, {most}");
        assert!(second.wall.since(first.wall) >= Duration::from_millis(1_999));
        let soon = clock.start.0 + std::time::Duration::from_secs(1);
        assert_eq!(clock.moment(start + Duration::from_secs(1_000)), soon);
    }

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
