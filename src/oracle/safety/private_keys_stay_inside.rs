//! S-22: no private key leaves a device, in whatever encoding, by wire or by screen.
//!
//! Every private key in escrow is looked for in every frame that a device sends (where frames carry their
//! octets) and in every line that it shows: raw (so also inside DER), in hex, in base64 (so also in PEM).
//! Evidence for C12-R2: a frame that the key itself had a part in, as proof of possession or signature,
//! does not hold it; and nor does the first frame after something that tempts a device to tell too much
//! (`oracle::secrets`). Not here: parts of keys and derived secrets (S-01).

use std::collections::BTreeSet;

use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::needles::Needles;
use crate::oracle::secrets::Tempted;
use crate::oracle::spec::Spec;
use crate::trace::fact::{Fact, FrameFact, FrameKind};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "S-22";
const CITED: [Requirement; 2] = [Requirement::of(1, 3), Requirement::of(12, 2)];

/// The judge of S-22.
#[derive(Debug, Default)]
pub struct PrivateKeysStayInside {
    needles: Needles,
    /// Keys taken over from the escrow.
    learned: usize,
    /// Users whose keys are looked for.
    holders: BTreeSet<u32>,
    tempted: Tempted,
}

impl PrivateKeysStayInside {
    fn learn(&mut self, docket: &Docket) {
        for held in docket.escrow.since(self.learned) {
            self.learned += 1;
            self.holders.insert(held.user);
            self.needles.add_whole(&held.agree.secret, "a private agreement key");
            self.needles.add_whole(&held.sign, "a private signature key");
        }
    }

    fn sent(&mut self, record: &Record, user: u32, frame: &FrameFact, docket: &mut Docket) {
        let Some(octets) = &frame.octets else { return };
        self.learn(docket);
        if let Some(what) = self.needles.find(&octets.0) {
            let kind = frame.kind.map_or("frame", FrameKind::name);
            let message = format!("{what} stands in a {kind} that the device sends");
            return docket.violation(ID, &CITED, record.at, &[record.id], message);
        }
        if !self.holders.contains(&user) {
            return;
        }
        let with_key = matches!(
            frame.kind,
            Some(FrameKind::Register | FrameKind::RotateKey | FrameKind::Attach)
        );
        docket.shown(ID, &[positive(12, 2)][..usize::from(with_key)]);
        if self.tempted.answers(user) {
            docket.shown(ID, &[negative(12, 2)]);
        }
    }

    fn showed(&self, record: &Record, line: &str, docket: &mut Docket) {
        if let Some(what) = self.needles.find(line.as_bytes()) {
            let message = format!("{what} stands on the screen");
            docket.violation(ID, &CITED, record.at, &[record.id], message);
        }
    }
}

impl Oracle for PrivateKeysStayInside {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            PowerOn, Provisioned, ProvisionRefused, LookupFailed, Derive, Reject, Display, Prompt,
            Tx
        ]
    }

    fn asks_for_keys(&self) -> bool {
        true
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        self.tempted.observe(record);
        if let Fact::Tx(frame) = &record.fact {
            self.sent(record, user, frame, docket);
        } else if let Fact::Display { text, .. } = &record.fact {
            self.showed(record, text, docket);
        } else if let Fact::Prompt(shown) = &record.fact {
            shown.lines.iter().for_each(|line| self.showed(record, line, docket));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::{About, RejectCause};
    use crate::verdict::requirement::Polarity;

    fn judged(story: &Story) -> Docket {
        story.judge(PrivateKeysStayInside::default())
    }

    fn sends(kind: FrameKind, octets: &[u8]) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.holds_keys(0);
        story.transmits(0, kind, About::Nothing, octets);
        judged(&story)
    }

    fn findings(docket: &Docket) -> Vec<&str> {
        docket.findings.iter().map(|finding| finding.message.as_str()).collect()
    }

    #[test]
    fn a_key_in_a_frame_is_found_in_any_encoding() {
        let keys = Story::keys(0);
        let (agree, sign) = (keys.agree.secret.expose(), keys.sign.expose());
        let found = "a private agreement key stands in a register that the device sends";
        assert_eq!(findings(&sends(FrameKind::Register, agree)), [found]);
        let hex = crate::base::units::hex(sign);
        let found = "a private signature key stands in a error that the device sends";
        assert_eq!(findings(&sends(FrameKind::Error, hex.as_bytes())), [found]);
        assert_eq!(findings(&sends(FrameKind::Register, &agree[1..])), [""; 0]);
    }

    #[test]
    fn a_key_on_the_screen_is_found() {
        let hex = crate::base::units::hex(Story::keys(1).sign.expose());
        let mut story = Story::new(&["alice", "bob"]);
        story.holds_keys(1);
        story.transmits(1, FrameKind::Hello, About::Nothing, b"hello");
        story.displays(1, 0, 1, &hex);
        assert_eq!(findings(&judged(&story)), ["a private signature key stands on the screen"]);
    }

    #[test]
    fn frames_made_with_the_key_and_answers_to_temptations_are_evidence() {
        let count = |docket: &Docket, polarity| docket.evidence.count(CITED[1], polarity);
        let docket = sends(FrameKind::Attach, b"signature");
        assert_eq!(count(&docket, Polarity::Positive), 1);
        assert_eq!(count(&docket, Polarity::Negative), 0);
        assert_eq!(count(&sends(FrameKind::Poll, b"poll"), Polarity::Positive), 0);
        let mut story = Story::new(&["alice"]);
        story.holds_keys(0);
        story.device(0, Fact::Reject { mid: None, why: RejectCause::Malformed });
        for _ in 0..2 {
            story.transmits(0, FrameKind::Poll, About::Nothing, b"poll");
        }
        assert_eq!(count(&judged(&story), Polarity::Negative), 1);
    }

    #[test]
    fn a_device_whose_keys_nobody_knows_gets_no_verdict() {
        let mut story = Story::new(&["alice"]);
        let keys = Story::keys(0);
        story.transmits(0, FrameKind::Register, About::Nothing, keys.sign.expose());
        let docket = judged(&story);
        assert!(docket.findings.is_empty() && docket.evaluated.is_empty());
    }
}
