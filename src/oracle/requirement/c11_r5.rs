//! C11-R5: what is pushed passes every check that polled mail passes: receiver, epochs, tag, replay window.
//!
//! Not here: that a refusal changes nothing (S-21), or that mail is committed once however it comes (S-03).

use crate::base::id::Mid;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, frames, negative, positive};
use crate::oracle::requirement::unasked::Unasked;
use crate::oracle::spec::Spec;
use crate::oracle::turn::Turns;
use crate::trace::fact::Fact;
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C11-R5";
const CITED: [Requirement; 1] = [Requirement::of(11, 5)];

/// The judge of C11-R5.
#[derive(Debug, Default)]
pub struct PushIsChecked {
    unasked: Unasked,
    turns: Turns<Push>,
}

#[derive(Debug)]
struct Push {
    mid: Mid,
    record: RecordId,
    /// It names another receiver.
    stray: bool,
    /// The epochs of its header were searched in the table.
    searched: bool,
    /// Its tag was found to hold.
    opened: bool,
}

impl Oracle for PushIsChecked {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![PowerOff, Select, Decrypt, Commit, Duplicate, Reject, Tx, Rx]
            .frames(frames![Poll, PollEnd, Deliver])
    }

    fn looks_ahead(&self) -> bool {
        true
    }

    fn glance(&self, record: &Record) -> u64 {
        self.unasked.glance(record)
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        self.turns.over(record.at, spec);
        if let Some(push) = self.unasked.observe(record) {
            let stray = spec.user(push.user) != Some(&push.mid.receiver);
            let (mid, record_id) = (push.mid.clone(), record.id);
            let push = Push { mid, record: record_id, stray, searched: false, opened: false };
            self.turns.begin_after(record, push);
            return;
        }
        if device_of(record).is_none() {
            return;
        }
        let Some(push) = self.turns.during(record) else { return };
        if let Fact::Select { mid: Some(mid), .. } = &record.fact {
            push.searched |= *mid == push.mid;
        } else if let Fact::Decrypt(opening) = &record.fact {
            push.opened |= opening.mid == push.mid && opening.plain.is_some();
        } else if let Fact::Commit { mid, .. } = &record.fact
            && *mid == push.mid
        {
            let found = if push.stray {
                "although it is for somebody else"
            } else if !push.searched || !push.opened {
                "unchecked"
            } else {
                docket.shown(ID, &[positive(11, 5)]);
                return;
            };
            let message = format!("{mid} is pushed and accepted {found}");
            docket.violation(ID, &CITED, record.at, &[push.record, record.id], message);
        } else if let Fact::Duplicate { mid } | Fact::Reject { mid: Some(mid), .. } = &record.fact
            && *mid == push.mid
        {
            docket.shown(ID, &[negative(11, 5)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::{About, FrameKind, RejectCause, Selection, Way};
    use crate::verdict::requirement::Polarity;

    fn arrives(story: &mut Story) -> RecordId {
        let about = About::message(story.mid(0, 1, 1), 0);
        let frame = story.frame(FrameKind::Deliver, false, about);
        story.device(1, Fact::Rx(frame))
    }

    /// Bob commits a pushed message; whether he opens it first.
    fn commits(opens: bool) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        let push = arrives(&mut story);
        let first = story.records.len();
        if opens {
            let mid = Some(story.mid(0, 1, 1));
            story.selects(1, 0, mid, Way::In, Selection::Hit);
            story.opens(1, 0, 1, Some("hello"));
        }
        story.commits(1, 0, 1);
        story.records[first..].iter_mut().for_each(|record| record.cause = Some(push));
        story.judge(PushIsChecked::default())
    }

    #[test]
    fn a_push_that_is_opened_before_it_is_accepted_is_in_order() {
        let docket = commits(true);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Positive), 1);
    }

    #[test]
    fn a_push_that_is_refused_is_evidence() {
        let mut story = Story::new(&["alice", "bob"]);
        let push = arrives(&mut story);
        let mid = Some(story.mid(0, 1, 1));
        story.device(1, Fact::Reject { mid, why: RejectCause::AuthFail });
        story.records.last_mut().unwrap().cause = Some(push);
        let docket = story.judge(PushIsChecked::default());
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Negative), 1);
    }

    #[test]
    fn a_push_that_is_accepted_unchecked_is_found() {
        let unchecked = "alice>bob#1 is pushed and accepted unchecked";
        assert_eq!(commits(false).findings[0].message, unchecked);
    }
}
