//! C10-R6: a poll of an empty mailbox has a definite empty answer.
//!
//! Not here: what a poll of a mailbox with mail brings (`c10_r1`).

use crate::base::time::Instant;
use crate::oracle::judge::{Docket, Facts, Oracle, account_of, facts, frames, negative, positive};
use crate::oracle::spec::Spec;
use crate::oracle::turn::Turns;
use crate::trace::fact::{Fact, FrameKind};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C10-R6";
const CITED: [Requirement; 1] = [Requirement::of(10, 6)];

/// The judge of C10-R6.
#[derive(Debug, Default)]
pub struct PollIsAnswered {
    polls: Turns<Poll>,
    /// When each account stopped last.
    stopped: std::collections::BTreeMap<u32, Instant>,
}

#[derive(Debug)]
struct Poll {
    account: u32,
    at: Instant,
    record: RecordId,
    /// Nothing was there to be sent.
    empty: bool,
}

impl PollIsAnswered {
    fn judge(&self, over: Vec<Poll>, docket: &mut Docket) {
        for poll in over {
            if self.stopped.get(&poll.account).is_none_or(|at| *at < poll.at) {
                let message = "a poll has no answer".to_owned();
                docket.violation(ID, &CITED, poll.at, &[poll.record], message);
            }
        }
    }
}

impl Oracle for PollIsAnswered {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![PowerOff, Polled, Tx, Rx].frames(frames![Poll, PollEnd, Error])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let over = self.polls.over(record.at, spec);
        self.judge(over, docket);
        let Some(account) = account_of(record) else { return };
        if let Fact::Rx(frame) = &record.fact {
            if frame.kind == Some(FrameKind::Poll) {
                let poll = Poll { account, at: record.at, record: record.id, empty: false };
                self.polls.begin_after(record, poll);
            }
        } else if let Fact::Polled { count: 0, .. } = &record.fact {
            if let Some(poll) = self.polls.during(record) {
                poll.empty = true;
            }
        } else if let Fact::Tx(frame) = &record.fact
            && matches!(frame.kind, Some(FrameKind::PollEnd | FrameKind::Error))
        {
            let answered = self.polls.end(record);
            if frame.kind == Some(FrameKind::PollEnd) && answered.is_some_and(|poll| poll.empty) {
                // An account that has forgotten everything it need not keep is tempted to silence.
                let stopped = self.stopped.contains_key(&account);
                docket.shown(ID, &[positive(10, 6), negative(10, 6)][..1 + usize::from(stopped)]);
            }
        } else if let Fact::PowerOff { .. } = &record.fact {
            self.stopped.insert(account, record.at);
        }
    }

    fn conclude(&mut self, spec: &Spec, docket: &mut Docket) {
        // What came in the last moments may still wait for a write.
        let over = self.polls.over(docket.now, spec);
        self.judge(over, docket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::NodeId;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::{About, Phase, StopCause};
    use crate::verdict::requirement::Polarity;

    fn polled(answered: bool) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.account(1, Fact::PowerOff { why: StopCause::Crash });
        story.at(10);
        let frame = story.frame(FrameKind::Poll, true, About::Nothing);
        let cause = story.account(1, Fact::Rx(frame));
        let fact = Fact::Polled { user: story.user(1), count: 0 };
        story.push(NodeId::account(1), Some(cause), fact);
        if answered {
            let frame = story.frame(FrameKind::PollEnd, false, About::Nothing);
            story.push(NodeId::account(1), Some(cause), Fact::Tx(frame));
        }
        story.at_secs(60).phase(Phase::End);
        story.judge(PollIsAnswered::default())
    }

    #[test]
    fn an_empty_answer_is_an_answer() {
        let docket = polled(true);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Positive), 1);
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Negative), 1);
    }

    #[test]
    fn silence_is_found() {
        assert_eq!(polled(false).findings[0].message, "a poll has no answer");
    }
}
