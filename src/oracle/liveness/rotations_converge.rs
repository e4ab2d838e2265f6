//! L-04: once the last rotation of a pair is a while ago and nothing is wrong, both write under current epochs.
//!
//! Not here: how long one peer's old epoch may be used while faults go on (S-09).

use std::collections::BTreeMap;

use crate::base::id::{Epoch, UserId};
use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, positive};
use crate::oracle::spec::Spec;
use crate::oracle::trouble::Trouble;
use crate::trace::fact::{DeviceState, Fact};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "L-04";
const CITED: [Requirement; 2] = [Requirement::of(17, 1), Requirement::of(17, 4)];
/// Lost answers to a rotation are asked for again within this time.
const SLACK: Duration = Duration::from_secs(60);

/// The judge of L-04.
#[derive(Debug, Default)]
pub struct RotationsConverge {
    current: BTreeMap<UserId, (Epoch, Instant, RecordId)>,
    trouble: Trouble,
}

impl RotationsConverge {
    fn encrypt(&self, record: &Record, user: u32, spec: &Spec, docket: &mut Docket) {
        let Fact::Encrypt(sealing) = &record.fact else { return };
        let (sender, receiver) = (&sealing.mid.sender, &sealing.mid.receiver);
        let ends = [(sender, sealing.own), (receiver, sealing.theirs)];
        let Some(limits) = spec.limits(user) else { return };
        let known = ends.iter().filter_map(|(end, _)| self.current.get(*end));
        let Some(last) = known.map(|(_, at, _)| *at).max() else { return };
        let from = last.max(self.trouble.last(user, receiver, record.at));
        let settled = record.at > from + limits.refresh + spec.round_trip + SLACK;
        let old = ends.iter().find_map(|(end, used)| {
            let (epoch, _, at) = self.current.get(*end).filter(|(epoch, ..)| epoch > used)?;
            Some((*end, *used, *epoch, *at))
        });
        match old {
            Some((end, used, epoch, at)) if settled => {
                let message = format!(
                    "{} is encrypted under {used} of {end}, who has been at {epoch} for long",
                    sealing.mid
                );
                docket.violation(ID, &CITED, record.at, &[at, record.id], message);
            }
            Some(_) => {}
            None => docket.shown(ID, &[positive(17, 1)][..usize::from(last > Instant::START)]),
        }
    }
}

impl Oracle for RotationsConverge {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            PowerOn, PowerOff, State, LookupFailed, Encrypt, Recorded, Lost, Meddled, FaultStart,
            FaultEnd
        ]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        self.trouble.observe(record);
        if let Fact::Recorded { user, epoch, .. } = &record.fact {
            // The first key pair of an identity is no rotation.
            if *epoch > Epoch::FIRST {
                self.current.insert(user.clone(), (*epoch, record.at, record.id));
            } else {
                self.current.remove(user);
            }
        } else if let Some(user) = device_of(record) {
            if let Fact::Encrypt(_) = &record.fact {
                self.encrypt(record, user, spec, docket);
            } else if let (Fact::State { to: DeviceState::Blank }, Some(user)) =
                (&record.fact, spec.user(user))
            {
                self.current.remove(user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::Polarity;

    fn writes(own: u64, theirs: u64, at: u64) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.spec.limits[0].refresh = Duration::from_secs(30);
        for user in [0, 1] {
            story.at_secs(10).records_key(user, 2);
        }
        story.at_secs(at).encrypts(0, 1, 1, "text", own, theirs);
        story.judge(RotationsConverge::default())
    }

    #[test]
    fn current_epochs_of_both_are_in_order() {
        let docket = writes(2, 2, 200);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(17, 1), Polarity::Positive), 1);
    }

    #[test]
    fn an_old_epoch_of_either_long_after_is_found() {
        assert_eq!(writes(1, 2, 200).findings.len(), 1);
        let found = "alice>bob#1 is encrypted under e1 of bob, who has been at e2 for long";
        assert_eq!(writes(2, 1, 200).findings[0].message, found);
        assert!(writes(1, 1, 90).findings.is_empty());
    }
}
