//! C10-R6: a poll of an empty mailbox is answered, and says that there is nothing.
//!
//! Not here: polls that bring something (C10-R1).

use crate::oracle::judge::{Docket, Oracle, account_of, positive};
use crate::oracle::spec::Spec;
use crate::oracle::turn::Turns;
use crate::trace::fact::{Fact, FrameKind};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C10-R6";
const CITED: [Requirement; 1] = [Requirement::of(10, 6)];

/// The judge of C10-R6.
#[derive(Debug, Default)]
pub struct EmptyPollsAreAnswered {
    /// Polls that found nothing, and whether their answer left.
    empty: Turns<(RecordId, bool)>,
}

impl Oracle for EmptyPollsAreAnswered {
    fn id(&self) -> &'static str {
        ID
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        for (poll, answered) in self.empty.over(record.at) {
            if !answered {
                let message = "a poll of an empty mailbox is not answered".to_owned();
                docket.violation(ID, &CITED, record.at, &[poll], message);
            }
        }
        if account_of(record).is_none() {
            return;
        }
        if let Fact::Polled { count: 0, .. } = &record.fact {
            self.empty.begin(record, (record.id, false));
        } else if let Fact::Tx(frame) = &record.fact
            && frame.kind == Some(FrameKind::PollEnd)
            && let Some((_, answered)) = self.empty.during(record)
        {
            *answered = true;
            docket.shown(ID, &[positive(10, 6)]);
        } else if let Fact::PowerOff { .. } = &record.fact {
            self.empty.rest();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::NodeId;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::{About, Phase};
    use crate::verdict::requirement::Polarity;

    fn polled(answered: bool) -> Docket {
        let mut story = Story::new(&["alice"]);
        let cause = story.account(0, Fact::Timer { reason: "poll".to_owned() });
        let user = story.user(0);
        let node = NodeId::account(0);
        story.push(node, Some(cause), Fact::Polled { user, count: 0 });
        if answered {
            let frame = story.frame(FrameKind::PollEnd, false, About::Nothing);
            story.push(node, Some(cause), Fact::Tx(frame));
        }
        story.at_secs(60).phase(Phase::End);
        story.judge(EmptyPollsAreAnswered::default())
    }

    #[test]
    fn only_an_empty_poll_without_an_answer_is_found() {
        let docket = polled(true);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(10, 6), Polarity::Positive), 1);
        assert_eq!(polled(false).findings.len(), 1);
    }
}
