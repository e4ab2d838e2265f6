//! The device's timers: at most one of each, in the order of their time.
//!
//! Not here: what happens when one fires.

use crate::base::id::{DraftId, Epoch, ReqId, UserId};
use crate::base::time::Instant;
use crate::proto::port::Wake;

/// What a device waits for. Kept small: most devices have two timers, a fleet has many devices.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A request without an answer is sent again.
    Request(ReqId),
    /// Mail is asked for.
    Poll,
    /// The session is renewed before the ticket ends.
    Renew,
    /// A table entry is looked up again (C17-R2).
    Refresh(Box<UserId>),
    /// A peer whose lookup failed, or had to wait, is looked up (again).
    Lookup(Box<UserId>),
    /// A gap in a sender's numbers is released.
    Gap(Box<UserId>),
    /// The screen's buttons begin to count.
    Arm,
    /// The request on the screen, or waiting behind it, expires.
    Expiry,
    /// Own data is shown although its receiver's key could not be found yet (C04-R6).
    Prompt,
    /// A draft that was refused for now is submitted again.
    Draft(DraftId),
    /// A signed approval is dropped unsent (C04-R4), or a message dies at its sender.
    Deadline(DraftId),
    /// The rotation that the server put off is announced again.
    Rotate,
    /// An own key's grace ends.
    Erase(Epoch),
}

impl Timer {
    /// Why the device wakes, for traces.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Request(_) => "retransmit",
            Self::Poll => "poll",
            Self::Renew => "renew-session",
            Self::Refresh(_) => "refresh",
            Self::Lookup(_) => "lookup",
            Self::Gap(_) => "gap",
            Self::Arm => "arm",
            Self::Expiry => "request-expiry",
            Self::Prompt => "prompt",
            Self::Draft(_) => "resubmit",
            Self::Deadline(_) => "draft-deadline",
            Self::Rotate => "rotate",
            Self::Erase(_) => "erase-key",
        }
    }
}

/// The timers of one device.
#[derive(Clone, Debug, Default)]
pub struct Timers(Vec<(Instant, Timer)>);

/// Timers that a device has that does nothing but look for mail.
const USUAL: usize = 3;

impl Timers {
    /// Sets a timer, replacing an earlier setting of the same.
    pub fn set(&mut self, at: Instant, timer: Timer) {
        self.stop(&timer);
        let entry = (at, timer);
        let place = self.0.partition_point(|other| *other <= entry);
        // Most devices have two and for a moment three, a fleet has many devices.
        self.0.reserve_exact(if self.0.is_empty() { USUAL } else { 1 });
        self.0.insert(place, entry);
    }

    /// Forgets a timer.
    pub fn stop(&mut self, timer: &Timer) {
        self.0.retain(|(_, other)| other != timer);
    }

    /// When a timer is set for.
    #[must_use]
    pub fn get(&self, timer: &Timer) -> Option<Instant> {
        self.0.iter().find(|(_, other)| other == timer).map(|(at, _)| *at)
    }

    /// The next to fire.
    #[must_use]
    pub fn next(&self) -> Option<Wake> {
        self.0.first().map(|(at, timer)| (*at, timer.reason()))
    }

    /// Takes the first timer that is due.
    pub fn pop_due(&mut self, now: Instant) -> Option<Timer> {
        let due = self.0.first().is_some_and(|(at, _)| *at <= now);
        due.then(|| self.0.remove(0).1)
    }
}
