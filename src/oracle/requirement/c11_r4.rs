//! C11-R4: a push that nobody acknowledges is stored mail again, and is offered once more.
//!
//! Not here: polled mail (S-18, S-19), or how long a delivery may take (L-01).

use std::collections::VecDeque;

use crate::base::id::{DeliveryId, Mid};
use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{Docket, Facts, Oracle, account_of, facts, negative, positive};
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::trace::fact::Fact;
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C11-R4";
const CITED: [Requirement; 1] = [Requirement::of(11, 4)];
/// What a server may take for the end of a lease beyond the lease itself.
const LATENESS: Duration = Duration::from_secs(10);

/// The judge of C11-R4.
#[derive(Debug, Default)]
pub struct PushFallsBack {
    /// By the account that pushed.
    pushed: Owned<Mid, Push>,
    /// When leases must be over.
    ends: VecDeque<(Instant, u32, Mid, DeliveryId)>,
}

#[derive(Debug)]
struct Push {
    delivery: DeliveryId,
    record: RecordId,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// On its way for the first time.
    Pushed,
    /// Not acknowledged, and stored again.
    Back,
    /// Offered once more.
    Again,
}

impl PushFallsBack {
    fn overdue(&mut self, now: Instant, docket: &mut Docket) {
        while let Some((at, account, mid, delivery)) = self.ends.front().cloned() {
            if at >= now {
                break;
            }
            self.ends.pop_front();
            let same = |push: &&Push| push.delivery == delivery && push.stage == Stage::Pushed;
            if let Some(record) =
                self.pushed.get(account, &mid).filter(same).map(|push| push.record)
            {
                self.pushed.remove(account, &mid);
                let message =
                    format!("{mid} was pushed, not acknowledged, and is not stored again");
                docket.violation(ID, &CITED, now, &[record], message);
            }
        }
    }

    fn offer(&mut self, record: &Record, account: u32, spec: &Spec, docket: &mut Docket) {
        let Fact::Offer { mid, delivery, pushed, .. } = &record.fact else { return };
        if let Some(push) = self.pushed.get_mut(account, mid) {
            if push.stage == Stage::Back {
                push.stage = Stage::Again;
                docket.shown(ID, &[positive(11, 4)]);
            }
        } else if *pushed {
            let push = Push { delivery: *delivery, record: record.id, stage: Stage::Pushed };
            self.pushed.insert(account, mid.clone(), push);
            let end = record.at + spec.server.lease + LATENESS;
            self.ends.push_back((end, account, mid.clone(), *delivery));
        }
    }
}

impl Oracle for PushFallsBack {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![PowerOff, Reset, Offer, Restored, Acked, Nacked, Expire, Bounce]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if !spec.server.push {
            return;
        }
        self.overdue(record.at, docket);
        let Some(account) = account_of(record) else { return };
        if let Fact::Offer { .. } = &record.fact {
            self.offer(record, account, spec, docket);
        } else if let Fact::Restored { mid, .. } = &record.fact {
            if let Some(push) = self.pushed.get_mut(account, mid) {
                push.stage = Stage::Back;
            }
        } else if let Fact::Acked { mid, .. } = &record.fact {
            // It was not taken for delivered when it was only sent: it was there to be acknowledged.
            if self.pushed.remove(account, mid).is_some_and(|push| push.stage != Stage::Pushed) {
                docket.shown(ID, &[negative(11, 4)]);
            }
        } else if let Fact::Nacked { mid, .. }
        | Fact::Expire { mid, .. }
        | Fact::Bounce { mid, .. } = &record.fact
        {
            self.pushed.remove(account, mid);
        } else if let Fact::PowerOff { .. } = &record.fact {
            // Leases are volatile: whatever is under one is stored after the start.
            for (_, push) in self.pushed.of_mut(account) {
                push.stage = Stage::Back;
            }
        } else if let Fact::Reset { .. } = &record.fact {
            self.pushed.forget(account);
        }
    }

    fn conclude(&mut self, _spec: &Spec, docket: &mut Docket) {
        self.overdue(docket.now, docket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash};
    use crate::trace::fact::Phase;
    use crate::verdict::requirement::Polarity;

    fn push(story: &mut Story, delivery: u64) {
        let fact = Fact::Offer {
            mid: story.mid(0, 1, 1),
            generation: hash("generation"),
            attempt: 1,
            delivery: DeliveryId(delivery),
            to: story.user(1),
            content: hash("content"),
            pushed: true,
        };
        story.account(1, fact);
    }

    #[test]
    fn a_push_without_an_acknowledgement_that_is_offered_again_is_in_order() {
        let mut story = Story::new(&["alice", "bob"]);
        story.spec.server.push = true;
        story.accepts(0, 1, 1);
        push(&mut story, 1);
        let (mid, generation, delivery) = (story.mid(0, 1, 1), hash("generation"), DeliveryId(1));
        story.at_secs(30).account(1, Fact::Restored { mid, generation, delivery });
        push(&mut story, 2);
        story.at_secs(31).acks(0, 1, 1);
        let docket = story.judge(PushFallsBack::default());
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Positive), 1);
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Negative), 1);
    }

    #[test]
    fn a_push_that_is_forgotten_is_found() {
        let mut story = Story::new(&["alice", "bob"]);
        story.spec.server.push = true;
        story.accepts(0, 1, 1);
        push(&mut story, 1);
        story.at_secs(60).phase(Phase::End);
        let docket = story.judge(PushFallsBack::default());
        let found = "alice>bob#1 was pushed, not acknowledged, and is not stored again";
        assert_eq!(docket.findings[0].message, found);
    }
}
