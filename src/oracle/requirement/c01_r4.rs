//! C01-R4: with the directory out of reach a hit still decrypts, and a miss is kept and not shown.
//!
//! Not here: that what was kept is shown in time (L-01, L-03).

use crate::base::id::Mid;
use crate::oracle::dark::Dark;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::trace::fact::{Fact, ReplyResult, Selection, Way};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "C01-R4";
const CITED: [Requirement; 1] = [Requirement::of(1, 4)];

/// The judge of C01-R4.
#[derive(Debug, Default)]
pub struct OfflineHitsOpenAndMissesWait {
    dark: Dark,
    /// Messages searched for in the dark: whether they hit, and whether a key came since.
    searched: Owned<Mid, (bool, bool)>,
}

impl OfflineHitsOpenAndMissesWait {
    fn commit(&mut self, record: &Record, user: u32, mid: &Mid, docket: &mut Docket) {
        match self.searched.remove(user, mid) {
            Some((true, _)) if self.dark.is_dark() => {
                docket.shown(ID, &[positive(1, 4), negative(13, 1)]);
            }
            // Kept while nobody answered, and opened when somebody did.
            Some((false, true)) => docket.shown(ID, &[negative(1, 4)]),
            Some((false, false)) => {
                let message = format!("{mid} is accepted although no key could be had");
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            }
            Some((true, _)) | None => {}
        }
    }
}

impl Oracle for OfflineHitsOpenAndMissesWait {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![PowerOff, KeyReply, Select, Commit, Duplicate, Reject, FaultStart, FaultEnd]
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        self.dark.observe(record);
        let Some(user) = device_of(record) else { return };
        if let Fact::Select { mid: Some(mid), way: Way::In, outcome, .. } = &record.fact {
            let hit = *outcome == Selection::Hit;
            // A miss is kept; a hit after it is of other octets under the same number.
            if self.dark.is_dark() && (hit || !self.searched.contains(user, mid)) {
                self.searched.insert(user, mid.clone(), (hit, false));
            }
        } else if let Fact::KeyReply { peer, result: ReplyResult::Accepted, .. } = &record.fact {
            for (mid, (_, answered)) in self.searched.of_mut(user) {
                *answered |= mid.sender == *peer;
            }
        } else if let Fact::Commit { mid, .. } = &record.fact {
            self.commit(record, user, mid, docket);
        } else if let Fact::Reject { mid: Some(mid), .. } | Fact::Duplicate { mid } = &record.fact {
            self.searched.remove(user, mid);
        } else if let Fact::PowerOff { .. } = &record.fact {
            self.searched.forget(user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::Polarity;

    fn in_the_dark(outcome: Selection, answered: bool) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        let (name, kind) = ("dark".to_owned(), "directory-offline".to_owned());
        story.harness(Fact::FaultStart { name, kind });
        let mid = Some(story.mid(0, 1, 1));
        story.selects(1, 0, mid, Way::In, outcome);
        if answered {
            story.gets_reply(1, 0, 1, ReplyResult::Accepted);
        }
        story.commits(1, 0, 1);
        story.judge(OfflineHitsOpenAndMissesWait::default())
    }

    #[test]
    fn a_hit_that_opens_and_a_miss_that_waits_are_in_order() {
        let requirement = Requirement::of(1, 4);
        let docket = in_the_dark(Selection::Hit, false);
        assert_eq!(docket.evidence.count(requirement, Polarity::Positive), 1);
        let docket = in_the_dark(Selection::Miss, true);
        assert_eq!(docket.evidence.count(requirement, Polarity::Negative), 1);
    }

    #[test]
    fn a_miss_that_opens_without_a_key_is_found() {
        let found = "alice>bob#1 is accepted although no key could be had";
        assert_eq!(in_the_dark(Selection::Miss, false).findings[0].message, found);
    }

    #[test]
    fn a_hit_after_a_miss_under_the_same_number_is_in_order() {
        let mut story = Story::new(&["alice", "bob"]);
        let (name, kind) = ("dark".to_owned(), "directory-offline".to_owned());
        story.harness(Fact::FaultStart { name, kind });
        for outcome in [Selection::KidMismatch, Selection::Hit] {
            let mid = Some(story.mid(0, 1, 1));
            story.selects(1, 0, mid, Way::In, outcome);
        }
        story.commits(1, 0, 1);
        let docket = story.judge(OfflineHitsOpenAndMissesWait::default());
        assert!(docket.findings.is_empty(), "{:?}", docket.findings);
    }
}
