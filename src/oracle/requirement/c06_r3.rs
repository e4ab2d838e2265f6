//! C06-R3: a full table makes room by its least recently used row, as declared.
//!
//! A row with work under way stays, so a row is blamed only where an older one had certainly nothing to do.
//! Not here: how many rows there are (S-28).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{DraftId, Mid, UserId};
use crate::base::small::SmallMap;
use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, is_uneventful};
use crate::oracle::spec::Spec;
use crate::trace::fact::{DeviceState, DraftStatus, EvictCause, Fact, ReplyResult};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "C06-R3";
const CITED: [Requirement; 1] = [Requirement::of(6, 3)];
/// Uses this close may be of one instant for the device, whose processor is busy with one after the other.
const AT_ONCE: Duration = Duration::from_secs(1);

/// The judge of C06-R3.
#[derive(Debug, Default)]
pub struct OldestRowMakesRoom {
    devices: BTreeMap<u32, Device>,
}

#[derive(Debug, Default)]
struct Device {
    /// When each row was used last; what was used before the last start is not known.
    used: BTreeMap<UserId, Instant>,
    /// Rows that may be from before the last start: a refresh of them is no use.
    old: BTreeSet<UserId>,
    /// Everybody who ever had a row: after a restore any of them may have one again.
    met: BTreeSet<UserId>,
    /// Drafts that are not at their end.
    drafts: SmallMap<DraftId, UserId>,
    /// Messages that wait for a key or for their turn to be shown.
    waiting: SmallMap<Mid, ()>,
}

impl Device {
    fn is_busy(&self, peer: &UserId) -> bool {
        self.drafts.values().any(|to| to == peer)
            || self.waiting.keys().any(|mid| mid.sender == *peer)
    }

    /// A row that was used before the victim and had nothing to do, if there is one.
    fn older(&self, victim: &UserId, used: Instant) -> Option<&UserId> {
        let earlier = |at: Instant| at + AT_ONCE < used;
        let mut others = self.used.iter().filter(|(peer, at)| earlier(**at) && *peer != victim);
        others.find(|(peer, _)| !self.is_busy(peer)).map(|(peer, _)| peer)
    }

    fn evict(&mut self, record: &Record, peer: &UserId, why: EvictCause, docket: &mut Docket) {
        self.old.remove(peer);
        let Some(used) = self.used.remove(peer).filter(|_| why == EvictCause::Capacity) else {
            return;
        };
        if let Some(older) = self.older(peer, used) {
            let message = format!("{peer} makes room, but {older} was not used for longer");
            docket.violation(ID, &CITED, record.at, &[record.id], message);
        } else {
            docket.shown(ID, &[]);
        }
    }
}

impl Oracle for OldestRowMakesRoom {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            PowerOff, Rolledback, State, KeyReply, Evict, Compose, Encrypt, Notice, Decrypt,
            Waiting, Commit, Duplicate, Reject, Display, Processed
        ]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if is_uneventful(&record.fact) && !self.devices.contains_key(&user) {
            return;
        }
        let device = self.devices.entry(user).or_default();
        if let Fact::KeyReply { peer, result: ReplyResult::Accepted, .. } = &record.fact {
            if spec.index(peer) == Some(user) {
                // The own record makes no row.
                return;
            }
            device.met.insert(peer.clone());
            if !device.old.contains(peer) {
                device.used.entry(peer.clone()).or_insert(record.at);
            }
        } else if let Fact::Encrypt(sealing) = &record.fact {
            device.used.insert(sealing.mid.receiver.clone(), record.at);
        } else if let Fact::Decrypt(opening) = &record.fact {
            if opening.plain.is_some() {
                device.used.insert(opening.mid.sender.clone(), record.at);
            }
        } else if let Fact::Compose { draft, to, .. } = &record.fact {
            device.drafts.insert(*draft, to.clone());
        } else if let Fact::Notice { draft, status, .. } = &record.fact {
            match status {
                DraftStatus::Delivered | DraftStatus::Expired | DraftStatus::Failed => {
                    device.drafts.remove(draft);
                }
                DraftStatus::Unsent | DraftStatus::Sent | DraftStatus::NeedsConfirm => {}
            }
        } else if let Fact::Waiting { mid, .. } | Fact::Commit { mid, .. } = &record.fact {
            device.waiting.insert(mid.clone(), ());
        } else if let Fact::Display { mid, .. }
        | Fact::Processed { mid, .. }
        | Fact::Duplicate { mid }
        | Fact::Reject { mid: Some(mid), .. } = &record.fact
        {
            device.waiting.remove(mid);
        } else if let Fact::Evict { peer, why } = &record.fact {
            device.evict(record, peer, *why, docket);
        } else if let Fact::PowerOff { .. } = &record.fact {
            let used = std::mem::take(&mut device.used);
            device.old.extend(used.into_keys());
        } else if let Fact::Rolledback { .. } = &record.fact {
            device.old = device.met.clone();
        } else if let Fact::State { to: DeviceState::Blank } = &record.fact {
            *device = Device::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;

    /// Bob uses alice's row, then carol's; who has to go, and whether alice's had still to serve.
    fn evicts(victim: u32, busy: bool) -> Vec<String> {
        let mut story = Story::new(&["alice", "bob", "carol"]);
        story.at_secs(10).opens(1, 0, 1, Some("hello"));
        story.at_secs(20).opens(1, 2, 1, Some("hello"));
        if busy {
            story.commits(1, 0, 2);
        }
        let peer = story.user(victim);
        story.at_secs(30).device(1, Fact::Evict { peer, why: EvictCause::Capacity });
        let docket = story.judge(OldestRowMakesRoom::default());
        docket.findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn only_the_row_used_last_long_ago_may_go() {
        assert_eq!(evicts(0, false), [""; 0]);
        assert_eq!(evicts(2, false), ["carol makes room, but alice was not used for longer"]);
        assert_eq!(evicts(2, true), [""; 0]);
    }
}
