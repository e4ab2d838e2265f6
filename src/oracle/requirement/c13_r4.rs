//! C13-R4: a message is opened only under a secret of exactly the epochs in its header.
//!
//! Not here: whether its slot was the right peer's (S-07).

use std::collections::BTreeSet;

use crate::base::id::{Epoch, Mid, UserId};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::trace::fact::{Fact, ReplyResult, Selection, Way};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C13-R4";
const CITED: [Requirement; 1] = [Requirement::of(13, 4)];

/// The judge of C13-R4.
#[derive(Debug, Default)]
pub struct OtherEpochsAreMisses {
    derived: BTreeSet<(u32, UserId, Epoch, Epoch)>,
    /// Messages whose epochs the table did not have, until a key comes.
    other: Owned<Mid, Other>,
}

#[derive(Clone, Copy, Debug)]
struct Other {
    record: RecordId,
    answered: bool,
}

impl Oracle for OtherEpochsAreMisses {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![PowerOff, KeyReply, Select, Derive, Decrypt, Reject]
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::Derive { peer, own, theirs, .. } = &record.fact {
            self.derived.insert((user, peer.clone(), *own, *theirs));
        } else if let Fact::Select { mid: Some(mid), way: Way::In, outcome, .. } = &record.fact {
            match outcome {
                Selection::Ahead | Selection::Behind | Selection::KidMismatch => {
                    let other = Other { record: record.id, answered: false };
                    self.other.get_or_insert(user, mid.clone(), other);
                }
                // Other octets under the same number, with epochs that are there; or the keys came.
                Selection::Hit => {
                    if self.other.get(user, mid).is_some_and(|other| !other.answered) {
                        self.other.remove(user, mid);
                    }
                }
                Selection::Miss | Selection::Stale => {}
            }
        } else if let Fact::KeyReply { peer, result: ReplyResult::Accepted, .. } = &record.fact {
            for (mid, other) in self.other.of_mut(user) {
                other.answered |= mid.sender == *peer;
            }
        } else if let Fact::Decrypt(opening) = &record.fact {
            let mid = &opening.mid;
            let slot = (user, mid.sender.clone(), opening.own, opening.theirs);
            let other = self.other.remove(user, mid);
            if !self.derived.contains(&slot) {
                let message = format!("{mid} is tried under epochs that have no secret");
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            } else if let Some(other) = other.filter(|other| !other.answered) {
                let message = format!("{mid} is tried although its epochs are not in the table");
                docket.violation(ID, &CITED, record.at, &[other.record, record.id], message);
            } else if other.is_some() {
                docket.shown(ID, &[negative(13, 4), positive(13, 4)]);
            }
        } else if let Fact::Reject { mid: Some(mid), .. } = &record.fact {
            if self.other.remove(user, mid).is_some() {
                docket.shown(ID, &[negative(13, 4)]);
            }
        } else if let Fact::PowerOff { .. } = &record.fact {
            self.other.forget(user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::Polarity;

    fn ahead(answered: bool, derived: bool) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        let mid = Some(story.mid(0, 1, 1));
        story.selects(1, 0, mid, Way::In, Selection::Ahead);
        if answered {
            story.gets_reply(1, 0, 1, ReplyResult::Accepted);
        }
        if derived {
            story.derives(1, 0, 1, 1);
        }
        story.opens(1, 0, 1, Some("text"));
        story.judge(OtherEpochsAreMisses::default())
    }

    #[test]
    fn a_message_under_other_epochs_waits_for_its_key_or_is_found() {
        let docket = ahead(true, true);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(13, 4), Polarity::Negative), 1);
        let found = "alice>bob#1 is tried under epochs that have no secret";
        assert_eq!(ahead(true, false).findings[0].message, found);
        let found = "alice>bob#1 is tried although its epochs are not in the table";
        assert_eq!(ahead(false, true).findings[0].message, found);
    }
}
