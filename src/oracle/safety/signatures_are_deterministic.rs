//! S-31: the same key and content give the same signature, octet by octet, and s is the low one.
//!
//! The latter shows in frames; signatures inside a ciphertext are their receiver's matter (S-14).
//! Not here: equality of whole runs, which compares two of them.

use crate::base::id::{Epoch, Hash32};
use crate::crypto::sign::is_low_s;
use crate::crypto::suite::Signature;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts};
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::trace::fact::{DeviceState, Fact, FrameFact, FrameKind, SignPurpose};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;
use crate::wire::message::{Envelope, Message};

const ID: &str = "S-31";
const CITED: [Requirement; 1] = [Requirement::of(3, 2)];

/// The judge of S-31.
#[derive(Debug, Default)]
pub struct SignaturesAreDeterministic {
    made: Owned<(SignPurpose, Epoch, Hash32), (Hash32, RecordId)>,
}

/// The signatures in a frame that a device sends.
fn signatures(frame: &FrameFact) -> Vec<Signature> {
    let octets = frame.octets.as_ref().filter(|_| signs(frame.kind));
    let envelope = octets.and_then(|octets| Envelope::decode(&octets.0).ok());
    let Some(body) = envelope.map(|envelope| envelope.body) else { return Vec::new() };
    if let Message::Register(it) | Message::RotateKey(it) = body {
        let own = [it.record.sig_self, it.pop];
        own.into_iter().chain(it.record.sig_prev).collect()
    } else if let Message::Attach { sig, .. } = body {
        vec![sig]
    } else {
        Vec::new()
    }
}

const fn signs(kind: Option<FrameKind>) -> bool {
    matches!(kind, Some(FrameKind::Register | FrameKind::RotateKey | FrameKind::Attach))
}

impl Oracle for SignaturesAreDeterministic {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Provisioned, State, Sign, Tx]
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::State { to: DeviceState::Blank } | Fact::Provisioned { .. } = &record.fact {
            // New keys under the same numbers.
            self.made.forget(user);
        }
        if let Fact::Tx(frame) = &record.fact
            && signatures(frame).iter().any(|signature| !is_low_s(signature))
        {
            let message = "a signature with a high s leaves the device".to_owned();
            docket.violation(ID, &CITED, record.at, &[record.id], message);
        }
        let Fact::Sign { purpose, epoch, digest, signature } = &record.fact else { return };
        // Attaching signs fresh nonces every time: nothing could repeat.
        if *purpose == SignPurpose::Attach {
            return;
        }
        let key = (*purpose, *epoch, *digest);
        let (first, at) = *self.made.get_or_insert(user, key, (*signature, record.id));
        if first == *signature {
            docket.shown(ID, &[]);
        } else {
            let message = format!("two signatures over the same {purpose}");
            docket.violation(ID, &CITED, record.at, &[at, record.id], message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ReqId;
    use crate::oracle::tests_support::{Story, hash};
    use crate::trace::fact::{About, Octets};

    fn signs(second: &str) -> usize {
        let mut story = Story::new(&["alice"]);
        for signature in ["first", second] {
            let (purpose, epoch) = (SignPurpose::Approval, Epoch(1));
            let (digest, signature) = (hash("content"), hash(signature));
            story.device(0, Fact::Sign { purpose, epoch, digest, signature });
        }
        story.judge(SignaturesAreDeterministic::default()).findings.len()
    }

    fn attaches(s: u8) -> usize {
        let mut story = Story::new(&["alice"]);
        let (user, sig_epoch) = (story.user(0), Epoch::FIRST);
        let body = Message::Attach { user, sig_epoch, nonce: hash("nonce"), sig: [s; 64] };
        let octets = Envelope { req: ReqId([7; 8]), ticket: None, body }.encode();
        let mut frame = story.frame(FrameKind::Attach, true, About::Nothing);
        frame.octets = Some(Octets(octets.into()));
        story.device(0, Fact::Tx(frame));
        story.judge(SignaturesAreDeterministic::default()).findings.len()
    }

    #[test]
    fn a_high_s_is_found() {
        assert_eq!(attaches(0x7f), 0);
        assert_eq!(attaches(0x80), 1);
    }

    #[test]
    fn only_another_signature_over_the_same_content_is_found() {
        assert_eq!(signs("first"), 0);
        assert_eq!(signs("second"), 1);
    }
}
