//! What an approval says and who signs it: made in one write, checked by whoever asked (protocol 3.6).
//!
//! Not here: the screen and its buttons (`approval`), or how answers leave (`outbox`).

use crate::base::id::{Hash32, Mid, TxnId, UserId};
use crate::base::time::{Millis, Now};
use crate::crypto::suite::Suite;
use crate::proto::deviation::Deviation;
use crate::proto::device::Device;
use crate::proto::device::approval::{Origin, Prompt};
use crate::proto::device::durable::{Answer, DeviceWrite};
use crate::proto::device::outbox::Parcel;
use crate::trace::fact::{ApprovalMade, DraftStatus, Fact, NoApproval, RejectCause, SignPurpose};
use crate::wire::body::{ApprovalReply, ApprovalRequest, ApprovalStatement, Body, Declined};
use crate::wire::cose;
use crate::wire::display::display_octets;
use crate::wire::header::BodyKind;

/// Own requests whose answers are compared with what was asked, at most; the oldest is forgotten.
const ASKED_MAX: usize = 256;

impl<S: Suite> Device<S> {
    /// Signs, logs and hands the answer to the outbox: all in one durable write, before anything is said.
    pub(super) fn approve(&mut self, now: Now, prompt: Prompt) {
        let Prompt { request, body, origin } = prompt;
        let (own, draft) = match origin {
            Origin::Own { draft, .. } => (Some(body.clone()), draft),
            Origin::Received(_) => (None, self.own_draft()),
        };
        let Some(key) = self.durable.keyring.current_key() else { return };
        let secret = key.sign.secret.clone();
        let statement = self.statement(now, &request, &body);
        let payload = statement.encode();
        let octets = cose::sig_structure(&payload);
        self.sheet.work().sign += 1;
        let signature = self.signature(&secret, &octets);
        let cose = cose::encode(&payload, &signature);
        let made = ApprovalMade {
            txn: request.txn,
            requester: request.requester.clone(),
            draft,
            body: statement.req_digest,
            display: statement.disp_digest,
            counter: statement.approval_ctr,
            expires: statement.expires,
            signed_at: now.wall,
            statement: Self::digest(&cose),
        };
        let plain = Body::Reply(ApprovalReply { cose, request: own }).encode();
        let deadline = Some((request.txn, request.expires));
        let (to, kind) = (request.requester, BodyKind::ApprovalReply);
        let parcel = Parcel { id: draft, to, kind, plain, deadline };
        self.write(DeviceWrite::Approvals(statement.approval_ctr));
        let answer = Answer { body: statement.req_digest, approved: true };
        self.write(DeviceWrite::Answer(request.txn, answer));
        self.store_draft(now, &parcel);
        self.sign_fact(SignPurpose::Approval, statement.sig_epoch, &octets, &signature);
        self.fact(Fact::Approved(Box::new(made)));
        self.compose_fact(&parcel);
        self.advance_drafts(now, &parcel.to);
    }

    pub(super) fn statement(
        &self,
        now: Now,
        request: &ApprovalRequest,
        body: &[u8],
    ) -> ApprovalStatement {
        let left_out = self.has(Deviation::M58);
        ApprovalStatement {
            txn: request.txn,
            requester: request.requester.clone(),
            approver: self.user.clone(),
            sig_epoch: self.durable.keyring.current(),
            req_digest: Self::digest(body),
            disp_digest: Self::digest(&display_octets(&request.lines)),
            user_info: if left_out { String::new() } else { self.config.user_info.clone() },
            approval_ctr: self.durable.approvals + 1,
            t: now.wall,
            expires: if left_out { Millis(0) } else { request.expires },
        }
    }

    /// The user said no: the requester is told, unsigned (protocol 3.6).
    pub(super) fn decline(&mut self, now: Now, prompt: Prompt) {
        let Prompt { request, body, origin } = prompt;
        let answer = Answer { body: Self::digest(&body), approved: false };
        self.write(DeviceWrite::Answer(request.txn, answer));
        match origin {
            Origin::Received(_) => {
                let plain = Body::Declined(Declined { txn: request.txn }).encode();
                let (id, to, kind) = (self.own_draft(), request.requester, BodyKind::Declined);
                let parcel = Parcel { id, to, kind, plain, deadline: None };
                self.store_draft(now, &parcel);
                self.not_approved(request.txn, NoApproval::Rejected);
                self.compose_fact(&parcel);
                self.advance_drafts(now, &parcel.to);
            }
            Origin::Own { draft, .. } => {
                self.not_approved(request.txn, NoApproval::Rejected);
                self.notice(draft, None, DraftStatus::Failed);
            }
        }
    }

    // Answers to own requests.

    /// Notes what was asked, so that nobody can approve something else under its name.
    pub(super) fn remember_asking(&mut self, txn: TxnId, request: &[u8]) {
        if self.rare.own_requests.len() >= ASKED_MAX {
            self.rare.own_requests.pop_front();
        }
        self.rare.own_requests.push_back((txn, Self::digest(request)));
    }

    /// Whether a plaintext holds an approval with a signature of this peer.
    pub(super) fn is_signed(&mut self, peer: &UserId, kind: BodyKind, plain: &[u8]) -> bool {
        if kind != BodyKind::ApprovalReply {
            return false;
        }
        let Ok(Body::Reply(reply)) = Body::decode(kind, plain) else { return false };
        let Ok(signed) = cose::decode(&reply.cose) else { return false };
        let Ok(statement) = ApprovalStatement::decode(&signed.payload) else { return false };
        let row = self.durable.table.get(peer);
        let key = row.and_then(|row| row.key(statement.sig_epoch)).map(|key| key.sign);
        self.sheet.work().verify += 1;
        let octets = cose::sig_structure(&signed.payload);
        key.is_some_and(|key| S::verify(&key, &octets, &signed.signature))
    }

    /// A requester checks an approval: signature, parties, times, and that it is about what was asked or, for
    /// own data, about the request inside.
    pub(super) fn on_approval(&mut self, mid: &Mid, reply: &ApprovalReply, signed: bool) {
        let Some((statement, valid)) = self.check_approval(mid, reply, signed) else {
            return self.reject(Some(mid.clone()), RejectCause::BadBody);
        };
        let (txn, from) = (statement.txn, mid.sender.clone());
        self.fact(Fact::ApprovalSeen { txn, from, mid: mid.clone(), valid });
    }

    fn check_approval(
        &self,
        mid: &Mid,
        reply: &ApprovalReply,
        signed: bool,
    ) -> Option<(ApprovalStatement, bool)> {
        let payload = cose::decode(&reply.cose).ok()?.payload;
        let statement = ApprovalStatement::decode(&payload).ok()?;
        let about = match &reply.request {
            Some(request) => self.is_own_data(&statement, request),
            None => self.is_answer(&statement),
        };
        let valid = signed
            && about
            && statement.approver == mid.sender
            && statement.requester == self.user
            && statement.t <= statement.expires;
        Some((statement, valid))
    }

    /// Whether a statement is about the request that came with it (claim 4).
    fn is_own_data(&self, statement: &ApprovalStatement, request: &[u8]) -> bool {
        let Ok(form) = ApprovalRequest::decode(request) else { return false };
        statement.req_digest == Self::digest(request)
            && statement.disp_digest == Self::digest(&display_octets(&form.lines))
            && statement.txn == form.txn
            && statement.expires == form.expires
            && form.requester == self.user
    }

    /// Whether a statement is about what was asked. What was asked before the last start is not known any
    /// more and is believed.
    fn is_answer(&self, statement: &ApprovalStatement) -> bool {
        let mut asked =
            self.rare.own_requests.iter().filter(|(txn, _)| *txn == statement.txn).peekable();
        let forgotten = asked.peek().is_none() && statement.req_digest != Hash32::ZERO;
        forgotten || asked.any(|(_, digest)| *digest == statement.req_digest)
    }
}
