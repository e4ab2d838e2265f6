//! C11-R5: what comes by push is checked like what was asked for: it is refused for the same reasons.
//!
//! Not here: that refusals change nothing (S-21), and replays (S-03).

use std::collections::BTreeMap;

use crate::base::id::Mid;
use crate::oracle::judge::{Docket, Oracle, account_of, device_of, negative};
use crate::oracle::spec::Spec;
use crate::trace::fact::{About, Fact, FrameKind, RejectCause};
use crate::trace::record::Record;

const ID: &str = "C11-R5";

/// The judge of C11-R5.
#[derive(Debug, Default)]
pub struct PushesAreChecked {
    /// Whether a message was offered by push last.
    pushed: BTreeMap<Mid, bool>,
    /// Whether a device has a poll under way.
    polling: BTreeMap<u32, bool>,
}

/// Whether a refusal is a check of the message, and not for want of keys or room.
const fn is_check(why: RejectCause) -> bool {
    match why {
        RejectCause::Malformed
        | RejectCause::WrongReceiver
        | RejectCause::AuthFail
        | RejectCause::TooOld
        | RejectCause::StaleEpoch
        | RejectCause::SelfMessage => true,
        RejectCause::BadBody
        | RejectCause::UnknownEpoch
        | RejectCause::UnknownSender
        | RejectCause::Busy => false,
    }
}

impl Oracle for PushesAreChecked {
    fn id(&self) -> &'static str {
        ID
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if !spec.server.push {
            return;
        }
        if account_of(record).is_some() {
            if let Fact::Offer { mid, pushed, .. } = &record.fact {
                self.pushed.insert(mid.clone(), *pushed);
            } else if let Fact::Acked { mid, .. } = &record.fact {
                self.pushed.remove(mid);
            }
            return;
        }
        let Some(user) = device_of(record) else { return };
        let polling = self.polling.entry(user).or_default();
        let checked = if let Fact::Tx(frame) = &record.fact {
            *polling |= frame.kind == Some(FrameKind::Poll);
            return;
        } else if let Fact::Rx(frame) = &record.fact {
            *polling &= frame.kind != Some(FrameKind::PollEnd);
            if let About::Message(mid, _) = &frame.about
                && frame.kind == Some(FrameKind::Deliver)
                && !*polling
            {
                self.pushed.entry(mid.clone()).or_insert(true);
            }
            return;
        } else if let Fact::Reject { mid, why } = &record.fact {
            let unasked = match mid {
                Some(mid) => self.pushed.get(mid).copied().unwrap_or(!*polling),
                None => !*polling,
            };
            unasked && is_check(*why)
        } else if let Fact::Duplicate { mid } = &record.fact {
            self.pushed.get(mid).copied().unwrap_or(!*polling)
        } else {
            return;
        };
        if checked {
            docket.shown(ID, &[negative(11, 5)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::{Polarity, Requirement};

    #[test]
    fn an_unasked_message_that_fails_a_check_is_evidence() {
        let refused = |push: bool| {
            let mut story = Story::new(&["alice", "bob"]);
            story.spec.server.push = push;
            let mid = Some(story.mid(0, 1, 1));
            story.device(1, Fact::Reject { mid, why: RejectCause::AuthFail });
            let docket = story.judge(PushesAreChecked::default());
            docket.evidence.count(Requirement::of(11, 5), Polarity::Negative)
        };
        assert_eq!((refused(true), refused(false)), (1, 0));
    }
}
