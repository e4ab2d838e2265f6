//! C08-R1: a message is encrypted completely before its first octet leaves the device.
//!
//! Not here: under which keys (S-08), or that what is sent again is the same (`c08_r4`).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{DraftId, Epoch, Mid};
use crate::base::time::Instant;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, frames, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{About, DraftStatus, Fact, FrameFact, FrameKind};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;
use crate::wire::message::{Envelope, Message};

const ID: &str = "C08-R1";
const CITED: [Requirement; 1] = [Requirement::of(8, 1)];
/// Nothing was encrypted at all: the text itself, or nobody's ciphertext, leaves.
const IN_CLEAR: [Requirement; 2] = [Requirement::of(8, 1), Requirement::of(2, 3)];

/// The judge of C08-R1.
#[derive(Debug, Default)]
pub struct EncryptedBeforeItLeaves {
    composed: BTreeMap<(u32, DraftId), Instant>,
    sealed: BTreeMap<Mid, Sealed>,
    /// Devices that were given older octets back.
    restored: BTreeSet<u32>,
}

/// The last encryption of a message.
#[derive(Debug)]
struct Sealed {
    mark: Mark,
    /// It had to wait before it could be encrypted.
    waited: bool,
    left: bool,
}

/// What of an encryption is seen in a header: nonce and epochs.
type Mark = ([u8; 12], Epoch, Epoch);

/// The mark of a submission; nothing where octets are not recorded, an error where they are no submission.
fn mark(frame: &FrameFact) -> Result<Option<Mark>, ()> {
    let Some(octets) = &frame.octets else { return Ok(None) };
    let envelope = Envelope::decode(&octets.0).map_err(|_| ())?;
    let Message::Submit(body) = envelope.body else { return Err(()) };
    let header = &body.header;
    Ok(Some((header.nonce, header.epoch_s, header.epoch_r)))
}

impl EncryptedBeforeItLeaves {
    fn leaves(&mut self, record: &Record, user: u32, frame: &FrameFact, docket: &mut Docket) {
        let About::Message(mid, _) = &frame.about else { return };
        if frame.kind != Some(FrameKind::Submit) || self.restored.contains(&user) {
            return;
        }
        let sealed = self.sealed.get_mut(mid);
        let whole = match (mark(frame), &sealed) {
            (Ok(mark), Some(sealed)) => mark.is_none_or(|mark| mark == sealed.mark),
            (Ok(_) | Err(()), None) | (Err(()), Some(_)) => false,
        };
        let cited = if sealed.is_some() { &CITED[..] } else { &IN_CLEAR };
        let Some(sealed) = sealed.filter(|_| whole) else {
            let message = format!("{mid} leaves the device and is not what was encrypted");
            docket.violation(ID, cited, record.at, &[record.id], message);
            return;
        };
        if !sealed.left {
            sealed.left = true;
            docket.shown(ID, &[positive(8, 1), negative(8, 1)][..1 + usize::from(sealed.waited)]);
        }
    }
}

impl Oracle for EncryptedBeforeItLeaves {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Rolledback, Compose, Encrypt, Notice, Tx].frames(frames![Submit])
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::Compose { draft, .. } = &record.fact {
            self.composed.insert((user, *draft), record.at);
        } else if let Fact::Encrypt(sealing) = &record.fact {
            let composed = self.composed.remove(&(user, sealing.draft));
            let waited = composed.is_some_and(|at| at < record.at);
            let mark = (sealing.nonce, sealing.own, sealing.theirs);
            self.sealed.insert(sealing.mid.clone(), Sealed { mark, waited, left: false });
        } else if let Fact::Tx(frame) = &record.fact {
            self.leaves(record, user, frame, docket);
        } else if let Fact::Rolledback { .. } = &record.fact {
            self.restored.insert(user);
        } else if let Fact::Notice { mid: Some(mid), status, .. } = &record.fact {
            match status {
                DraftStatus::Delivered | DraftStatus::Expired | DraftStatus::Failed => {
                    self.sealed.remove(mid);
                }
                DraftStatus::Unsent | DraftStatus::Sent | DraftStatus::NeedsConfirm => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::Polarity;

    fn submits(encrypts: bool) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        if encrypts {
            story.sends(0, 1, 1, "hello");
        }
        let about = About::message(story.mid(0, 1, 1), 1);
        let frame = story.frame(FrameKind::Submit, true, about);
        story.device(0, Fact::Tx(frame));
        story.judge(EncryptedBeforeItLeaves::default())
    }

    #[test]
    fn a_message_that_was_encrypted_may_leave() {
        let docket = submits(true);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Positive), 1);
    }

    #[test]
    fn a_message_that_leaves_unencrypted_is_found() {
        let found = "alice>bob#1 leaves the device and is not what was encrypted";
        assert_eq!(submits(false).findings[0].message, found);
    }
}
