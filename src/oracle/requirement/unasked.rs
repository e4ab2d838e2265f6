//! Which deliveries come to a device although it did not ask for them.
//!
//! Not here: what it may do with them (`c11_r2`, `c11_r5`).

use crate::base::id::{Mid, ReqId};
use crate::oracle::judge::device_of;
use crate::oracle::user_map::UserMap;
use crate::trace::fact::{About, Fact, FrameKind};
use crate::trace::record::Record;

/// The poll that each device has under way.
#[derive(Debug, Default)]
pub(super) struct Unasked {
    polls: UserMap<Option<ReqId>>,
}

/// A delivery that answers no poll under way.
#[derive(Debug)]
pub(super) struct Push<'a> {
    pub(super) user: u32,
    pub(super) mid: &'a Mid,
    /// Whether the device has a poll under way, so that the two race.
    pub(super) polling: bool,
}

impl Unasked {
    /// Takes one record; returns the delivery that it is, if nobody asked for it.
    pub(super) fn observe<'a>(&mut self, record: &'a Record) -> Option<Push<'a>> {
        let user = device_of(record)?;
        if let Fact::PowerOff { .. } = &record.fact {
            self.polls.take(user);
            return None;
        }
        let (Fact::Tx(frame) | Fact::Rx(frame)) = &record.fact else { return None };
        match (frame.kind, &frame.about) {
            (Some(FrameKind::Poll), _) => {
                self.polls.set(user, Some(frame.req));
            }
            (Some(FrameKind::PollEnd), _) if self.under_way(user) == Some(frame.req) => {
                self.polls.take(user);
            }
            (Some(FrameKind::Deliver), About::Message(mid, _)) => {
                let poll = self.under_way(user);
                let polling = poll.is_some();
                return (poll != Some(frame.req)).then_some(Push { user, mid, polling });
            }
            (Some(_) | None, _) => {}
        }
        None
    }

    /// See [`Oracle::glance`](crate::oracle::judge::Oracle::glance).
    pub(super) fn glance(&self, record: &Record) -> u64 {
        u64::from(device_of(record).is_some_and(|user| self.under_way(user).is_some()))
    }

    fn under_way(&self, user: u32) -> Option<ReqId> {
        self.polls.get(user).copied().flatten()
    }
}
