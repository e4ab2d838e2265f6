//! C12-R6: new keys replace the old, and no secret made with the old private key is used again.
//!
//! Not here: rotations that keep the old key through grace (S-11, S-35).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Epoch, UserId};
use crate::oracle::judge::{
    Docket, Facts, Oracle, device_of, facts, is_uneventful, negative, positive,
};
use crate::oracle::spec::Spec;
use crate::trace::fact::{DeviceState, Fact, ProvisionMode, ReplyResult, Selection};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "C12-R6";
const CITED: [Requirement; 1] = [Requirement::of(12, 6)];

/// The judge of C12-R6.
#[derive(Debug, Default)]
pub struct NewKeysDropOldSecrets {
    devices: BTreeMap<u32, Device>,
}

#[derive(Debug, Default)]
struct Device {
    /// Peers with a secret under the present keys.
    known: BTreeSet<UserId>,
    /// Peers with a secret under keys that are gone for good.
    before: BTreeSet<UserId>,
    /// Peers whose rows a factory reset removed, and that were not looked up since.
    wiped: BTreeSet<UserId>,
    /// Own epochs whose private key is erased.
    erased: BTreeSet<Epoch>,
    /// The present keys were loaded, not made by a rotation.
    loaded: bool,
}

impl Device {
    fn uses(&mut self, peer: &UserId, own: Epoch) -> Result<bool, &'static str> {
        if self.erased.contains(&own) {
            return Err("a secret of an erased own key is used");
        }
        Ok(self.loaded && self.before.remove(peer))
    }
}

impl Oracle for NewKeysDropOldSecrets {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            Rolledback, Provisioned, State, KeyReply, Select, Derive, Encrypt, Decrypt, EpochErased
        ]
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if is_uneventful(&record.fact) && !self.devices.contains_key(&user) {
            return;
        }
        let device = self.devices.entry(user).or_default();
        let used = if let Fact::Derive { peer, own, .. } = &record.fact {
            device.known.insert(peer.clone());
            device.uses(peer, *own)
        } else if let Fact::Encrypt(sealing) = &record.fact {
            device.uses(&sealing.mid.receiver, sealing.own)
        } else if let Fact::Decrypt(opening) = &record.fact {
            device.uses(&opening.mid.sender, opening.own)
        } else if let Fact::Select { peer, outcome, .. } = &record.fact {
            match (device.wiped.contains(peer), *outcome == Selection::Hit) {
                (true, true) => Err("a slot hits that the factory reset removed"),
                (true, false) => {
                    docket.shown(ID, &[negative(12, 6)]);
                    Ok(false)
                }
                (false, _) => Ok(false),
            }
        } else {
            follow(device, &record.fact);
            return;
        };
        match used {
            Ok(false) => {}
            Ok(true) => docket.shown(ID, &[positive(12, 6)]),
            Err(what) => docket.violation(ID, &CITED, record.at, &[record.id], what.to_owned()),
        }
    }
}

fn follow(device: &mut Device, fact: &Fact) {
    if let Fact::Provisioned { epoch, mode, .. } = fact {
        device.erased.remove(epoch);
        device.loaded = *mode != ProvisionMode::Rotation;
        if device.loaded {
            device.before.append(&mut device.known);
        }
    } else if let Fact::State { to: DeviceState::Blank } = fact {
        device.wiped.extend(device.known.iter().cloned());
        device.before.append(&mut device.known);
        device.erased.clear();
    } else if let Fact::EpochErased { epoch } = fact {
        device.erased.insert(*epoch);
    } else if let Fact::KeyReply { peer, result: ReplyResult::Accepted, .. } = fact {
        device.known.insert(peer.clone());
        device.wiped.remove(peer);
    } else if let Fact::Rolledback { .. } = fact {
        *device = Device::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash};
    use crate::verdict::requirement::Polarity;

    fn provision(story: &mut Story) {
        let (mode, epoch) = (ProvisionMode::Downloaded, Epoch::FIRST);
        let (agree_kid, sig_kid) = (hash("agree"), hash("sig"));
        story.device(0, Fact::State { to: DeviceState::Blank });
        story.device(0, Fact::Provisioned { mode, epoch, agree_kid, sig_kid });
    }

    #[test]
    fn a_secret_derived_anew_after_new_keys_is_in_order() {
        let mut story = Story::new(&["alice", "bob"]);
        story.derives(0, 1, 1, 1);
        provision(&mut story);
        story.selects(0, 1, None, crate::trace::fact::Way::Out, Selection::Miss);
        story.derives(0, 1, 1, 1);
        let docket = story.judge(NewKeysDropOldSecrets::default());
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(12, 6), Polarity::Positive), 1);
        assert_eq!(docket.evidence.count(Requirement::of(12, 6), Polarity::Negative), 1);
    }

    #[test]
    fn a_slot_that_outlives_its_keys_is_found() {
        let mut story = Story::new(&["alice", "bob"]);
        story.derives(0, 1, 1, 1);
        provision(&mut story);
        story.selects(0, 1, None, crate::trace::fact::Way::Out, Selection::Hit);
        story.device(0, Fact::EpochErased { epoch: Epoch(1) });
        story.encrypts(0, 1, 1, "text", 1, 1);
        let docket = story.judge(NewKeysDropOldSecrets::default());
        let messages: Vec<_> = docket.findings.iter().map(|it| it.message.as_str()).collect();
        assert_eq!(
            messages,
            ["a slot hits that the factory reset removed", "a secret of an erased own key is used"]
        );
    }
}
