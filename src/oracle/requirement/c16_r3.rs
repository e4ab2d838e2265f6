//! C16-R3: a message that does not authenticate causes at most one fetch more.
//!
//! Not here: traffic that never ends (L-07).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Mid, UserId};
use crate::base::time::Instant;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::trace::fact::{Fact, LookupCause, RejectCause, ReplyResult, WaitCause};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C16-R3";
const CITED: [Requirement; 1] = [Requirement::of(16, 3)];

/// The judge of C16-R3.
#[derive(Debug, Default)]
pub struct BadTagsDoNotFetch {
    /// Messages that failed to open, and lookups that nothing else explains since.
    failed: Owned<Mid, (u32, RecordId)>,
    /// Messages that wait for a key, by device, and since when.
    waiting: Owned<Mid, Instant>,
    /// When a device last asked for a sender's keys.
    asked: BTreeMap<(u32, UserId), Instant>,
    /// Senders whose keys a device fetched.
    fetched: BTreeSet<(u32, UserId)>,
}

impl BadTagsDoNotFetch {
    fn waits(&self, user: u32, peer: &UserId) -> bool {
        self.waiting.of(user).any(|(mid, _)| mid.sender == *peer)
    }

    fn lookup(&mut self, record: &Record, user: u32, peer: &UserId, docket: &mut Docket) {
        if self.waits(user, peer) {
            return;
        }
        let failed = self.failed.of_mut(user).filter(|(mid, _)| mid.sender == *peer);
        for (mid, (fetches, failure)) in failed {
            *fetches += 1;
            if *fetches == 2 {
                let message = format!("{mid} does not authenticate and is fetched for again");
                docket.violation(ID, &CITED, record.at, &[*failure, record.id], message);
            }
        }
    }
}

impl Oracle for BadTagsDoNotFetch {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![PowerOff, Lookup, KeyReply, Decrypt, Waiting, Commit, Duplicate, Reject]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::Decrypt(opening) = &record.fact {
            let mid = &opening.mid;
            if opening.plain.is_none() {
                self.failed.get_or_insert(user, mid.clone(), (0, record.id));
            } else if self.failed.remove(user, mid).is_some_and(|(fetches, _)| fetches < 2) {
                docket.shown(ID, &[negative(16, 3)]);
            }
        } else if let Fact::Waiting { mid, why: WaitCause::Key } = &record.fact {
            self.waiting.insert(user, mid.clone(), record.at);
        } else if let Fact::Commit { mid, .. }
        | Fact::Duplicate { mid }
        | Fact::Reject { mid: Some(mid), .. } = &record.fact
        {
            // Where octets are altered, a copy with other epochs may wait under the same name until keys come.
            if !(spec.circumstances.altered || spec.circumstances.adversary) {
                self.waiting.remove(user, mid);
            }
            let few = self.failed.get(user, mid).is_some_and(|(fetches, _)| *fetches < 2);
            if let Fact::Reject { why: RejectCause::AuthFail, .. } = &record.fact
                && few
                && self.fetched.contains(&(user, mid.sender.clone()))
            {
                // With the key just fetched it does not open: the device says no and asks no more.
                docket.shown(ID, &[positive(16, 3)]);
            }
        } else if let Fact::KeyReply { peer, result: ReplyResult::Accepted, .. } = &record.fact {
            self.fetched.insert((user, peer.clone()));
            // What came after the lookup had left is not answered by it.
            let asked = self.asked.get(&(user, peer.clone())).copied().unwrap_or(record.at);
            self.waiting.retain_of(user, |mid, since| mid.sender != *peer || *since > asked);
        } else if let Fact::Lookup { peer, because: LookupCause::Message, .. } = &record.fact {
            self.asked.insert((user, peer.clone()), record.at);
            self.lookup(record, user, peer, docket);
        } else if let Fact::PowerOff { .. } = &record.fact {
            self.waiting.forget(user);
        }
    }

    fn conclude(&mut self, _spec: &Spec, docket: &mut Docket) {
        for _ in self.failed.values().filter(|(fetches, _)| *fetches < 2) {
            docket.shown(ID, &[negative(16, 3)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::Polarity;

    fn fetches(count: u8) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.opens(1, 0, 1, None);
        for req in 0..count {
            story.looks_up(1, 0, req, LookupCause::Message);
            story.gets_reply(1, 0, req, ReplyResult::Accepted);
        }
        let mid = Some(story.mid(0, 1, 1));
        story.device(1, Fact::Reject { mid, why: RejectCause::AuthFail });
        story.judge(BadTagsDoNotFetch::default())
    }

    #[test]
    fn one_fetch_after_a_bad_tag_is_in_order_and_a_second_is_found() {
        let docket = fetches(1);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(16, 3), Polarity::Positive), 1);
        assert_eq!(docket.evidence.count(Requirement::of(16, 3), Polarity::Negative), 1);
        let found = "alice>bob#1 does not authenticate and is fetched for again";
        assert_eq!(fetches(2).findings[0].message, found);
    }
}
