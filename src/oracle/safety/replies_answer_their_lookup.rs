//! S-24: a key reply counts only for the lookup that it answers, and only with the keys of that user.
//!
//! Not here: whether a record is newer than the pin (S-10) or authorized (S-34).

use std::collections::BTreeMap;

use crate::base::id::{Hash32, ReqId, UserId};
use crate::base::small::SmallMap;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, frames, negative, positive};
use crate::oracle::met::Met;
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::oracle::turn::Turns;
use crate::trace::fact::{About, Fact, FrameKind, LookupEnd, ReplyResult};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::{Polarity, Requirement};

const ID: &str = "S-24";
const BINDING: [Requirement; 2] = [Requirement::of(7, 3), Requirement::of(16, 2)];
const VERIFIED: [Requirement; 2] = [Requirement::of(6, 5), Requirement::of(7, 3)];

/// The judge of S-24.
#[derive(Debug, Default)]
pub struct RepliesAnswerTheirLookup {
    /// Lookups that a reply may still answer.
    outstanding: Owned<(UserId, ReqId), ()>,
    /// The number of the frame that a turn began with.
    frames: Turns<ReqId>,
    /// Replies that must have no effect.
    ignored: Turns<(RecordId, ReplyResult)>,
    accepted: Turns<UserId>,
    /// Records of each user that the directory holds or served.
    records: BTreeMap<UserId, SmallMap<Hash32, ()>>,
    met: Met,
}

const fn side(result: ReplyResult) -> &'static [(Requirement, Polarity)] {
    const UNBOUND: &[(Requirement, Polarity)] = &[negative(7, 3), negative(16, 2)];
    const UNVERIFIED: &[(Requirement, Polarity)] = &[negative(6, 5)];
    match result {
        // The only ID that such a reply could be filed under is its own.
        ReplyResult::Unsolicited | ReplyResult::WrongUser => UNBOUND,
        ReplyResult::BadSignature | ReplyResult::BrokenChain | ReplyResult::InvalidKey => {
            UNVERIFIED
        }
        ReplyResult::Accepted
        | ReplyResult::Rollback
        | ReplyResult::NewIdentity
        | ReplyResult::UnknownUser => &[],
    }
}

impl RepliesAnswerTheirLookup {
    fn reply(&mut self, record: &Record, user: u32, docket: &mut Docket) {
        let Fact::KeyReply { peer, req, result, .. } = &record.fact else { return };
        if *result != ReplyResult::Accepted {
            if let Some((_, result)) = self.ignored.begin(record, (record.id, *result)) {
                docket.shown(ID, side(result));
            }
            let over = matches!(result, ReplyResult::NewIdentity | ReplyResult::UnknownUser);
            if over {
                self.answered(user, peer, req);
            }
            return;
        }
        let asked = self.answered(user, peer, req);
        let frame = self.frames.during(record).copied();
        if !asked {
            let message = format!("a key reply about {peer} is accepted that nobody asked for");
            docket.violation(ID, &BINDING, record.at, &[record.id], message);
        } else if frame.is_some_and(|frame| frame != *req) {
            let message = format!("a key reply about {peer} is accepted under another number");
            docket.violation(ID, &BINDING, record.at, &[record.id], message);
        } else {
            self.accepted.begin(record, peer.clone());
            docket.shown(ID, &[positive(7, 3), positive(6, 5)]);
        }
    }

    /// A lookup has its answer; whether it was there to be answered.
    fn answered(&mut self, user: u32, peer: &UserId, req: &ReqId) -> bool {
        self.outstanding.remove(user, &(peer.clone(), *req)).is_some()
    }

    /// Keys or secrets change: because of an accepted reply about this user, if because of a reply.
    fn effect(&mut self, record: &Record, peer: &UserId, docket: &mut Docket) {
        if let Some((reply, result)) = self.ignored.end(record) {
            let cited = if side(result).is_empty() { &VERIFIED } else { &BINDING };
            let message = format!("a key reply that is {result} changes what is held of {peer}");
            docket.violation(ID, cited, record.at, &[reply, record.id], message);
        } else if let Some(asked) = self.accepted.during(record)
            && asked == peer
        {
            docket.shown(ID, &[positive(16, 2)]);
        }
    }

    /// `excusable`: what an adversary serves at first contact is trusted on first use (protocol 3.6).
    fn pin(&mut self, record: &Record, excusable: bool, docket: &mut Docket) {
        let Fact::Pin { peer, record: hash, .. } = &record.fact else { return };
        self.effect(record, peer, docket);
        let of_another = || self.records.values().any(|known| known.get(hash).is_some());
        let foreign = self.records.get(peer).is_some_and(|known| known.get(hash).is_none());
        if foreign && (!excusable || of_another()) {
            let message = format!("{peer} is pinned at a record that is not theirs");
            docket.violation(ID, &BINDING, record.at, &[record.id], message);
        }
    }
}

impl Oracle for RepliesAnswerTheirLookup {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            PowerOff, Rolledback, State, Lookup, LookupFailed, KeyReply, Pin, Derive, Recorded,
            Served, Tx, Rx
        ]
        .frames(frames![LookupKey, KeyReply])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        for (_, result) in self.ignored.over(record.at, spec) {
            docket.shown(ID, side(result));
        }
        let meets = self.met.observe(record);
        self.frames.over(record.at, spec);
        self.accepted.over(record.at, spec);
        if let Fact::Recorded { user, record: hash, .. }
        | Fact::Served { user, current: hash, .. } = &record.fact
        {
            self.records.entry(user.clone()).or_default().insert(*hash, ());
            return;
        }
        let Some(user) = device_of(record) else { return };
        if let Fact::Rx(frame) = &record.fact
            && frame.kind == Some(FrameKind::KeyReply)
        {
            self.frames.begin_after(record, frame.req);
        } else if let Fact::Lookup { peer, req, .. } = &record.fact {
            self.outstanding.insert(user, (peer.clone(), *req), ());
        } else if let Fact::Tx(frame) = &record.fact {
            // One more copy: what came before did not answer it, such as the first part of a chain.
            if let (Some(FrameKind::LookupKey), About::User(peer)) = (frame.kind, &frame.about) {
                self.outstanding.insert(user, (peer.clone(), frame.req), ());
            }
        } else if let Fact::LookupFailed { peer, req, why: LookupEnd::UnknownUser } = &record.fact {
            self.answered(user, peer, req);
        } else if let Fact::KeyReply { .. } = &record.fact {
            self.reply(record, user, docket);
        } else if let Fact::Pin { .. } = &record.fact {
            self.pin(record, meets && spec.circumstances.adversary, docket);
        } else if let Fact::Derive { peer, .. } = &record.fact {
            self.effect(record, peer, docket);
        } else if let Fact::PowerOff { .. } = &record.fact {
            self.outstanding.forget(user);
        }
    }

    fn conclude(&mut self, _spec: &Spec, docket: &mut Docket) {
        for (_, result) in self.ignored.rest() {
            docket.shown(ID, side(result));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{Epoch, NodeId};
    use crate::oracle::tests_support::{Story, hash};
    use crate::trace::fact::LookupCause;

    fn messages(story: &Story) -> Vec<String> {
        let docket = story.judge(RepliesAnswerTheirLookup::default());
        docket.findings.into_iter().map(|finding| finding.message).collect()
    }

    /// A reply frame with this number, and what device 1 makes of it.
    fn replies(story: &mut Story, frame_req: u8, req: u8, result: ReplyResult) -> RecordId {
        let mut frame = story.frame(FrameKind::KeyReply, false, About::Nothing);
        frame.req = ReqId([frame_req; 8]);
        let rx = story.device(1, Fact::Rx(frame));
        story.gets_reply(1, 0, req, result);
        story.records.last_mut().unwrap().cause = Some(rx);
        rx
    }

    fn pins(story: &mut Story, cause: RecordId, record: &str) {
        let (peer, generation) = (story.user(0), hash("generation"));
        let record = hash(record);
        let pin = Fact::Pin { peer, generation, epoch: Epoch(1), record };
        story.push(NodeId::device(1), Some(cause), pin);
    }

    #[test]
    fn a_reply_to_its_lookup_with_the_keys_of_that_user_is_in_order() {
        let mut story = Story::new(&["alice", "bob"]);
        story.records_key(0, 1);
        story.looks_up(1, 0, 7, LookupCause::Message);
        let cause = replies(&mut story, 7, 7, ReplyResult::Accepted);
        pins(&mut story, cause, "alice1");
        assert_eq!(messages(&story), [""; 0]);
    }

    #[test]
    fn replies_that_nobody_asked_for_or_under_another_number_are_found() {
        let mut story = Story::new(&["alice", "bob"]);
        replies(&mut story, 7, 7, ReplyResult::Accepted);
        story.looks_up(1, 0, 8, LookupCause::Message);
        replies(&mut story, 9, 8, ReplyResult::Accepted);
        assert_eq!(
            messages(&story),
            [
                "a key reply about alice is accepted that nobody asked for",
                "a key reply about alice is accepted under another number"
            ]
        );
    }

    #[test]
    fn an_ignored_reply_with_an_effect_and_keys_of_somebody_else_are_found() {
        let mut story = Story::new(&["alice", "bob"]);
        story.records_key(0, 1);
        let cause = replies(&mut story, 7, 7, ReplyResult::WrongUser);
        pins(&mut story, cause, "carol1");
        assert_eq!(
            messages(&story),
            [
                "a key reply that is wrong-user changes what is held of alice",
                "alice is pinned at a record that is not theirs"
            ]
        );
    }

    #[test]
    fn an_ignored_reply_without_an_effect_is_evidence() {
        let mut story = Story::new(&["alice", "bob"]);
        replies(&mut story, 7, 7, ReplyResult::Unsolicited);
        let docket = story.judge(RepliesAnswerTheirLookup::default());
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(7, 3), Polarity::Negative), 1);
    }
}
