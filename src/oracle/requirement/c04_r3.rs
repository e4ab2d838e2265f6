//! C04-R3: a key missing after the press is fetched, and the approval sent under it or not at all.
//!
//! Not here: how long that may take (C04-R4, L-06).

use std::collections::BTreeMap;

use crate::base::id::{DraftId, UserId};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{DraftStatus, Fact, Selection, Way};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C04-R3";
const CITED: [Requirement; 1] = [Requirement::of(4, 3)];

/// The judge of C04-R3.
#[derive(Debug, Default)]
pub struct ApprovalsFetchTheirKey {
    waiting: BTreeMap<(u32, DraftId), Waiting>,
}

#[derive(Debug)]
struct Waiting {
    to: UserId,
    record: RecordId,
    /// The table had no key when it was to be sent.
    missed: bool,
    derived: bool,
}

impl Oracle for ApprovalsFetchTheirKey {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Select, Derive, Encrypt, Notice, Approved]
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::Approved(made) = &record.fact {
            let to = made.requester.clone();
            let waiting = Waiting { to, record: record.id, missed: false, derived: false };
            self.waiting.insert((user, made.draft), waiting);
        } else if let Fact::Select { peer, way: Way::Out, outcome, .. } = &record.fact {
            // A slot that is only too old is there again once its peer was looked up.
            let missed = !matches!(outcome, Selection::Hit | Selection::Stale);
            for waiting in self.of(user, peer) {
                waiting.missed |= missed;
            }
        } else if let Fact::Derive { peer, .. } = &record.fact {
            for waiting in self.of(user, peer) {
                waiting.derived = true;
            }
        } else if let Fact::Encrypt(sealing) = &record.fact {
            let Some(waiting) = self.waiting.remove(&(user, sealing.draft)) else { return };
            if waiting.missed && !waiting.derived {
                let message = format!("{} goes out although its key was missing", sealing.mid);
                let records = [waiting.record, record.id];
                docket.violation(ID, &CITED, record.at, &records, message);
            } else if waiting.missed {
                docket.shown(ID, &[positive(4, 3)]);
            }
        } else if let Fact::Notice { draft, status, .. } = &record.fact
            && matches!(status, DraftStatus::Expired | DraftStatus::Failed)
            && let Some(waiting) = self.waiting.remove(&(user, *draft))
            && waiting.missed
        {
            docket.shown(ID, &[negative(4, 3)]);
        }
    }

    fn conclude(&mut self, _spec: &Spec, docket: &mut Docket) {
        for _ in self.waiting.values().filter(|waiting| waiting.missed) {
            docket.shown(ID, &[negative(4, 3)]);
        }
    }
}

impl ApprovalsFetchTheirKey {
    fn of(&mut self, user: u32, peer: &UserId) -> impl Iterator<Item = &mut Waiting> {
        let mine = (user, DraftId(0))..=(user, DraftId(u64::MAX));
        let waiting = self.waiting.range_mut(mine).map(|(_, waiting)| waiting);
        waiting.filter(move |waiting| waiting.to == *peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::Polarity;

    fn approved(outcome: Selection, derived: bool) -> Docket {
        let mut story = Story::new(&["alice", "shop"]);
        story.approves(0, 1, 1);
        story.selects(0, 1, None, Way::Out, outcome);
        if derived {
            story.derives(0, 1, 1, 1);
        }
        story.encrypts(0, 1, 1, "approval", 1, 1);
        story.judge(ApprovalsFetchTheirKey::default())
    }

    #[test]
    fn an_approval_that_waits_for_its_key_is_in_order_and_one_that_does_not_is_found() {
        let docket = approved(Selection::Miss, true);
        assert_eq!(docket.evidence.count(Requirement::of(4, 3), Polarity::Positive), 1);
        let found = "alice>shop#1 goes out although its key was missing";
        assert_eq!(approved(Selection::Miss, false).findings[0].message, found);
        assert!(approved(Selection::Hit, false).findings.is_empty());
    }

    #[test]
    fn a_missing_key_that_is_found_before_it_is_used_was_missing() {
        let mut story = Story::new(&["alice", "shop"]);
        story.approves(0, 1, 1);
        story.selects(0, 1, None, Way::Out, Selection::Miss);
        story.selects(0, 1, None, Way::Out, Selection::Hit);
        story.derives(0, 1, 1, 1);
        story.encrypts(0, 1, 1, "approval", 1, 1);
        let docket = story.judge(ApprovalsFetchTheirKey::default());
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Positive), 1);
    }

    #[test]
    fn a_stale_slot_that_is_refreshed_needs_no_derivation() {
        let mut story = Story::new(&["alice", "shop"]);
        story.approves(0, 1, 1);
        story.selects(0, 1, None, Way::Out, Selection::Stale);
        story.selects(0, 1, None, Way::Out, Selection::Hit);
        story.encrypts(0, 1, 1, "approval", 1, 1);
        assert!(story.judge(ApprovalsFetchTheirKey::default()).findings.is_empty());
    }
}
