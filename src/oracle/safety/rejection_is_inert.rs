//! S-21: a message that is rejected changes nothing and shows nothing, and the device lives on.
//!
//! Not here: messages that are accepted wrongly (S-02, S-03).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::Mid;
use crate::oracle::judge::{Docket, Oracle, device_of, negative, positive};
use crate::oracle::spec::Spec;
use crate::oracle::turn::Turns;
use crate::trace::fact::{EvictCause, Fact, LossCause, RejectCause};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::{Polarity, Requirement};

const ID: &str = "S-21";
const UNAUTHENTIC: [Requirement; 1] = [Requirement::of(1, 5)];
const MALFORMED: [Requirement; 1] = [Requirement::of(1, 7)];
const NOT_OURS: [Requirement; 1] = [Requirement::of(1, 6)];

/// The judge of S-21.
#[derive(Debug, Default)]
pub struct RejectionIsInert {
    /// Rejections before anything was opened: nothing else may happen because of that frame.
    early: Turns<(RecordId, RejectCause)>,
    /// Rejections for their tag: the slot stays.
    unauthentic: Turns<RecordId>,
    /// Messages that no attempt has opened so far.
    failed: BTreeMap<(u32, Mid), RecordId>,
    /// Messages that were opened and are not yet shown: a false copy that comes meanwhile is no matter.
    opened: BTreeSet<(u32, Mid)>,
    /// Devices that rejected for a tag and have not accepted anything since.
    shaken: BTreeSet<u32>,
}

const fn cited(why: RejectCause) -> &'static [Requirement] {
    match why {
        RejectCause::Malformed => &MALFORMED,
        RejectCause::WrongReceiver | RejectCause::SelfMessage => &NOT_OURS,
        RejectCause::AuthFail
        | RejectCause::BadBody
        | RejectCause::TooOld
        | RejectCause::UnknownEpoch
        | RejectCause::StaleEpoch
        | RejectCause::UnknownSender
        | RejectCause::Busy => &UNAUTHENTIC,
    }
}

/// Which evidence an early rejection is, once its turn is over without an effect.
const fn side(why: RejectCause) -> Option<(Requirement, Polarity)> {
    match why {
        RejectCause::Malformed => Some(negative(1, 7)),
        RejectCause::WrongReceiver => Some(negative(1, 6)),
        RejectCause::SelfMessage
        | RejectCause::AuthFail
        | RejectCause::BadBody
        | RejectCause::TooOld
        | RejectCause::UnknownEpoch
        | RejectCause::StaleEpoch
        | RejectCause::UnknownSender
        | RejectCause::Busy => None,
    }
}

impl RejectionIsInert {
    fn reject(&mut self, record: &Record, user: u32, docket: &mut Docket) {
        let Fact::Reject { mid, why } = &record.fact else { return };
        match why {
            RejectCause::Malformed | RejectCause::WrongReceiver | RejectCause::SelfMessage => {
                if let Some((_, why)) = self.early.begin(record, (record.id, *why)) {
                    settle(why, docket);
                }
            }
            RejectCause::AuthFail => {
                self.shaken.insert(user);
                self.unauthentic.begin(record, record.id);
                let opened =
                    mid.as_ref().is_some_and(|mid| self.failed.contains_key(&(user, mid.clone())));
                docket.shown(ID, &[negative(1, 5)][..usize::from(opened)]);
            }
            RejectCause::BadBody
            | RejectCause::TooOld
            | RejectCause::UnknownEpoch
            | RejectCause::StaleEpoch
            | RejectCause::UnknownSender
            | RejectCause::Busy => docket.shown(ID, &[]),
        }
    }

    /// A change of state or screen: not because of a frame that was rejected.
    fn effect(&mut self, record: &Record, docket: &mut Docket) {
        if let Some((rejection, why)) = self.early.end(record) {
            let message = format!("a frame rejected as {why} has an effect");
            docket.violation(ID, cited(why), record.at, &[rejection, record.id], message);
        }
        if let Fact::Evict { why: EvictCause::PeerKey | EvictCause::OwnKey, .. } = &record.fact
            && let Some(rejection) = self.unauthentic.end(record)
        {
            let message = "a message that did not authenticate costs a slot".to_owned();
            docket.violation(ID, &UNAUTHENTIC, record.at, &[rejection, record.id], message);
        }
    }

    fn shows(&mut self, record: &Record, user: u32, mid: &Mid, docket: &mut Docket) {
        if let Some(rejection) = self.failed.remove(&(user, mid.clone())) {
            let message = format!("{mid} is accepted although its tag did not hold");
            docket.violation(ID, &UNAUTHENTIC, record.at, &[rejection, record.id], message);
        } else if self.shaken.remove(&user) {
            // The device answers the next valid message.
            docket.shown(ID, &[positive(1, 5)]);
        }
    }
}

fn settle(why: RejectCause, docket: &mut Docket) {
    docket.shown(ID, side(why).as_slice());
}

impl Oracle for RejectionIsInert {
    fn id(&self) -> &'static str {
        ID
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        for (_, why) in self.early.over(record.at, spec) {
            settle(why, docket);
        }
        self.unauthentic.over(record.at, spec);
        let Some(user) = device_of(record) else { return };
        if let Fact::Reject { .. } = &record.fact {
            self.reject(record, user, docket);
        } else if let Fact::Lost { frame, why: LossCause::Undecodable } = &record.fact
            && !frame.up
        {
            settle(RejectCause::Malformed, docket);
        } else if let Fact::Decrypt(opening) = &record.fact {
            let key = (user, opening.mid.clone());
            if opening.plain.is_some() {
                self.failed.remove(&key);
                self.opened.insert(key);
            } else if !self.opened.contains(&key) {
                self.failed.insert(key, record.id);
            }
        } else if let Fact::Commit { mid, .. } | Fact::Display { mid, .. } = &record.fact {
            self.effect(record, docket);
            self.shows(record, user, mid, docket);
            if let Fact::Display { .. } = &record.fact {
                self.opened.remove(&(user, mid.clone()));
            }
        } else if let Fact::Processed { mid, .. } = &record.fact {
            self.opened.remove(&(user, mid.clone()));
        } else if let Fact::Select { .. }
        | Fact::Lookup { .. }
        | Fact::Derive { .. }
        | Fact::Pin { .. }
        | Fact::Confirm { .. }
        | Fact::Evict { .. }
        | Fact::Prompt(_) = &record.fact
        {
            self.effect(record, docket);
        }
    }

    fn conclude(&mut self, _spec: &Spec, docket: &mut Docket) {
        for (_, why) in self.early.rest() {
            settle(why, docket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::NodeId;
    use crate::oracle::tests_support::{Story, hash};
    use crate::trace::fact::{About, FrameKind};

    fn rejects(story: &mut Story, why: RejectCause) -> RecordId {
        let about = About::Message(story.mid(0, 1, 1), 0);
        let frame = story.frame(FrameKind::Deliver, false, about);
        let rx = story.device(1, Fact::Rx(frame));
        story.push(NodeId::device(1), Some(rx), Fact::Reject { mid: None, why });
        rx
    }

    #[test]
    fn a_rejection_without_an_effect_is_evidence() {
        for (why, claim, number) in
            [(RejectCause::Malformed, 1, 7), (RejectCause::WrongReceiver, 1, 6)]
        {
            let mut story = Story::new(&["alice", "bob"]);
            rejects(&mut story, why);
            let docket = story.judge(RejectionIsInert::default());
            assert!(docket.findings.is_empty());
            let requirement = Requirement::of(claim, number);
            assert_eq!(docket.evidence.count(requirement, Polarity::Negative), 1);
        }
    }

    #[test]
    fn a_rejection_with_an_effect_is_found() {
        let mut story = Story::new(&["alice", "bob"]);
        let cause = rejects(&mut story, RejectCause::Malformed);
        let (mid, generation) = (story.mid(0, 1, 1), hash("generation"));
        story.push(NodeId::device(1), Some(cause), Fact::Commit { mid, generation });
        let docket = story.judge(RejectionIsInert::default());
        assert_eq!(docket.findings[0].message, "a frame rejected as malformed has an effect");
        assert_eq!(docket.evidence.count(Requirement::of(1, 7), Polarity::Negative), 0);
    }

    #[test]
    fn a_message_shown_although_its_tag_does_not_hold_is_found() {
        let mut story = Story::new(&["alice", "bob"]);
        story.opens(1, 0, 1, None);
        story.displays(1, 0, 1, "garbage");
        let docket = story.judge(RejectionIsInert::default());
        let found = "alice>bob#1 is accepted although its tag did not hold";
        assert_eq!(docket.findings[0].message, found);
    }

    #[test]
    fn a_false_copy_of_a_message_that_waits_to_be_shown_is_no_matter() {
        let mut story = Story::new(&["alice", "bob"]);
        story.opens(1, 0, 2, Some("hello"));
        story.opens(1, 0, 2, None);
        story.commits(1, 0, 2);
        story.displays(1, 0, 2, "hello");
        assert!(story.judge(RejectionIsInert::default()).findings.is_empty());
    }

    #[test]
    fn a_device_that_goes_on_after_a_bad_tag_is_in_order() {
        let mut story = Story::new(&["alice", "bob"]);
        story.opens(1, 0, 1, None);
        let mid = Some(story.mid(0, 1, 1));
        story.device(1, Fact::Reject { mid, why: RejectCause::AuthFail });
        story.opens(1, 0, 2, Some("hello"));
        story.commits(1, 0, 2);
        let docket = story.judge(RejectionIsInert::default());
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(1, 5), Polarity::Negative), 1);
        assert_eq!(docket.evidence.count(Requirement::of(1, 5), Polarity::Positive), 1);
    }
}
