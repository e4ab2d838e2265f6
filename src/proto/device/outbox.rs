//! Drafts: composing, encrypting, submitting (claims 2, 4 and 8; protocol 4.2, 4.5).
//!
//! Not here: what became of a submission (`report`), keys (`table`, `lookup`), repeating (`request`).

use crate::base::id::{DraftId, Epoch, Seq, TxnId, UserId};
use crate::base::time::{Duration, Millis, Now};
use crate::crypto::suite::Suite;
use crate::proto::config::TEXT_MAX;
use crate::proto::deviation::Deviation;
use crate::proto::device::Device;
use crate::proto::device::durable::{DeviceWrite, Draft, Sealed, Stage, content};
use crate::proto::device::request::Asking;
use crate::proto::device::timers::Timer;
use crate::trace::fact::{DraftStatus, Fact, LookupCause, Sealing, Selection, Way};
use crate::wire::header::{BodyKind, Header};
use crate::wire::message::{Message, Submit};

/// Drafts that the device makes by itself are numbered from here on.
const OWN_DRAFTS: u64 = 1 << 63;
/// Drafts that the server has taken and not yet reported on, at most.
const ACCEPTED_MAX: usize = 1_024;

/// Something to send, as it is handed in.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    pub(super) id: DraftId,
    pub(super) to: UserId,
    pub(super) kind: BodyKind,
    pub(super) plain: Vec<u8>,
    /// When an approval must have been accepted by the server.
    pub(super) deadline: Option<(TxnId, Millis)>,
}

impl<S: Suite> Device<S> {
    /// After a start: unfinished drafts go on where they were, in the order of composing.
    pub(super) fn resume_outbox(&mut self, now: Now) {
        let drafts = self.durable.drafts.iter().map(|(id, draft)| (draft.order, *id));
        let mut drafts: Vec<(u64, DraftId)> = drafts.collect();
        drafts.sort_unstable();
        for (_, id) in drafts {
            let Some(draft) = self.durable.drafts.get(&id).cloned() else { continue };
            self.watch_draft(now, id);
            match draft.stage {
                Stage::Waiting => self.advance_drafts(now, &draft.to),
                // One that waited may have left with an earlier one of its peer.
                Stage::Submitted(_) if self.asking(&Asking::Submit(id)).is_some() => {}
                Stage::Submitted(sealed) => self.submit(now, id, &sealed),
                Stage::Accepted(_) => {}
                Stage::Bounced(..) => self.on_bounced(now, id),
            }
        }
    }

    pub(super) fn compose_text(&mut self, now: Now, id: DraftId, to: UserId, text: String) {
        let (kind, plain, deadline) = (BodyKind::Text, text.into_bytes(), None);
        self.compose(now, Parcel { id, to, kind, plain, deadline });
    }

    /// The number of a draft that the device makes by itself.
    pub(super) fn own_draft(&self) -> DraftId {
        DraftId(OWN_DRAFTS + self.durable.composed)
    }

    /// Takes something to send; encrypts it now or as soon as there is a key.
    pub(super) fn compose(&mut self, now: Now, parcel: Parcel) {
        let admitted = self.admits(&parcel);
        if admitted {
            self.store_draft(now, &parcel);
        }
        self.compose_fact(&parcel);
        if admitted {
            self.advance_drafts(now, &parcel.to);
        } else {
            self.notice(parcel.id, None, DraftStatus::Failed);
        }
    }

    /// Whether a draft can ever be sent, and whether there is room for it.
    fn admits(&self, parcel: &Parcel) -> bool {
        let drafts = &self.durable.drafts;
        let accepted = |draft: &&Draft| matches!(draft.stage, Stage::Accepted(_));
        let taken = drafts.values().filter(accepted).count();
        parcel.to != self.user
            && parcel.plain.len() <= TEXT_MAX
            && self.durable.keyring.is_registered()
            && !drafts.contains_key(&parcel.id)
            && taken < ACCEPTED_MAX
            && drafts.len() - taken < self.config.drafts_max
    }

    /// Makes a draft durable. It states nothing, so that a caller's writes before are one with it.
    pub(super) fn store_draft(&mut self, now: Now, parcel: &Parcel) {
        let order = self.durable.composed + 1;
        self.write(DeviceWrite::Composed(order));
        let Parcel { id, to, kind, plain, deadline } = parcel.clone();
        let stage = Stage::Waiting;
        self.put_draft(now, id, Draft { to, kind, plain, order, deadline, stage });
    }

    pub(super) fn compose_fact(&mut self, parcel: &Parcel) {
        let Parcel { id: draft, to, kind, plain, .. } = parcel;
        let (draft, to, kind) = (*draft, to.clone(), content(*kind));
        let len = u32::try_from(plain.len()).unwrap_or(u32::MAX);
        self.fact(Fact::Compose { draft, to, kind, plain: Self::digest(plain), len });
    }

    /// Stores a draft as it is now, with the time of its end.
    pub(super) fn put_draft(&mut self, now: Now, id: DraftId, draft: Draft) {
        self.write(DeviceWrite::Draft(id, Some(Box::new(draft))));
        self.watch_draft(now, id);
    }

    /// Sets the timer for the end of a draft's life.
    pub(super) fn watch_draft(&mut self, now: Now, id: DraftId) {
        let end = self.durable.drafts.get(&id).and_then(|draft| self.end_of(draft));
        match end {
            Some(end) => self.wake(now, end.since(now.wall), Timer::Deadline(id)),
            None => self.timers.stop(&Timer::Deadline(id)),
        }
    }

    /// When a draft's life ends, if it does: a message's with its octets, an approval's with the request.
    pub(super) fn end_of(&self, draft: &Draft) -> Option<Millis> {
        let asked = draft.deadline.map(|(_, at)| at);
        match &draft.stage {
            Stage::Waiting => asked,
            Stage::Submitted(sealed) | Stage::Bounced(sealed, _) => {
                Some(asked.map_or(sealed.expires, |at| at.min(sealed.expires)))
            }
            // Kept until the report comes; the server forgets its report one TTL after the message's end.
            Stage::Accepted(sealed) => Some(sealed.expires + self.config.ttl),
        }
    }

    /// Drafts for a peer that wait for a key, in the order of composing.
    pub(super) fn waiting_drafts(&self, peer: &UserId) -> Vec<DraftId> {
        let drafts = self.durable.drafts.iter();
        let mut waiting: Vec<(u64, DraftId)> = drafts
            .filter(|(_, draft)| draft.to == *peer && matches!(draft.stage, Stage::Waiting))
            .map(|(id, draft)| (draft.order, *id))
            .collect();
        waiting.sort_unstable();
        waiting.into_iter().map(|(_, id)| id).collect()
    }

    /// Encrypts every waiting draft for a peer if the table allows it; otherwise looks the peer up.
    pub(super) fn advance_drafts(&mut self, now: Now, peer: &UserId) {
        for id in self.waiting_drafts(peer) {
            let outcome = self.select_out(now, peer);
            let own = self.durable.keyring.current();
            let theirs = self.durable.table.get(peer).map(|row| row.newest().epoch);
            let theirs = theirs.unwrap_or_default();
            let (mid, peer_name, way) = (None, peer.clone(), Way::Out);
            self.fact(Fact::Select { mid, peer: peer_name, own, theirs, way, outcome });
            if self.waits_for_user(peer) {
                return self.notice_confirm(peer);
            }
            if outcome == Selection::Hit || self.serves_at_once(now, peer) {
                self.encrypt(now, id, None, 1);
                continue;
            }
            let stale = outcome == Selection::Stale;
            let because = if stale { LookupCause::Stale } else { LookupCause::Draft };
            return self.want_lookup(now, peer, because);
        }
    }

    /// Fixes a draft's octets under the current epochs and submits them. A draft whose time is over, or that
    /// has no number left, ends instead.
    pub(super) fn encrypt(&mut self, now: Now, id: DraftId, seq: Option<Seq>, attempt: u64) {
        let Some(mut draft) = self.durable.drafts.get(&id).cloned() else { return };
        if self.end_of(&draft).is_some_and(|end| now.wall >= end) {
            return self.on_deadline(now, id);
        }
        let peer = draft.to.clone();
        let own = self.sending_epoch(&peer);
        let Some(key_r) = self.durable.table.get(&peer).map(|row| row.newest().clone()) else {
            return;
        };
        let Some(kid_s) = self.durable.keyring.key(own).map(|key| short(&key.kid.0)) else {
            return;
        };
        let Some(pair) = self.pair(&peer, own, key_r.epoch) else { return };
        let Some((seq, counter)) = self.number(&peer, seq) else {
            return self.end_draft(id, None, DraftStatus::Failed);
        };
        let user = self.user.clone();
        let (key, print) = self.direction(&pair, &user, &peer);
        let header = Header {
            kind: draft.kind,
            sender: user,
            receiver: peer.clone(),
            epoch_s: own,
            epoch_r: key_r.epoch,
            kid_s,
            kid_r: short(&key_r.kid.0),
            seq,
            nonce: self.nonce(counter),
        };
        let ciphertext = self.seal(&key, &header, &draft.plain);
        let sealing = Sealing {
            mid: header.mid(),
            draft: id,
            attempt,
            kind: content(draft.kind),
            own,
            theirs: key_r.epoch,
            key: print,
            nonce: header.nonce,
            header: Self::digest(&header.encode()),
            ciphertext: Self::digest(&ciphertext),
            plain: Self::digest(&draft.plain),
        };
        let sealed = Sealed { header, ciphertext, attempt, expires: now.wall + self.config.ttl };
        draft.stage = Stage::Submitted(Box::new(sealed.clone()));
        self.put_draft(now, id, draft);
        self.touch(now, &peer);
        self.fact(Fact::Encrypt(Box::new(sealing)));
        self.submit(now, id, &sealed);
        if self.has(Deviation::M26) {
            self.count_late(&peer);
        }
    }

    pub(super) fn seal(
        &mut self,
        key: &crate::crypto::suite::Secret,
        header: &Header,
        plain: &[u8],
    ) -> Vec<u8> {
        self.sheet.work().aead += 1;
        self.sheet.work().aead_octets += plain.len() as u64;
        let aad = self.associated_data(header);
        if self.has(Deviation::M62) && header.kind == BodyKind::ApprovalReply {
            plain.to_vec()
        } else if self.has(Deviation::M21) {
            Self::seal_short(key, &header.nonce, &aad, plain)
        } else {
            S::seal(key, &header.nonce, &aad, plain)
        }
    }

    /// What is authenticated beside the ciphertext: the whole header, as it is on the wire (protocol 3.3).
    pub(super) fn associated_data(&self, header: &Header) -> Vec<u8> {
        if [Deviation::M18, Deviation::M19, Deviation::M20].into_iter().any(|it| self.has(it)) {
            return self.thin_data(header);
        }
        header.encode()
    }

    /// The message's number, a new one if it has none, and the next encryption counter; both are durable
    /// before the octets leave.
    pub(super) fn number(&mut self, peer: &UserId, seq: Option<Seq>) -> Option<(Seq, u64)> {
        let contact = self.durable.contacts.entry(peer.clone()).or_default();
        let seq = match seq {
            Some(seq) => seq,
            None => {
                contact.sent = contact.sent.checked_add(1)?;
                Seq(contact.sent)
            }
        };
        let counter = contact.counter + 1;
        if !self.config.deviations.has(Deviation::M26) {
            contact.counter = counter;
        }
        self.save_contact(peer);
        Some((seq, counter))
    }

    /// The own epoch of new encryptions: the recorded one, never one that is only announced (R13).
    fn sending_epoch(&self, peer: &UserId) -> Epoch {
        let keyring = &self.durable.keyring;
        let (pending, current) = (keyring.pending().map(|record| record.epoch), keyring.current());
        if self.has(Deviation::M86) {
            return pending.unwrap_or(current);
        }
        if self.has(Deviation::M13) || self.is_left_behind(peer) {
            return keyring.epochs().first().copied().unwrap_or(current);
        }
        current
    }

    pub(super) fn nonce(&self, counter: u64) -> [u8; 12] {
        let mut nonce = [0; 12];
        if !self.has(Deviation::M25) && !self.has(Deviation::M26) {
            nonce[..4].copy_from_slice(&self.salt);
        }
        nonce[4..].copy_from_slice(&counter.to_be_bytes());
        if self.has(Deviation::M24) {
            nonce.fill(0);
        }
        nonce
    }

    pub(super) fn submit(&mut self, now: Now, id: DraftId, sealed: &Sealed) {
        let Sealed { header, ciphertext, attempt, expires } = sealed.clone();
        let body = Submit { header, ciphertext, attempt, expires };
        self.ask(now, Asking::Submit(id), Message::Submit(Box::new(body)));
    }

    /// A mailbox that was full is tried again.
    pub(super) fn on_draft_due(&mut self, now: Now, id: DraftId) {
        let stage = self.durable.drafts.get(&id).map(|draft| draft.stage.clone());
        if let Some(Stage::Submitted(sealed)) = stage {
            self.submit(now, id, &sealed);
        }
    }

    /// A full mailbox is tried again after this long.
    pub(super) fn resubmit_later(&mut self, now: Now, id: DraftId, wait: Duration) {
        self.wake(now, wait, Timer::Draft(id));
    }
}

/// The part of a key ID that headers carry.
pub(super) fn short(kid: &[u8; 32]) -> [u8; 8] {
    let mut short = [0; 8];
    short.copy_from_slice(&kid[..8]);
    short
}
