//! C08-R4: until SubmitAck the identical message is sent again, never another one under its number.
//!
//! The envelope around it may change, since a new session has a new ticket. Not here: when a message counts
//! as sent (S-20).

use std::collections::BTreeMap;

use crate::base::id::{Hash32, Mid, ReqId};
use crate::oracle::judge::{Docket, Oracle, device_of, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{About, Fact, FrameKind, Sealing};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C08-R4";
const CITED: [Requirement; 1] = [Requirement::of(8, 4)];

/// The judge of C08-R4.
#[derive(Debug, Default)]
pub struct RetransmissionsAreIdentical {
    /// What was encrypted last under a number, and the request that carries it.
    sealed: BTreeMap<Mid, Sealed>,
}

#[derive(Debug)]
struct Sealed {
    content: (Hash32, Hash32),
    attempt: u64,
    req: Option<ReqId>,
    record: RecordId,
    acked: bool,
    /// The server refused these octets, so others may take their place.
    refused: bool,
}

impl RetransmissionsAreIdentical {
    fn encrypt(&mut self, record: &Record, sealing: &Sealing, spec: &Spec, docket: &mut Docket) {
        let content = (sealing.header, sealing.ciphertext);
        let (attempt, req) = (sealing.attempt, None);
        let fresh =
            Sealed { content, attempt, req, record: record.id, acked: false, refused: false };
        let Some(before) = self.sealed.insert(sealing.mid.clone(), fresh) else { return };
        let sent = before.req.is_some() && before.attempt == attempt;
        if sent && before.content != content && !before.refused && !spec.circumstances.restore {
            let message = format!("{} is encrypted again although it was sent", sealing.mid);
            docket.violation(ID, &CITED, record.at, &[before.record, record.id], message);
        }
    }
}

impl Oracle for RetransmissionsAreIdentical {
    fn id(&self) -> &'static str {
        ID
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if let Fact::Refuse { mid: Some(mid), .. } = &record.fact {
            if let Some(sealed) = self.sealed.get_mut(mid) {
                sealed.refused = true;
            }
            return;
        }
        if device_of(record).is_none() {
            return;
        }
        if let Fact::Encrypt(sealing) = &record.fact {
            self.encrypt(record, sealing, spec, docket);
        } else if let Fact::Tx(frame) = &record.fact
            && frame.kind == Some(FrameKind::Submit)
            && let About::Message(mid, _) = &frame.about
            && let Some(sealed) = self.sealed.get_mut(mid)
        {
            let again = sealed.req.replace(frame.req);
            if again == Some(frame.req) && !sealed.acked {
                docket.shown(ID, &[positive(8, 4)]);
            }
        } else if let Fact::Rx(frame) = &record.fact
            && frame.kind == Some(FrameKind::SubmitAck)
            && let About::Message(mid, _) = &frame.about
            && let Some(sealed) = self.sealed.get_mut(mid)
        {
            sealed.acked = true;
        } else if let Fact::Commit { mid, .. } = &record.fact {
            self.sealed.remove(mid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::Polarity;

    fn again(text: &str) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.encrypts(0, 1, 1, "text", 1, 1);
        let about = About::Message(story.mid(0, 1, 1), 1);
        for _ in 0..2 {
            let mut frame = story.frame(FrameKind::Submit, true, about.clone());
            frame.req = ReqId([1; 8]);
            story.device(0, Fact::Tx(frame));
        }
        story.encrypts(0, 1, 1, text, 1, 1);
        story.judge(RetransmissionsAreIdentical::default())
    }

    #[test]
    fn the_same_octets_again_are_in_order_and_others_are_found() {
        let docket = again("text");
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(8, 4), Polarity::Positive), 1);
        let found = "alice>bob#1 is encrypted again although it was sent";
        assert_eq!(again("other").findings[0].message, found);
    }
}
