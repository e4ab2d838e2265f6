//! S-30: a connection gets only the mail of the user it belongs to.
//!
//! Not here: what a device does with mail of others that an adversary sends it (S-21).

use crate::oracle::judge::{
    Docket, Facts, Oracle, account_of, device_of, facts, frames, negative, positive,
};
use crate::oracle::spec::Spec;
use crate::oracle::tampering::{Tampering, is_false};
use crate::oracle::user_map::UserMap;
use crate::trace::fact::{About, Fact, FrameKind};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "S-30";
const CITED: [Requirement; 1] = [Requirement::of(10, 3)];

/// The judge of S-30.
#[derive(Debug, Default)]
pub struct PollsArePrivate {
    /// Messages in each mailbox.
    held: UserMap<u32>,
    total: u64,
    tampering: Tampering,
}

impl PollsArePrivate {
    /// Whether anybody else has mail waiting, so that it could be mixed up.
    fn others_wait(&self, account: u32) -> bool {
        self.total > u64::from(self.held.get(account).copied().unwrap_or(0))
    }

    fn count(&mut self, record: &Record) {
        let Some(account) = account_of(record) else { return };
        if let Fact::Accept { known: false, .. } = &record.fact {
            *self.held.place(account) += 1;
            self.total += 1;
        } else if let Fact::Acked { .. } | Fact::Expire { .. } | Fact::Bounce { .. } = &record.fact
            && let Some(held) = self.held.get_mut(account).filter(|held| **held > 0)
        {
            *held -= 1;
            self.total -= 1;
        }
    }
}

impl Oracle for PollsArePrivate {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Accept, Offer, Acked, Expire, Bounce, Polled, Rx, Lost, Meddled]
            .frames(frames![Deliver])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let meddling = self.tampering.observe(record);
        self.count(record);
        if let Some(account) = account_of(record) {
            let others = self.others_wait(account);
            if let Fact::Offer { mid, to, pushed, .. } = &record.fact {
                if *to != mid.receiver {
                    let message = format!("{mid} is sent to the connection of {to}");
                    docket.violation(ID, &CITED, record.at, &[record.id], message);
                } else if others && !pushed {
                    docket.shown(ID, &[positive(10, 3)]);
                }
            } else if let Fact::Polled { .. } = &record.fact
                && others
            {
                docket.shown(ID, &[negative(10, 3), negative(9, 3)]);
            }
            return;
        }
        let own = device_of(record).and_then(|user| spec.user(user));
        if let Fact::Rx(frame) = &record.fact
            && frame.kind == Some(FrameKind::Deliver)
            && let About::Message(mid, _) = &frame.about
            && let Some(own) = own
            && *own != mid.receiver
            && !meddling.is_some_and(is_false)
        {
            let message = format!("{mid} arrives at {own}");
            docket.violation(ID, &CITED, record.at, &[record.id], message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::Polarity;

    fn arrives_at(user: u32) -> Docket {
        let mut story = Story::new(&["alice", "bob", "carol"]);
        story.accepts(0, 1, 1);
        story.accepts(0, 2, 1);
        story.offers(0, 1, 1);
        let about = About::message(story.mid(0, 1, 1), 0);
        let frame = story.frame(FrameKind::Deliver, false, about);
        story.device(user, Fact::Rx(frame));
        story.judge(PollsArePrivate::default())
    }

    #[test]
    fn mail_for_the_one_who_polls_is_in_order() {
        let docket = arrives_at(1);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(10, 3), Polarity::Positive), 1);
    }

    #[test]
    fn mail_of_somebody_else_is_found() {
        assert_eq!(arrives_at(2).findings[0].message, "alice>bob#1 arrives at carol");
    }
}
