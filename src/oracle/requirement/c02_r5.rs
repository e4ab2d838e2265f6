//! C02-R5: octets sealed for one user are not opened by the device of a third that gets hold of them.
//!
//! Not here: that the right one opens them (S-02), or what is done with an own message (C05-R7).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Mid, UserId};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, frames, negative};
use crate::oracle::spec::Spec;
use crate::trace::fact::{Fact, FrameKind};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;
use crate::wire::message::{Envelope, Message};

const ID: &str = "C02-R5";
const CITED: [Requirement; 1] = [Requirement::of(2, 5)];

/// The judge of C02-R5 where octets may go astray.
#[derive(Debug, Default)]
pub struct StrayOctetsStayClosed {
    /// Sender and receiver of each ciphertext that a device submitted.
    sealed: BTreeMap<Vec<u8>, (UserId, UserId)>,
    /// What came to a third device, under the name that its header has there.
    astray: BTreeMap<(u32, Mid), RecordId>,
    shown: BTreeSet<(u32, Mid)>,
}

impl StrayOctetsStayClosed {
    fn frame(&mut self, record: &Record, user: u32, spec: &Spec) {
        let (Fact::Tx(frame) | Fact::Rx(frame)) = &record.fact else { return };
        let Some(octets) = &frame.octets else { return };
        let sent = matches!(record.fact, Fact::Tx(_));
        let kind = if sent { FrameKind::Submit } else { FrameKind::Deliver };
        if frame.kind != Some(kind) {
            return;
        }
        let Ok(envelope) = Envelope::decode(&octets.0) else { return };
        if let Message::Submit(it) = envelope.body {
            let Mid { sender, receiver, .. } = it.header.mid();
            self.sealed.entry(it.ciphertext).or_insert((sender, receiver));
        } else if let Message::Deliver(it) = envelope.body
            && let Some((from, to)) = self.sealed.get(&it.ciphertext)
            && spec.user(user).is_some_and(|user| ![from, to].contains(&user))
        {
            self.astray.insert((user, it.header.mid()), record.id);
        }
    }
}

impl Oracle for StrayOctetsStayClosed {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Decrypt, Reject, Tx, Rx].frames(frames![Submit, Deliver])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        let it = spec.circumstances;
        if !(it.altered || it.adversary) {
            return;
        }
        self.frame(record, user, spec);
        if let Fact::Decrypt(opening) = &record.fact {
            let key = (user, opening.mid.clone());
            if let Some(came) = self.astray.get(&key)
                && opening.plain.is_some()
            {
                let message = format!("{} opens, and was sealed for somebody else", opening.mid);
                docket.violation(ID, &CITED, record.at, &[*came, record.id], message);
            }
        } else if let Fact::Reject { mid: Some(mid), .. } = &record.fact {
            let key = (user, mid.clone());
            if self.astray.contains_key(&key) && self.shown.insert(key) {
                docket.shown(ID, &[negative(2, 5)]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{DeliveryId, Epoch};
    use crate::base::time::Millis;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::{About, Octets, RejectCause};
    use crate::verdict::requirement::Polarity;
    use crate::wire::header::{BodyKind, Header};
    use crate::wire::message::{Deliver, Submit};

    fn header(mid: Mid) -> Header {
        let (sender, receiver, seq) = (mid.sender, mid.receiver, mid.seq);
        let (kind, epoch_s, epoch_r) = (BodyKind::Text, Epoch(1), Epoch(1));
        let (kid_s, kid_r, nonce) = ([1; 8], [2; 8], [3; 12]);
        Header { kind, sender, receiver, epoch_s, epoch_r, kid_s, kid_r, seq, nonce }
    }

    /// What alice sealed for bob comes to carol, who opens or refuses it.
    fn astray(opens: bool) -> Docket {
        let mut story = Story::new(&["alice", "bob", "carol"]);
        story.spec.circumstances.altered = true;
        let (ciphertext, at) = (vec![7; 20], Millis::WORLD_START);
        let (ours, theirs) = (story.mid(0, 1, 1), story.mid(0, 2, 1));
        let mut pass = |by, kind, up, mid: Mid, body| {
            let mut frame = story.frame(kind, up, About::message(mid, 1));
            let envelope = Envelope { req: frame.req, ticket: None, body };
            frame.octets = Some(Octets(envelope.encode().into()));
            story.device(by, if up { Fact::Tx(frame) } else { Fact::Rx(frame) });
        };
        let header_of = |mid: &Mid| header(mid.clone());
        let submit = Submit {
            header: header_of(&ours),
            ciphertext: ciphertext.clone(),
            attempt: 1,
            expires: at,
        };
        pass(0, FrameKind::Submit, true, ours, Message::Submit(Box::new(submit)));
        let (delivery, header) = (DeliveryId(1), header_of(&theirs));
        let deliver = Deliver { delivery, header, ciphertext, queued_at: at };
        pass(2, FrameKind::Deliver, false, theirs, Message::Deliver(Box::new(deliver)));
        if opens {
            story.opens(2, 0, 1, Some("hello"));
        } else {
            let (mid, why) = (Some(story.mid(0, 2, 1)), RejectCause::UnknownEpoch);
            story.device(2, Fact::Reject { mid, why });
        }
        story.judge(StrayOctetsStayClosed::default())
    }

    #[test]
    fn octets_that_a_third_refuses_are_evidence_and_that_it_opens_are_found() {
        let docket = astray(false);
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Negative), 1);
        let found = "alice>carol#1 opens, and was sealed for somebody else";
        assert_eq!(astray(true).findings[0].message, found);
    }
}
