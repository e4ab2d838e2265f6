//! Users who are out of service: their identity was ended or their key is lost, and the directory has no newer
//! record of theirs yet. Nothing of theirs is accepted, and they can look nobody up.
//!
//! Not here: what nobody owes them meanwhile.

use std::collections::BTreeSet;

use crate::oracle::judge::device_of;
use crate::oracle::spec::Spec;
use crate::trace::fact::{AlarmKind, Fact};
use crate::trace::record::Record;

/// Users out of service.
#[derive(Debug, Default)]
pub(super) struct OutOfService(BTreeSet<u32>);

impl OutOfService {
    /// Takes one record; the user who goes out of service by it.
    pub(super) fn observe(&mut self, record: &Record, spec: &Spec) -> Option<u32> {
        let gone = if let Fact::Reset { user } = &record.fact {
            spec.index(user)
        } else if let Fact::Alarm { what: AlarmKind::OwnRecord, .. } = &record.fact {
            device_of(record)
        } else {
            None
        };
        if let Fact::Recorded { user, .. } = &record.fact {
            spec.index(user).map(|user| self.0.remove(&user));
        }
        self.0.extend(gone);
        gone
    }

    pub(super) fn contains(&self, user: u32) -> bool {
        self.0.contains(&user)
    }
}
