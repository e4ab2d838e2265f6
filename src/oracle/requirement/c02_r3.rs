//! C02-R3: whatever fails, nothing goes out under a key that is not the pair's own.
//!
//! Not here: octets that were never encrypted (C08-R1).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{DraftId, Epoch, UserId};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{DraftStatus, Fact};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "C02-R3";
const CITED: [Requirement; 1] = [Requirement::of(2, 3)];

/// The judge of C02-R3.
#[derive(Debug, Default)]
pub struct NoFallbackKeys {
    derived: BTreeSet<(u32, UserId, Epoch, Epoch)>,
    /// Drafts that are not encrypted yet, and whether a lookup for them failed.
    waiting: BTreeMap<(u32, DraftId), (UserId, bool)>,
}

impl Oracle for NoFallbackKeys {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![LookupFailed, Derive, Compose, Encrypt, Notice]
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::Derive { peer, own, theirs, .. } = &record.fact {
            self.derived.insert((user, peer.clone(), *own, *theirs));
        } else if let Fact::Compose { draft, to, .. } = &record.fact {
            self.waiting.insert((user, *draft), (to.clone(), false));
        } else if let Fact::LookupFailed { peer, .. } = &record.fact {
            let mine = (user, DraftId(0))..=(user, DraftId(u64::MAX));
            for (_, (to, failed)) in self.waiting.range_mut(mine) {
                *failed |= to == peer;
            }
        } else if let Fact::Encrypt(sealing) = &record.fact {
            let waited = self.waiting.remove(&(user, sealing.draft));
            let peer = &sealing.mid.receiver;
            if !self.derived.contains(&(user, peer.clone(), sealing.own, sealing.theirs)) {
                let (own, theirs) = (sealing.own, sealing.theirs);
                let message = format!(
                    "{} is encrypted under {own} and {theirs}, for which no secret was derived",
                    sealing.mid
                );
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            } else if waited.is_some_and(|(_, failed)| failed) {
                // The lookup failed; only with the right key did the draft go out.
                docket.shown(ID, &[positive(2, 3), negative(2, 3)]);
            } else {
                docket.shown(ID, &[]);
            }
        } else if let Fact::Notice { draft, status, .. } = &record.fact
            && *status == DraftStatus::Failed
            && let Some((_, true)) = self.waiting.remove(&(user, *draft))
        {
            docket.shown(ID, &[negative(2, 3)]);
        }
    }

    fn conclude(&mut self, _spec: &Spec, docket: &mut Docket) {
        for _ in self.waiting.values().filter(|(_, failed)| *failed) {
            docket.shown(ID, &[negative(2, 3)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ReqId;
    use crate::oracle::tests_support::{Story, hash};
    use crate::trace::fact::{Content, LookupEnd};
    use crate::verdict::requirement::Polarity;

    #[test]
    fn a_draft_that_outlasts_a_failed_lookup_shows_both_sides() {
        let mut story = Story::new(&["alice", "bob"]);
        let (draft, kind, plain, len) = (DraftId(1), Content::Text, hash("text"), 4);
        story.device(0, Fact::Compose { draft, to: story.user(1), kind, plain, len });
        let (peer, req, why) = (story.user(1), ReqId([1; 8]), LookupEnd::TimedOut);
        story.device(0, Fact::LookupFailed { peer, req, why });
        story.derives(0, 1, 1, 1);
        story.encrypts(0, 1, 1, "text", 1, 1);
        let docket = story.judge(NoFallbackKeys::default());
        for side in [Polarity::Positive, Polarity::Negative] {
            assert_eq!(docket.evidence.count(CITED[0], side), 1);
        }
    }

    #[test]
    fn a_secret_of_the_pair_is_in_order_and_none_at_all_is_found() {
        let mut story = Story::new(&["alice", "bob"]);
        story.derives(0, 1, 1, 1);
        story.encrypts(0, 1, 1, "text", 1, 1);
        assert!(story.judge(NoFallbackKeys::default()).findings.is_empty());
        story.encrypts(0, 1, 2, "text", 1, 2);
        let found = "alice>bob#2 is encrypted under e1 and e2, for which no secret was derived";
        assert_eq!(story.judge(NoFallbackKeys::default()).findings[0].message, found);
    }
}
