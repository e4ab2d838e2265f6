//! S-19: nobody acknowledges what is not durable, at the server or at the device.
//!
//! A fact of acceptance follows its write, so an acknowledgement that comes before it is a lie, whether or
//! not a crash exposes it. Not here: what users are told (S-20).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Mid, ReqId, UserId};
use crate::base::time::Instant;
use crate::oracle::judge::{
    Docket, Facts, Oracle, account_of, device_of, facts, frames, negative, positive,
};
use crate::oracle::owned::Owned;
use crate::oracle::ranges::Ranges;
use crate::oracle::rollback::Rollbacks;
use crate::oracle::spec::Spec;
use crate::trace::fact::{About, Fact, FrameFact, FrameKind};
use crate::trace::record::Record;
use crate::verdict::finding::Severity;
use crate::verdict::requirement::Requirement;

const ID: &str = "S-19";
const SERVER: [Requirement; 1] = [Requirement::of(9, 2)];
const DEVICE: [Requirement; 2] = [Requirement::of(10, 4), Requirement::of(14, 4)];

/// The judge of S-19.
#[derive(Debug, Default)]
pub struct AcksAreHonest {
    accepted: BTreeMap<(UserId, UserId), Ranges>,
    committed: BTreeMap<(u32, UserId), Ranges>,
    /// Stored at an account when it stopped.
    through_stop: Owned<Mid, ()>,
    /// Submitted to an account and not acknowledged yet; and those through a stop of it.
    submitted: Owned<Mid, ()>,
    cut_off: Owned<Mid, ()>,
    /// In mailboxes.
    held: Owned<Mid, ()>,
    /// Came to a device that stopped before it committed them.
    interrupted: BTreeSet<Mid>,
    arrived: Owned<Mid, ()>,
    /// Waited at a device through a lookup that failed, or that had to be sent again.
    starved: BTreeSet<Mid>,
    /// The last request that asked for a peer's key.
    asked: BTreeMap<(u32, UserId), ReqId>,
    rollbacks: Rollbacks,
    times: BTreeMap<Mid, Instant>,
}

impl AcksAreHonest {
    fn server(&mut self, record: &Record, account: u32, docket: &mut Docket) {
        if let Fact::Accept { mid, .. } = &record.fact {
            let pair = (mid.sender.clone(), mid.receiver.clone());
            self.accepted.entry(pair).or_default().insert(mid.seq.0);
            self.held.insert(account, mid.clone(), ());
        } else if let Fact::Tx(frame) = &record.fact
            && frame.kind == Some(FrameKind::SubmitAck)
            && let About::Message(mid, _) = &frame.about
        {
            let pair = (mid.sender.clone(), mid.receiver.clone());
            self.submitted.remove(account, mid);
            let cut_off = self.cut_off.remove(account, mid).is_some();
            if self.accepted.get(&pair).is_some_and(|known| known.contains(mid.seq.0)) {
                // A stop before the acknowledgement: it came only when the message was stored.
                docket.shown(ID, &[positive(9, 2), negative(9, 2)][..2 * usize::from(cut_off)]);
            } else {
                let message = format!("SubmitAck of {mid} before it is stored");
                docket.violation(ID, &SERVER, record.at, &[record.id], message);
            }
        } else if let Fact::Rx(frame) = &record.fact {
            if frame.kind == Some(FrameKind::Submit)
                && let About::Message(mid, _) = &frame.about
            {
                self.submitted.insert(account, Mid::clone(mid), ());
            }
        } else if let Fact::Refuse { mid: Some(mid), .. } = &record.fact {
            self.submitted.remove(account, mid);
        } else if let Fact::PowerOff { .. } = &record.fact {
            for (mid, ()) in self.submitted.take(account) {
                self.cut_off.insert(account, mid, ());
            }
            for (mid, ()) in self.held.of(account) {
                self.through_stop.insert(account, mid.clone(), ());
            }
        } else if let Fact::Offer { mid, .. } = &record.fact {
            if self.through_stop.remove(account, mid).is_some() {
                docket.shown(ID, &[positive(9, 2), negative(9, 2)]);
            }
        } else if let Fact::Acked { mid, .. }
        | Fact::Expire { mid, .. }
        | Fact::Bounce { mid, .. } = &record.fact
        {
            self.held.remove(account, mid);
            self.through_stop.remove(account, mid);
        }
    }

    fn device(&mut self, record: &Record, user: u32, spec: &Spec, docket: &mut Docket) {
        if let Fact::Commit { mid, .. } = &record.fact {
            let pair = (user, mid.sender.clone());
            self.committed.entry(pair).or_default().insert(mid.seq.0);
            self.arrived.remove(user, mid);
            if spec.circumstances.restore {
                self.times.insert(mid.clone(), record.at);
            }
            if self.interrupted.remove(mid) {
                docket.shown(ID, &[positive(10, 4), negative(10, 4)]);
            }
            if self.starved.remove(mid) {
                docket.shown(ID, &[negative(14, 4), positive(14, 4)]);
            }
        } else if let Fact::Rx(frame) = &record.fact
            && frame.kind == Some(FrameKind::Deliver)
            && let About::Message(mid, _) = &frame.about
        {
            if !self.is_committed(user, mid) {
                self.arrived.insert(user, Mid::clone(mid), ());
            }
        } else if let Fact::Tx(frame) = &record.fact {
            self.ack(record, user, frame, spec, docket);
            if let (Some(FrameKind::LookupKey), About::User(peer)) = (frame.kind, &frame.about)
                && self.asked.insert((user, peer.clone()), frame.req) == Some(frame.req)
            {
                self.starve(user, peer);
            }
        } else if let Fact::PowerOff { .. } = &record.fact {
            self.interrupted.extend(self.arrived.take(user).into_iter().map(|(mid, ())| mid));
        } else if let Fact::LookupFailed { peer, .. } = &record.fact {
            self.starve(user, peer);
        } else if let Fact::Reject { mid: Some(mid), .. } = &record.fact {
            self.arrived.remove(user, mid);
        }
    }

    /// What came from this peer goes on waiting for a key.
    fn starve(&mut self, user: u32, peer: &UserId) {
        let arrived = self.arrived.of(user).map(|(mid, ())| mid);
        self.starved.extend(arrived.filter(|mid| mid.sender == *peer).cloned());
    }

    fn ack(&self, record: &Record, user: u32, frame: &FrameFact, spec: &Spec, d: &mut Docket) {
        let About::Message(mid, _) = &frame.about else { return };
        // Status reports are acknowledged too, and name the device's own messages.
        let mail = spec.user(user) == Some(&mid.receiver);
        if frame.kind != Some(FrameKind::DeliverAck) || !mail {
            return;
        }
        if self.is_committed(user, mid) {
            let forgot = self.times.get(mid).is_some_and(|at| self.rollbacks.forgot(user, *at));
            if forgot {
                let message = format!("rollback: {mid} is acknowledged, but a restore forgot it");
                let records = [record.id];
                d.push(Severity::Warning, ID, &DEVICE, record.at, &records, message);
            } else {
                d.shown(ID, &[positive(10, 4)]);
            }
        } else {
            let message = format!("DeliverAck of {mid} before it is committed");
            d.violation(ID, &DEVICE, record.at, &[record.id], message);
        }
    }

    fn is_committed(&self, user: u32, mid: &Mid) -> bool {
        let known = self.committed.get(&(user, mid.sender.clone()));
        known.is_some_and(|known| known.contains(mid.seq.0))
    }
}

impl Oracle for AcksAreHonest {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            PowerOff, Rolledback, LookupFailed, Commit, Reject, Accept, Refuse, Offer, Acked,
            Expire, Bounce, Tx, Rx, Step
        ]
        .frames(frames![Submit, SubmitAck, Deliver, DeliverAck, LookupKey])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if spec.circumstances.restore {
            self.rollbacks.observe(record);
        }
        if let Some(account) = account_of(record) {
            self.server(record, account, docket);
        } else if let Some(user) = device_of(record) {
            self.device(record, user, spec, docket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::StopCause;
    use crate::verdict::requirement::Polarity;

    fn frame(story: &Story, kind: FrameKind, up: bool) -> Fact {
        Fact::Tx(story.frame(kind, up, About::message(story.mid(0, 1, 1), 0)))
    }

    #[test]
    fn acknowledgements_after_the_write_are_in_order() {
        let mut story = Story::new(&["alice", "bob"]);
        story.accepts(0, 1, 1);
        let ack = frame(&story, FrameKind::SubmitAck, false);
        story.account(1, ack);
        story.account(1, Fact::PowerOff { why: StopCause::Crash });
        story.offers(0, 1, 1);
        story.commits(1, 0, 1);
        let ack = frame(&story, FrameKind::DeliverAck, true);
        story.device(1, ack);
        let docket = story.judge(AcksAreHonest::default());
        assert!(docket.findings.is_empty(), "{:?}", docket.findings);
        assert_eq!(docket.evidence.count(Requirement::of(9, 2), Polarity::Positive), 1);
        assert_eq!(docket.evidence.count(Requirement::of(10, 4), Polarity::Positive), 1);
    }

    #[test]
    fn acknowledgements_before_the_write_are_found() {
        let mut story = Story::new(&["alice", "bob"]);
        let ack = frame(&story, FrameKind::SubmitAck, false);
        story.account(1, ack);
        story.accepts(0, 1, 1);
        let ack = frame(&story, FrameKind::DeliverAck, true);
        story.device(1, ack);
        story.commits(1, 0, 1);
        let docket = story.judge(AcksAreHonest::default());
        let messages: Vec<_> = docket.findings.iter().map(|it| it.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "SubmitAck of alice>bob#1 before it is stored",
                "DeliverAck of alice>bob#1 before it is committed"
            ]
        );
    }
}
