//! What became of a submission: answers, reports, bounces and the decision to encrypt again
//! (protocol 4.3, 4.5).
//!
//! Not here: composing and encrypting (`outbox`).

use crate::base::id::{DeliveryId, DraftId, Mid, ReqId, UserId};
use crate::base::time::{Duration, Now};
use crate::crypto::suite::Suite;
use crate::proto::deviation::Deviation;
use crate::proto::device::Device;
use crate::proto::device::durable::{DeviceWrite, Draft, Sealed, Stage};
use crate::proto::device::outbox::short;
use crate::proto::device::request::Asking;
use crate::proto::device::timers::Timer;
use crate::trace::fact::{DraftStatus, Fact, LookupCause, NoApproval, RejectCause};
use crate::wire::code::{AckOutcome, ErrorCode, NackCode, Report};
use crate::wire::message::Message;

/// A draft whose octets are void, until it is decided what follows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounce {
    /// The lookup that was under way: only a later one decides.
    missed: Option<ReqId>,
    /// Whether one was answered.
    answered: bool,
}

impl<S: Suite> Device<S> {
    // Answers to a submission.

    pub(super) fn on_submit_ack(&mut self, now: Now, req: ReqId, mid: &Mid) {
        let Some(Asking::Submit(id)) = self.what_of(req).cloned() else { return };
        let Some(mut draft) = self.durable.drafts.get(&id).cloned() else { return };
        let Stage::Submitted(sealed) = draft.stage else { return };
        if sealed.header.mid() != *mid {
            return;
        }
        self.settle_request(req);
        self.on_served();
        draft.stage = Stage::Accepted(sealed);
        self.put_draft(now, id, draft);
        self.notice(id, Some(mid.clone()), DraftStatus::Sent);
    }

    pub(super) fn on_submit_error(
        &mut self,
        now: Now,
        req: ReqId,
        id: DraftId,
        code: ErrorCode,
        arg: u64,
    ) {
        let Some(draft) = self.durable.drafts.get(&id).cloned() else { return };
        let Stage::Submitted(sealed) = draft.stage.clone() else { return };
        let mid = Some(sealed.header.mid());
        match code {
            ErrorCode::QueueFull => {
                self.settle_request(req);
                self.resubmit_later(now, id, Duration::from_millis(arg));
                self.notice(id, mid, DraftStatus::Unsent);
            }
            ErrorCode::StaleEpoch => {
                self.settle_request(req);
                // A refusal at Submit stored nothing, so the attempt's number stays (protocol 4.5).
                let grows = self.has(Deviation::M90);
                self.put_draft(now, id, Draft { stage: Stage::Bounced(sealed, grows), ..draft });
                self.on_bounced(now, id);
            }
            ErrorCode::SeqConflict => {
                self.settle_request(req);
                self.renumber(now, id, draft, arg);
            }
            ErrorCode::Expired => self.end_draft(id, mid, DraftStatus::Expired),
            ErrorCode::UnknownUser | ErrorCode::TooBig => {
                self.end_draft(id, mid, DraftStatus::Failed);
            }
            // Not defined for a submission: it goes on as if unanswered.
            ErrorCode::IdTaken
            | ErrorCode::BadKey
            | ErrorCode::BadPop
            | ErrorCode::BadTicket
            | ErrorCode::EpochConflict
            | ErrorCode::BadChain
            | ErrorCode::InGrace
            | ErrorCode::BadSig
            | ErrorCode::StaleChallenge
            | ErrorCode::Unsupported => {}
        }
    }

    /// The number is taken by other content, so this device was rolled back: it jumps ahead (protocol 3.4).
    fn renumber(&mut self, now: Now, id: DraftId, draft: Draft, least_free: u64) {
        let to = draft.to.clone();
        let contact = self.durable.contacts.entry(to.clone()).or_default();
        contact.sent = contact.sent.max(least_free.saturating_sub(1));
        self.save_contact(&to);
        self.put_draft(now, id, Draft { stage: Stage::Waiting, ..draft });
        self.advance_drafts(now, &to);
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
            self.reject(Some(mid.clone()), RejectCause::WrongReceiver);
            return;
        }
        if let Some((id, sealed)) = self.draft_of(mid)
            && sealed.attempt == attempt
        {
            self.drop_requests(|what| *what == Asking::Submit(id));
            self.timers.stop(&Timer::Draft(id));
            let name = Some(mid.clone());
            match report {
                Report::Delivered => self.end_draft(id, name, DraftStatus::Delivered),
                Report::Expired => self.end_draft(id, name, DraftStatus::Expired),
                Report::Bounced(NackCode::TooOld) => self.end_draft(id, name, DraftStatus::Failed),
                Report::Bounced(
                    NackCode::Busy
                    | NackCode::UnknownEpoch
                    | NackCode::StaleEpoch
                    | NackCode::AuthFail,
                ) => {
                    if let Some(draft) = self.durable.drafts.get(&id).cloned() {
                        let stage = Stage::Bounced(sealed, true);
                        self.put_draft(now, id, Draft { stage, ..draft });
                    }
                    self.on_bounced(now, id);
                }
            }
        }
        let outcome = AckOutcome::Committed;
        self.tell(Message::DeliverAck { delivery, mid: mid.clone(), outcome });
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

    /// The receiver says end to end that it cannot open a message: the lookup starts earlier than the bounce
    /// would start it, and nothing else follows (protocol 4.3).
    pub(super) fn on_complaint(&mut self, now: Now, from: &UserId, mid: &Mid) {
        if mid.receiver == *from && self.draft_of(mid).is_some() {
            self.want_lookup(now, from, LookupCause::Bounce);
        }
    }

    // Bounces: a lookup, then new octets if other epochs can be used, else the end.

    pub(super) fn on_bounced(&mut self, now: Now, id: DraftId) {
        let Some(peer) = self.durable.drafts.get(&id).map(|draft| draft.to.clone()) else { return };
        let missed = self.lookup_under_way(&peer);
        self.rare.bounces.insert(id, Bounce { missed, answered: false });
        if self.waits_for_user(&peer) {
            self.notice_confirm(&peer);
        }
        self.want_lookup(now, &peer, LookupCause::Bounce);
    }

    pub(super) fn has_bounced(&self, peer: &UserId) -> bool {
        self.bounces_to(peer).any(|(_, bounce)| !bounce.answered)
    }

    fn bounces_to(&self, peer: &UserId) -> impl Iterator<Item = (DraftId, Bounce)> {
        let is_to = move |id: &DraftId| self.durable.drafts.get(id).is_some_and(|d| d.to == *peer);
        self.rare.bounces.iter().map(|(id, bounce)| (*id, *bounce)).filter(move |(id, _)| is_to(id))
    }

    /// Decides about bounced drafts: after a lookup (of `peer`), or after the own
    /// rotation got its answer, for which every decision waits.
    pub(super) fn decide_bounced(&mut self, now: Now, looked_up: Option<(&UserId, ReqId)>) {
        if let Some((peer, req)) = looked_up {
            let of_peer: Vec<DraftId> = self.bounces_to(peer).map(|(id, _)| id).collect();
            for id in of_peer {
                if let Some(bounce) = self.rare.bounces.get_mut(&id) {
                    bounce.answered |= bounce.missed != Some(req);
                }
            }
            if self.has_bounced(peer) {
                self.want_lookup(now, peer, LookupCause::Bounce);
            }
        }
        if self.is_rotation_in_doubt() && !self.has(Deviation::M91) {
            return;
        }
        let answered = self.rare.bounces.iter().filter(|(_, bounce)| bounce.answered);
        let ready: Vec<DraftId> = answered.map(|(id, _)| *id).collect();
        for id in ready {
            self.decide(now, id);
        }
    }

    /// Encrypts a bounced draft again if that makes a difference.
    fn decide(&mut self, now: Now, id: DraftId) {
        let Some(draft) = self.durable.drafts.get(&id).cloned() else { return };
        let Stage::Bounced(sealed, grows) = draft.stage else { return };
        let Some(own) = self.durable.keyring.current_key() else { return };
        let Some(row) = self.durable.table.get(&draft.to) else {
            // The row went while the own rotation was waited for.
            return self.on_bounced(now, id);
        };
        let header = &sealed.header;
        let same = header.epoch_s == self.durable.keyring.current()
            && header.kid_s == short(&own.kid.0)
            && header.epoch_r == row.newest().epoch
            && header.kid_r == short(&row.newest().kid.0);
        if same {
            self.end_draft(id, Some(header.mid()), DraftStatus::Failed);
        } else {
            self.rare.bounces.remove(&id);
            self.encrypt(now, id, Some(header.seq), sealed.attempt + u64::from(grows));
        }
    }

    // Ends.

    /// A draft's time is over, unless the own clock went back meanwhile.
    pub(super) fn on_deadline(&mut self, now: Now, id: DraftId) {
        let Some(draft) = self.durable.drafts.get(&id) else { return };
        if self.end_of(draft).is_none_or(|end| now.wall < end) {
            return self.watch_draft(now, id);
        }
        let (mid, asked) = match &draft.stage {
            Stage::Waiting => (None, draft.deadline),
            Stage::Submitted(sealed) | Stage::Bounced(sealed, _) => {
                (Some(sealed.header.mid()), draft.deadline)
            }
            Stage::Accepted(_) => return self.forget_draft(id),
        };
        if let Some((txn, at)) = asked
            && now.wall >= at
        {
            // A signed approval is dropped when it is too late to be of use (C04-R4).
            self.fact(Fact::NotApproved { txn, why: NoApproval::Unsent });
        }
        self.end_draft(id, mid, DraftStatus::Expired);
    }

    pub(super) fn end_draft(&mut self, id: DraftId, mid: Option<Mid>, status: DraftStatus) {
        self.forget_draft(id);
        self.notice(id, mid, status);
    }

    fn forget_draft(&mut self, id: DraftId) {
        self.drop_requests(|what| *what == Asking::Submit(id));
        self.timers.stop(&Timer::Deadline(id));
        self.timers.stop(&Timer::Draft(id));
        self.rare.bounces.remove(&id);
        self.rare.told.remove(&id);
        self.write(DeviceWrite::Draft(id, None));
    }

    /// A definite answer: there is no key to encrypt waiting drafts with.
    pub(super) fn fail_waiting(&mut self, peer: &UserId) {
        for id in self.waiting_drafts(peer) {
            self.end_draft(id, None, DraftStatus::Failed);
        }
    }

    /// The same for bounced drafts, as far as the answer counts for them, or all without one; says whether
    /// some are left.
    pub(super) fn fail_bounced(&mut self, peer: &UserId, answered: Option<ReqId>) -> bool {
        let (over, left): (Vec<_>, Vec<_>) = self
            .bounces_to(peer)
            .partition(|(_, bounce)| answered.is_none() || bounce.missed != answered);
        for (id, _) in over {
            let draft = self.durable.drafts.get(&id);
            let mid = draft.and_then(|draft| match &draft.stage {
                Stage::Bounced(sealed, _) => Some(sealed.header.mid()),
                Stage::Waiting | Stage::Submitted(_) | Stage::Accepted(_) => None,
            });
            self.end_draft(id, mid, DraftStatus::Failed);
        }
        !left.is_empty()
    }

    pub(super) fn notice_unsent(&mut self, id: DraftId) {
        self.notice(id, None, DraftStatus::Unsent);
    }

    pub(super) fn notice_unsent_to(&mut self, peer: &UserId) {
        let mut unsent = self.waiting_drafts(peer);
        unsent.extend(self.bounces_to(peer).map(|(id, _)| id));
        for id in unsent {
            self.notice_unsent(id);
        }
    }

    /// Tells the user which drafts wait for a word on the peer's identity, once for each identity.
    pub(super) fn notice_confirm(&mut self, peer: &UserId) {
        let mut waiting = self.waiting_drafts(peer);
        waiting.extend(self.bounces_to(peer).map(|(id, _)| id));
        for id in waiting {
            if self.rare.told.insert(id) {
                self.notice(id, None, DraftStatus::NeedsConfirm);
            }
        }
    }

    pub(super) fn notice(&mut self, draft: DraftId, mid: Option<Mid>, status: DraftStatus) {
        self.fact(Fact::Notice { draft, mid, status });
    }
}
