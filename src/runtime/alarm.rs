//! An alarm that wakes a task at a moment, to within tens of microseconds where the system can (Linux).
//!
//! The timers of tokio have a grain of a millisecond: too coarse for whoever measures milliseconds. Not here:
//! time-outs, for which that grain is fine.

use std::io;
use std::time::Instant;

/// Wakes one task.
#[derive(Debug)]
pub struct Alarm(imp::Timer);

impl Alarm {
    /// An alarm of this task's reactor.
    ///
    /// # Errors
    /// When the operating system has no more of them.
    pub fn new() -> io::Result<Self> {
        imp::Timer::new().map(Self)
    }

    /// Waits for a moment; not at all when it is over.
    ///
    /// # Errors
    /// When the operating system takes the timer away.
    pub async fn until(&mut self, moment: Instant) -> io::Result<()> {
        self.0.until(moment).await
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::time::Instant;

    use rustix::io::{Errno, read};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::unix::AsyncFd;

    #[derive(Debug)]
    pub(super) struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        #[allow(deprecated, reason = "the descriptor is owned by the timer, and never another one")]
        pub(super) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            AsyncFd::new(timerfd_create(TimerfdClockId::Monotonic, flags)?).map(Self)
        }

        #[allow(clippy::disallowed_methods, reason = "this is the place that may read the clock")]
        pub(super) async fn until(&mut self, moment: Instant) -> io::Result<()> {
            let left = moment.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            let never = Timespec { tv_sec: 0, tv_nsec: 0 };
            let after = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(left.subsec_nanos()),
            };
            let once = Itimerspec { it_interval: never, it_value: after };
            timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once)?;
            loop {
                let mut ready = self.0.readable().await?;
                match read(self.0.get_ref(), &mut [0_u8; 8]) {
                    Ok(_) => return Ok(()),
                    Err(Errno::AGAIN) => ready.clear_ready(),
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::io;
    use std::time::Instant;

    #[derive(Debug)]
    pub(super) struct Timer;

    impl Timer {
        #[allow(clippy::unnecessary_wraps, reason = "it can fail elsewhere")]
        pub(super) const fn new() -> io::Result<Self> {
            Ok(Self)
        }

        pub(super) async fn until(&mut self, moment: Instant) -> io::Result<()> {
            tokio::time::sleep_until(moment.into()).await;
            Ok(())
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "clocks are what is tested")]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_alarm_does_not_ring_early_and_rings_again() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut alarm = Alarm::new().unwrap();
            for wait in [0, 300, 1_700] {
                let moment = Instant::now() + Duration::from_micros(wait);
                alarm.until(moment).await.unwrap();
                assert!(Instant::now() >= moment);
            }
        });
    }
}
