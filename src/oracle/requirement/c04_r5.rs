//! C04-R5: a rotation between press and sending neither spoils nor doubles an approval.
//!
//! Not here: approvals without a rotation in between (S-14, S-15).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{DraftId, Mid, TxnId, UserId};
use crate::oracle::judge::{
    Docket, Facts, Oracle, account_of, device_of, facts, negative, positive,
};
use crate::oracle::spec::Spec;
use crate::trace::fact::Fact;
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C04-R5";
const CITED: [Requirement; 1] = [Requirement::of(4, 5)];

/// The judge of C04-R5.
#[derive(Debug, Default)]
pub struct RotationsSpareApprovals {
    made: BTreeMap<TxnId, Made>,
}

#[derive(Debug)]
struct Made {
    by: u32,
    to: UserId,
    draft: DraftId,
    record: RecordId,
    /// Either end rotated after the press and before the requester had it.
    rotated: bool,
    /// The signer's rotation revoked the key that signed it, which nobody can trust any more.
    void: bool,
    /// Messages that brought it.
    seen: BTreeSet<Mid>,
}

impl Oracle for RotationsSpareApprovals {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Approved, ApprovalSeen, Recorded]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if let Fact::Recorded { user, revoke, .. } = &record.fact {
            let by = account_of(record);
            for made in self.made.values_mut().filter(|made| made.seen.is_empty()) {
                made.rotated |= made.to == *user || Some(made.by) == by;
                made.void |= *revoke && Some(made.by) == by;
            }
        } else if let Fact::Approved(made) = &record.fact
            && let Some(by) = device_of(record)
        {
            let (to, draft, seen) = (made.requester.clone(), made.draft, BTreeSet::new());
            let record = record.id;
            let fresh = Made { by, to, draft, record, rotated: false, void: false, seen };
            self.made.entry(made.txn).or_insert(fresh);
        } else if let Fact::ApprovalSeen { txn, mid, valid, from } = &record.fact {
            let Some(made) = self.made.get_mut(txn) else { return };
            if spec.index(from) != Some(made.by) {
                return;
            }
            made.seen.insert(mid.clone());
            let found = match (valid, made.seen.len()) {
                (false, _) if made.rotated && !made.void => "does not verify after a rotation",
                (true, 2..) if made.rotated => "arrives twice after a rotation",
                (true, 1) if made.rotated => {
                    docket.shown(ID, &[positive(4, 5)]);
                    return;
                }
                (true | false, _) => return,
            };
            let message = format!("the approval of {txn} as {} {found}", made.draft);
            docket.violation(ID, &CITED, record.at, &[made.record, record.id], message);
        }
    }

    fn conclude(&mut self, _spec: &Spec, docket: &mut Docket) {
        for _ in self.made.values().filter(|made| made.rotated && made.seen.len() == 1) {
            docket.shown(ID, &[negative(4, 5)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, txn};
    use crate::verdict::requirement::Polarity;

    fn seen(times: u64, valid: bool) -> Docket {
        let mut story = Story::new(&["alice", "shop"]);
        story.approves(0, 1, 1);
        story.records_key(1, 2);
        for seq in 1..=times {
            let (from, mid) = (story.user(0), story.mid(0, 1, seq));
            story.device(1, Fact::ApprovalSeen { txn: txn(1), from, mid, valid });
        }
        story.judge(RotationsSpareApprovals::default())
    }

    #[test]
    fn only_an_approval_seen_once_and_valid_after_a_rotation_is_in_order() {
        let docket = seen(1, true);
        assert!(docket.findings.is_empty());
        for side in [Polarity::Positive, Polarity::Negative] {
            assert_eq!(docket.evidence.count(Requirement::of(4, 5), side), 1);
        }
        assert_eq!(seen(2, true).findings.len(), 1);
        assert_eq!(seen(1, false).findings.len(), 1);
    }
}
