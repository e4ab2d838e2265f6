//! L-05: when both ends of a pair rotate within one round trip, no message between them is lost for its epochs.
//!
//! Not here: rotations of one end (S-35), or under which epochs they write afterwards (L-04).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Mid, UserId};
use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{Fact, RejectCause};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "L-05";
const CITED: [Requirement; 1] = [Requirement::of(17, 5)];

/// The judge of L-05.
#[derive(Debug, Default)]
pub struct SimultaneousRotationsLoseNothing {
    partners: BTreeMap<UserId, BTreeSet<UserId>>,
    rotated: BTreeMap<UserId, (Instant, RecordId)>,
    /// When both ends of a pair rotated together last, lesser name first.
    together: BTreeMap<(UserId, UserId), (Instant, [RecordId; 2])>,
    sealed: BTreeMap<Mid, Instant>,
}

fn pair(one: &UserId, other: &UserId) -> (UserId, UserId) {
    let (one, other) = if one < other { (one, other) } else { (other, one) };
    (one.clone(), other.clone())
}

impl SimultaneousRotationsLoseNothing {
    fn recorded(&mut self, record: &Record, user: &UserId, spec: &Spec) {
        self.rotated.insert(user.clone(), (record.at, record.id));
        for partner in self.partners.get(user).into_iter().flatten() {
            let Some((at, other)) = self.rotated.get(partner) else { continue };
            if record.at.since(*at) <= spec.round_trip {
                let records = [*other, record.id];
                self.together.insert(pair(user, partner), (record.at, records));
            }
        }
    }

    fn reject(
        &mut self,
        record: &Record,
        mid: &Mid,
        why: RejectCause,
        spec: &Spec,
        d: &mut Docket,
    ) {
        let Some((at, records)) = self.together.get(&pair(&mid.sender, &mid.receiver)) else {
            return;
        };
        let it = spec.circumstances;
        let excused = it.revoke || it.reset || it.restore || it.clock || it.altered || it.adversary;
        let half: Duration = spec.server.grace.saturating_sub(spec.server.ttl).scale(1, 2);
        let fresh = self.sealed.get(mid).is_some_and(|sealed| *sealed < *at + half);
        if fresh && !excused {
            let message = format!("{mid} is refused as {why} after both ends rotated at once");
            let [one, other] = *records;
            d.violation(ID, &CITED, record.at, &[one, other, record.id], message);
        }
    }

    fn commit(&mut self, mid: &Mid, docket: &mut Docket) {
        let sealed = self.sealed.remove(mid);
        let together = self.together.get(&pair(&mid.sender, &mid.receiver));
        if let (Some(sealed), Some((at, _))) = (sealed, together) {
            docket.shown(ID, &[positive(17, 5)][..usize::from(sealed <= *at)]);
        }
    }
}

impl Oracle for SimultaneousRotationsLoseNothing {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Encrypt, Commit, Reject, Recorded, Expire]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if let Fact::Recorded { user, epoch, .. } = &record.fact {
            if epoch.0 > 1 {
                self.recorded(record, user, spec);
            }
            return;
        }
        if let Fact::Expire { mid, .. } = &record.fact {
            // Whatever becomes of it now, it was not the rotations that lost it.
            self.sealed.remove(mid);
        }
        if device_of(record).is_none() {
            return;
        }
        if let Fact::Encrypt(sealing) = &record.fact {
            let Mid { sender, receiver, .. } = &sealing.mid;
            self.partners.entry(sender.clone()).or_default().insert(receiver.clone());
            self.partners.entry(receiver.clone()).or_default().insert(sender.clone());
            self.sealed.insert(sealing.mid.clone(), record.at);
        } else if let Fact::Reject { mid: Some(mid), why } = &record.fact {
            if matches!(why, RejectCause::StaleEpoch | RejectCause::UnknownEpoch) {
                self.reject(record, mid, *why, spec, docket);
            }
        } else if let Fact::Commit { mid, .. } = &record.fact {
            self.commit(mid, docket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::Polarity;

    /// A message is under way while alice rotates at 10 s and bob this many milliseconds later.
    fn rotate(lag: u64, refused: bool) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.encrypts(0, 1, 1, "text", 1, 1);
        story.at(10_000).records_key(0, 2);
        story.at(10_000 + lag).records_key(1, 2);
        story.at(20_000);
        if refused {
            let mid = Some(story.mid(0, 1, 1));
            story.device(1, Fact::Reject { mid, why: RejectCause::UnknownEpoch });
        } else {
            story.commits(1, 0, 1);
        }
        story.judge(SimultaneousRotationsLoseNothing::default())
    }

    #[test]
    fn mail_that_gets_through_is_in_order() {
        let docket = rotate(100, false);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(17, 5), Polarity::Positive), 1);
    }

    #[test]
    fn mail_that_is_refused_is_found() {
        let found = "alice>bob#1 is refused as unknown-epoch after both ends rotated at once";
        assert_eq!(rotate(100, true).findings[0].message, found);
        assert!(rotate(101, true).findings.is_empty(), "not at once");
    }
}
