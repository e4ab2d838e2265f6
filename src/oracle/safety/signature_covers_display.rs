//! S-14: a signature covers exactly what was on the screen, and its receiver finds it valid.
//!
//! Not here: whether anybody pressed (S-13).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::TxnId;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{ApprovalMade, Fact, NoApproval, PromptShown};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "S-14";
const CITED: [Requirement; 1] = [Requirement::of(3, 3)];
const INVALID: [Requirement; 2] = [Requirement::of(3, 2), Requirement::of(3, 3)];

/// The judge of S-14.
#[derive(Debug, Default)]
pub struct SignatureCoversDisplay {
    /// The last prompt of a request on a device; a press fixes it.
    prompts: BTreeMap<(u32, TxnId), Prompt>,
    /// Approvals that cover what was shown, by transaction.
    covering: BTreeMap<TxnId, (u32, RecordId)>,
    /// Approvals signed with a key that was revoked later: nobody can trust them any more.
    void: BTreeSet<TxnId>,
    /// Devices whose rotation under way revokes the key before.
    revoking: BTreeSet<u32>,
    /// Transactions under which other content came too.
    contested: BTreeSet<TxnId>,
}

#[derive(Debug)]
struct Prompt {
    shown: Box<PromptShown>,
    record: RecordId,
    pressed: bool,
}

/// The first thing that a signature says otherwise than the screen did.
fn difference(shown: &PromptShown, made: &ApprovalMade) -> Option<&'static str> {
    if shown.display != made.display {
        Some("what was displayed")
    } else if shown.body != made.body {
        Some("the request")
    } else if shown.requester != made.requester {
        Some("the requester")
    } else if shown.expires != made.expires {
        Some("the expiry")
    } else {
        None
    }
}

impl SignatureCoversDisplay {
    /// What this user has signed so far does not verify any more.
    fn revoke(&mut self, user: Option<u32>) {
        let signed = self.covering.iter().filter(|(_, (by, _))| Some(*by) == user);
        self.void.extend(signed.map(|(txn, _)| *txn));
    }
}

impl Oracle for SignatureCoversDisplay {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            Prompt, Button, Approved, NotApproved, ApprovalSeen, RotateStart, RotateDone, Recorded
        ]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if let Fact::Recorded { user, revoke: true, .. } = &record.fact {
            self.revoke(spec.index(user));
        }
        let Some(user) = device_of(record) else { return };
        if let Fact::RotateStart { revoke, .. } = &record.fact {
            if *revoke {
                self.revoking.insert(user);
            } else {
                self.revoking.remove(&user);
            }
        } else if let Fact::RotateDone { .. } = &record.fact {
            // Until then the old key signs, whether or not the directory has revoked it already.
            let revoked = self.revoking.remove(&user);
            self.revoke(Some(user).filter(|_| revoked));
        } else if let Fact::Prompt(shown) = &record.fact {
            let prompt = Prompt { shown: shown.clone(), record: record.id, pressed: false };
            let known = self.prompts.entry((user, shown.txn)).or_insert(prompt);
            if !known.pressed {
                *known = Prompt { shown: shown.clone(), record: record.id, pressed: false };
            }
        } else if let Fact::Button { screen: Some(txn), taken: true, .. } = &record.fact {
            if let Some(prompt) = self.prompts.get_mut(&(user, *txn)) {
                prompt.pressed = true;
            }
        } else if let Fact::Approved(made) = &record.fact {
            let prompt = self.prompts.get(&(user, made.txn));
            let (found, records) = match prompt {
                Some(prompt) => (difference(&prompt.shown, made), vec![prompt.record, record.id]),
                None => (Some("anything that was shown"), vec![record.id]),
            };
            if let Some(what) = found {
                let message = format!("the approval of {} does not cover {what}", made.txn);
                docket.violation(ID, &CITED, record.at, &records, message);
            } else {
                self.covering.insert(made.txn, (user, record.id));
            }
        } else if let Fact::ApprovalSeen { txn, from, valid, .. } = &record.fact {
            if !valid && self.void.contains(txn) {
                docket.shown(ID, &[]);
            } else if !valid {
                let message = format!("the approval of {txn} by {from} does not verify");
                docket.violation(ID, &INVALID, record.at, &[record.id], message);
            } else if self.covering.contains_key(txn) {
                let contested = self.contested.contains(txn);
                docket.shown(ID, &[positive(3, 3), negative(3, 3)][..1 + usize::from(contested)]);
            }
        } else if let Fact::NotApproved { txn, why: NoApproval::Conflict } = &record.fact {
            self.contested.insert(*txn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash, txn};
    use crate::verdict::requirement::Polarity;

    fn approved(display: &str, valid: bool) -> Docket {
        let mut story = Story::new(&["alice", "shop"]);
        story.prompts(0, 1, 1);
        story.approves(0, 1, 1);
        if let Some(Fact::Approved(made)) = story.records.last_mut().map(|last| &mut last.fact) {
            made.display = hash(display);
        }
        let (from, mid) = (story.user(0), story.mid(0, 1, 1));
        story.device(1, Fact::ApprovalSeen { txn: txn(1), from, mid, valid });
        story.judge(SignatureCoversDisplay::default())
    }

    #[test]
    fn a_valid_signature_over_what_was_shown_is_in_order() {
        let docket = approved("display", true);
        assert!(docket.findings.is_empty(), "{:?}", docket.findings);
        assert_eq!(docket.evidence.count(Requirement::of(3, 3), Polarity::Positive), 1);
    }

    #[test]
    fn a_signature_over_what_was_shown_while_other_content_came_is_evidence() {
        let mut story = Story::new(&["alice", "shop"]);
        story.prompts(0, 1, 1);
        story.device(0, Fact::NotApproved { txn: txn(1), why: NoApproval::Conflict });
        story.approves(0, 1, 1);
        let (from, mid) = (story.user(0), story.mid(0, 1, 1));
        story.device(1, Fact::ApprovalSeen { txn: txn(1), from, mid, valid: true });
        let docket = story.judge(SignatureCoversDisplay::default());
        assert_eq!(docket.evidence.count(Requirement::of(3, 3), Polarity::Negative), 1);
    }

    #[test]
    fn a_signature_over_something_else_is_found() {
        let docket = approved("more than was shown", true);
        let found = "the approval of 01010101 does not cover what was displayed";
        assert_eq!(docket.findings[0].message, found);
        assert_eq!(docket.evidence.count(Requirement::of(3, 3), Polarity::Positive), 0);
    }

    #[test]
    fn a_signature_that_does_not_verify_is_found() {
        let found = "the approval of 01010101 by alice does not verify";
        assert_eq!(approved("display", false).findings[0].message, found);
    }
}
