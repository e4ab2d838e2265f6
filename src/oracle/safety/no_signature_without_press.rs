//! S-13: nothing is signed or approved without a press of APPROVE of its own, with that request on screen.
//!
//! Not here: what the signature says (S-14) or when it is too late (S-15).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{DraftId, Hash32, TxnId};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{Button, Content, Fact, NoApproval, SignPurpose};
use crate::trace::record::Record;
use crate::verdict::requirement::{Polarity, Requirement};

const ID: &str = "S-13";
const CITED: [Requirement; 3] =
    [Requirement::of(3, 1), Requirement::of(3, 5), Requirement::of(4, 1)];

/// The judge of S-13.
#[derive(Debug, Default)]
pub struct NoSignatureWithoutPress {
    desks: BTreeMap<u32, Desk>,
}

/// What a device asked its user and what the user did.
#[derive(Debug, Default)]
struct Desk {
    /// Requests prompted and not ended.
    prompted: BTreeMap<TxnId, Asked>,
    /// Pressed, and nothing signed for it yet.
    pressed: BTreeSet<TxnId>,
    /// Pressed and signed, and not yet in the log.
    signed: BTreeSet<TxnId>,
    /// What was signed before; the same again proves nothing new (RFC 6979).
    digests: BTreeSet<Hash32>,
    /// Drafts that carry approvals from the log.
    drafts: BTreeSet<DraftId>,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    own_data: bool,
    /// APPROVE was pressed and did not count.
    ignored: bool,
    /// Power went before an answer.
    lost: bool,
    approve: bool,
    reject: bool,
}

impl Desk {
    fn button(&mut self, button: Button, txn: TxnId, taken: bool) {
        let Some(asked) = self.prompted.get_mut(&txn) else { return };
        match (button, taken) {
            (Button::Approve, true) => {
                asked.approve = true;
                self.pressed.insert(txn);
            }
            (Button::Approve, false) => asked.ignored = true,
            (Button::Reject, taken) => asked.reject |= taken,
        }
    }

    /// A signature takes a press; which one of several shows when the approval is logged.
    fn sign(&mut self, digest: Hash32) -> bool {
        if !self.digests.insert(digest) {
            return true;
        }
        let Some(txn) = self.pressed.pop_first() else { return false };
        self.signed.insert(txn);
        true
    }

    fn approve(&mut self, txn: &TxnId, draft: DraftId) -> bool {
        self.drafts.insert(draft);
        self.signed.remove(txn) || self.pressed.remove(txn)
    }

    fn ended(&mut self, txn: &TxnId, why: NoApproval) -> Vec<(Requirement, Polarity)> {
        if matches!(why, NoApproval::Answered | NoApproval::Conflict) {
            // That is the end of a repetition, not of the request on the screen.
            return Vec::new();
        }
        self.pressed.remove(txn);
        let Some(asked) = self.prompted.remove(txn) else { return Vec::new() };
        let mut shown = Vec::new();
        // The device says what ended the request, and that it is what happened.
        let right = match why {
            NoApproval::Rejected => asked.reject,
            NoApproval::PowerLoss => asked.lost,
            NoApproval::Expired => !asked.approve,
            NoApproval::Undisplayable
            | NoApproval::Unsent
            | NoApproval::Answered
            | NoApproval::Conflict => false,
        };
        if right {
            shown.push(positive(3, 5));
        }
        let provoked =
            matches!(why, NoApproval::Rejected | NoApproval::Expired | NoApproval::PowerLoss);
        if provoked || asked.ignored {
            shown.push(negative(3, 5));
        }
        if !asked.approve {
            shown.push(if asked.own_data { negative(4, 1) } else { negative(3, 1) });
        }
        shown
    }
}

impl Oracle for NoSignatureWithoutPress {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![PowerOff, Compose, Prompt, Button, Sign, Approved, NotApproved]
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        let found = if let Fact::Prompt(shown) = &record.fact {
            let own_data = shown.request.is_none();
            let asked =
                Asked { own_data, ignored: false, lost: false, approve: false, reject: false };
            self.desks.entry(user).or_default().prompted.entry(shown.txn).or_insert(asked);
            return;
        } else if let Fact::Button { button, screen: Some(txn), taken } = &record.fact {
            self.desks.entry(user).or_default().button(*button, *txn, *taken);
            return;
        } else if let Fact::Sign { purpose: SignPurpose::Approval, digest, .. } = &record.fact {
            if self.desks.entry(user).or_default().sign(*digest) {
                return;
            }
            "an approval is signed without a press".to_owned()
        } else if let Fact::Approved(made) = &record.fact {
            let desk = self.desks.entry(user).or_default();
            let pressed = desk.approve(&made.txn, made.draft);
            let asked = desk.prompted.remove(&made.txn);
            if let Some(asked) = asked.filter(|_| pressed) {
                let side = if asked.own_data { positive(4, 1) } else { positive(3, 1) };
                let early = asked.ignored.then_some(negative(3, 5));
                docket.shown(ID, &std::iter::once(side).chain(early).collect::<Vec<_>>());
                return;
            }
            format!("transaction {} is approved without a press of its own", made.txn)
        } else if let Fact::NotApproved { txn, why } = &record.fact {
            let shown = self.desks.entry(user).or_default().ended(txn, *why);
            if !shown.is_empty() {
                docket.shown(ID, &shown);
            }
            return;
        } else if let Fact::Compose { draft, kind: Content::Approval, .. } = &record.fact {
            if self.desks.entry(user).or_default().drafts.contains(draft) {
                return;
            }
            format!("an approval is handed to the outbox as {draft} before it is made")
        } else {
            if let Fact::PowerOff { .. } = &record.fact
                && let Some(desk) = self.desks.get_mut(&user)
            {
                desk.pressed.clear();
                desk.prompted.values_mut().for_each(|asked| asked.lost = true);
            }
            return;
        };
        docket.violation(ID, &CITED, record.at, &[record.id], found);
    }

    fn conclude(&mut self, _spec: &Spec, docket: &mut Docket) {
        for desk in self.desks.values() {
            for asked in desk.prompted.values().filter(|asked| !asked.approve) {
                let side = if asked.own_data { negative(4, 1) } else { negative(3, 1) };
                let lost = asked.lost.then_some(negative(3, 5));
                docket.shown(ID, &std::iter::once(side).chain(lost).collect::<Vec<_>>());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash, txn};

    fn approves(story: &mut Story, n: u8) {
        let (purpose, epoch) = (SignPurpose::Approval, crate::base::id::Epoch(1));
        let (digest, signature) = (hash(&format!("digest{n}")), hash("signature"));
        story.device(0, Fact::Sign { purpose, epoch, digest, signature });
        story.approves(0, 1, n);
    }

    fn press(story: &mut Story, n: u8, button: Button) {
        story.device(0, Fact::Button { button, screen: Some(txn(n)), taken: true });
    }

    #[test]
    fn an_approval_after_its_press_is_in_order() {
        let mut story = Story::new(&["alice", "shop"]);
        story.prompts(0, 1, 1);
        press(&mut story, 1, Button::Approve);
        approves(&mut story, 1);
        let docket = story.judge(NoSignatureWithoutPress::default());
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(3, 1), Polarity::Positive), 1);
    }

    #[test]
    fn one_press_does_not_approve_two_requests() {
        let mut story = Story::new(&["alice", "shop"]);
        story.prompts(0, 1, 1);
        press(&mut story, 1, Button::Approve);
        approves(&mut story, 1);
        approves(&mut story, 2);
        let docket = story.judge(NoSignatureWithoutPress::default());
        let messages: Vec<_> = docket.findings.iter().map(|it| it.message.as_str()).collect();
        let second = "transaction 02020202 is approved without a press of its own";
        assert_eq!(messages, ["an approval is signed without a press", second]);
    }

    #[test]
    fn a_press_of_reject_is_no_press_of_approve() {
        let mut story = Story::new(&["alice", "shop"]);
        story.prompts(0, 1, 1);
        press(&mut story, 1, Button::Reject);
        approves(&mut story, 1);
        assert_eq!(story.judge(NoSignatureWithoutPress::default()).findings.len(), 2);
    }

    #[test]
    fn a_repetition_does_not_end_what_is_on_the_screen() {
        for why in [NoApproval::Answered, NoApproval::Conflict] {
            let mut story = Story::new(&["alice", "shop"]);
            story.prompts(0, 1, 1);
            story.device(0, Fact::NotApproved { txn: txn(1), why });
            let (button, screen) = (Button::Approve, Some(txn(1)));
            story.device(0, Fact::Button { button, screen, taken: true });
            approves(&mut story, 1);
            let docket = story.judge(NoSignatureWithoutPress::default());
            assert_eq!(docket.findings, []);
            assert_eq!(docket.evidence.count(Requirement::of(3, 1), Polarity::Positive), 1);
        }
    }

    #[test]
    fn a_loss_of_power_without_an_approval_is_evidence() {
        let mut story = Story::new(&["alice", "shop"]);
        story.prompts(0, 1, 1);
        story.device(0, Fact::PowerOff { why: crate::trace::fact::StopCause::Crash });
        let docket = story.judge(NoSignatureWithoutPress::default());
        assert_eq!(docket.evidence.count(Requirement::of(3, 5), Polarity::Negative), 1);
    }

    #[test]
    fn a_rejection_without_an_approval_is_evidence() {
        let mut story = Story::new(&["alice", "shop"]);
        story.prompts(0, 1, 1);
        press(&mut story, 1, Button::Reject);
        story.device(0, Fact::NotApproved { txn: txn(1), why: NoApproval::Rejected });
        let docket = story.judge(NoSignatureWithoutPress::default());
        assert!(docket.findings.is_empty());
        for number in [1, 5] {
            assert_eq!(docket.evidence.count(Requirement::of(3, number), Polarity::Negative), 1);
        }
    }
}
