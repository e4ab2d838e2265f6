//! Drafts: composing, encrypting, submitting, and what becomes of them (claims 2, 4, 8; protocol 4.2, 4.5).
//!
//! Not here: keys (`table`, `lookup`) or repeating a request (`session`).

use crate::base::id::{DeliveryId, DraftId, Mid, ReqId, Seq, TxnId, UserId};
use crate::base::time::{Duration, Instant, Millis, Now};
use crate::crypto::suite::{Suite, TAG_LEN};
use crate::proto::config::TEXT_MAX;
use crate::proto::deviation::Deviation;
use crate::proto::device::Device;
use crate::proto::device::durable::{DeviceWrite, Draft, Sealed, Stage, content};
use crate::proto::device::session::Asking;
use crate::proto::device::timers::Timer;
use crate::trace::fact::{
    DraftStatus, Fact, LookupCause, NoApproval, RejectCause, Sealing, Selection, Way,
};
use crate::wire::code::{AckOutcome, ErrorCode, NackCode, Report};
use crate::wire::header::{BodyKind, Header};
use crate::wire::message::{Envelope, Message, Submit};

/// Drafts that the device makes by itself are numbered from here on.
const OWN_DRAFTS: u64 = 1 << 63;

impl<S: Suite> Device<S> {
    /// After a start: unfinished drafts go on where they were.
    pub(super) fn resume_outbox(&mut self, now: Now) {
        let drafts: Vec<DraftId> = self.durable.drafts.keys().copied().collect();
        for id in drafts {
            let Some(draft) = self.durable.drafts.get(&id).cloned() else { continue };
            if let Some((_, at)) = draft.deadline {
                self.timers.set(now.at + at.since(now.wall), Timer::Deadline(id));
            }
            match draft.stage {
                Stage::Waiting => self.want_lookup(now, &draft.to, LookupCause::Draft),
                Stage::Submitted(sealed) => self.submit(now, id, &sealed),
                Stage::Accepted(_) => {}
                Stage::Bounced(_, _) => self.on_bounced(now, id),
            }
        }
    }

    pub(super) fn compose_text(&mut self, now: Now, id: DraftId, to: UserId, text: String) {
        if text.len() > TEXT_MAX {
            self.notice(id, None, DraftStatus::Failed);
            return;
        }
        self.compose(now, id, to, BodyKind::Text, text.into_bytes(), None);
    }

    /// The number of a draft that the device makes by itself.
    pub(super) fn own_draft(&self) -> DraftId {
        DraftId(OWN_DRAFTS + self.durable.composed)
    }

    /// Takes something to send; encrypts it now or as soon as there is a key.
    pub(super) fn compose(
        &mut self,
        now: Now,
        id: DraftId,
        to: UserId,
        kind: BodyKind,
        plain: Vec<u8>,
        deadline: Option<(TxnId, Millis)>,
    ) {
        let refused = to == self.user || self.durable.drafts.len() >= self.config.drafts_max;
        let len = u32::try_from(plain.len()).unwrap_or(u32::MAX);
        let digest = Self::digest(&plain);
        let (draft, what) = (id, content(kind));
        self.fact(Fact::Compose { draft, to: to.clone(), kind: what, plain: digest, len });
        if refused || !self.durable.keyring.is_registered() {
            self.notice(id, None, DraftStatus::Failed);
            return;
        }
        let order = self.durable.composed + 1;
        self.write(DeviceWrite::Composed(order));
        let stage = Stage::Waiting;
        self.write_draft(id, Draft { to: to.clone(), kind, plain, order, deadline, stage });
        if let Some((_, at)) = deadline {
            self.timers.set(now.at + at.since(now.wall), Timer::Deadline(id));
        }
        self.advance_drafts(now, &to);
    }

    /// Drafts for a peer that wait for a key, in the order of composing.
    pub(super) fn waiting_drafts(&self, peer: &UserId) -> Vec<DraftId> {
        let mut waiting: Vec<(u64, DraftId)> = self
            .durable
            .drafts
            .iter()
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
            let own = self.durable.keyring.current;
            let theirs = self.durable.table.get(peer).map(|row| row.newest().epoch);
            let theirs = theirs.unwrap_or_default();
            let (mid, peer_name, way) = (None, peer.clone(), Way::Out);
            self.fact(Fact::Select { mid, peer: peer_name, own, theirs, way, outcome });
            let refetched = self.has(Deviation::M01) || self.has(Deviation::M06);
            let fresh = refetched && self.was_fetched_at(now, peer);
            if outcome == Selection::Hit || fresh {
                self.encrypt(now, id, None, 1);
            } else {
                self.want_draft_key(now, peer, outcome);
                return;
            }
        }
    }

    /// For M01 and M06, which never hit: the keys of this very moment still serve.
    pub(super) fn was_fetched_at(&self, now: Now, peer: &UserId) -> bool {
        self.durable.table.get(peer).is_some_and(|row| row.fetched == now.at)
    }

    fn want_draft_key(&mut self, now: Now, peer: &UserId, outcome: Selection) {
        let known = self.durable.contacts.get(peer);
        if known.is_some_and(|contact| contact.candidate.is_some()) {
            self.notice_confirm(peer);
            return;
        }
        let because = match outcome {
            Selection::Stale => LookupCause::Stale,
            Selection::Hit
            | Selection::Miss
            | Selection::Ahead
            | Selection::Behind
            | Selection::KidMismatch => LookupCause::Draft,
        };
        self.want_lookup(now, peer, because);
    }

    /// Fixes a draft's octets under the current epochs and submits them.
    fn encrypt(&mut self, now: Now, id: DraftId, seq: Option<Seq>, attempt: u64) {
        let Some(mut draft) = self.durable.drafts.get(&id).cloned() else { return };
        let peer = draft.to.clone();
        let own = self.sending_epoch();
        let Some(row) = self.durable.table.get(&peer) else { return };
        let (theirs, kid_r) = (row.newest().epoch, short(&row.newest().kid.0));
        let Some(pair) = self.pair(&peer, own, theirs) else { return };
        let user = self.user.clone();
        let (key, print) = self.direction(&pair, &user, &peer);
        let kid_s = self.durable.keyring.keys.get(&own).map(|key| short(&key.kid.0));
        let contact = self.durable.contacts.entry(peer.clone()).or_default();
        contact.counter += 1;
        let counter = contact.counter;
        let seq = seq.unwrap_or_else(|| {
            contact.sent += 1;
            Seq(contact.sent)
        });
        self.save_contact(&peer);
        let header = Header {
            kind: draft.kind,
            sender: user,
            receiver: peer.clone(),
            epoch_s: own,
            epoch_r: theirs,
            kid_s: kid_s.unwrap_or_default(),
            kid_r,
            seq,
            nonce: self.nonce(counter),
        };
        let aad = header.encode();
        let ciphertext = S::seal(&key, &header.nonce, &aad, &draft.plain);
        self.work.aead += 1;
        self.work.aead_octets += draft.plain.len() as u64;
        let sealing = Sealing {
            mid: header.mid(),
            draft: id,
            attempt,
            kind: content(draft.kind),
            own,
            theirs,
            key: print,
            nonce: header.nonce,
            header: Self::digest(&aad),
            ciphertext: Self::digest(&ciphertext),
            plain: Self::digest(&draft.plain),
        };
        let sealed = Sealed { header, ciphertext, attempt, expires: now.wall + self.config.ttl };
        draft.stage = Stage::Submitted(Box::new(sealed.clone()));
        self.write_draft(id, draft);
        self.touch(now, &peer);
        self.fact(Fact::Encrypt(Box::new(sealing)));
        self.submit(now, id, &sealed);
    }

    /// The own epoch of new encryptions: the recorded one, never one that is only announced (R13).
    fn sending_epoch(&self) -> crate::base::id::Epoch {
        let keyring = &self.durable.keyring;
        let pending = keyring.pending.as_ref().map(|record| record.epoch);
        if self.has(Deviation::M86) {
            return pending.unwrap_or(keyring.current);
        }
        if self.has(Deviation::M13) {
            return keyring.keys.keys().next().copied().unwrap_or(keyring.current);
        }
        keyring.current
    }

    fn nonce(&self, counter: u64) -> [u8; 12] {
        let mut nonce = [0; 12];
        if !self.has(Deviation::M24) {
            nonce[..4].copy_from_slice(&self.salt);
            nonce[4..].copy_from_slice(&counter.to_be_bytes());
        }
        nonce
    }

    fn submit(&mut self, now: Now, id: DraftId, sealed: &Sealed) {
        let Sealed { header, ciphertext, attempt, expires } = sealed.clone();
        assert!(ciphertext.len() >= TAG_LEN, "a sealed message has its tag");
        let dies = now.at + expires.since(now.wall);
        self.timers.set_earlier(dies, Timer::Deadline(id));
        let body = Submit { header, ciphertext, attempt, expires };
        self.ask(now, Asking::Submit(id), Message::Submit(Box::new(body)));
    }

    // Answers.

    pub(super) fn on_submit_ack(&mut self, now: Now, req: ReqId, mid: &Mid) {
        let Some(id) = self.submission(req) else { return };
        let Some(mut draft) = self.durable.drafts.get(&id).cloned() else { return };
        let Stage::Submitted(sealed) = draft.stage else { return };
        if sealed.header.mid() != *mid {
            return;
        }
        self.settle_request(req, &Asking::Submit(id));
        // Kept until the report comes; a report that never comes ends with the server's own memory of it.
        let forget = sealed.expires + self.config.ttl;
        draft.stage = Stage::Accepted(sealed);
        draft.deadline = None;
        self.write_draft(id, draft);
        self.timers.set(now.at + forget.since(now.wall), Timer::Deadline(id));
        self.notice(id, Some(mid.clone()), DraftStatus::Sent);
    }

    fn submission(&self, req: ReqId) -> Option<DraftId> {
        match self.requests.get(&req)?.what {
            Asking::Submit(id) => Some(id),
            Asking::Hello
            | Asking::Attach
            | Asking::Register
            | Asking::Rotate
            | Asking::Lookup(_)
            | Asking::Poll => None,
        }
    }

    pub(super) fn on_submit_error(
        &mut self,
        now: Now,
        req: ReqId,
        id: DraftId,
        code: ErrorCode,
        arg: u64,
    ) {
        self.settle_request(req, &Asking::Submit(id));
        let Some(draft) = self.durable.drafts.get(&id).cloned() else { return };
        let Stage::Submitted(sealed) = draft.stage.clone() else { return };
        let mid = Some(sealed.header.mid());
        if code == ErrorCode::QueueFull {
            self.timers.set(now.at + Duration::from_millis(arg.max(1)), Timer::Draft(id));
            self.notice(id, mid, DraftStatus::Unsent);
        } else if code == ErrorCode::StaleEpoch {
            // A refusal at Submit stored nothing, so the attempt's number stays (protocol 4.5).
            let grows = self.has(Deviation::M90);
            self.write_draft(id, Draft { stage: Stage::Bounced(sealed, grows), ..draft });
            self.on_bounced(now, id);
        } else if code == ErrorCode::SeqConflict {
            let contact = self.durable.contacts.entry(draft.to.clone()).or_default();
            contact.sent = contact.sent.max(arg.saturating_sub(1));
            self.save_contact(&draft.to);
            self.encrypt(now, id, None, 1);
        } else if code == ErrorCode::Expired {
            self.end_draft(id, mid, DraftStatus::Expired);
        } else {
            self.end_draft(id, mid, DraftStatus::Failed);
        }
    }

    pub(super) fn on_draft_due(&mut self, now: Now, id: DraftId) {
        let stage = self.durable.drafts.get(&id).map(|draft| draft.stage.clone());
        if let Some(Stage::Submitted(sealed)) = stage {
            self.submit(now, id, &sealed);
        }
    }

    /// A status report is an item like mail: acknowledged, and acted upon if it is about the present attempt.
    pub(super) fn on_report(
        &mut self,
        now: Now,
        delivery: DeliveryId,
        mid: &Mid,
        attempt: u64,
        report: Report,
    ) {
        if mid.sender != self.user {
            self.fact(Fact::Reject { mid: Some(mid.clone()), why: RejectCause::WrongReceiver });
            return;
        }
        if let Some((id, sealed)) = self.draft_of(mid)
            && sealed.attempt == attempt
        {
            self.drop_requests(|what| *what == Asking::Submit(id));
            match report {
                Report::Delivered => self.end_draft(id, Some(mid.clone()), DraftStatus::Delivered),
                Report::Expired => self.end_draft(id, Some(mid.clone()), DraftStatus::Expired),
                Report::Bounced(NackCode::TooOld) => {
                    self.end_draft(id, Some(mid.clone()), DraftStatus::Failed);
                }
                Report::Bounced(_) => {
                    if let Some(draft) = self.durable.drafts.get(&id).cloned() {
                        self.write_draft(
                            id,
                            Draft { stage: Stage::Bounced(sealed, true), ..draft },
                        );
                    }
                    self.on_bounced(now, id);
                }
            }
        }
        let outcome = AckOutcome::Committed;
        let body = Message::DeliverAck { delivery, mid: mid.clone(), outcome };
        self.tell(body);
    }

    /// The draft whose octets carry this message, while it is submitted or accepted.
    fn draft_of(&self, mid: &Mid) -> Option<(DraftId, Box<Sealed>)> {
        self.durable.drafts.iter().find_map(|(id, draft)| match &draft.stage {
            Stage::Submitted(sealed) | Stage::Accepted(sealed) if sealed.header.mid() == *mid => {
                Some((*id, sealed.clone()))
            }
            Stage::Submitted(_) | Stage::Accepted(_) | Stage::Waiting | Stage::Bounced(..) => None,
        })
    }

    // Bounces: a lookup, then new octets if other epochs can be used, else the end (protocol 4.3).

    pub(super) fn on_bounced(&mut self, now: Now, id: DraftId) {
        let Some(peer) = self.durable.drafts.get(&id).map(|draft| draft.to.clone()) else { return };
        self.bounces.insert(id, (now.at, false));
        self.want_lookup(now, &peer, LookupCause::Bounce);
    }

    pub(super) fn has_bounced(&self, peer: &UserId) -> bool {
        let of_peer = |id: &DraftId| self.durable.drafts.get(id).is_some_and(|d| d.to == *peer);
        self.bounces.iter().any(|(id, (_, answered))| !answered && of_peer(id))
    }

    /// Decides about bounced drafts: after a lookup (of `peer`, first sent at that time), or after the own
    /// rotation got its answer, for which every decision waits.
    pub(super) fn decide_bounced(&mut self, now: Now, looked_up: Option<(&UserId, Instant)>) {
        if let Some((peer, sent)) = looked_up {
            let of_peer = |id: &DraftId| self.durable.drafts.get(id).is_some_and(|d| d.to == *peer);
            let early: Vec<DraftId> =
                self.bounces.keys().filter(|id| of_peer(id)).copied().collect();
            let mut again = false;
            for id in early {
                if let Some((at, answered)) = self.bounces.get_mut(&id) {
                    *answered |= sent >= *at;
                    again |= !*answered;
                }
            }
            if again {
                self.want_lookup(now, peer, LookupCause::Bounce);
            }
        }
        if self.durable.keyring.pending.is_some() && !self.has(Deviation::M91) {
            return;
        }
        let answered = self.bounces.iter().filter(|(_, (_, answered))| *answered);
        let ready: Vec<DraftId> = answered.map(|(id, _)| *id).collect();
        for id in ready {
            self.bounces.remove(&id);
            self.decide(now, id);
        }
    }

    fn decide(&mut self, now: Now, id: DraftId) {
        let Some(draft) = self.durable.drafts.get(&id).cloned() else { return };
        let Stage::Bounced(sealed, grows) = draft.stage else { return };
        let own = self.durable.keyring.current_key();
        let row = self.durable.table.get(&draft.to);
        let (Some(own), Some(row)) = (own, row) else { return };
        let header = &sealed.header;
        let same = header.epoch_s == self.durable.keyring.current
            && header.kid_s == short(&own.kid.0)
            && header.epoch_r == row.newest().epoch
            && header.kid_r == short(&row.newest().kid.0);
        if same {
            self.end_draft(id, Some(header.mid()), DraftStatus::Failed);
        } else {
            self.encrypt(now, id, Some(header.seq), sealed.attempt + u64::from(grows));
        }
    }

    // Ends.

    pub(super) fn on_deadline(&mut self, now: Now, id: DraftId) {
        let Some(draft) = self.durable.drafts.get(&id).cloned() else { return };
        if let Some((txn, at)) = draft.deadline
            && now.wall >= at
        {
            self.fact(Fact::NotApproved { txn, why: NoApproval::Unsent });
            self.end_draft(id, None, DraftStatus::Expired);
            return;
        }
        match draft.stage {
            Stage::Submitted(sealed) | Stage::Bounced(sealed, _) if now.wall >= sealed.expires => {
                self.end_draft(id, Some(sealed.header.mid()), DraftStatus::Expired);
            }
            Stage::Accepted(_) => self.write(DeviceWrite::Draft(id, None)),
            Stage::Submitted(sealed) | Stage::Bounced(sealed, _) => {
                // The own clock went back: the message lives longer than the timer said.
                self.timers.set(now.at + sealed.expires.since(now.wall), Timer::Deadline(id));
            }
            Stage::Waiting => {}
        }
    }

    fn end_draft(&mut self, id: DraftId, mid: Option<Mid>, status: DraftStatus) {
        self.drop_requests(|what| *what == Asking::Submit(id));
        self.timers.stop(&Timer::Deadline(id));
        self.timers.stop(&Timer::Draft(id));
        self.bounces.remove(&id);
        self.write(DeviceWrite::Draft(id, None));
        self.notice(id, mid, status);
    }

    /// A definite answer: nobody is registered under that name.
    pub(super) fn fail_waiting_drafts(&mut self, peer: &UserId) {
        for id in self.waiting_drafts(peer) {
            self.end_draft(id, None, DraftStatus::Failed);
        }
    }

    pub(super) fn notice_unsent(&mut self, id: DraftId) {
        self.notice(id, None, DraftStatus::Unsent);
    }

    pub(super) fn notice_confirm(&mut self, peer: &UserId) {
        for id in self.waiting_drafts(peer) {
            self.notice(id, None, DraftStatus::NeedsConfirm);
        }
    }

    fn notice(&mut self, draft: DraftId, mid: Option<Mid>, status: DraftStatus) {
        self.fact(Fact::Notice { draft, mid, status });
    }

    /// Says something that needs no answer, if there is a session to say it in.
    pub(super) fn tell(&mut self, body: Message) {
        if let super::session::Session::Open(ticket) = &self.session {
            let ticket = Some(ticket.clone());
            let req = ReqId(self.draws.octets());
            self.transmit(Envelope { req, ticket, body });
        }
    }
}

/// The part of a key ID that headers carry.
pub(super) fn short(kid: &[u8; 32]) -> [u8; 8] {
    let mut short = [0; 8];
    short.copy_from_slice(&kid[..8]);
    short
}
