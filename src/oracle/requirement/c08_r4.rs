//! C08-R4: until `SubmitAck` comes the identical submission is sent again.
//!
//! Not here: what the user is told meanwhile (S-20), or nonces (S-12).

use std::collections::BTreeMap;

use crate::base::id::Mid;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, frames, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{About, DraftStatus, Fact, FrameFact, FrameKind, Octets};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;
use crate::wire::message::{Envelope, Message};

const ID: &str = "C08-R4";
const CITED: [Requirement; 1] = [Requirement::of(8, 4)];

/// The judge of C08-R4.
#[derive(Debug, Default)]
pub struct SentAgainUnchanged {
    submitted: BTreeMap<Mid, Submission>,
}

/// The first copy of a submission.
#[derive(Debug)]
struct Submission {
    octets: Octets,
    record: RecordId,
    acked: bool,
}

/// Whether two frames say the same; tickets may be renewed between them.
fn same(first: &Octets, again: &Octets) -> bool {
    let body = |octets: &Octets| Envelope::decode(&octets.0).ok().map(|envelope| envelope.body);
    first == again
        || match (body(first), body(again)) {
            (Some(first @ Message::Submit(_)), Some(again)) => first == again,
            (Some(_) | None, Some(_) | None) => false,
        }
}

impl SentAgainUnchanged {
    fn copy(&mut self, record: &Record, frame: &FrameFact, docket: &mut Docket) {
        let About::Message(mid, _) = &frame.about else { return };
        let Some(octets) = frame.octets.clone() else { return };
        let Some(first) = self.submitted.get(mid) else {
            let submission = Submission { octets, record: record.id, acked: false };
            self.submitted.insert(Mid::clone(mid), submission);
            return;
        };
        if !same(&first.octets, &octets) {
            let message = format!("{mid} is sent again with other octets");
            docket.violation(ID, &CITED, record.at, &[first.record, record.id], message);
        } else if !first.acked {
            docket.shown(ID, &[positive(8, 4), negative(8, 4)]);
        }
    }
}

impl Oracle for SentAgainUnchanged {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Rolledback, Encrypt, Notice, Tx, Rx].frames(frames![Submit, SubmitAck])
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        if device_of(record).is_none() {
            return;
        }
        if let Fact::Tx(frame) = &record.fact {
            if frame.kind == Some(FrameKind::Submit) {
                self.copy(record, frame, docket);
            }
        } else if let Fact::Rx(frame) = &record.fact {
            if frame.kind == Some(FrameKind::SubmitAck)
                && let About::Message(mid, _) = &frame.about
                && let Some(submission) = self.submitted.get_mut(mid)
            {
                submission.acked = true;
            }
        } else if let Fact::Encrypt(sealing) = &record.fact {
            // New octets for new keys: a submission of its own.
            self.submitted.remove(&sealing.mid);
        } else if let Fact::Notice { mid: Some(mid), status, .. } = &record.fact {
            match status {
                DraftStatus::Delivered | DraftStatus::Expired | DraftStatus::Failed => {
                    self.submitted.remove(mid);
                }
                DraftStatus::Unsent | DraftStatus::Sent | DraftStatus::NeedsConfirm => {}
            }
        } else if let Fact::Rolledback { .. } = &record.fact {
            self.submitted.retain(|_, submission| submission.record.node != record.id.node);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{Epoch, ReqId, Seq};
    use crate::base::time::Millis;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::Polarity;
    use crate::wire::header::{BodyKind, Header};
    use crate::wire::message::Submit;

    fn submits(story: &mut Story, ciphertext: u8) {
        let header = Header {
            kind: BodyKind::Text,
            sender: story.user(0),
            receiver: story.user(1),
            epoch_s: Epoch(1),
            epoch_r: Epoch(1),
            kid_s: [1; 8],
            kid_r: [2; 8],
            seq: Seq(1),
            nonce: [3; 12],
        };
        let ciphertext = vec![ciphertext; 20];
        let expires = Millis::WORLD_START;
        let body = Message::Submit(Box::new(Submit { header, ciphertext, attempt: 1, expires }));
        let envelope = Envelope { req: ReqId([7; 8]), ticket: None, body };
        let about = About::message(story.mid(0, 1, 1), 1);
        let mut frame = story.frame(FrameKind::Submit, true, about);
        frame.octets = Some(Octets(envelope.encode().into()));
        story.device(0, Fact::Tx(frame));
    }

    fn twice(second: u8) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        submits(&mut story, 1);
        submits(story.at_secs(2), second);
        story.judge(SentAgainUnchanged::default())
    }

    #[test]
    fn identical_octets_sent_again_are_in_order() {
        let docket = twice(1);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Negative), 1);
    }

    #[test]
    fn other_octets_sent_again_are_found() {
        let found = "alice>bob#1 is sent again with other octets";
        assert_eq!(twice(2).findings[0].message, found);
    }
}
