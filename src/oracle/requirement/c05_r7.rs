//! C05-R7: a device does not accept its own ciphertext when it comes back under somebody else's name.
//!
//! Not here: other replays (S-03).

use std::collections::BTreeSet;

use crate::base::id::{Hash32, UserId};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{Fact, RejectCause};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "C05-R7";
const CITED: [Requirement; 1] = [Requirement::of(5, 7)];

/// The judge of C05-R7.
#[derive(Debug, Default)]
pub struct ReflectionsFail {
    /// What each device sealed itself; kept only where an adversary may send it back.
    sealed: BTreeSet<(u32, Hash32)>,
    /// Users in whose name a reflection came, and who have not been heard since.
    feigned: BTreeSet<(u32, UserId)>,
}

impl Oracle for ReflectionsFail {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Encrypt, Decrypt, Reject]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if !spec.circumstances.adversary {
            return;
        }
        if let Fact::Encrypt(sealing) = &record.fact {
            self.sealed.insert((user, sealing.ciphertext));
        } else if let Fact::Decrypt(opening) = &record.fact {
            let from = (user, opening.mid.sender.clone());
            if !self.sealed.contains(&(user, opening.ciphertext)) {
                if opening.plain.is_some() && self.feigned.remove(&from) {
                    // The peer's own message, the other way, still opens.
                    docket.shown(ID, &[positive(5, 7)]);
                }
                return;
            }
            if opening.plain.is_some() {
                let message = format!("the device's own ciphertext opens as {}", opening.mid);
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            } else {
                self.feigned.insert(from);
                docket.shown(ID, &[negative(5, 7)]);
            }
        } else if let Fact::Reject { why: RejectCause::SelfMessage, .. } = &record.fact {
            docket.shown(ID, &[negative(5, 7)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash};
    use crate::verdict::requirement::Polarity;

    fn reflected(text: Option<&str>) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.spec.circumstances.adversary = true;
        story.encrypts(0, 1, 1, "hello", 1, 1);
        story.opens(0, 1, 1, text);
        if let Some(Fact::Decrypt(opening)) = story.records.last_mut().map(|last| &mut last.fact) {
            opening.ciphertext = hash("hello11");
        }
        story.judge(ReflectionsFail::default())
    }

    #[test]
    fn a_reflection_that_fails_is_in_order_and_one_that_opens_is_found() {
        let docket = reflected(None);
        assert_eq!(docket.evidence.count(Requirement::of(5, 7), Polarity::Negative), 1);
        let found = "the device's own ciphertext opens as bob>alice#1";
        assert_eq!(reflected(Some("hello")).findings[0].message, found);
    }
}
