//! S-11: after its own rotation is acknowledged a device encrypts nothing under its old epoch.
//!
//! Not here: what it still decrypts (S-35), or peers' epochs (S-09).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Epoch, UserId};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{DeviceState, Fact};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "S-11";
const CITED: [Requirement; 2] = [Requirement::of(17, 4), Requirement::of(15, 2)];

/// The judge of S-11.
#[derive(Debug, Default)]
pub struct OwnRotationReachesEverySlot {
    devices: BTreeMap<u32, Device>,
}

#[derive(Debug, Default)]
struct Device {
    done: Option<(Epoch, RecordId)>,
    /// Peers written to under an epoch before the present one.
    before: BTreeSet<UserId>,
    /// Peers written to at all.
    peers: BTreeSet<UserId>,
}

impl Oracle for OwnRotationReachesEverySlot {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Rolledback, State, Encrypt, RotateDone]
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::RotateDone { epoch, .. } = &record.fact {
            let device = self.devices.entry(user).or_default();
            device.done = Some((*epoch, record.id));
            device.before = device.peers.clone();
        } else if let Fact::Encrypt(sealing) = &record.fact {
            let device = self.devices.entry(user).or_default();
            let peer = &sealing.mid.receiver;
            device.peers.insert(peer.clone());
            let Some((epoch, done)) = device.done else { return };
            if sealing.own < epoch {
                let message = format!(
                    "{} is encrypted under the own {} after {epoch} was acknowledged",
                    sealing.mid, sealing.own
                );
                docket.violation(ID, &CITED, record.at, &[done, record.id], message);
            } else if device.before.remove(peer) {
                // A peer with a slot under the old epoch gets mail under the new one.
                docket.shown(ID, &[positive(17, 4), negative(17, 4)]);
            }
        } else if let Fact::Rolledback { .. } | Fact::State { to: DeviceState::Blank } =
            &record.fact
        {
            self.devices.remove(&user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash};
    use crate::verdict::requirement::Polarity;

    fn after_rotation(own: u64) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.encrypts(0, 1, 1, "before", 1, 1);
        story.device(0, Fact::RotateDone { epoch: Epoch(2), record: hash("record") });
        story.encrypts(0, 1, 2, "after", own, 1);
        story.judge(OwnRotationReachesEverySlot::default())
    }

    #[test]
    fn the_new_own_epoch_is_in_order() {
        let docket = after_rotation(2);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(17, 4), Polarity::Positive), 1);
    }

    #[test]
    fn the_old_own_epoch_is_found() {
        let found = "alice>bob#2 is encrypted under the own e1 after e2 was acknowledged";
        assert_eq!(after_rotation(1).findings[0].message, found);
    }
}
