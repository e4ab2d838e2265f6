//! C10-R2: a server that does not push sends mail only to those who poll.
//!
//! A server that is not part of the world may not say which poll it sends something for: then one that it has
//! not answered yet is as good. Not here: that a poll brings what waits (`c10_r1`).

use std::collections::BTreeMap;

use crate::base::id::{Mid, ReqId};
use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{Docket, Facts, Oracle, account_of, facts, frames, negative, positive};
use crate::oracle::owned::Owned;
use crate::oracle::spec::{Spec, UnderTest};
use crate::oracle::turn::Turns;
use crate::trace::fact::{Fact, FrameKind, OUTSIDE};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C10-R2";
const CITED: [Requirement; 1] = [Requirement::of(10, 2)];
/// Mail that waited this long would have been sent by a server that does not wait for polls.
const PATIENCE: Duration = Duration::from_secs(2);

/// The judge of C10-R2.
#[derive(Debug, Default)]
pub struct NoPollNoMail {
    polls: Turns<()>,
    /// Polls without an end, by account, of a server outside of the world.
    open: Owned<ReqId, ()>,
    /// What a server outside of the world does for a reason that it does not tell follows from this.
    untold: BTreeMap<u32, RecordId>,
    /// Since when mail waits, by account.
    waiting: Owned<Mid, Instant>,
}

impl Oracle for NoPollNoMail {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![PowerOff, Accept, Offer, Restored, Acked, Expire, Bounce, Timer, Tx, Rx]
            .frames(frames![Poll, PollEnd, Error])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if spec.server.push {
            return;
        }
        let Some(account) = account_of(record) else { return };
        self.polls.over(record.at, spec);
        if let Fact::Rx(frame) = &record.fact {
            if frame.kind == Some(FrameKind::Poll) {
                self.polls.begin_after(record, ());
                if spec.under_test == Some(UnderTest::Server) {
                    self.open.insert(account, frame.req, ());
                }
            }
        } else if let Fact::Tx(frame) = &record.fact {
            // What comes after the answer is not sent for this poll.
            self.polls.end(record);
            self.open.remove(account, &frame.req);
        } else if let Fact::Timer { reason } = &record.fact {
            if reason == OUTSIDE {
                self.untold.insert(account, record.id);
            }
        } else if let Fact::Accept { mid, known: false, .. } | Fact::Restored { mid, .. } =
            &record.fact
        {
            self.waiting.insert(account, mid.clone(), record.at);
        } else if let Fact::Offer { mid, pushed, .. } = &record.fact {
            let since = self.waiting.remove(account, mid);
            if *pushed || !self.is_polled(account, record) {
                let message = format!("{mid} is sent although {} does not poll", mid.receiver);
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            } else if since.is_some_and(|since| record.at.since(since) >= PATIENCE) {
                docket.shown(ID, &[positive(10, 2), negative(10, 2)]);
            }
        } else if let Fact::Acked { mid, .. }
        | Fact::Expire { mid, .. }
        | Fact::Bounce { mid, .. } = &record.fact
        {
            self.waiting.remove(account, mid);
        } else if let Fact::PowerOff { .. } = &record.fact {
            // A server that is off sends nothing anyway.
            self.waiting.forget(account);
            self.open.forget(account);
        }
    }
}

impl NoPollNoMail {
    /// Whether what an account does now may be for a poll.
    fn is_polled(&mut self, account: u32, record: &Record) -> bool {
        let untold = record.cause.is_some() && record.cause == self.untold.get(&account).copied();
        self.polls.during(record).is_some() || untold && self.open.of(account).next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::About;
    use crate::verdict::requirement::Polarity;

    fn offered(polled: bool) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.accepts(0, 1, 1);
        let frame = story.frame(FrameKind::Poll, true, About::Nothing);
        let cause = story.at_secs(5).account(1, Fact::Rx(frame));
        story.offers(0, 1, 1);
        story.records.last_mut().unwrap().cause = polled.then_some(cause);
        story.judge(NoPollNoMail::default())
    }

    #[test]
    fn mail_that_waits_for_the_poll_is_in_order() {
        let docket = offered(true);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Negative), 1);
    }

    /// What is found when a server that tells no reasons sends mail, and before that these frames went.
    fn untold(kinds: &[FrameKind]) -> usize {
        let mut story = Story::new(&["alice", "bob"]);
        story.spec.under_test = Some(UnderTest::Server);
        story.accepts(0, 1, 1);
        for kind in kinds {
            let frame = story.frame(*kind, *kind == FrameKind::Poll, About::Nothing);
            let is_poll = *kind == FrameKind::Poll;
            story.account(1, if is_poll { Fact::Rx(frame) } else { Fact::Tx(frame) });
        }
        let cause = story.at_secs(5).account(1, Fact::Timer { reason: OUTSIDE.into() });
        story.offers(0, 1, 1);
        story.records.last_mut().unwrap().cause = Some(cause);
        story.judge(NoPollNoMail::default()).findings.len()
    }

    #[test]
    fn a_server_that_tells_no_reasons_sends_mail_while_a_poll_is_open() {
        assert_eq!(untold(&[FrameKind::Poll]), 0);
        assert_eq!(untold(&[]), 1);
        assert_eq!(untold(&[FrameKind::Poll, FrameKind::PollEnd]), 1);
    }

    #[test]
    fn mail_that_nobody_polled_is_found() {
        let found = "alice>bob#1 is sent although bob does not poll";
        assert_eq!(offered(false).findings[0].message, found);
    }
}
