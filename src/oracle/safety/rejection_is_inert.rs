//! S-21: a message that is rejected changes nothing and shows nothing, and the device lives on.
//!
//! Not here: messages that are accepted wrongly (S-02, S-03).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Epoch, Mid, UserId};
use crate::base::time::Instant;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, negative, positive};
use crate::oracle::ranges::Ranges;
use crate::oracle::spec::Spec;
use crate::oracle::turn::Turns;
use crate::trace::fact::{
    EvictCause, Fact, FrameFact, FrameKind, LossCause, Octets, RejectCause, ReplyResult,
};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::{Polarity, Requirement};
use crate::wire::message::Envelope;

const ID: &str = "S-21";
const UNAUTHENTIC: [Requirement; 1] = [Requirement::of(1, 5)];
const MALFORMED: [Requirement; 1] = [Requirement::of(1, 7)];
const NOT_OURS: [Requirement; 1] = [Requirement::of(1, 6)];
const UNPROVED: [Requirement; 1] = [Requirement::of(6, 5)];

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
    /// Devices that rejected something for this reason and have not accepted anything since.
    shaken: BTreeMap<(u32, RejectCause), RecordId>,
    /// Frames about which a device must have a word to say.
    unanswered: Turns<Unanswered>,
    /// When devices stopped last.
    stopped: BTreeMap<u32, Instant>,
    /// Epochs of peers that were offered in replies which prove nothing, and in no other.
    unproved: BTreeMap<(u32, UserId), BTreeMap<Epoch, RecordId>>,
    /// Epochs of peers that were in replies which prove them.
    proved: BTreeMap<(u32, UserId), Ranges>,
}

/// A frame at a device that nothing has answered so far.
#[derive(Debug)]
struct Unanswered {
    user: u32,
    frame: RecordId,
    at: Instant,
    /// The rejection that may have cost the device its life; none: the frame itself is malformed.
    shaken: Option<RecordId>,
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
                self.shaken.insert((user, *why), record.id);
                if let Some((_, why)) = self.early.begin(record, (record.id, *why)) {
                    settle(why, docket);
                }
            }
            RejectCause::AuthFail => {
                self.shaken.insert((user, *why), record.id);
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

    /// A frame arrives that calls for an answer: any message after a bad tag, or one that is no frame.
    fn arrives(&mut self, record: &Record, user: u32, frame: &FrameFact) {
        let malformed = |octets: &Octets| Envelope::decode(&octets.0).is_err();
        let shaken = self.shaken.get(&(user, RejectCause::AuthFail)).copied();
        let call = if frame.octets.as_ref().is_some_and(malformed) {
            None
        } else if shaken.is_some() && frame.kind == Some(FrameKind::Deliver) {
            shaken
        } else {
            return;
        };
        let (frame, at) = (record.id, record.at);
        self.unanswered.begin_after(record, Unanswered { user, frame, at, shaken: call });
    }

    /// Frames that certainly get no answer any more.
    fn silence(&mut self, now: Instant, spec: &Spec, docket: &mut Docket) {
        for it in self.unanswered.over(now, spec) {
            if self.stopped.get(&it.user).is_some_and(|at| *at >= it.at) {
                continue;
            }
            let (cited, what, first) = match it.shaken {
                Some(rejection) => (&UNAUTHENTIC, "after a bad tag a message", rejection),
                None => (&MALFORMED, "a malformed frame", it.frame),
            };
            let message = format!("{what} is neither taken nor refused");
            docket.violation(ID, cited, it.at, &[first, it.frame], message);
        }
    }

    /// What replies say of a peer's epochs, and whether a device uses one that nothing proves.
    fn keys(&mut self, record: &Record, user: u32, docket: &mut Docket) {
        if let Fact::KeyReply { peer, epochs, result, .. } = &record.fact {
            let key = (user, peer.clone());
            if *result == ReplyResult::Accepted {
                if let Some(unproved) = self.unproved.get_mut(&key) {
                    unproved.retain(|epoch, _| !epochs.contains(epoch));
                }
                let proved = self.proved.entry(key).or_default();
                epochs.iter().for_each(|epoch| _ = proved.insert(epoch.0));
            } else if matches!(result, ReplyResult::BrokenChain | ReplyResult::BadSignature) {
                let proved = self.proved.get(&key);
                let is_new =
                    |epoch: &&Epoch| !proved.is_some_and(|proved| proved.contains(epoch.0));
                let new = epochs.iter().filter(is_new).map(|epoch| (*epoch, record.id));
                self.unproved.entry(key).or_default().extend(new);
            }
        } else if let Fact::Derive { peer, theirs, .. } = &record.fact {
            let unproved = self.unproved.get(&(user, peer.clone()));
            if let Some(reply) = unproved.and_then(|unproved| unproved.get(theirs)) {
                let message = format!("a key of {peer} from a reply that was rejected is used");
                docket.violation(ID, &UNPROVED, record.at, &[*reply, record.id], message);
            }
        } else if let Fact::Confirmed { peer, accepted: true, .. } = &record.fact {
            self.unproved.remove(&(user, peer.clone()));
        }
    }

    fn shows(&mut self, record: &Record, user: u32, mid: &Mid, docket: &mut Docket) {
        if let Some(rejection) = self.failed.remove(&(user, mid.clone())) {
            let message = format!("{mid} is accepted although its tag did not hold");
            docket.violation(ID, &UNAUTHENTIC, record.at, &[rejection, record.id], message);
            return;
        }
        // The device takes the next valid message.
        let healthy =
            [(RejectCause::AuthFail, positive(1, 5)), (RejectCause::Malformed, positive(1, 7))];
        for (why, side) in healthy {
            if self.shaken.remove(&(user, why)).is_some() {
                docket.shown(ID, &[side]);
            }
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

    fn facts(&self) -> Facts {
        // Whatever a device does because of a frame is an answer to it.
        Facts::ALL
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        for (_, why) in self.early.over(record.at, spec) {
            settle(why, docket);
        }
        self.unauthentic.over(record.at, spec);
        self.silence(record.at, spec, docket);
        let Some(user) = device_of(record) else { return };
        self.unanswered.end(record);
        self.keys(record, user, docket);
        if let Fact::Reject { .. } = &record.fact {
            self.reject(record, user, docket);
        } else if let Fact::Lost { frame, why: LossCause::Undecodable } = &record.fact
            && !frame.up
        {
            self.shaken.insert((user, RejectCause::Malformed), record.id);
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
        } else if let Fact::Rx(frame) = &record.fact {
            self.arrives(record, user, frame);
        } else if let Fact::PowerOff { .. } = &record.fact {
            self.stopped.insert(user, record.at);
            self.shaken.retain(|(shaken, _), _| *shaken != user);
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
        let about = About::message(story.mid(0, 1, 1), 0);
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
    fn a_device_that_takes_a_message_after_a_malformed_frame_is_evidence() {
        let mut story = Story::new(&["alice", "bob"]);
        rejects(&mut story, RejectCause::Malformed);
        story.commits(1, 0, 2);
        let docket = story.judge(RejectionIsInert::default());
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(1, 7), Polarity::Positive), 1);
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

    /// What is found when a frame of these octets comes after a bad tag; whether the device says anything.
    fn comes(octets: &[u8], says: bool) -> Vec<String> {
        let mut story = Story::new(&["alice", "bob"]);
        let mid = Some(story.mid(0, 1, 1));
        story.device(1, Fact::Reject { mid: mid.clone(), why: RejectCause::AuthFail });
        let mut frame =
            story.frame(FrameKind::Deliver, false, About::message(story.mid(0, 1, 2), 0));
        frame.octets = Some(Octets(octets.into()));
        let rx = story.device(1, Fact::Rx(frame));
        if says {
            let why = RejectCause::Malformed;
            story.push(NodeId::device(1), Some(rx), Fact::Reject { mid, why });
        }
        story.at_secs(60).phase(crate::trace::fact::Phase::End);
        let docket = story.judge(RejectionIsInert::default());
        docket.findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_device_that_says_nothing_any_more_is_found() {
        let poll_end = [0x85, 1, 9, 0x48, 0, 0, 0, 0, 0, 0, 0, 0, 0xf6, 0x82, 0, 0];
        assert_eq!(comes(&poll_end, true), [""; 0]);
        assert_eq!(
            comes(&poll_end, false),
            ["after a bad tag a message is neither taken nor refused"]
        );
        assert_eq!(comes(b"no frame", true), [""; 0]);
        assert_eq!(comes(b"no frame", false), ["a malformed frame is neither taken nor refused"]);
    }

    #[test]
    fn a_key_from_a_rejected_reply_is_not_used() {
        for (result, found) in [(ReplyResult::Accepted, 0), (ReplyResult::BrokenChain, 1)] {
            let mut story = Story::new(&["alice", "bob"]);
            story.gets_reply(1, 0, 1, ReplyResult::BrokenChain);
            story.gets_reply(1, 0, 2, result);
            story.derives(1, 0, 1, 1);
            let docket = story.judge(RejectionIsInert::default());
            assert_eq!(docket.findings.len(), found, "{result}");
        }
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
