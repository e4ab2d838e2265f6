//! The device's timers: at most one of each, in the order of their time.
//!
//! Not here: what happens when one fires.

use thin_vec::ThinVec;

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

/// The timers of one device. Most devices of a fleet have the two that have a place of their own, and a third
/// one for as long as a request is under way.
#[derive(Clone, Debug)]
pub struct Timers {
    /// When mail is asked for; never: it is not set.
    poll: Instant,
    /// When the session is renewed; never: it is not set.
    renew: Instant,
    /// All others, in the order of their time.
    others: ThinVec<(Instant, Timer)>,
}

impl Default for Timers {
    fn default() -> Self {
        Self { poll: Instant::NEVER, renew: Instant::NEVER, others: ThinVec::new() }
    }
}

impl Timers {
    /// Sets a timer, replacing an earlier setting of the same.
    pub fn set(&mut self, at: Instant, timer: Timer) {
        self.stop(&timer);
        if let Some(usual) = self.usual_mut(&timer) {
            *usual = at;
            return;
        }
        let entry = (at, timer);
        let place = self.others.partition_point(|other| *other <= entry);
        self.others.reserve_exact(1);
        self.others.insert(place, entry);
    }

    /// Forgets a timer.
    pub fn stop(&mut self, timer: &Timer) {
        if let Some(usual) = self.usual_mut(timer) {
            *usual = Instant::NEVER;
            return;
        }
        if !self.others.is_empty() {
            self.others.retain(|(_, other)| other != timer);
            self.give_back();
        }
    }

    /// When a timer is set for.
    #[must_use]
    pub fn get(&self, timer: &Timer) -> Option<Instant> {
        let usual = [(self.poll, &Timer::Poll), (self.renew, &Timer::Renew)];
        let usual = usual.into_iter().filter(|(at, _)| *at < Instant::NEVER);
        // One that is set for never is set all the same.
        let others = self.others.iter().map(|(at, other)| (*at, other));
        usual.chain(others).find(|(_, other)| *other == timer).map(|(at, _)| at)
    }

    /// See [`Device::glance`](crate::proto::device::Device::glance).
    pub(super) const fn glance(&self) -> u64 {
        self.poll.as_nanos() ^ self.renew.as_nanos()
    }

    /// The next to fire.
    #[must_use]
    pub fn next(&self) -> Option<Wake> {
        let usual = self.usual();
        let (at, timer) = self.first_other(&usual).unwrap_or(&usual);
        (*at < Instant::NEVER).then(|| (*at, timer.reason()))
    }

    /// Takes the first timer that is due.
    pub fn pop_due(&mut self, now: Instant) -> Option<Timer> {
        let usual = self.usual();
        if let Some((at, _)) = self.first_other(&usual) {
            let due = *at <= now;
            return due.then(|| self.take_first_other());
        }
        let (at, timer) = usual;
        let due = at <= now && at < Instant::NEVER;
        due.then(|| {
            self.stop(&timer);
            timer
        })
    }

    /// The earlier one of those that have a place of their own.
    fn usual(&self) -> (Instant, Timer) {
        (self.poll, Timer::Poll).min((self.renew, Timer::Renew))
    }

    fn usual_mut(&mut self, timer: &Timer) -> Option<&mut Instant> {
        if *timer == Timer::Poll {
            Some(&mut self.poll)
        } else {
            (*timer == Timer::Renew).then_some(&mut self.renew)
        }
    }

    /// The first of the others, if it comes before the usual one.
    fn first_other(&self, usual: &(Instant, Timer)) -> Option<&(Instant, Timer)> {
        self.others.first().filter(|other| *other < usual)
    }

    fn take_first_other(&mut self) -> Timer {
        let (_, timer) = self.others.remove(0);
        self.give_back();
        timer
    }

    /// Devices at rest keep no room for others.
    fn give_back(&mut self) {
        if self.others.is_empty() {
            self.others = ThinVec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn timer() -> impl Strategy<Value = Timer> {
        prop_oneof![
            Just(Timer::Poll),
            Just(Timer::Renew),
            Just(Timer::Arm),
            (0_u8..2).prop_map(|n| Timer::Request(ReqId([n; 8]))),
            (1_u64..3).prop_map(|n| Timer::Erase(Epoch(n))),
        ]
    }

    /// What is done: a timer is set for a time from now, or stopped; or time passes.
    fn step() -> impl Strategy<Value = (Option<Timer>, Option<u64>)> {
        (prop::option::of(timer()), prop::option::of(0_u64..4))
    }

    #[test]
    fn one_that_is_set_for_never_is_set_and_never_due() {
        let mut timers = Timers::default();
        timers.set(Instant::NEVER, Timer::Arm);
        assert_eq!(timers.get(&Timer::Arm), Some(Instant::NEVER));
        assert_eq!((timers.next(), timers.pop_due(Instant::NEVER)), (None, None));
        assert_eq!(timers.get(&Timer::Poll), None);
    }

    proptest! {
        #[test]
        fn timers_are_due_in_the_order_of_their_time_and_kind(
            steps in prop::collection::vec(step(), 0..60),
        ) {
            let (mut timers, mut list) = (Timers::default(), Vec::new());
            let mut now = Instant::START;
            for (timer, ahead) in steps {
                let at = ahead.map(|ahead| Instant::from_nanos(now.as_nanos() + ahead));
                match timer {
                    Some(timer) => {
                        list.retain(|(_, other)| *other != timer);
                        match at {
                            Some(at) => {
                                timers.set(at, timer.clone());
                                list.push((at, timer.clone()));
                            }
                            None => timers.stop(&timer),
                        }
                        list.sort();
                        prop_assert_eq!(timers.get(&timer), at);
                    }
                    None => {
                        now = at.unwrap_or(now);
                        let due = list.first().filter(|(at, _)| *at <= now).cloned();
                        prop_assert_eq!(timers.pop_due(now), due.map(|_| list.remove(0).1));
                    }
                }
                let first = list.first().map(|(at, timer)| (*at, timer.reason()));
                prop_assert_eq!(timers.next(), first);
                prop_assert_eq!(timers.others.is_empty(), timers.others.capacity() == 0);
            }
        }
    }
}
