//! S-32: every frame that a node sends decodes strictly and encodes back to itself.
//!
//! The decoder takes only what encodes back to the octets that it was given. Frames that the network or an
//! adversary changed are no longer those that were sent, and are recorded otherwise. Not here: what a
//! device does with octets that do not decode (S-21).

use crate::oracle::judge::{Docket, Facts, Oracle, facts};
use crate::oracle::spec::Spec;
use crate::trace::fact::Fact;
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;
use crate::wire::message::Envelope;

const ID: &str = "S-32";
/// What is not strict is malformed, so its receiver may not act on it.
const CITED: [Requirement; 1] = [Requirement::of(1, 7)];

/// The judge of S-32.
#[derive(Debug, Default)]
pub struct CanonicalWire;

impl Oracle for CanonicalWire {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Tx]
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Fact::Tx(frame) = &record.fact else { return };
        let Some(octets) = &frame.octets else { return };
        let Err(error) = Envelope::decode(&octets.0) else { return docket.shown(ID, &[]) };
        let message = format!("a frame of {} is none: {error}", record.id.node);
        docket.violation(ID, &CITED, record.at, &[record.id], message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{DeliveryId, ReqId};
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::{About, FrameKind, Meddling, Octets};
    use crate::wire::message::Message;

    fn poll() -> Vec<u8> {
        let body = Message::Poll { max: 64, cursor: DeliveryId(0) };
        Envelope { req: ReqId([1; 8]), ticket: None, body }.encode()
    }

    fn findings(octets: &[u8]) -> Vec<String> {
        let mut story = Story::new(&["alice"]);
        story.transmits(0, FrameKind::Poll, About::Nothing, octets);
        let docket = story.judge(CanonicalWire);
        docket.findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_frame_that_is_not_strict_is_found() {
        assert_eq!(findings(&poll()), [""; 0]);
        let mut longer = poll();
        longer.push(0);
        let mut loose = vec![0x85, 0x18, 0x01];
        loose.extend_from_slice(&poll()[2..]);
        for octets in [longer, loose, Vec::new()] {
            let findings = findings(&octets);
            assert!(findings[0].starts_with("a frame of d0 is none: "), "{findings:?}");
        }
    }

    #[test]
    fn what_others_did_to_a_frame_is_not_its_senders_fault() {
        let mut story = Story::new(&["alice"]);
        let mut frame = story.frame(FrameKind::Poll, true, About::Nothing);
        frame.octets = Some(Octets(b"noise".as_slice().into()));
        story.device(0, Fact::Meddled { frame: frame.clone(), how: Meddling::Corrupted });
        story.account(0, Fact::Rx(frame));
        assert!(story.judge(CanonicalWire).findings.is_empty());
    }
}
