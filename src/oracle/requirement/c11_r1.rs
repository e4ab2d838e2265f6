//! C11-R1: a server that pushes offers new mail to a connected receiver within `T_push`.
//!
//! Not here: what the receiver does with it (`c11_r2`).

use std::collections::{BTreeMap, VecDeque};

use crate::base::id::Mid;
use crate::base::time::{Instant, Millis};
use crate::oracle::judge::{
    Docket, Facts, Oracle, account_of, device_of, facts, negative, positive,
};
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::trace::fact::Fact;
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C11-R1";
const CITED: [Requirement; 1] = [Requirement::of(11, 1)];
/// Offers without an answer after which a server may hold back the rest, so as not to flood a device.
const UNANSWERED_MAX: usize = 256;

/// The judge of C11-R1.
#[derive(Debug, Default)]
pub struct PushedInTime {
    /// Until when each user's session lasts.
    sessions: BTreeMap<u32, Millis>,
    /// Mail that came while its receiver was connected and was not offered yet.
    fresh: Owned<Mid, (Instant, RecordId)>,
    /// The same in the order of coming.
    order: VecDeque<(Instant, u32, Mid)>,
    /// Offered and not answered.
    offered: Owned<Mid, ()>,
}

impl PushedInTime {
    fn overdue(&mut self, now: Instant, spec: &Spec, docket: &mut Docket) {
        let bound = spec.server.push_bound;
        while let Some((at, account, mid)) = self.order.front().cloned() {
            if at + bound >= now {
                break;
            }
            self.order.pop_front();
            if self.fresh.get(account, &mid).is_some_and(|(since, _)| *since == at)
                && let Some((_, record)) = self.fresh.remove(account, &mid)
            {
                let message = format!("{mid} is not pushed within {bound}");
                docket.violation(ID, &CITED, now, &[record], message);
            }
        }
    }

    fn account(&mut self, record: &Record, account: u32, spec: &Spec, docket: &mut Docket) {
        if let Fact::Session { expires, .. } = &record.fact {
            self.sessions.insert(account, *expires);
        } else if let Fact::Accept { mid, known: false, .. } = &record.fact {
            let until = self.sessions.get(&account);
            let connected = until.is_some_and(|it| *it > record.wall + spec.server.push_bound);
            let busy = self.offered.of(account).nth(UNANSWERED_MAX - 1).is_some();
            if connected && !busy {
                self.fresh.insert(account, mid.clone(), (record.at, record.id));
                self.order.push_back((record.at, account, mid.clone()));
            }
        } else if let Fact::Offer { mid, pushed, .. } = &record.fact {
            self.offered.insert(account, mid.clone(), ());
            // The answer to an earlier push is still out, and this one does not wait for it.
            let count = self.offered.of(account).take(2).count();
            if self.fresh.remove(account, mid).is_some() && *pushed {
                docket.shown(ID, &[positive(11, 1), negative(11, 1)][..count]);
            }
        } else if let Fact::Acked { mid, .. }
        | Fact::Nacked { mid, .. }
        | Fact::Restored { mid, .. }
        | Fact::Expire { mid, .. }
        | Fact::Bounce { mid, .. } = &record.fact
        {
            self.fresh.remove(account, mid);
            self.offered.remove(account, mid);
        } else if let Fact::PowerOff { .. } | Fact::Reset { .. } = &record.fact {
            self.fresh.forget(account);
            self.offered.forget(account);
            if let Fact::Reset { .. } = &record.fact {
                self.sessions.remove(&account);
            }
        }
    }
}

impl Oracle for PushedInTime {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            PowerOff, Attached, Reset, Session, Accept, Offer, Restored, Acked, Nacked, Expire,
            Bounce
        ]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        // A clock that jumps makes it unknown how long a session lasts.
        if !spec.server.push || spec.circumstances.clock {
            return;
        }
        self.overdue(record.at, spec, docket);
        if let Some(account) = account_of(record) {
            self.account(record, account, spec, docket);
        } else if let (Fact::Attached { expires }, Some(user)) = (&record.fact, device_of(record)) {
            self.sessions.insert(user, *expires);
        }
    }

    fn conclude(&mut self, spec: &Spec, docket: &mut Docket) {
        self.overdue(docket.now, spec, docket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::DeliveryId;
    use crate::base::time::Duration;
    use crate::oracle::tests_support::{Story, hash};
    use crate::trace::fact::Phase;
    use crate::verdict::requirement::Polarity;

    fn pushed_after(millis: Option<u64>) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.spec.server.push = true;
        let expires = Millis::WORLD_START + Duration::from_secs(3_600);
        story.device(1, Fact::Attached { expires });
        story.at(100).accepts(0, 1, 1);
        if let Some(millis) = millis {
            let fact = Fact::Offer {
                mid: story.mid(0, 1, 1),
                generation: hash("generation"),
                attempt: 1,
                delivery: DeliveryId(1),
                to: story.user(1),
                content: hash("content"),
                pushed: true,
            };
            story.at(100 + millis).account(1, fact);
        }
        story.at_secs(60).phase(Phase::End);
        story.judge(PushedInTime::default())
    }

    #[test]
    fn mail_pushed_within_the_bound_is_in_order() {
        let docket = pushed_after(Some(2_000));
        assert!(docket.findings.is_empty(), "{:?}", docket.findings);
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Positive), 1);
    }

    #[test]
    fn mail_pushed_late_or_never_is_found() {
        for after in [Some(2_001), None] {
            let docket = pushed_after(after);
            assert_eq!(docket.findings[0].message, "alice>bob#1 is not pushed within 2s");
            assert_eq!(docket.evidence.count(CITED[0], Polarity::Positive), 0);
        }
    }
}
