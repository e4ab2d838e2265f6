//! S-15: a request is approved at most once, only as it was first, and not after its expiry.
//!
//! Judged by the device's own clock. Not here: whether its own approval is accepted in time (L-06).

use std::collections::BTreeMap;

use crate::base::id::{Hash32, TxnId};
use crate::base::time::{Instant, Millis};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::owned::Owned;
use crate::oracle::rollback::Rollbacks;
use crate::oracle::spec::Spec;
use crate::trace::fact::{Button, Fact, NoApproval};
use crate::trace::record::Record;
use crate::verdict::finding::Severity;
use crate::verdict::requirement::Requirement;

const ID: &str = "S-15";
const ONCE: [Requirement; 2] = [Requirement::of(3, 2), Requirement::of(3, 6)];
const IN_TIME: [Requirement; 1] = [Requirement::of(3, 7)];

/// The judge of S-15.
#[derive(Debug, Default)]
pub struct ApprovedOnceAndInTime {
    requests: Owned<TxnId, Request>,
    counters: BTreeMap<u32, (u64, Instant)>,
    rollbacks: Rollbacks,
}

#[derive(Debug)]
struct Request {
    body: Hash32,
    expires: Millis,
    /// The own clock when APPROVE was pressed on it last.
    pressed: Option<Millis>,
    approved: Option<Instant>,
    /// The device stopped between the press and the requester's sight of the approval.
    stopped: bool,
}

impl ApprovedOnceAndInTime {
    fn approve(&mut self, record: &Record, user: u32, docket: &mut Docket) {
        let Fact::Approved(made) = &record.fact else { return };
        let txn = made.txn;
        let before = self.counters.insert(user, (made.counter, record.at));
        let Some(request) = self.requests.get_mut(user, &txn) else { return };
        let first = request.approved.replace(record.at);
        let late = request.pressed.unwrap_or(record.wall) > request.expires;
        let other = request.body != made.body;
        if late {
            let message = format!("{txn} is approved after its expiry");
            docket.violation(ID, &IN_TIME, record.at, &[record.id], message);
        }
        if other {
            let message = format!("{txn} is approved with another content than was shown first");
            docket.violation(ID, &ONCE, record.at, &[record.id], message);
        }
        if let Some(at) = first {
            self.repeated(record, user, at, &format!("{txn} is approved a second time"), docket);
        } else if let Some((counter, at)) = before
            && made.counter <= counter
        {
            let message = format!("approval {} follows approval {counter}", made.counter);
            self.repeated(record, user, at, &message, docket);
        } else {
            docket.shown(ID, &[]);
        }
    }

    fn prompt(&mut self, record: &Record, user: u32, docket: &mut Docket) {
        let Fact::Prompt(shown) = &record.fact else { return };
        let (body, expires) = (shown.body, shown.expires);
        let request = Request { body, expires, pressed: None, approved: None, stopped: false };
        let known = self.requests.get_or_insert(user, shown.txn, request);
        if let Some(at) = known.approved {
            let message = format!("{} is prompted although it is approved", shown.txn);
            self.repeated(record, user, at, &message, docket);
        }
    }

    /// Something happens again; after a restore the device cannot know better.
    fn repeated(&self, record: &Record, user: u32, at: Instant, what: &str, docket: &mut Docket) {
        let forgot = self.rollbacks.forgot(user, at);
        let severity = if forgot { Severity::Warning } else { Severity::Fail };
        let message = if forgot { format!("rollback: {what}") } else { what.to_owned() };
        docket.push(severity, ID, &ONCE, record.at, &[record.id], message);
    }

    fn ended(&self, txn: TxnId, user: u32, why: NoApproval, docket: &mut Docket) {
        let Some(request) = self.requests.get(user, &txn) else { return };
        match why {
            NoApproval::Expired if request.pressed.is_some_and(|at| at > request.expires) => {
                docket.shown(ID, &[negative(3, 7)]);
            }
            NoApproval::Expired if request.approved.is_none() => {
                docket.shown(ID, &[positive(3, 7)]);
            }
            NoApproval::Answered if request.approved.is_some() => {
                docket.shown(ID, &[positive(3, 6), negative(3, 6)]);
            }
            NoApproval::Expired
            | NoApproval::Answered
            | NoApproval::Rejected
            | NoApproval::Undisplayable
            | NoApproval::PowerLoss
            | NoApproval::Unsent
            | NoApproval::Conflict => {}
        }
    }
}

impl Oracle for ApprovedOnceAndInTime {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![PowerOff, Rolledback, Prompt, Button, Approved, NotApproved, ApprovalSeen, Step]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if spec.circumstances.restore {
            self.rollbacks.observe(record);
        }
        let Some(user) = device_of(record) else { return };
        if let Fact::Prompt(_) = &record.fact {
            self.prompt(record, user, docket);
        } else if let Fact::Button { button: Button::Approve, screen: Some(txn), .. } = &record.fact
        {
            if let Some(request) = self.requests.get_mut(user, txn) {
                request.pressed = Some(record.wall);
            }
        } else if let Fact::Approved(_) = &record.fact {
            self.approve(record, user, docket);
        } else if let Fact::NotApproved { txn, why } = &record.fact {
            self.ended(*txn, user, *why, docket);
        } else if let Fact::ApprovalSeen { txn, valid: true, from, .. } = &record.fact {
            let by = spec.index(from).and_then(|by| self.requests.get(by, txn));
            if let Some(request) = by.filter(|request| request.approved.is_some()) {
                // A stop is what could lose the approval, or make a second one for the same press.
                let count = 1 + usize::from(request.stopped);
                docket.shown(ID, &[positive(3, 2), negative(3, 2)][..count]);
            }
        } else if let Fact::PowerOff { .. } = &record.fact {
            self.requests
                .of_mut(user)
                .for_each(|(_, request)| request.stopped |= request.pressed.is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, txn};
    use crate::trace::fact::StopCause;
    use crate::verdict::requirement::Polarity;

    fn press(story: &mut Story) {
        let (button, screen) = (Button::Approve, Some(txn(1)));
        story.device(0, Fact::Button { button, screen, taken: true });
    }

    #[test]
    fn one_approval_in_time_is_in_order() {
        let mut story = Story::new(&["alice", "shop"]);
        story.prompts(0, 1, 1);
        press(&mut story);
        story.approves(0, 1, 1);
        let (from, mid) = (story.user(0), story.mid(0, 1, 1));
        story.device(1, Fact::ApprovalSeen { txn: txn(1), from, mid, valid: true });
        story.device(0, Fact::NotApproved { txn: txn(1), why: NoApproval::Answered });
        let docket = story.judge(ApprovedOnceAndInTime::default());
        assert!(docket.findings.is_empty(), "{:?}", docket.findings);
        assert_eq!(docket.evidence.count(Requirement::of(3, 2), Polarity::Positive), 1);
        assert_eq!(docket.evidence.count(Requirement::of(3, 6), Polarity::Positive), 1);
        assert_eq!(docket.evidence.count(Requirement::of(3, 6), Polarity::Negative), 1);
    }

    #[test]
    fn one_approval_of_a_press_before_a_stop_is_evidence() {
        let mut story = Story::new(&["alice", "shop"]);
        story.prompts(0, 1, 1);
        press(&mut story);
        story.device(0, Fact::PowerOff { why: StopCause::Crash });
        story.approves(0, 1, 1);
        let (from, mid) = (story.user(0), story.mid(0, 1, 1));
        story.device(1, Fact::ApprovalSeen { txn: txn(1), from, mid, valid: true });
        let docket = story.judge(ApprovedOnceAndInTime::default());
        assert_eq!(docket.evidence.count(Requirement::of(3, 2), Polarity::Negative), 1);
    }

    #[test]
    fn a_late_press_must_not_approve() {
        let late = |approve: bool| {
            let mut story = Story::new(&["alice", "shop"]);
            story.prompts(0, 1, 1);
            story.at_secs(121);
            press(&mut story);
            if approve {
                story.approves(0, 1, 1);
            } else {
                story.device(0, Fact::NotApproved { txn: txn(1), why: NoApproval::Expired });
            }
            story.judge(ApprovedOnceAndInTime::default())
        };
        assert_eq!(late(true).findings[0].message, "01010101 is approved after its expiry");
        let docket = late(false);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(3, 7), Polarity::Negative), 1);
    }

    #[test]
    fn a_second_approval_or_prompt_is_found() {
        let mut story = Story::new(&["alice", "shop"]);
        story.prompts(0, 1, 1);
        story.approves(0, 1, 1);
        story.prompts(0, 1, 1);
        story.approves(0, 1, 1);
        let docket = story.judge(ApprovedOnceAndInTime::default());
        let messages: Vec<_> = docket.findings.iter().map(|it| it.message.as_str()).collect();
        let prompted = "01010101 is prompted although it is approved";
        assert_eq!(messages, [prompted, "01010101 is approved a second time"]);
    }
}
