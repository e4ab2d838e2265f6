//! What follows from what is seen of opaque devices: facts that they would tell of themselves, as far as
//! names and expectations ask for them.
//!
//! Only that much of a fact is true as a frame or a button shows; hashes of what nobody saw are zero, so
//! these facts are for expectations and never for judges. Not here: devices that tell of their inside.

mod composed;

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{DraftId, Epoch, Hash32, Mid, NodeId, ReqId};
use crate::oracle::implied::composed::Composed;
use crate::oracle::judge::device_of;
use crate::oracle::spec::Spec;
use crate::trace::fact::{
    About, Button, Content, DraftStatus, Fact, FrameFact, FrameKind, LookupCause, NoApproval,
    Sealing,
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

    /// What follows from this record at once.
    pub fn after(&self, record: &Record) -> Option<Record> {
        let user = record.id.node.user().filter(|user| self.opaque.contains(user))?;
        let fact = if let Fact::Button { button: Button::Reject, screen: Some(txn), taken: true } =
            &record.fact
        {
            Fact::NotApproved { txn: *txn, why: NoApproval::Rejected }
        } else if let Fact::Recorded { epoch, record, .. } = &record.fact
            && *epoch > Epoch::FIRST
        {
            Fact::RotateDone { epoch: *epoch, record: *record }
        } else {
            return None;
        };
        let id = RecordId { node: NodeId::device(user), ..record.id };
        Some(Record { id, fact, ..record.clone() })
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
