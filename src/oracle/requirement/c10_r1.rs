//! C10-R1: with mail waiting, a poll by its receiver leads to delivery.
//!
//! Not here: that nothing comes without a poll (`c10_r2`), or the answer to a poll of nothing (`c10_r6`).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::Mid;
use crate::oracle::judge::{Docket, Facts, Oracle, account_of, facts, frames, negative, positive};
use crate::oracle::spec::Spec;
use crate::oracle::turn::Turns;
use crate::trace::fact::{Fact, FrameKind};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "C10-R1";
const CITED: [Requirement; 1] = [Requirement::of(10, 1)];
/// A device asks for at most so many items in one poll; with fewer in the answer nothing may be left.
const ITEMS_MAX: u64 = 64;

/// The judge of C10-R1.
#[derive(Debug, Default)]
pub struct PollBringsMail {
    boxes: BTreeMap<u32, Mailbox>,
    polls: Turns<Answer>,
}

/// What is offered in the turn of a poll.
#[derive(Debug, Default)]
struct Answer {
    offered: u64,
    /// Some of it was sent before and brought nothing.
    again: bool,
}

/// What waits in a mailbox; mail whose receiver asked for patience is in neither set.
#[derive(Debug, Default)]
struct Mailbox {
    ready: BTreeSet<Mid>,
    leased: BTreeSet<Mid>,
    /// Offered before, in vain.
    again: BTreeSet<Mid>,
}

impl Mailbox {
    fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.leased.is_empty() && self.again.is_empty()
    }
}

impl PollBringsMail {
    /// The records that change what is known of a mailbox.
    fn change(&mut self, record: &Record, account: u32) {
        let coming = matches!(record.fact, Fact::Accept { known: false, .. } | Fact::Offer { .. });
        if coming {
            self.boxes.entry(account).or_default();
        }
        let Some(mailbox) = self.boxes.get_mut(&account) else { return };
        if let Fact::Accept { mid, known: false, .. } = &record.fact {
            mailbox.ready.insert(mid.clone());
        } else if let Fact::Offer { mid, .. } = &record.fact {
            mailbox.ready.remove(mid);
            mailbox.leased.insert(mid.clone());
            let again = mailbox.again.remove(mid);
            if let Some(answer) = self.polls.during(record) {
                answer.offered += 1;
                answer.again |= again;
            }
        } else if let Fact::Restored { mid, .. } = &record.fact {
            if mailbox.leased.remove(mid) {
                mailbox.ready.insert(mid.clone());
                mailbox.again.insert(mid.clone());
            }
        } else if let Fact::Acked { mid, .. }
        | Fact::Nacked { mid, counted: true, .. }
        | Fact::Expire { mid, .. }
        | Fact::Bounce { mid, .. } = &record.fact
        {
            mailbox.ready.remove(mid);
            mailbox.leased.remove(mid);
            mailbox.again.remove(mid);
        } else if let Fact::PowerOn { .. } = &record.fact {
            mailbox.again.extend(mailbox.leased.iter().cloned());
            mailbox.ready.append(&mut mailbox.leased);
        }
        if mailbox.is_empty() {
            self.boxes.remove(&account);
        }
    }

    fn polled(&mut self, record: &Record, account: u32, spec: &Spec, docket: &mut Docket) {
        let Fact::Polled { count, user } = &record.fact else { return };
        let Some(answer) = self.polls.end(record) else { return };
        if answer.offered > 0 {
            let count = 1 + usize::from(answer.again);
            docket.shown(ID, &[positive(10, 1), negative(10, 1)][..count]);
        }
        // A new identity of a user, or an older copy of an account, numbers its mail anew.
        let unclear = spec.circumstances.reset || spec.circumstances.restore;
        let left = self.boxes.get(&account).and_then(|it| it.ready.first());
        if let Some(mid) = left
            && *count < ITEMS_MAX
            && !unclear
        {
            let message = format!("{user} polls, and {mid} waits and is not delivered");
            docket.violation(ID, &CITED, record.at, &[record.id], message);
        }
    }
}

impl Oracle for PollBringsMail {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![PowerOn, Accept, Offer, Restored, Acked, Nacked, Expire, Bounce, Polled, Rx]
            .frames(frames![Poll])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Some(account) = account_of(record) else { return };
        self.polls.over(record.at, spec);
        if let Fact::Rx(frame) = &record.fact {
            if frame.kind == Some(FrameKind::Poll) {
                self.polls.begin_after(record, Answer::default());
            }
        } else if let Fact::Polled { .. } = &record.fact {
            self.polled(record, account, spec, docket);
        } else {
            self.change(record, account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{DeliveryId, NodeId};
    use crate::oracle::tests_support::{Story, hash};
    use crate::trace::fact::About;
    use crate::verdict::requirement::Polarity;

    fn polls(offers: bool) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.accepts(0, 1, 1);
        story.offers(0, 1, 1);
        let (mid, generation) = (story.mid(0, 1, 1), hash("generation"));
        let delivery = DeliveryId(1);
        story.account(1, Fact::Restored { mid, generation, delivery });
        let frame = story.frame(FrameKind::Poll, true, About::Nothing);
        let cause = story.at(10).account(1, Fact::Rx(frame));
        if offers {
            story.offers(0, 1, 1);
            story.records.last_mut().unwrap().cause = Some(cause);
        }
        let fact = Fact::Polled { user: story.user(1), count: offers.into() };
        story.push(NodeId::account(1), Some(cause), fact);
        story.judge(PollBringsMail::default())
    }

    #[test]
    fn a_poll_that_brings_what_waits_is_in_order() {
        let docket = polls(true);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Positive), 1);
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Negative), 1);
    }

    #[test]
    fn a_poll_that_leaves_mail_waiting_is_found() {
        let docket = polls(false);
        let found = "bob polls, and alice>bob#1 waits and is not delivered";
        assert_eq!(docket.findings[0].message, found);
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Positive), 0);
    }
}
