//! C05-R5: a message opens only with exactly the header and ciphertext that its sender sealed.
//!
//! Not here: what is shown of it (S-02).

use std::collections::BTreeMap;

use crate::base::id::{Hash32, Mid};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::spec::Spec;
use crate::oracle::tampering::{Tampering, is_false};
use crate::trace::fact::{About, Fact, FrameKind, Opening};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "C05-R5";
const CITED: [Requirement; 2] = [Requirement::of(5, 5), Requirement::of(1, 5)];

/// The judge of C05-R5.
#[derive(Debug, Default)]
pub struct OpensAsSealed {
    sealed: BTreeMap<Mid, Vec<(Hash32, Hash32)>>,
    tampering: Tampering,
}

impl OpensAsSealed {
    fn open(&self, record: &Record, opening: &Opening, docket: &mut Docket) {
        let Some(sealed) = self.sealed.get(&opening.mid) else { return };
        let same = sealed.contains(&(opening.header, opening.ciphertext));
        let same_header = sealed.iter().any(|(header, _)| *header == opening.header);
        match (&opening.plain, same) {
            (Some(_), true) => docket.shown(ID, &[positive(5, 5)]),
            (Some(_), false) => {
                let what = if same_header { "ciphertext" } else { "header" };
                let message = format!("{} opens with another {what} than was sealed", opening.mid);
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            }
            (None, false) if !same_header => docket.shown(ID, &[negative(5, 5)]),
            (None, _) => docket.shown(ID, &[]),
        }
    }
}

impl Oracle for OpensAsSealed {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Encrypt, Decrypt, Commit, Rx, Lost, Meddled]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let meddling = self.tampering.observe(record);
        if device_of(record).is_none() {
            return;
        }
        if let Fact::Encrypt(sealing) = &record.fact {
            let octets = (sealing.header, sealing.ciphertext);
            self.sealed.entry(sealing.mid.clone()).or_default().push(octets);
        } else if let Fact::Decrypt(opening) = &record.fact {
            self.open(record, opening, docket);
        } else if let Fact::Rx(frame) = &record.fact {
            let false_header = frame.kind == Some(FrameKind::Deliver)
                && meddling.is_some_and(is_false)
                && matches!(&frame.about, About::Message(mid, _) if !self.sealed.contains_key(mid));
            if false_header {
                // IDs or number were changed, and nobody sealed a message of that name.
                docket.shown(ID, &[negative(5, 5)]);
            }
        } else if let Fact::Commit { mid, .. } = &record.fact {
            let it = spec.circumstances;
            if !self.sealed.contains_key(mid) && (it.altered || it.adversary) {
                let message = format!("{mid} is accepted, but nobody sealed it");
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            }
            // Where octets are altered, a copy may come after the message itself; a sender who was reset or
            // restored uses its numbers again.
            if !(it.altered || it.adversary || it.reset || it.restore) {
                self.sealed.remove(mid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash};
    use crate::verdict::requirement::Polarity;

    fn opened(header: &str, text: Option<&str>) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.encrypts(0, 1, 1, "hello", 1, 1);
        story.opens(1, 0, 1, text);
        if let Some(Fact::Decrypt(opening)) = story.records.last_mut().map(|last| &mut last.fact) {
            opening.header = hash(header);
            opening.ciphertext = hash("hello11");
        }
        story.judge(OpensAsSealed::default())
    }

    #[test]
    fn only_what_was_sealed_may_open() {
        let requirement = Requirement::of(5, 5);
        let docket = opened("header", Some("hello"));
        assert_eq!(docket.evidence.count(requirement, Polarity::Positive), 1);
        let docket = opened("changed", None);
        assert_eq!(docket.evidence.count(requirement, Polarity::Negative), 1);
        let found = "alice>bob#1 opens with another header than was sealed";
        assert_eq!(opened("changed", Some("hello")).findings[0].message, found);
    }
}
