//! S-16: an approval leaves only inside a ciphertext for the authenticated requester.
//!
//! Not here: other texts (S-01).

use std::collections::BTreeMap;

use crate::base::id::{DraftId, TxnId, UserId};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{Content, Fact, Octets};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;
use crate::wire::body::ApprovalStatement;

const ID: &str = "S-16";
const ANSWER: [Requirement; 1] = [Requirement::of(3, 4)];
const OWN_DATA: [Requirement; 1] = [Requirement::of(4, 2)];
const IN_CLEAR: [Requirement; 2] = [Requirement::of(3, 4), Requirement::of(4, 2)];

/// The judge of S-16.
#[derive(Debug, Default)]
pub struct ApprovalsGoToTheirRequester {
    /// Who may get the approval of a prompt, and whether it is own data.
    prompts: BTreeMap<(u32, TxnId), (UserId, bool)>,
    drafts: BTreeMap<(u32, DraftId), Made>,
}

#[derive(Debug)]
struct Made {
    to: UserId,
    own_data: bool,
    record: RecordId,
    /// Somebody else asked the device for an approval before.
    others: bool,
    /// Its receiver was looked up since: there was no key to encrypt it with.
    waited: bool,
}

/// Whether octets hold a signed statement that anybody can read: each begins with the same label.
fn gives_away(octets: &Octets) -> bool {
    let label = ApprovalStatement::LABEL.as_bytes();
    octets.0.windows(label.len()).any(|window| window == label)
}

impl Oracle for ApprovalsGoToTheirRequester {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Lookup, Encrypt, Prompt, Approved, Tx]
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::Tx(frame) = &record.fact {
            if frame.octets.as_ref().is_some_and(gives_away) {
                let message = "an approval leaves the device in clear".to_owned();
                docket.violation(ID, &IN_CLEAR, record.at, &[record.id], message);
            }
        } else if let Fact::Prompt(shown) = &record.fact {
            let sender = shown.request.as_ref().map(|mid| &mid.sender);
            let to = sender.unwrap_or(&shown.requester).clone();
            self.prompts.insert((user, shown.txn), (to, sender.is_none()));
        } else if let Fact::Approved(made) = &record.fact {
            let Some((to, own_data)) = self.prompts.get(&(user, made.txn)).cloned() else { return };
            let mine = (user, TxnId([0; 16]))..=(user, TxnId([u8::MAX; 16]));
            let others = self.prompts.range(mine).any(|(_, (other, _))| *other != to);
            let one = Made { to, own_data, record: record.id, others, waited: false };
            self.drafts.insert((user, made.draft), one);
        } else if let Fact::Lookup { peer, .. } = &record.fact {
            let mine = (user, DraftId(0))..=(user, DraftId(u64::MAX));
            for (_, made) in self.drafts.range_mut(mine) {
                made.waited |= made.to == *peer;
            }
        } else if let Fact::Encrypt(sealing) = &record.fact
            && sealing.kind == Content::Approval
            && let Some(made) = self.drafts.get(&(user, sealing.draft))
        {
            let cited = if made.own_data { &OWN_DATA } else { &ANSWER };
            if sealing.mid.receiver == made.to {
                let (sides, provoked) = if made.own_data {
                    ([positive(4, 2), negative(4, 2)], made.waited)
                } else {
                    ([positive(3, 4), negative(3, 4)], made.others)
                };
                docket.shown(ID, &sides[..1 + usize::from(provoked)]);
            } else {
                let message = format!("the approval for {} goes out as {}", made.to, sealing.mid);
                let records = [made.record, record.id];
                docket.violation(ID, cited, record.at, &records, message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::{About, FrameKind};
    use crate::verdict::requirement::Polarity;

    fn sent_to(receiver: u32) -> Docket {
        let mut story = Story::new(&["alice", "shop", "mallory"]);
        story.prompts(0, 1, 1);
        story.approves(0, 1, 1);
        let mut sealing = story.sealing(0, receiver, 1, "approval", 1, 1);
        sealing.kind = Content::Approval;
        story.device(0, Fact::Encrypt(Box::new(sealing)));
        story.judge(ApprovalsGoToTheirRequester::default())
    }

    #[test]
    fn an_approval_encrypted_for_its_requester_is_in_order() {
        let docket = sent_to(1);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(3, 4), Polarity::Positive), 1);
    }

    #[test]
    fn an_approval_that_anybody_can_read_is_found() {
        for (octets, found) in [(&b"..PEAD-v1 approval.."[..], 1), (b"..PEAD-v1 approva!..", 0)] {
            let mut story = Story::new(&["alice", "shop"]);
            let about = About::message(story.mid(0, 1, 1), 1);
            let mut frame = story.frame(FrameKind::Submit, true, about);
            frame.octets = Some(Octets(octets.into()));
            story.device(0, Fact::Tx(frame));
            let docket = story.judge(ApprovalsGoToTheirRequester::default());
            assert_eq!(docket.findings.len(), found);
        }
    }

    #[test]
    fn an_approval_for_one_of_two_requesters_is_evidence() {
        let mut story = Story::new(&["alice", "shop", "mallory"]);
        story.prompts(0, 2, 2);
        story.prompts(0, 1, 1);
        story.approves(0, 1, 1);
        let mut sealing = story.sealing(0, 1, 1, "approval", 1, 1);
        sealing.kind = Content::Approval;
        story.device(0, Fact::Encrypt(Box::new(sealing)));
        let docket = story.judge(ApprovalsGoToTheirRequester::default());
        assert_eq!(docket.evidence.count(Requirement::of(3, 4), Polarity::Negative), 1);
    }

    #[test]
    fn an_approval_for_somebody_else_is_found() {
        let found = "the approval for shop goes out as alice>mallory#1";
        assert_eq!(sent_to(2).findings[0].message, found);
    }
}
