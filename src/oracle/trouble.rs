//! When a device last could not talk to the directory, as far as records show it.
//!
//! Bounds that count only time with connectivity start anew there. Not here: the bounds.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::UserId;
use crate::base::time::Instant;
use crate::oracle::user_map::UserMap;
use crate::trace::fact::{About, Fact, FrameKind};
use crate::trace::record::Record;

/// Trouble of all devices.
#[derive(Debug, Default)]
pub struct Trouble {
    /// Faults that go on; whom they hit is not known, so they hit everybody.
    faults: BTreeSet<String>,
    everybody: Instant,
    devices: UserMap<Instant>,
    /// Lost answers about a user, whoever asked.
    about: BTreeMap<UserId, Instant>,
    off: BTreeSet<u32>,
}

impl Trouble {
    /// Takes one record.
    pub fn observe(&mut self, record: &Record) {
        if let Fact::FaultStart { name, .. } = &record.fact {
            self.faults.insert(name.clone());
        } else if let Fact::FaultEnd { name } = &record.fact {
            self.faults.remove(name);
            self.everybody = record.at;
        } else if let Fact::Lost { frame, .. } | Fact::Meddled { frame, .. } = &record.fact {
            let matters = matches!(
                frame.kind,
                None | Some(
                    FrameKind::LookupKey
                        | FrameKind::KeyReply
                        | FrameKind::Hello
                        | FrameKind::Challenge
                        | FrameKind::Attach
                        | FrameKind::Attached
                )
            );
            if matters {
                self.hits(record);
                if let About::User(user) = &frame.about {
                    self.about.insert(user.clone(), record.at);
                }
            }
        } else if let Fact::LookupFailed { .. } = &record.fact {
            self.hits(record);
        } else if let Fact::PowerOff { .. } = &record.fact {
            self.off.extend(record.id.node.user());
        } else if let Fact::PowerOn { .. } = &record.fact {
            self.hits(record);
            if let Some(user) = record.id.node.user() {
                self.off.remove(&user);
            }
        }
    }

    /// Notes trouble at the record's node.
    fn hits(&mut self, record: &Record) {
        if let Some(user) = record.id.node.user() {
            self.devices.set(user, record.at);
        }
    }

    /// The last moment at which this device could not look this user up; `now` while it cannot.
    #[must_use]
    pub fn last(&self, user: u32, about: &UserId, now: Instant) -> Instant {
        if !self.faults.is_empty() || self.off.contains(&user) {
            return now;
        }
        let own = self.devices.get(user).copied().unwrap_or(Instant::START);
        let theirs = self.about.get(about).copied().unwrap_or(Instant::START);
        self.everybody.max(own).max(theirs)
    }
}
