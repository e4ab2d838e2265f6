//! What follows from what is seen of opaque devices: facts that they would tell of themselves, as far as
//! names and expectations ask for them.
//!
//! Only that much of a fact is true as a frame or a button shows; hashes of what nobody saw are zero, so
//! these facts are for expectations and never for judges. Not here: devices that tell of their inside.

mod composed;

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{DraftId, Epoch, Hash32, Mid, NodeId, ReqId, TxnId};
use crate::base::time::Duration;
use crate::oracle::implied::composed::Composed;
use crate::oracle::judge::device_of;
use crate::oracle::spec::Spec;
use crate::trace::fact::{
    About, ApprovalMade, Button, Content, DraftStatus, Fact, FrameFact, FrameKind, LookupCause,
    NoApproval, Sealing, SignPurpose,
};
use crate::trace::record::{Record, RecordId};
use crate::wire::header::{BodyKind, Header};
use crate::wire::message::{Envelope, Message};

/// Follows opaque devices.
#[derive(Clone, Debug, Default)]
pub struct Implied {
    opaque: BTreeSet<u32>,
    composed: Composed,
    /// Lookups that were seen to leave.
    asked: BTreeSet<(u32, ReqId)>,
    /// Own epochs that were seen to be announced.
    announced: BTreeSet<(u32, Epoch)>,
    /// Own epochs that were seen to be acknowledged.
    acked: BTreeSet<(u32, Epoch)>,
    /// Messages that were seen to leave: which draft each is, and how it was sealed last.
    left: BTreeMap<Mid, (DraftId, Sealed)>,
}

/// By what octets of one message differ: attempt and epochs, own first.
type Sealed = (u64, Epoch, Epoch);

impl Implied {
    /// For the opaque devices of a run.
    #[must_use]
    pub fn of(spec: &Spec) -> Self {
        Self { opaque: spec.opaque.clone(), ..Self::default() }
    }

    /// What must have happened before this record.
    pub fn before(&mut self, record: &Record) -> Option<Record> {
        let user = device_of(record).filter(|user| self.opaque.contains(user))?;
        if let Fact::Compose { draft, to, .. } = &record.fact {
            self.composed.add(user, to, *draft);
        } else if let Fact::Notice { draft, status, .. } = &record.fact
            && let DraftStatus::Delivered | DraftStatus::Expired | DraftStatus::Failed = status
        {
            self.composed.forget(user, *draft);
        }
        if let Fact::Prompt(shown) = &record.fact {
            let fact = Fact::Processed { mid: shown.request.clone()?, kind: Content::Request };
            return Some(Record { fact, ..record.clone() });
        }
        let Fact::Tx(frame) = &record.fact else { return None };
        let fact = match (frame.kind?, &frame.about) {
            (FrameKind::LookupKey, About::User(peer)) if self.asked.insert((user, frame.req)) => {
                let (peer, req, because) = (peer.clone(), frame.req, LookupCause::Draft);
                Fact::Lookup { peer, req, want: None, because }
            }
            (FrameKind::Submit, About::Message(mid, attempt)) => {
                Fact::Encrypt(Box::new(self.sealing(user, frame, mid, *attempt)?))
            }
            (FrameKind::RotateKey, About::Epoch(epoch))
                if self.announced.insert((user, *epoch)) =>
            {
                Fact::RotateStart { epoch: *epoch, revoke: revokes(frame)? }
            }
            _ => return None,
        };
        Some(Record { fact, ..record.clone() })
    }

    /// What follows from this record, at once or later.
    pub fn after(&mut self, record: &Record, spec: &Spec) -> Vec<Record> {
        if let Fact::ApprovalSeen { txn, from, valid, .. } = &record.fact {
            let user = spec.index(from).filter(|user| self.opaque.contains(user));
            return user.map_or_else(Vec::new, |user| approved(record, user, *txn, *valid));
        }
        let Some(user) = device_of(record).filter(|user| self.opaque.contains(user)) else {
            return Vec::new();
        };
        let fact = if let Fact::Button { button: Button::Reject, screen: Some(txn), taken: true } =
            &record.fact
        {
            Fact::NotApproved { txn: *txn, why: NoApproval::Rejected }
        } else if let Fact::Prompt(shown) = &record.fact {
            Fact::Armed { txn: shown.txn }
        } else if let Fact::Rx(frame) = &record.fact
            && frame.kind == Some(FrameKind::RotateAck)
            && let About::Epoch(epoch) = frame.about
            && self.acked.insert((user, epoch))
        {
            Fact::RotateDone { epoch, record: Hash32::ZERO }
        } else {
            return Vec::new();
        };
        // Such a device does not say when its buttons count; its declared T_arm does.
        let arm = spec.limits(user).map_or(Duration::ZERO, |limits| limits.arm);
        let later = if let Fact::Armed { .. } = fact { arm } else { Duration::ZERO };
        let it = told_by(user, record, fact);
        vec![Record { at: it.at + later, wall: it.wall + later, ..it }]
    }

    /// What was sealed, when it leaves for the first time like this.
    fn sealing(
        &mut self,
        user: u32,
        frame: &FrameFact,
        mid: &Mid,
        attempt: u64,
    ) -> Option<Sealing> {
        let octets = frame.octets.as_ref()?;
        let Message::Submit(submit) = Envelope::decode(&octets.0).ok()?.body else { return None };
        let Header { epoch_s, epoch_r, nonce, kind, .. } = submit.header;
        let sealed = (attempt, epoch_s, epoch_r);
        let draft = match self.left.get(mid) {
            Some((_, last)) if *last == sealed => return None,
            Some((draft, _)) => *draft,
            None => self.composed.take(user, &mid.receiver)?,
        };
        self.left.insert(mid.clone(), (draft, sealed));
        Some(Sealing {
            mid: mid.clone(),
            draft,
            attempt,
            kind: content(kind),
            own: epoch_s,
            theirs: epoch_r,
            key: Hash32::ZERO,
            nonce,
            header: Hash32::ZERO,
            ciphertext: Hash32::ZERO,
            plain: Hash32::ZERO,
        })
    }
}

/// What an approval that has arrived says of the device that it is from: it was made, and signed if the
/// signature is good.
fn approved(seen: &Record, user: u32, txn: TxnId, valid: bool) -> Vec<Record> {
    let Fact::ApprovalSeen { mid, .. } = &seen.fact else { return Vec::new() };
    let made = Fact::Approved(Box::new(ApprovalMade {
        txn,
        requester: mid.receiver.clone(),
        draft: DraftId(0),
        body: Hash32::ZERO,
        display: Hash32::ZERO,
        counter: 0,
        expires: seen.wall,
        signed_at: seen.wall,
        statement: Hash32::ZERO,
    }));
    let (digest, signature) = (Hash32::ZERO, Hash32::ZERO);
    let purpose = SignPurpose::Approval;
    let signed = valid.then_some(Fact::Sign { purpose, epoch: Epoch::FIRST, digest, signature });
    signed.into_iter().chain([made]).map(|fact| told_by(user, seen, fact)).collect()
}

/// The record of a fact that a device would tell of itself now.
fn told_by(user: u32, seen: &Record, fact: Fact) -> Record {
    let id = RecordId { node: NodeId::device(user), ..seen.id };
    Record { id, fact, ..seen.clone() }
}

/// Whether an announced record ends the epoch before it at once.
fn revokes(frame: &FrameFact) -> Option<bool> {
    let octets = frame.octets.as_ref()?;
    let Message::RotateKey(body) = Envelope::decode(&octets.0).ok()?.body else { return None };
    Some(body.record.revoke_prev)
}

const fn content(kind: BodyKind) -> Content {
    match kind {
        BodyKind::Text => Content::Text,
        BodyKind::ApprovalRequest => Content::Request,
        BodyKind::ApprovalReply => Content::Approval,
        BodyKind::EndToEndNack => Content::Nack,
        BodyKind::Declined => Content::Declined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, txn};
    use crate::trace::fact::FactKind;

    #[test]
    fn what_arrives_tells_of_buttons_signatures_and_rotations() {
        let mut story = Story::new(&["alice", "bob"]);
        let (arm, from, mid) = (story.spec.limits[0].arm, story.user(1), story.mid(1, 0, 1));
        story.at(100).prompts(1, 0, 1);
        for valid in [true, false] {
            let (from, mid) = (from.clone(), mid.clone());
            story.device(0, Fact::ApprovalSeen { txn: txn(1), from, mid, valid });
        }
        for _ in 0..2 {
            let frame = story.frame(FrameKind::RotateAck, false, About::Epoch(Epoch(2)));
            story.device(1, Fact::Rx(frame));
        }
        let told = |spec: &Spec| {
            let mut implied = Implied::of(spec);
            let name = |it: Record| (it.id.node, it.at.since(story.now), FactKind::from(&it.fact));
            let both = |record| {
                let before = implied.before(record).into_iter();
                before.chain(implied.after(record, spec)).collect::<Vec<_>>()
            };
            story.records.iter().flat_map(both).map(name).collect::<Vec<_>>()
        };
        assert_eq!(told(&story.spec), [], "devices that tell need no help");
        let mut spec = story.spec.clone();
        spec.opaque.insert(1);
        let (bob, now) = (NodeId::device(1), Duration::ZERO);
        let facts = [
            (now, FactKind::Processed),
            (arm, FactKind::Armed),
            (now, FactKind::Sign),
            (now, FactKind::Approved),
            (now, FactKind::Approved),
            (now, FactKind::RotateDone),
        ];
        assert_eq!(told(&spec), facts.map(|(later, name)| (bob, later, name)));
    }
}
