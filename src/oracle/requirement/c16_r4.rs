//! C16-R4: after a restart the table holds exactly what was declared: everything, or nothing.
//!
//! Not here: a stop while a row was being written (C16-R5).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Epoch, UserId};
use crate::oracle::judge::{
    Docket, Facts, Oracle, device_of, facts, is_uneventful, negative, positive,
};
use crate::oracle::spec::Spec;
use crate::trace::fact::{DeviceState, EvictCause, Fact, LookupCause, Selection, StopCause, Way};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C16-R4";
const CITED: [Requirement; 1] = [Requirement::of(16, 4)];

/// The judge of C16-R4.
#[derive(Debug, Default)]
pub struct TablesSurviveAsDeclared {
    devices: BTreeMap<u32, Device>,
}

#[derive(Debug, Default)]
struct Device {
    confirmed: BTreeSet<(UserId, Epoch, Epoch)>,
    /// Slots confirmed before the last stop and not searched for since.
    before: BTreeSet<(UserId, Epoch, Epoch)>,
    stop: Option<RecordId>,
    /// Peers that a volatile table has lost: lookups since.
    lost: BTreeMap<UserId, u32>,
}

impl Device {
    fn search(&mut self, record: &Record, durable: bool, docket: &mut Docket) {
        let Fact::Select { peer, own, theirs, way: Way::In, outcome, .. } = &record.fact else {
            return;
        };
        if !matches!(outcome, Selection::Hit | Selection::Miss) {
            // The row is there, and its peer has other keys by now.
            return;
        }
        let slot = (peer.clone(), *own, *theirs);
        let Some(stop) = self.stop.filter(|_| self.before.remove(&slot)) else { return };
        let hit = *outcome == Selection::Hit;
        match (durable, hit) {
            (true, true) => docket.shown(ID, &[positive(16, 4)]),
            (false, false) => {
                self.lost.insert(peer.clone(), 0);
                docket.shown(ID, &[negative(16, 4)]);
            }
            (true, false) | (false, true) => {
                let what = if durable { "durable table misses" } else { "volatile table hits" };
                let message = format!("after a restart the {what} for {peer}");
                docket.violation(ID, &CITED, record.at, &[stop, record.id], message);
            }
        }
    }
}

impl Oracle for TablesSurviveAsDeclared {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            PowerOff, Rolledback, State, Lookup, KeyReply, Select, Confirm, Evict, Commit,
            EpochErased
        ]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if is_uneventful(&record.fact) && !self.devices.contains_key(&user) {
            return;
        }
        let Some(limits) = spec.limits(user) else { return };
        let device = self.devices.entry(user).or_default();
        if let Fact::Confirm { peer, own, theirs } = &record.fact {
            device.confirmed.insert((peer.clone(), *own, *theirs));
        } else if let Fact::PowerOff { why } = &record.fact {
            device.before = std::mem::take(&mut device.confirmed);
            device.stop = (*why != StopCause::Restore).then_some(record.id);
            device.lost.clear();
        } else if let Fact::Select { .. } = &record.fact {
            device.search(record, limits.table_durable, docket);
        } else if let Fact::Lookup { peer, because: LookupCause::Message, .. } = &record.fact {
            if let Some(lookups) = device.lost.get_mut(peer) {
                *lookups += 1;
            }
        } else if let Fact::Commit { mid, .. } = &record.fact {
            if device.lost.remove(&mid.sender) == Some(1) {
                docket.shown(ID, &[positive(16, 4)]);
            }
        } else if let Fact::Evict { peer, why } = &record.fact {
            device.confirmed.retain(|(known, ..)| known != peer);
            // A volatile table says itself what the restart took.
            if *why != EvictCause::Restart {
                device.before.retain(|(known, ..)| known != peer);
            }
        } else if let Fact::KeyReply { peer, .. } = &record.fact {
            // Fetched again for whatever reason: the restart decides nothing any more.
            device.before.retain(|(known, ..)| known != peer);
        } else if let Fact::EpochErased { .. }
        | Fact::Rolledback { .. }
        | Fact::State { to: DeviceState::Blank } = &record.fact
        {
            *device = Device::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::Polarity;

    fn restarted(durable: bool, outcome: Selection) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.spec.limits[0].table_durable = durable;
        let (peer, own, theirs) = (story.user(0), Epoch(1), Epoch(1));
        story.device(1, Fact::Confirm { peer, own, theirs });
        story.device(1, Fact::PowerOff { why: StopCause::Crash });
        let mid = Some(story.mid(0, 1, 1));
        story.selects(1, 0, mid, Way::In, outcome);
        if outcome == Selection::Miss {
            story.looks_up(1, 0, 1, LookupCause::Message);
        }
        story.commits(1, 0, 1);
        story.judge(TablesSurviveAsDeclared::default())
    }

    #[test]
    fn a_restart_leaves_what_was_declared_or_is_found() {
        for (durable, outcome) in [(true, Selection::Hit), (false, Selection::Miss)] {
            let docket = restarted(durable, outcome);
            assert!(docket.findings.is_empty());
            assert_eq!(docket.evidence.count(Requirement::of(16, 4), Polarity::Positive), 1);
            let negative = docket.evidence.count(Requirement::of(16, 4), Polarity::Negative);
            assert_eq!(negative, u64::from(!durable));
        }
        let found = "after a restart the durable table misses for alice";
        assert_eq!(restarted(true, Selection::Miss).findings[0].message, found);
        let found = "after a restart the volatile table hits for alice";
        assert_eq!(restarted(false, Selection::Hit).findings[0].message, found);
    }
}
