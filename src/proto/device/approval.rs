//! Approvals: one request on the screen at a time, bound to the button, signed and logged (claims 3
//! and 4, protocol 3.6).
//!
//! Not here: how requests arrive (`inbox`) or how answers leave (`outbox`).

use std::collections::VecDeque;

use crate::base::id::{DraftId, Hash32, Mid, TxnId, UserId};
use crate::base::time::{Instant, Now};
use crate::crypto::suite::Suite;
use crate::proto::deviation::Deviation;
use crate::proto::device::Device;
use crate::proto::device::durable::{Answer, DeviceWrite};
use crate::proto::device::session::Asking;
use crate::proto::device::timers::Timer;
use crate::proto::port::RequestForm;
use crate::trace::fact::{
    AlarmKind, ApprovalMade, Button, DraftStatus, Fact, LookupCause, NoApproval, PromptShown,
    RejectCause, Selection, SignPurpose,
};
use crate::wire::body::{ApprovalReply, ApprovalRequest, ApprovalStatement, Body, Declined};
use crate::wire::cose;
use crate::wire::display::{check_displayable, display_octets};
use crate::wire::header::BodyKind;

/// The screen and the requests behind it. Volatile: power loss before the press approves nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Desk {
    screen: Option<Shown>,
    queue: VecDeque<Prompt>,
}

/// A request that wants to be shown.
#[derive(Clone, Debug)]
struct Prompt {
    request: ApprovalRequest,
    /// The encoded body, which the signature covers.
    body: Vec<u8>,
    origin: Origin,
}

/// Where a request comes from.
#[derive(Clone, Debug)]
enum Origin {
    /// From another user, in this message.
    Received(Mid),
    /// Composed here (claim 4); shown once the receiver's key is known, or at this time at the latest.
    Own { draft: DraftId, latest: Instant },
}

/// What the screen shows.
#[derive(Clone, Debug)]
struct Shown {
    prompt: Prompt,
    armed: bool,
    /// Whether the user has seen its end.
    seen: bool,
}

/// Lines that a screen shows at once; a longer request must be scrolled to its end.
const PAGE_LINES: usize = 4;
/// Requests that wait behind the screen, at most.
const QUEUE_MAX: usize = 32;

impl Desk {
    /// The user scrolls to the end.
    pub(super) fn scroll(&mut self) {
        if let Some(shown) = &mut self.screen {
            shown.seen = true;
        }
    }

    fn txn(&self) -> Option<TxnId> {
        self.screen.as_ref().map(|shown| shown.prompt.request.txn)
    }

    fn find(&self, txn: TxnId) -> Option<&Prompt> {
        let shown = self.screen.iter().map(|shown| &shown.prompt);
        shown.chain(&self.queue).find(|prompt| prompt.request.txn == txn)
    }
}

impl<S: Suite> Device<S> {
    // Requests in and out.

    /// A request arrived, decrypted and in order (C03-R8).
    pub(super) fn on_request(
        &mut self,
        now: Now,
        mid: Mid,
        request: ApprovalRequest,
        body: Vec<u8>,
    ) {
        if request.requester != mid.sender {
            self.reject(Some(mid), RejectCause::BadBody);
            return;
        }
        let (txn, digest) = (request.txn, Self::digest(&body));
        let before = self.durable.answers.get(&txn).map(|answer| answer.body);
        let before = before.or_else(|| self.desk.find(txn).map(|p| Self::digest(&p.body)));
        match before {
            Some(known) if known == digest && !self.has(Deviation::M60) => {
                self.not_approved(txn, NoApproval::Answered);
                return;
            }
            Some(known) if known != digest => {
                let (peer, what) = (Some(mid.sender), AlarmKind::TxnConflict);
                self.fact(Fact::Alarm { peer, what });
                self.not_approved(txn, NoApproval::Conflict);
                return;
            }
            Some(_) | None => {}
        }
        if let Some(why) = self.undisplayable(now, &request) {
            self.not_approved(txn, why);
            return;
        }
        self.enqueue(now, Prompt { request, body, origin: Origin::Received(mid) });
    }

    fn undisplayable(&self, now: Now, request: &ApprovalRequest) -> Option<NoApproval> {
        let screen = self.config.screen;
        let fits = request.lines.len() <= screen.lines
            && request.lines.iter().all(|line| {
                line.chars().count() <= screen.columns && check_displayable(line).is_ok()
            });
        let full = self.desk.queue.len() >= QUEUE_MAX;
        if now.wall > request.expires && !self.has(Deviation::M59) {
            Some(NoApproval::Expired)
        } else if (!fits && !self.has(Deviation::M57)) || full {
            // Refused, never truncated: what is seen is what is signed.
            Some(NoApproval::Undisplayable)
        } else {
            None
        }
    }

    /// The user asks another user.
    pub(super) fn compose_request(
        &mut self,
        now: Now,
        id: DraftId,
        to: UserId,
        txn: TxnId,
        form: RequestForm,
    ) {
        let request = self.request(now, self.user.clone(), txn, form);
        let plain = request.encode();
        self.compose(now, id, to, BodyKind::ApprovalRequest, plain, None);
    }

    /// The user composes own data to approve and send (claim 4).
    pub(super) fn compose_own_data(
        &mut self,
        now: Now,
        draft: DraftId,
        to: UserId,
        txn: TxnId,
        form: RequestForm,
    ) {
        let request = self.request(now, to.clone(), txn, form);
        if let Some(why) = self.undisplayable(now, &request) {
            self.not_approved(txn, why);
            return;
        }
        if self.select_out(now, &to) != Selection::Hit {
            self.want_lookup(now, &to, LookupCause::Request);
        }
        let body = request.encode();
        let latest = now.at + self.config.lookup_try;
        self.enqueue(now, Prompt { request, body, origin: Origin::Own { draft, latest } });
    }

    fn request(
        &mut self,
        now: Now,
        requester: UserId,
        txn: TxnId,
        form: RequestForm,
    ) -> ApprovalRequest {
        let RequestForm { lines, amount, currency, payee, expires } = form;
        let nonce = self.draws.octets();
        let created = now.wall;
        ApprovalRequest { txn, requester, lines, amount, currency, payee, created, expires, nonce }
    }

    // The screen.

    fn enqueue(&mut self, now: Now, prompt: Prompt) {
        let expiry = now.at + prompt.request.expires.since(now.wall);
        self.timers.set_earlier(expiry, Timer::Expiry);
        self.desk.queue.push_back(prompt);
        self.show_next(now);
    }

    pub(super) fn show_next_after_lookup(&mut self, now: Now, peer: &UserId) {
        for prompt in &mut self.desk.queue {
            if let Origin::Own { latest, .. } = &mut prompt.origin
                && prompt.request.requester == *peer
            {
                *latest = now.at;
            }
        }
        self.show_next(now);
    }

    /// Shows the next request if the screen is free.
    pub(super) fn show_next(&mut self, now: Now) {
        if self.desk.screen.is_some() {
            return;
        }
        let Some(first) = self.desk.queue.front() else { return };
        if let Origin::Own { latest, .. } = &first.origin {
            let (latest, to) = (*latest, first.request.requester.clone());
            let looking = self.asking(&Asking::Lookup(to.clone())).is_some();
            if looking && now.at < latest && self.select_out(now, &to) != Selection::Hit {
                self.timers.set(latest, Timer::Prompt);
                return;
            }
        }
        let Some(prompt) = self.desk.queue.pop_front() else { return };
        let request = &prompt.request;
        let mut lines = request.lines.clone();
        if self.has(Deviation::M57) {
            lines.truncate(1);
        }
        let shown = PromptShown {
            txn: request.txn,
            requester: request.requester.clone(),
            request: match &prompt.origin {
                Origin::Received(mid) => Some(mid.clone()),
                Origin::Own { .. } => None,
            },
            display: Self::digest(&display_octets(&lines)),
            lines,
            body: Self::digest(&prompt.body),
            expires: request.expires,
        };
        let seen = request.lines.len() <= PAGE_LINES;
        self.desk.screen = Some(Shown { prompt, armed: false, seen });
        self.timers.set(now.at + self.config.arm, Timer::Arm);
        self.fact(Fact::Prompt(Box::new(shown)));
    }

    pub(super) fn on_armed(&mut self) {
        if let Some(shown) = &mut self.desk.screen {
            shown.armed = true;
            let txn = shown.prompt.request.txn;
            self.fact(Fact::Armed { txn });
        }
    }

    /// Requests whose time is over leave the screen and the queue.
    pub(super) fn on_request_expiry(&mut self, now: Now) {
        let over = |prompt: &Prompt| now.wall > prompt.request.expires;
        let mut gone: Vec<Prompt> = Vec::new();
        if self.desk.screen.as_ref().is_some_and(|shown| over(&shown.prompt)) {
            gone.extend(self.clear_screen());
        }
        let queue = std::mem::take(&mut self.desk.queue);
        for prompt in queue {
            if over(&prompt) { gone.push(prompt) } else { self.desk.queue.push_back(prompt) }
        }
        for prompt in gone {
            if self.has(Deviation::M54) {
                self.approve(now, prompt);
            } else {
                self.not_approved(prompt.request.txn, NoApproval::Expired);
            }
        }
        let shown = self.desk.screen.iter().map(|shown| &shown.prompt);
        let next = shown.chain(&self.desk.queue).map(|prompt| prompt.request.expires).min();
        if let Some(expires) = next {
            // One past the end: a request can be approved up to its expiry, inclusive.
            let at = now.at + expires.since(now.wall) + crate::base::time::Duration::from_millis(1);
            self.timers.set(at, Timer::Expiry);
        }
        self.show_next(now);
    }

    fn clear_screen(&mut self) -> Option<Prompt> {
        self.timers.stop(&Timer::Arm);
        self.desk.screen.take().map(|shown| shown.prompt)
    }

    // Buttons.

    /// A press counts for what is on the screen at that moment, if that was there long enough and seen
    /// to its end.
    pub(super) fn on_press(&mut self, now: Now, button: Button) {
        let screen = self.desk.txn();
        let shown = self.desk.screen.as_ref();
        let taken = shown.is_some_and(|s| s.armed && (s.seen || button == Button::Reject));
        self.fact(Fact::Button { button, screen, taken });
        if !taken {
            return;
        }
        let Some(prompt) = self.clear_screen() else { return };
        let late = now.wall > prompt.request.expires && !self.has(Deviation::M59);
        match button {
            _ if late => self.not_approved(prompt.request.txn, NoApproval::Expired),
            Button::Approve => self.approve(now, prompt),
            Button::Reject if self.has(Deviation::M61) => self.approve(now, prompt),
            Button::Reject => self.decline(now, prompt),
        }
        if self.has(Deviation::M55) && button == Button::Approve {
            while let Some(prompt) = self.desk.queue.pop_front() {
                self.approve(now, prompt);
            }
        }
        self.show_next(now);
    }

    /// Signs, logs and hands the answer to the outbox, all in one durable write before anything leaves.
    fn approve(&mut self, now: Now, prompt: Prompt) {
        let Prompt { request, body, origin } = prompt;
        let (own, draft) = match origin {
            Origin::Own { draft, .. } => (Some(body.clone()), draft),
            Origin::Received(_) => (None, self.own_draft()),
        };
        let epoch = self.durable.keyring.current;
        let Some(key) = self.durable.keyring.current_key() else { return };
        let secret = key.sign.secret.clone();
        let counter = self.durable.approvals + 1;
        let statement = ApprovalStatement {
            txn: request.txn,
            requester: request.requester.clone(),
            approver: self.user.clone(),
            sig_epoch: epoch,
            req_digest: Self::digest(&body),
            disp_digest: Self::digest(&display_octets(&request.lines)),
            user_info: self.config.user_info.clone(),
            approval_ctr: counter,
            t: now.wall,
            expires: request.expires,
        };
        let payload = statement.encode();
        self.write(DeviceWrite::Approvals(counter));
        let answer = Answer { body: statement.req_digest, approved: true };
        self.write(DeviceWrite::Answer(request.txn, answer));
        let octets = cose::sig_structure(&payload);
        let signature = self.sign(SignPurpose::Approval, epoch, &secret, &octets);
        let cose = cose::encode(&payload, &signature);
        let made = ApprovalMade {
            txn: request.txn,
            requester: request.requester.clone(),
            draft,
            body: statement.req_digest,
            display: statement.disp_digest,
            counter,
            expires: request.expires,
            signed_at: now.wall,
            statement: Self::digest(&cose),
        };
        self.fact(Fact::Approved(Box::new(made)));
        let reply = Body::Reply(ApprovalReply { cose, request: own });
        let deadline = Some((request.txn, request.expires));
        let kind = BodyKind::ApprovalReply;
        self.compose(now, draft, request.requester, kind, reply.encode(), deadline);
    }

    fn decline(&mut self, now: Now, prompt: Prompt) {
        let Prompt { request, body, origin } = prompt;
        let answer = Answer { body: Self::digest(&body), approved: false };
        self.write(DeviceWrite::Answer(request.txn, answer));
        self.not_approved(request.txn, NoApproval::Rejected);
        match origin {
            Origin::Received(_) => {
                let (id, plain) = (self.own_draft(), Body::Declined(Declined { txn: request.txn }));
                let kind = BodyKind::Declined;
                self.compose(now, id, request.requester, kind, plain.encode(), None);
            }
            Origin::Own { draft, .. } => {
                let status = DraftStatus::Failed;
                self.fact(Fact::Notice { draft, mid: None, status });
            }
        }
    }

    fn not_approved(&mut self, txn: TxnId, why: NoApproval) {
        self.fact(Fact::NotApproved { txn, why });
    }

    // Answers to own requests.

    /// A requester checks an approval: signature, addressee, expiry and, for own data, the request inside.
    pub(super) fn on_approval(&mut self, mid: &Mid, reply: &ApprovalReply) {
        let Some((statement, valid)) = self.check_approval(mid, reply) else {
            self.reject(Some(mid.clone()), RejectCause::BadBody);
            return;
        };
        let (txn, from) = (statement.txn, mid.sender.clone());
        self.fact(Fact::ApprovalSeen { txn, from, mid: mid.clone(), valid });
    }

    fn check_approval(
        &mut self,
        mid: &Mid,
        reply: &ApprovalReply,
    ) -> Option<(ApprovalStatement, bool)> {
        let signed = cose::decode(&reply.cose).ok()?;
        let statement = ApprovalStatement::decode(&signed.payload).ok()?;
        let key = self.peer_sign_key(&mid.sender, statement.sig_epoch);
        self.work.verify += 1;
        let octets = cose::sig_structure(&signed.payload);
        let verified = key.is_some_and(|key| S::verify(&key, &octets, &signed.signature));
        let own_data = reply.request.as_deref().map_or(Some(statement.req_digest), |request| {
            let form = ApprovalRequest::decode(request).ok()?;
            let shown = Self::digest(&display_octets(&form.lines)) == statement.disp_digest;
            shown.then(|| Self::digest(request))
        });
        let valid = verified
            && statement.approver == mid.sender
            && statement.requester == self.user
            && own_data == Some(statement.req_digest)
            && statement.req_digest != Hash32::ZERO
            && statement.t <= statement.expires;
        Some((statement, valid))
    }
}
