//! S-35: mail encrypted under records that were good at the time is not refused for its epochs, and no own
//! epoch is used before the directory has it.
//!
//! Not here: mail that gets no key at all (L-03).

use std::collections::BTreeMap;

use crate::base::id::{Epoch, Mid, UserId};
use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{DeviceState, Fact, RejectCause, Way};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "S-35";
const REFUSED: [Requirement; 2] = [Requirement::of(17, 5), Requirement::of(14, 6)];
const TOO_EARLY: [Requirement; 1] = [Requirement::of(17, 5)];

/// The judge of S-35.
#[derive(Debug, Default)]
pub struct NoDeadEpoch {
    /// When an epoch was followed by the next.
    retired: BTreeMap<(UserId, Epoch), Instant>,
    /// Encryptions of messages that are not dealt with.
    sealed: BTreeMap<Mid, Vec<Sealed>>,
    /// When the present attempt of a message reached its mailbox.
    accepted: BTreeMap<Mid, Instant>,
    /// Epochs named by the header of the copy that is searched for now.
    named: BTreeMap<(u32, Mid), (Epoch, Epoch)>,
    /// Own epochs that are announced and not yet acknowledged.
    announced: BTreeMap<u32, (Epoch, RecordId)>,
    current: BTreeMap<u32, Epoch>,
}

#[derive(Clone, Copy, Debug)]
struct Sealed {
    /// The sender's and the receiver's epoch.
    epochs: (Epoch, Epoch),
    at: Instant,
    record: RecordId,
}

/// Whether the run contains nothing that may kill an epoch early.
const fn judges(spec: &Spec) -> bool {
    let it = spec.circumstances;
    !(it.revoke || it.reset || it.restore || it.clock || it.altered || it.adversary)
}

impl NoDeadEpoch {
    /// Current at that time, or retired for less than half of grace minus ttl.
    fn was_good(&self, user: &UserId, epoch: Epoch, at: Instant, spec: &Spec) -> bool {
        let half: Duration = spec.server.grace.saturating_sub(spec.server.ttl).scale(1, 2);
        let retired = self.retired.get(&(user.clone(), epoch));
        retired.is_none_or(|retired| at < *retired + half)
    }

    /// Whether mail under an epoch of its sender's came to the mailbox while its life was sure to end before
    /// the key's. The mailbox sees to that for the receiver's epochs; what a lost or late submission makes
    /// too old for the sender's is encrypted again after the bounce.
    fn came_in_time(&self, mid: &Mid, theirs: Epoch, spec: &Spec) -> bool {
        let margin = spec.server.grace.saturating_sub(spec.server.ttl);
        let retired = self.retired.get(&(mid.sender.clone(), theirs));
        let accepted = self.accepted.get(mid);
        retired.zip(accepted).is_none_or(|(retired, accepted)| *accepted < *retired + margin)
    }

    fn reject(&self, record: &Record, user: u32, spec: &Spec, docket: &mut Docket) {
        let Fact::Reject { mid: Some(mid), why } = &record.fact else { return };
        if !matches!(why, RejectCause::StaleEpoch | RejectCause::UnknownEpoch) || !judges(spec) {
            return;
        }
        let Some(sealed) = self.sealed.get(mid) else { return };
        let named = self.named.get(&(user, mid.clone()));
        let this = |one: &&Sealed| named.is_none_or(|named| *named == one.epochs);
        let Some(one) = sealed.iter().rfind(this) else { return };
        let (theirs, ours) = one.epochs;
        let good = self.was_good(&mid.sender, theirs, one.at, spec)
            && self.was_good(&mid.receiver, ours, one.at, spec)
            && self.came_in_time(mid, theirs, spec);
        if good {
            let message = format!(
                "{mid}, encrypted under {theirs} and {ours} at {}, is refused as {why}",
                one.at
            );
            docket.violation(ID, &REFUSED, record.at, &[one.record, record.id], message);
        } else {
            docket.shown(ID, &[]);
        }
    }

    fn encrypt(&mut self, record: &Record, user: u32, docket: &mut Docket) {
        let Fact::Encrypt(sealing) = &record.fact else { return };
        let epochs = (sealing.own, sealing.theirs);
        let one = Sealed { epochs, at: record.at, record: record.id };
        self.sealed.entry(sealing.mid.clone()).or_default().push(one);
        if let Some((epoch, announced)) = self.announced.get(&user)
            && sealing.own >= *epoch
        {
            let message = format!("{} is encrypted under {epoch} before its ack", sealing.mid);
            docket.violation(ID, &TOO_EARLY, record.at, &[*announced, record.id], message);
        }
    }

    fn commit(&mut self, user: u32, mid: &Mid, docket: &mut Docket) {
        let sealed = self.sealed.remove(mid);
        self.accepted.remove(mid);
        let named = self.named.remove(&(user, mid.clone()));
        let last = sealed.and_then(|sealed| sealed.last().map(|one| one.epochs));
        let Some((theirs, ours)) = named.or(last) else { return };
        let old = self.retired.contains_key(&(mid.sender.clone(), theirs));
        let own_old = self.current.get(&user).is_some_and(|current| ours < *current);
        let sides = [positive(17, 5)];
        docket.shown(ID, if old || own_old { &sides } else { &[] });
    }
}

impl Oracle for NoDeadEpoch {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            Rolledback, State, Select, Encrypt, Commit, Duplicate, Reject, RotateStart, RotateDone,
            Recorded, Accept, Expire
        ]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if let Fact::Recorded { user, epoch, .. } = &record.fact {
            if let Some(before) = epoch.0.checked_sub(1) {
                self.retired.insert((user.clone(), Epoch(before)), record.at);
            }
            return;
        }
        if let Fact::Expire { mid, .. } = &record.fact {
            self.sealed.remove(mid);
            self.accepted.remove(mid);
        } else if let Fact::Accept { mid, known: false, .. } = &record.fact {
            self.accepted.insert(mid.clone(), record.at);
        }
        let Some(user) = device_of(record) else { return };
        if let Fact::Encrypt(_) = &record.fact {
            self.encrypt(record, user, docket);
        } else if let Fact::Select { mid: Some(mid), own, theirs, way: Way::In, .. } = &record.fact
        {
            self.named.insert((user, mid.clone()), (*theirs, *own));
        } else if let Fact::Reject { .. } = &record.fact {
            self.reject(record, user, spec, docket);
        } else if let Fact::Commit { mid, .. } = &record.fact {
            self.commit(user, mid, docket);
        } else if let Fact::Duplicate { mid } = &record.fact {
            self.named.remove(&(user, mid.clone()));
        } else if let Fact::RotateStart { epoch, .. } = &record.fact {
            self.announced.insert(user, (*epoch, record.id));
        } else if let Fact::RotateDone { epoch, .. } = &record.fact {
            self.announced.remove(&user);
            self.current.insert(user, *epoch);
        } else if let Fact::Rolledback { .. } | Fact::State { to: DeviceState::Blank } =
            &record.fact
        {
            self.announced.remove(&user);
            self.current.remove(&user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash};
    use crate::verdict::requirement::Polarity;

    /// Bob rotates at 10 s, with a message to him under his epoch 1 stored; what he makes of it.
    fn in_flight(refused: bool, sealed_at: u64) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.records_key(1, 1);
        if sealed_at < 10 {
            story.at_secs(sealed_at).encrypts(0, 1, 1, "text", 1, 1);
        }
        story.at_secs(10).records_key(1, 2);
        story.device(1, Fact::RotateDone { epoch: Epoch(2), record: hash("bob2") });
        if sealed_at >= 10 {
            story.at_secs(sealed_at).encrypts(0, 1, 1, "text", 1, 1);
        }
        if refused {
            let mid = Some(story.mid(0, 1, 1));
            story.device(1, Fact::Reject { mid, why: RejectCause::StaleEpoch });
        } else {
            story.commits(1, 0, 1);
        }
        story.judge(NoDeadEpoch::default())
    }

    #[test]
    fn mail_under_the_previous_epoch_that_is_accepted_is_in_order() {
        let docket = in_flight(false, 5);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(17, 5), Polarity::Positive), 1);
    }

    #[test]
    fn mail_under_the_previous_epoch_that_is_refused_is_found() {
        let found =
            "alice>bob#1, encrypted under e1 and e1 at 5.000000s, is refused as stale-epoch";
        assert_eq!(in_flight(true, 5).findings[0].message, found);
    }

    #[test]
    fn mail_encrypted_long_after_the_rotation_may_be_refused() {
        assert!(in_flight(true, 86_400).findings.is_empty());
        assert_eq!(in_flight(true, 40_000).findings.len(), 1);
    }

    #[test]
    fn mail_that_reaches_the_mailbox_when_its_senders_epoch_is_old_may_be_refused() {
        for (accepted, found) in [(86_000, 1), (86_420, 0)] {
            let mut story = Story::new(&["alice", "bob"]);
            story.records_key(0, 1);
            story.at_secs(5).encrypts(0, 1, 1, "text", 1, 1);
            story.at_secs(10).records_key(0, 2);
            story.at_secs(accepted).accepts(0, 1, 1);
            let mid = Some(story.mid(0, 1, 1));
            story.at_secs(90_000).device(1, Fact::Reject { mid, why: RejectCause::StaleEpoch });
            assert_eq!(story.judge(NoDeadEpoch::default()).findings.len(), found, "{accepted}");
        }
    }

    #[test]
    fn an_own_epoch_used_before_its_ack_is_found() {
        let mut story = Story::new(&["alice", "bob"]);
        story.device(0, Fact::RotateStart { epoch: Epoch(2), revoke: false });
        story.encrypts(0, 1, 1, "text", 2, 1);
        let docket = story.judge(NoDeadEpoch::default());
        assert_eq!(docket.findings[0].message, "alice>bob#1 is encrypted under e2 before its ack");
    }
}
