//! S-04: a message goes to the receiver in its header and nobody else, octet by octet as accepted.
//!
//! Not here: whether it gets there at all (L-01).

use std::collections::BTreeMap;

use crate::base::id::{Hash32, Mid};
use crate::oracle::judge::{Docket, Oracle, account_of, device_of, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::Fact;
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "S-04";
const FORWARDED: [Requirement; 1] = [Requirement::of(9, 3)];
const NAMED: [Requirement; 2] = [Requirement::of(5, 3), Requirement::of(8, 2)];

/// The judge of S-04.
#[derive(Debug, Default)]
pub struct DeliveredToItsReceiver {
    /// What was accepted and has not ended.
    contents: BTreeMap<(Mid, u64), Hash32>,
}

impl DeliveredToItsReceiver {
    fn offer(&self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Fact::Offer { mid, attempt, to, content, .. } = &record.fact else { return };
        let home = account_of(record).and_then(|user| spec.user(user));
        let same = self.contents.get(&(mid.clone(), *attempt)).is_none_or(|it| it == content);
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

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if let Fact::Accept { mid, attempt, content, .. } = &record.fact {
            self.contents.insert((mid.clone(), *attempt), *content);
            let home = account_of(record).and_then(|user| spec.user(user));
            if home == Some(&mid.receiver) {
                docket.shown(ID, &[positive(5, 3), positive(8, 2)]);
            } else {
                let message = format!("{mid} is accepted by another account than its receiver's");
                docket.violation(ID, &NAMED, record.at, &[record.id], message);
            }
        } else if let Fact::Offer { .. } = &record.fact {
            self.offer(record, spec, docket);
        } else if let Fact::Acked { mid, attempt, .. }
        | Fact::Expire { mid, attempt, .. }
        | Fact::Bounce { mid, attempt, .. } = &record.fact
        {
            self.contents.remove(&(mid.clone(), *attempt));
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
            generation: Hash32::ZERO,
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
    fn a_message_offered_to_somebody_else_or_with_other_octets_is_found() {
        assert_eq!(offered(2, "content").findings[0].message, "alice>bob#1 is sent to carol");
        let changed = "alice>bob#1 is forwarded with other octets than were accepted";
        assert_eq!(offered(1, "other").findings[0].message, changed);
    }
}
