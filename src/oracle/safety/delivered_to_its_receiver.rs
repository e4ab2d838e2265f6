//! S-04: a message goes to the receiver in its header and nobody else, octet by octet as accepted.
//!
//! Not here: whether it gets there at all (L-01).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Hash32, Mid};
use crate::oracle::judge::{
    Docket, Facts, Oracle, account_of, device_of, facts, frames, negative, positive,
};
use crate::oracle::spec::Spec;
use crate::oracle::turn::Turns;
use crate::trace::fact::{About, Fact, FrameFact, FrameKind, Meddling};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "S-04";
const FORWARDED: [Requirement; 1] = [Requirement::of(9, 3)];
const NAMED: [Requirement; 2] = [Requirement::of(5, 3), Requirement::of(8, 2)];

/// The judge of S-04.
#[derive(Debug, Default)]
pub struct DeliveredToItsReceiver {
    /// What was accepted and has not ended, by message, its sender's generation and its attempt.
    contents: BTreeMap<(Mid, Hash32, u64), Hash32>,
    /// Submissions that were altered on their way, by message, number and copy of the frame.
    altered: BTreeSet<(Mid, u64, u8)>,
    /// Turns of accounts that began with one of them.
    garbled: Turns<()>,
}

/// The message, number and copy of a submission.
fn submission(frame: &FrameFact) -> Option<(Mid, u64, u8)> {
    let About::Message(mid, _) = &frame.about else { return None };
    let submit = frame.kind == Some(FrameKind::Submit);
    submit.then(|| (Mid::clone(mid), frame.number, frame.copy))
}

impl DeliveredToItsReceiver {
    fn offer(&self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Fact::Offer { mid, generation, attempt, to, content, .. } = &record.fact else {
            return;
        };
        let home = account_of(record).and_then(|user| spec.user(user));
        let stored = self.contents.get(&(mid.clone(), *generation, *attempt));
        let same = stored.is_none_or(|it| it == content);
        let found = if *to != mid.receiver {
            format!("{mid} is sent to {to}")
        } else if home.is_some_and(|home| home != to) {
            format!("{mid} is sent from the account of {}", home.map_or("?", |it| it.as_str()))
        } else if !same {
            format!("{mid} is forwarded with other octets than were accepted")
        } else {
            docket.shown(ID, &[positive(9, 3)]);
            return;
        };
        docket.violation(ID, &FORWARDED, record.at, &[record.id], found);
    }
}

impl Oracle for DeliveredToItsReceiver {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Commit, Display, Accept, Offer, Acked, Expire, Bounce, Rx, Meddled]
            .frames(frames![Submit])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        self.garbled.over(record.at, spec);
        if let Fact::Meddled { frame, how: Meddling::Corrupted | Meddling::Altered } = &record.fact
        {
            self.altered.extend(submission(frame));
        } else if let Fact::Rx(frame) = &record.fact {
            if account_of(record).is_some()
                && !self.altered.is_empty()
                && submission(frame).is_some_and(|key| self.altered.remove(&key))
            {
                self.garbled.begin_after(record, ());
            }
        } else if let Fact::Accept { mid, generation, attempt, content, .. } = &record.fact {
            self.contents.insert((mid.clone(), *generation, *attempt), *content);
            let home = account_of(record).and_then(|user| spec.user(user));
            if home == Some(&mid.receiver) {
                docket.shown(ID, &[positive(5, 3), positive(8, 2)]);
                if self.garbled.end(record).is_some() {
                    // Nobody can decrypt it any more, and the header alone shows where it belongs.
                    docket.shown(ID, &[negative(5, 3), negative(8, 2)]);
                }
            } else {
                let message = format!("{mid} is accepted by another account than its receiver's");
                docket.violation(ID, &NAMED, record.at, &[record.id], message);
            }
        } else if let Fact::Offer { .. } = &record.fact {
            self.offer(record, spec, docket);
        } else if let Fact::Acked { mid, generation, attempt, .. }
        | Fact::Expire { mid, generation, attempt, .. }
        | Fact::Bounce { mid, generation, attempt, .. } = &record.fact
        {
            self.contents.remove(&(mid.clone(), *generation, *attempt));
        } else if let Fact::Display { mid, .. } | Fact::Commit { mid, .. } = &record.fact
            && let Some(user) = device_of(record).and_then(|user| spec.user(user))
            && *user != mid.receiver
        {
            let message = format!("{user} accepts {mid}, which is for somebody else");
            docket.violation(ID, &FORWARDED, record.at, &[record.id], message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::DeliveryId;
    use crate::oracle::tests_support::{Story, hash};

    fn offered(to: u32, content: &str) -> Docket {
        let mut story = Story::new(&["alice", "bob", "carol"]);
        story.accepts(0, 1, 1);
        let fact = Fact::Offer {
            mid: story.mid(0, 1, 1),
            generation: hash("generation"),
            attempt: 1,
            delivery: DeliveryId(1),
            to: story.user(to),
            content: hash(content),
            pushed: false,
        };
        story.at(10).account(1, fact);
        story.judge(DeliveredToItsReceiver::default())
    }

    #[test]
    fn a_message_offered_to_its_receiver_is_in_order() {
        let docket = offered(1, "content");
        assert!(docket.findings.is_empty(), "{:?}", docket.findings);
        assert!(docket.evidence.count(Requirement::of(9, 3), positive(9, 3).1) == 1);
    }

    #[test]
    fn a_garbled_message_that_finds_its_mailbox_is_evidence() {
        let mut story = Story::new(&["alice", "bob"]);
        let frame = story.frame(FrameKind::Submit, true, About::message(story.mid(0, 1, 1), 1));
        story.device(0, Fact::Meddled { frame: frame.clone(), how: Meddling::Corrupted });
        let cause = story.account(1, Fact::Rx(frame));
        story.accepts(0, 1, 1);
        story.records.last_mut().unwrap().cause = Some(cause);
        let docket = story.judge(DeliveredToItsReceiver::default());
        for (claim, number) in [(5, 3), (8, 2)] {
            let requirement = Requirement::of(claim, number);
            assert_eq!(docket.evidence.count(requirement, negative(5, 3).1), 1);
        }
    }

    #[test]
    fn a_message_offered_to_somebody_else_or_with_other_octets_is_found() {
        assert_eq!(offered(2, "content").findings[0].message, "alice>bob#1 is sent to carol");
        let changed = "alice>bob#1 is forwarded with other octets than were accepted";
        assert_eq!(offered(1, "other").findings[0].message, changed);
    }
}
