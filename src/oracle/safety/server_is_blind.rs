//! S-17: nothing that reaches a server account holds a secret or a text.
//!
//! What an account knows came in by a frame, so it is enough to look at what comes in. Not here: what stands
//! in a device's frames before the network had them (S-01, S-22).

use std::collections::BTreeMap;

use crate::base::id::Mid;
use crate::oracle::judge::{
    Docket, Facts, Oracle, account_of, device_of, facts, negative, positive,
};
use crate::oracle::safety::texts_stay_inside::{SHORTEST, gives_away};
use crate::oracle::secrets::{Search, Secrets};
use crate::oracle::spec::Spec;
use crate::trace::fact::{About, DraftStatus, Fact, FrameFact, FrameKind, Octets};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "S-17";
const CITED: [Requirement; 2] = [Requirement::of(8, 3), Requirement::of(12, 2)];
const TEXTS: [Requirement; 1] = [Requirement::of(8, 3)];

/// The judge of S-17.
#[derive(Debug, Default)]
pub struct ServerIsBlind {
    secrets: Secrets,
    /// The last submission of each message on its way.
    held: BTreeMap<Mid, (Octets, RecordId)>,
}

impl ServerIsBlind {
    fn frame(&mut self, record: &Record, frame: &FrameFact, docket: &mut Docket) {
        match self.secrets.search(frame) {
            None => return,
            Some(Search::Clean) => {}
            Some(Search::Found(what)) => {
                let kind = frame.kind.map_or("frame", FrameKind::name);
                let message = format!("the server has a part of {what} in a {kind}");
                return docket.violation(ID, &CITED, record.at, &[record.id], message);
            }
        }
        let takes_key = matches!(frame.kind, Some(FrameKind::Register | FrameKind::RotateKey));
        if takes_key {
            docket.shown(ID, &[positive(12, 2)]);
        }
        if frame.kind == Some(FrameKind::Submit)
            && let (About::Message(mid, _), Some(octets)) = (&frame.about, &frame.octets)
        {
            self.held.insert(Mid::clone(mid), (octets.clone(), record.id));
        }
    }

    fn shown(&mut self, record: &Record, mid: &Mid, text: &str, docket: &mut Docket) {
        let Some((octets, holder)) = self.held.remove(mid) else { return };
        if text.len() < SHORTEST {
            return;
        }
        if gives_away(&octets.0, text, mid) {
            let message = format!("the server holds what {mid} says");
            docket.violation(ID, &TEXTS, record.at, &[holder, record.id], message);
        } else {
            docket.shown(ID, &[positive(8, 3), negative(8, 3)]);
        }
    }
}

impl Oracle for ServerIsBlind {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            PowerOn, Provisioned, ProvisionRefused, LookupFailed, Derive, Notice, Reject, Display,
            Tx, Rx
        ]
    }

    fn asks_for_keys(&self) -> bool {
        true
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        self.secrets.observe(record, spec, &mut docket.escrow);
        if account_of(record).is_some() {
            if let Fact::Rx(frame) = &record.fact {
                self.frame(record, frame, docket);
            }
            return;
        }
        if device_of(record).is_none() {
            return;
        }
        if let Fact::Display { mid, text, .. } = &record.fact {
            self.shown(record, mid, text, docket);
        } else if let Fact::Notice { mid: Some(mid), status, .. } = &record.fact {
            match status {
                DraftStatus::Delivered | DraftStatus::Expired | DraftStatus::Failed => {
                    self.held.remove(mid);
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

    fn judged(octets: impl FnOnce(&Story) -> Vec<u8>) -> Docket {
        let mut story = Story::acquainted();
        let octets = octets(&story);
        let about = About::message(story.mid(0, 1, 1), 1);
        let mut frame = story.frame(FrameKind::Submit, true, about);
        frame.octets = Some(Octets(octets.into()));
        story.account(1, Fact::Rx(frame));
        story.at(50).displays(1, 0, 1, "meet alice at nine");
        story.judge(ServerIsBlind::default())
    }

    #[test]
    fn ciphertext_is_all_that_a_server_needs() {
        let docket = judged(|_| b"alice bob 0123456789".to_vec());
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(TEXTS[0], Polarity::Positive), 1);
    }

    #[test]
    fn a_secret_or_a_text_at_an_account_is_found() {
        type Part = fn(&Story) -> Vec<u8>;
        let parts: [(Part, &str); 3] = [
            (|_| b"..e at nine..".to_vec(), "the server holds what alice>bob#1 says"),
            (
                |story| story.shared(0, 1).pair.expose()[9..17].to_vec(),
                "the server has a part of a pair secret in a submit",
            ),
            (
                |_| Story::keys(0).sign.expose().to_vec(),
                "the server has a part of a private signature key in a submit",
            ),
        ];
        for (part, found) in parts {
            assert_eq!(judged(part).findings[0].message, found);
        }
    }
}
