//! C07-R4: a lookup whose reply is lost is sent again under the same number, and not in haste.
//!
//! Not here: how many tries a burst has (S-28), or that misses share one lookup (S-05).

use crate::base::id::{ReqId, UserId};
use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, frames, negative, positive};
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::trace::fact::{Fact, FrameKind, LookupEnd, ReplyResult};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C07-R4";
const CITED: [Requirement; 1] = [Requirement::of(7, 4)];

/// The judge of C07-R4.
#[derive(Debug, Default)]
pub struct LostRepliesAreAskedForAgain {
    asked: Owned<ReqId, Asked>,
}

/// A lookup that nothing has answered.
#[derive(Debug)]
struct Asked {
    peer: UserId,
    record: RecordId,
    copies: u32,
    /// When the last copy left, unless a new session began since.
    last: Option<Instant>,
    /// Whether nothing kept it from being repeated.
    served: bool,
}

/// How long the answer to one try is waited for (protocol 4.5).
fn one_try(spec: &Spec, user: u32) -> Duration {
    spec.limits(user).map_or(Duration::ZERO, |limits| {
        limits.lookup_burst.scale(1, u64::from(limits.tries.max(1)))
    })
}

impl LostRepliesAreAskedForAgain {
    fn copy(&mut self, record: &Record, user: u32, req: ReqId, spec: &Spec, d: &mut Docket) {
        let Some(asked) = self.asked.get_mut(user, &req) else { return };
        asked.copies += 1;
        let pause = asked.last.replace(record.at).map(|last| record.at.since(last));
        if asked.copies == 1 {
            return;
        }
        if pause.is_some_and(|pause| pause < one_try(spec, user).scale(1, 2)) {
            let message = format!("the lookup of {} is repeated without backoff", asked.peer);
            d.violation(ID, &CITED, record.at, &[asked.record, record.id], message);
        } else {
            d.shown(ID, &[positive(7, 4)]);
        }
    }

    fn end(&mut self, record: &Record, user: u32, spec: &Spec, docket: &mut Docket) {
        let Fact::LookupFailed { req, why, .. } = &record.fact else { return };
        let Some(asked) = self.asked.remove(user, req) else { return };
        let several = spec.limits(user).is_some_and(|limits| limits.tries > 1);
        if *why == LookupEnd::TimedOut && asked.copies == 1 && asked.served && several {
            let message = format!("the lookup of {} is given up after one try", asked.peer);
            docket.violation(ID, &CITED, record.at, &[asked.record, record.id], message);
        }
    }

    /// The lookups of a device.
    fn of(&mut self, user: u32) -> impl Iterator<Item = &mut Asked> {
        self.asked.of_mut(user).map(|(_, asked)| asked)
    }
}

impl Oracle for LostRepliesAreAskedForAgain {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![PowerOff, State, Attached, Lookup, LookupFailed, KeyReply, Tx, Rx]
            .frames(frames![LookupKey, Error])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::Lookup { peer, req, .. } = &record.fact {
            if let Some(earlier) = self.of(user).find(|asked| asked.peer == *peer) {
                let message = format!("{peer} is looked up again under another number");
                docket.violation(ID, &CITED, record.at, &[earlier.record, record.id], message);
            }
            let (peer, record) = (peer.clone(), record.id);
            let asked = Asked { peer, record, copies: 0, last: None, served: true };
            self.asked.insert(user, *req, asked);
        } else if let Fact::Tx(frame) = &record.fact {
            if frame.kind == Some(FrameKind::LookupKey) {
                self.copy(record, user, frame.req, spec, docket);
            }
        } else if let Fact::Rx(frame) = &record.fact {
            if frame.kind == Some(FrameKind::Error) {
                // Without a session nothing can be repeated.
                self.of(user).for_each(|asked| asked.served = false);
            }
        } else if let Fact::Attached { .. } = &record.fact {
            self.of(user).for_each(|asked| asked.last = None);
        } else if let Fact::KeyReply { req, result, .. } = &record.fact {
            // A reply that proves nothing answers nothing.
            let answers = match result {
                ReplyResult::Accepted
                | ReplyResult::NewIdentity
                | ReplyResult::BrokenChain
                | ReplyResult::Rollback
                | ReplyResult::UnknownUser => true,
                ReplyResult::Unsolicited
                | ReplyResult::WrongUser
                | ReplyResult::InvalidKey
                | ReplyResult::BadSignature => false,
            };
            let answered = answers.then(|| self.asked.remove(user, req)).flatten();
            if answered.is_some_and(|asked| asked.copies > 1) {
                // Answers were lost, and it stayed one lookup, without haste, to its end.
                docket.shown(ID, &[negative(7, 4)]);
            }
        } else if let Fact::LookupFailed { .. } = &record.fact {
            self.end(record, user, spec, docket);
        } else if let Fact::PowerOff { .. } | Fact::State { .. } = &record.fact {
            self.asked.forget(user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::{About, LookupCause};
    use crate::verdict::requirement::Polarity;

    /// Bob looks alice up; copies leave at these seconds.
    fn asks(seconds: &[u64]) -> Story {
        let mut story = Story::new(&["alice", "bob"]);
        story.looks_up(1, 0, 7, LookupCause::Draft);
        for second in seconds {
            let mut frame = story.frame(FrameKind::LookupKey, true, About::User(story.user(0)));
            frame.req = ReqId([7; 8]);
            story.at_secs(*second).device(1, Fact::Tx(frame));
        }
        story
    }

    #[test]
    fn the_same_lookup_sent_again_is_in_order() {
        let mut story = asks(&[0, 5]);
        story.gets_reply(1, 0, 7, ReplyResult::Accepted);
        let docket = story.judge(LostRepliesAreAskedForAgain::default());
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Positive), 1);
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Negative), 1);
    }

    #[test]
    fn haste_another_number_and_giving_up_are_found() {
        let docket = asks(&[0, 1]).judge(LostRepliesAreAskedForAgain::default());
        let found = "the lookup of alice is repeated without backoff";
        assert_eq!(docket.findings[0].message, found);

        let mut story = asks(&[0]);
        story.at_secs(5).looks_up(1, 0, 8, LookupCause::Draft);
        let docket = story.judge(LostRepliesAreAskedForAgain::default());
        let found = "alice is looked up again under another number";
        assert_eq!(docket.findings[0].message, found);

        let mut story = asks(&[0]);
        let (peer, req, why) = (story.user(0), ReqId([7; 8]), LookupEnd::TimedOut);
        story.at_secs(40).device(1, Fact::LookupFailed { peer, req, why });
        let docket = story.judge(LostRepliesAreAskedForAgain::default());
        let found = "the lookup of alice is given up after one try";
        assert_eq!(docket.findings[0].message, found);
    }
}
