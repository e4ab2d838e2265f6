//! S-01, its concrete twin for keys: no eight octets in a row of a private key, an agreement or a pair
//! secret stand in a frame that a device sends.
//!
//! Evidence for C01-R3 comes from devices that have such a secret: a frame about a message, which it
//! sealed or opened, is clean; and so is the first frame after something that tempts a device to tell too
//! much (`oracle::secrets`). Not here: texts (`texts_stay_inside`), other encodings of whole keys (S-22).

use std::collections::BTreeSet;

use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::secrets::{Search, Secrets, Tempted};
use crate::oracle::spec::Spec;
use crate::trace::fact::{Fact, FrameFact, FrameKind};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "S-01";
const CITED: [Requirement; 2] = [Requirement::of(1, 3), Requirement::of(8, 3)];

/// The judge of S-01 for keys.
#[derive(Debug, Default)]
pub struct SecretsStayInside {
    secrets: Secrets,
    /// Devices that have derived something.
    sharers: BTreeSet<u32>,
    tempted: Tempted,
}

impl SecretsStayInside {
    fn sent(&mut self, record: &Record, user: u32, frame: &FrameFact, docket: &mut Docket) {
        match self.secrets.search(frame) {
            None => return,
            Some(Search::Clean) => {}
            Some(Search::Found(what)) => {
                if let Some(octets) = &frame.octets {
                    docket.escrow.betray(&octets.0);
                }
                let kind = frame.kind.map_or("frame", FrameKind::name);
                let message = format!("a part of {what} stands in a {kind} that the device sends");
                return docket.violation(ID, &CITED, record.at, &[record.id], message);
            }
        }
        if !self.sharers.contains(&user) {
            return;
        }
        let with_secret = matches!(
            frame.kind,
            Some(FrameKind::Submit | FrameKind::DeliverAck | FrameKind::DeliverNack)
        );
        docket.shown(ID, &[positive(1, 3)][..usize::from(with_secret)]);
        if self.tempted.answers(user) {
            docket.shown(ID, &[negative(1, 3)]);
        }
    }
}

impl Oracle for SecretsStayInside {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![PowerOn, Provisioned, ProvisionRefused, LookupFailed, Derive, Reject, Tx]
    }

    fn asks_for_keys(&self) -> bool {
        true
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        self.secrets.observe(record, spec, &mut docket.escrow);
        self.tempted.observe(record);
        if let Fact::Tx(frame) = &record.fact {
            self.sent(record, user, frame, docket);
        } else if let Fact::Derive { .. } = &record.fact {
            self.sharers.insert(user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::{About, LookupEnd};
    use crate::verdict::requirement::Polarity;

    fn judged(octets: impl FnOnce(&Story) -> Vec<u8>) -> Docket {
        let mut story = Story::acquainted();
        let octets = octets(&story);
        story.transmits(0, FrameKind::Submit, About::Nothing, &octets);
        let (peer, req) = (story.user(1), crate::base::id::ReqId([1; 8]));
        story.device(0, Fact::LookupFailed { peer, req, why: LookupEnd::ALL[0] });
        story.transmits(0, FrameKind::Poll, About::Nothing, b"poll");
        story.judge(SecretsStayInside::default())
    }

    #[test]
    fn frames_without_secrets_are_in_order() {
        let docket = judged(|_| b"ciphertext".to_vec());
        assert!(docket.findings.is_empty());
        for polarity in [Polarity::Positive, Polarity::Negative] {
            assert_eq!(docket.evidence.count(CITED[0], polarity), 1);
        }
    }

    #[test]
    fn eight_octets_of_any_secret_are_found() {
        type Part = fn(&Story) -> Vec<u8>;
        let parts: [(Part, &str); 4] = [
            (|story| story.shared(0, 1).z.expose()[20..28].to_vec(), "an agreement"),
            (|story| story.shared(0, 1).pair.expose()[..8].to_vec(), "a pair secret"),
            (|_| Story::keys(1).agree.secret.expose()[24..].to_vec(), "a private agreement key"),
            (|_| Story::keys(0).sign.expose()[3..11].to_vec(), "a private signature key"),
        ];
        for (part, what) in parts {
            let found = format!("a part of {what} stands in a submit that the device sends");
            assert_eq!(judged(part).findings[0].message, found);
        }
        assert!(judged(|story| story.shared(0, 1).z.expose()[..7].to_vec()).findings.is_empty());
    }
}
