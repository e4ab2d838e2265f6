//! The screen: one request at a time, bound to the button (claims 3 and 4, protocol 3.6).
//!
//! Not here: how requests arrive (`inbox`), and what is signed (`statement`).

use std::collections::VecDeque;

use crate::base::id::{DraftId, Mid, TxnId, UserId};
use crate::base::time::{Duration, Instant, Now};
use crate::crypto::suite::Suite;
use crate::proto::config::TEXT_MAX;
use crate::proto::deviation::Deviation;
use crate::proto::device::Device;
use crate::proto::device::outbox::Parcel;
use crate::proto::device::request::Asking;
use crate::proto::device::timers::Timer;
use crate::proto::port::RequestForm;
use crate::trace::fact::{
    AlarmKind, Button, DraftStatus, Fact, LookupCause, NoApproval, PromptShown, RejectCause,
    Selection,
};
use crate::wire::body::ApprovalRequest;
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
pub(super) struct Prompt {
    pub(super) request: ApprovalRequest,
    /// The encoded body, which the signature covers.
    pub(super) body: Vec<u8>,
    pub(super) origin: Origin,
}

/// Where a request comes from.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// From another user, in this message.
    Received(Mid),
    /// Composed here (claim 4); shown once the receiver's key is known, or at this time at the latest.
    Own { draft: DraftId, latest: Instant },
}

/// What is known of a transaction that is asked about again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// It was answered.
    Answered,
    /// It waits on the desk.
    Waiting,
    /// It was about something else (S-15).
    Otherwise,
}

/// What the screen shows.
#[derive(Clone, Debug)]
struct Shown {
    prompt: Prompt,
    /// From when on its buttons count.
    armed_at: Instant,
    /// Whether that was stated.
    armed: bool,
    /// Whether the user has seen its end.
    seen: bool,
}

/// Lines that a screen shows at once; a longer request must be scrolled to its end.
const PAGE_LINES: usize = 4;
/// Requests that wait behind the screen, at most.
const QUEUE_MAX: usize = 32;

impl Desk {
    /// Nothing is shown and nothing waits.
    pub(super) const EMPTY: Self = Self { screen: None, queue: VecDeque::new() };

    /// The user scrolls to the end.
    pub(super) fn scroll(&mut self) {
        if let Some(shown) = &mut self.screen {
            shown.seen = true;
        }
    }

    /// What waits for something else than the user.
    pub(super) fn pending(&self) -> Option<String> {
        let waits = self.queue.front().filter(|_| self.screen.is_none());
        waits.map(|prompt| format!("prompt for {}", prompt.request.requester))
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
        let txn = request.txn;
        if let Some(known) = self.is_known(txn, &body) {
            return self.on_repeated(mid, txn, known);
        }
        if let Some(why) = self.undisplayable(now, &request) {
            self.not_approved(txn, why);
            return;
        }
        self.enqueue(now, Prompt { request, body, origin: Origin::Received(mid) });
    }

    /// Whether a transaction was answered, or waits on the desk; and whether with the same content.
    fn is_known(&self, txn: TxnId, body: &[u8]) -> Option<Known> {
        let digest = Self::digest(body);
        let answered = self.durable.answers.get(&txn).map(|answer| answer.body);
        let waiting = self.rare.desk.find(txn).map(|prompt| Self::digest(&prompt.body));
        match answered.or(waiting) {
            Some(before) if before != digest => Some(Known::Otherwise),
            Some(_) if self.has(Deviation::M60) => None,
            Some(_) if answered.is_some() => Some(Known::Answered),
            Some(_) => Some(Known::Waiting),
            None => None,
        }
    }

    /// A request comes again: it never prompts again (C03-R6, S-15).
    fn on_repeated(&mut self, mid: Mid, txn: TxnId, known: Known) {
        match known {
            Known::Waiting => {}
            Known::Answered => self.not_approved(txn, NoApproval::Answered),
            Known::Otherwise => {
                let (peer, what) = (Some(mid.sender), AlarmKind::TxnConflict);
                self.fact(Fact::Alarm { peer, what });
                self.not_approved(txn, NoApproval::Conflict);
            }
        }
    }

    fn undisplayable(&self, now: Now, request: &ApprovalRequest) -> Option<NoApproval> {
        let screen = self.config.screen;
        let fits = !request.lines.is_empty()
            && request.lines.len() <= screen.lines
            && request.lines.iter().all(|line| {
                line.chars().count() <= screen.columns && check_displayable(line).is_ok()
            });
        let full = self.rare.desk.queue.len() >= QUEUE_MAX;
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
        self.remember_asking(txn, &plain);
        let kind = BodyKind::ApprovalRequest;
        self.compose(now, Parcel { id, to, kind, plain, deadline: None });
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
        let body = request.encode();
        let sendable = to != self.user
            && self.durable.keyring.is_registered()
            && body.len() <= TEXT_MAX
            && !self.durable.drafts.contains_key(&draft);
        let refused = match self.is_known(txn, &body) {
            Some(Known::Answered | Known::Waiting) => Some(NoApproval::Answered),
            Some(Known::Otherwise) => Some(NoApproval::Conflict),
            None if !sendable => Some(NoApproval::Unsent),
            None => self.undisplayable(now, &request),
        };
        if let Some(why) = refused {
            self.not_approved(txn, why);
            return self.notice(draft, None, DraftStatus::Failed);
        }
        if self.select_out(now, &to) != Selection::Hit {
            self.want_lookup(now, &to, LookupCause::Request);
        }
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
        let nonce = self.draw().octets();
        let created = now.wall;
        ApprovalRequest { txn, requester, lines, amount, currency, payee, created, expires, nonce }
    }

    // The screen.

    fn enqueue(&mut self, now: Now, prompt: Prompt) {
        self.rare.desk.queue.push_back(prompt);
        self.watch_expiry(now);
        self.show_next(now);
    }

    /// Sets the timer for the next request whose time ends, one past it: up to its expiry, inclusive, a
    /// request can be approved.
    fn watch_expiry(&mut self, now: Now) {
        let shown = self.rare.desk.screen.iter().map(|shown| &shown.prompt);
        let next = shown.chain(&self.rare.desk.queue).map(|prompt| prompt.request.expires).min();
        match next {
            Some(expires) => {
                let left = expires.since(now.wall) + Duration::from_millis(1);
                self.wake(now, left, Timer::Expiry);
            }
            None => self.timers.stop(&Timer::Expiry),
        }
    }

    pub(super) fn show_next_after_lookup(&mut self, now: Now, peer: &UserId) {
        for prompt in &mut self.rare.desk.queue {
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
        if self.rare.desk.screen.is_some() {
            return;
        }
        let Some(first) = self.rare.desk.queue.front() else { return };
        if let Origin::Own { latest, .. } = &first.origin {
            let (latest, to) = (*latest, first.request.requester.clone());
            let looking = self.asking(&Asking::Lookup(to.clone())).is_some();
            if looking && now.at < latest && self.select_out(now, &to) != Selection::Hit {
                self.wake(now, latest.since(now.at), Timer::Prompt);
                return;
            }
        }
        let Some(prompt) = self.rare.desk.queue.pop_front() else { return };
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
        let armed_at = now.at + self.config.arm;
        let early = self.has(Deviation::M53).then(|| prompt.clone());
        self.rare.desk.screen = Some(Shown { prompt, armed_at, armed: false, seen });
        self.wake(now, self.config.arm, Timer::Arm);
        self.fact(Fact::Prompt(Box::new(shown)));
        if let Some(Prompt { request, body, .. }) = early {
            self.sign_early(now, &request, &body);
        }
    }

    /// The screen was there long enough: its buttons count.
    pub(super) fn on_armed(&mut self, now: Now) {
        let shown = self.rare.desk.screen.as_mut();
        if let Some(shown) = shown.filter(|shown| !shown.armed && now.at >= shown.armed_at) {
            shown.armed = true;
            let txn = shown.prompt.request.txn;
            self.fact(Fact::Armed { txn });
        }
    }

    /// Requests whose time is over leave the screen and the queue.
    pub(super) fn on_request_expiry(&mut self, now: Now) {
        let over = |prompt: &Prompt| now.wall > prompt.request.expires;
        let mut gone: Vec<Prompt> = Vec::new();
        if self.rare.desk.screen.as_ref().is_some_and(|shown| over(&shown.prompt)) {
            gone.extend(self.clear_screen());
        }
        let (ended, left) = std::mem::take(&mut self.rare.desk.queue).into_iter().partition(over);
        let ended: VecDeque<Prompt> = ended;
        self.rare.desk.queue = left;
        gone.extend(ended);
        for prompt in gone {
            if self.has(Deviation::M54) {
                self.approve(now, prompt);
            } else {
                self.expire(prompt);
            }
        }
        self.watch_expiry(now);
        self.show_next(now);
    }

    fn expire(&mut self, prompt: Prompt) {
        self.not_approved(prompt.request.txn, NoApproval::Expired);
        match prompt.origin {
            Origin::Received(_) => {}
            Origin::Own { draft, .. } => self.notice(draft, None, DraftStatus::Expired),
        }
    }

    fn clear_screen(&mut self) -> Option<Prompt> {
        self.timers.stop(&Timer::Arm);
        self.rare.desk.screen.take().map(|shown| shown.prompt)
    }

    // Buttons.

    /// A press counts for what is on the screen at that moment, if that was there long enough and seen
    /// to its end.
    pub(super) fn on_press(&mut self, now: Now, button: Button) {
        self.on_armed(now);
        let screen = self.rare.desk.txn();
        let shown = self.rare.desk.screen.as_ref();
        let taken = shown.is_some_and(|s| s.armed && (s.seen || button == Button::Reject));
        self.fact(Fact::Button { button, screen, taken });
        if !taken {
            return;
        }
        let newest = if self.has(Deviation::M56) { self.rare.desk.queue.pop_back() } else { None };
        let shown = self.clear_screen();
        let Some(prompt) = newest.or(shown) else { return };
        let late = now.wall > prompt.request.expires && !self.has(Deviation::M59);
        if late {
            self.expire(prompt);
        } else if button == Button::Approve || self.has(Deviation::M61) {
            self.approve(now, prompt);
        } else {
            self.decline(now, prompt);
        }
        if self.has(Deviation::M55) && button == Button::Approve {
            while let Some(prompt) = self.rare.desk.queue.pop_front() {
                self.approve(now, prompt);
            }
        }
        self.watch_expiry(now);
        self.show_next(now);
    }

    pub(super) fn not_approved(&mut self, txn: TxnId, why: NoApproval) {
        self.fact(Fact::NotApproved { txn, why });
    }
}
