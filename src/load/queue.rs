//! Operations of one device whose turn has not come: what is due waits here while the device is at work.
//!
//! A device does any number of messages at once, but only one poll, one rotation and one reconnection: a second
//! one would be lost in the first, and its time would be too short. Not here: what is open (`seat`).

use std::collections::{BTreeMap, VecDeque};

use crate::base::time::Duration;
use crate::load::schedule::Operation;
use crate::scenario::plan::WorkloadKind;

/// Of what a device does only one at a time, by what ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Awaited {
    /// A poll.
    PollEnd,
    /// A rotation.
    RotateAck,
    /// A reconnection.
    Attached,
}

impl Awaited {
    /// What ends an operation of this kind, where a device does only one of them at a time.
    #[must_use]
    pub const fn of(kind: &WorkloadKind) -> Option<Self> {
        match kind {
            WorkloadKind::Send { .. } | WorkloadKind::Ask { .. } => None,
            WorkloadKind::Poll => Some(Self::PollEnd),
            WorkloadKind::Rotate => Some(Self::RotateAck),
            WorkloadKind::Reconnect => Some(Self::Attached),
        }
    }
}

/// An operation that waits.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// Which one.
    pub operation: Operation,
    /// So late the generator was with it when it began to wait.
    pub late: Duration,
}

/// What waits, of each kind in the order of its instants.
#[derive(Debug, Default)]
pub struct Queue(BTreeMap<Option<Awaited>, VecDeque<Waiting>>);

impl Queue {
    /// Puts one behind the others of its kind.
    pub fn push(&mut self, kind: Option<Awaited>, waiting: Waiting) {
        self.0.entry(kind).or_default().push_back(waiting);
    }

    /// Whether none of this kind waits.
    #[must_use]
    pub fn is_empty(&self, kind: Option<Awaited>) -> bool {
        self.0.get(&kind).is_none_or(VecDeque::is_empty)
    }

    /// Takes the one that was due first, of the kinds that may be begun.
    pub fn pop(&mut self, may_begin: impl Fn(Option<Awaited>) -> bool) -> Option<Waiting> {
        let lines = self.0.iter_mut().filter(|(kind, line)| !line.is_empty() && may_begin(**kind));
        let first = lines.min_by_key(|(_, line)| line.front().map(|first| first.operation.at));
        first?.1.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_may_be_begun_is_next() {
        let operation =
            |secs| Operation { at: Duration::from_secs(secs), user: 0, to: 0, workload: 0, n: 0 };
        let (poll, rotation) = (Some(Awaited::PollEnd), Some(Awaited::RotateAck));
        let mut queue = Queue::default();
        for (kind, secs) in [(poll, 1), (poll, 2), (None, 3), (rotation, 4)] {
            queue.push(kind, Waiting { operation: operation(secs), late: Duration::ZERO });
        }
        let mut next = |blocked: &[Option<Awaited>]| {
            queue.pop(|kind| !blocked.contains(&kind)).map(|it| it.operation.at.as_millis() / 1_000)
        };
        assert_eq!(next(&[]), Some(1));
        assert_eq!(next(&[poll]), Some(3));
        assert_eq!(next(&[poll]), Some(4));
        assert_eq!(next(&[poll]), None);
        assert_eq!(next(&[]), Some(2));
    }
}
