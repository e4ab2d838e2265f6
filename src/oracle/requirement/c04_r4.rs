//! C04-R4: a signed approval that waits shows as unsent, ends at its expiry, and asks for no second press.
//!
//! Not here: approvals that go out at once.

use crate::base::id::{DraftId, TxnId};
use crate::base::time::Millis;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::trace::fact::{DeviceState, DraftStatus, Fact, NoApproval};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C04-R4";
const CITED: [Requirement; 1] = [Requirement::of(4, 4)];

/// The judge of C04-R4.
#[derive(Debug, Default)]
pub struct WaitingApprovalsAreUnsent {
    made: Owned<DraftId, Made>,
}

#[derive(Debug)]
struct Made {
    txn: TxnId,
    expires: Millis,
    record: RecordId,
    /// The user was told that it waits.
    unsent: bool,
}

impl WaitingApprovalsAreUnsent {
    fn of(&mut self, user: u32, txn: TxnId) -> Option<&mut Made> {
        self.made.of_mut(user).map(|(_, made)| made).find(|made| made.txn == txn)
    }
}

impl Oracle for WaitingApprovalsAreUnsent {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![State, Encrypt, Notice, Prompt, Approved, NotApproved]
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        let found = if let Fact::Approved(made) = &record.fact {
            let (txn, expires) = (made.txn, made.expires);
            let made_now = Made { txn, expires, record: record.id, unsent: false };
            self.made.insert(user, made.draft, made_now);
            return;
        } else if let Fact::Notice { draft, status: DraftStatus::Unsent, .. } = &record.fact {
            if let Some(made) = self.made.get_mut(user, draft) {
                made.unsent = true;
                docket.shown(ID, &[positive(4, 4)]);
            }
            return;
        } else if let Fact::Encrypt(sealing) = &record.fact {
            let Some(made) = self.made.get(user, &sealing.draft) else { return };
            if record.wall <= made.expires {
                return;
            }
            (format!("the approval {} is encrypted after its expiry", sealing.mid), made.record)
        } else if let Fact::Prompt(shown) = &record.fact {
            let Some(made) = self.of(user, shown.txn).filter(|made| made.unsent) else { return };
            (format!("{} is prompted again while its approval waits", shown.txn), made.record)
        } else if let Fact::NotApproved { txn, why: NoApproval::Unsent } = &record.fact {
            if self.of(user, *txn).is_some() {
                docket.shown(ID, &[positive(4, 4)]);
            }
            return;
        } else if let Fact::State { to: DeviceState::Blank } = &record.fact {
            // After a factory reset a device counts its drafts anew.
            self.made.forget(user);
            return;
        } else {
            return;
        };
        docket.violation(ID, &CITED, record.at, &[found.1, record.id], found.0);
    }

    fn conclude(&mut self, _spec: &Spec, docket: &mut Docket) {
        for _ in self.made.values().filter(|made| made.unsent) {
            docket.shown(ID, &[negative(4, 4)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::Polarity;

    fn waits(story: &mut Story) {
        story.approves(0, 1, 1);
        let (draft, mid, status) = (DraftId(1), None, DraftStatus::Unsent);
        story.device(0, Fact::Notice { draft, mid, status });
    }

    #[test]
    fn an_approval_reported_as_unsent_is_in_order() {
        let mut story = Story::new(&["alice", "shop"]);
        waits(&mut story);
        story.encrypts(0, 1, 1, "approval", 1, 1);
        let docket = story.judge(WaitingApprovalsAreUnsent::default());
        assert!(docket.findings.is_empty());
        for side in [Polarity::Positive, Polarity::Negative] {
            assert_eq!(docket.evidence.count(Requirement::of(4, 4), side), 1);
        }
    }

    #[test]
    fn a_second_prompt_and_an_approval_after_its_expiry_are_found() {
        let mut story = Story::new(&["alice", "shop"]);
        waits(&mut story);
        story.prompts(0, 1, 1);
        story.at_secs(121).encrypts(0, 1, 1, "approval", 1, 1);
        assert_eq!(story.judge(WaitingApprovalsAreUnsent::default()).findings.len(), 2);
    }
}
