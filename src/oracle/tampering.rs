//! Which frames arrive otherwise than they were sent.
//!
//! Not here: what a device makes of them.

use std::collections::BTreeMap;

use crate::oracle::judge::device_of;
use crate::trace::fact::{Fact, FrameFact, Meddling};
use crate::trace::record::{Record, RecordId};

/// Frames under way that somebody laid hands on.
#[derive(Debug, Default)]
pub struct Tampering {
    frames: BTreeMap<FrameKey, Meddling>,
    by_record: BTreeMap<RecordId, Meddling>,
}

/// A frame on a device's link: user, direction, number and copy.
type FrameKey = (u32, bool, u64, u8);

impl Tampering {
    /// Takes one record; says what was done to a frame that arrives at a device.
    pub fn observe(&mut self, record: &Record) -> Option<Meddling> {
        if let Fact::Meddled { frame, how } = &record.fact {
            if let Some(key) = key(record, frame)
                && !leaves_alone(*how)
            {
                self.frames.insert(key, *how);
                self.by_record.insert(record.id, *how);
            }
            return None;
        }
        if let Fact::Lost { frame, .. } = &record.fact {
            self.take(record, frame);
            return None;
        }
        let Fact::Rx(frame) = &record.fact else { return None };
        device_of(record)?;
        self.take(record, frame)
    }

    fn take(&mut self, record: &Record, frame: &FrameFact) -> Option<Meddling> {
        if self.frames.is_empty() {
            return None;
        }
        let by_record = record.cause.and_then(|cause| self.by_record.remove(&cause));
        let by_number = key(record, frame).and_then(|key| self.frames.remove(&key));
        by_record.or(by_number)
    }
}

/// Whether the frame is the one that was sent, only later.
const fn leaves_alone(how: Meddling) -> bool {
    match how {
        Meddling::Reordered | Meddling::Held | Meddling::Released | Meddling::Delayed => true,
        Meddling::Corrupted
        | Meddling::Duplicated
        | Meddling::Altered
        | Meddling::Replayed
        | Meddling::Forged
        | Meddling::Swapped => false,
    }
}

/// Whether the octets that arrive are not those that an honest sender made for this receiver.
#[must_use]
pub const fn is_false(how: Meddling) -> bool {
    match how {
        Meddling::Corrupted | Meddling::Altered | Meddling::Forged | Meddling::Swapped => true,
        Meddling::Duplicated
        | Meddling::Replayed
        | Meddling::Reordered
        | Meddling::Held
        | Meddling::Released
        | Meddling::Delayed => false,
    }
}

fn key(record: &Record, frame: &FrameFact) -> Option<FrameKey> {
    let user = record.id.node.user()?;
    Some((user, frame.up, frame.number, frame.copy))
}
