//! The session with the server, and requests that are sent again until they are answered (protocol 4.3, 4.5).
//!
//! Not here: what an answer means to the topic that asked.

use crate::base::id::{DeliveryId, DraftId, Epoch, Hash32, ReqId, UserId};
use crate::base::time::{Duration, Instant, Millis, Now};
use crate::crypto::suite::Suite;
use crate::proto::deviation::Deviation;
use crate::proto::device::Device;
use crate::proto::device::timers::Timer;
use crate::trace::fact::{AlarmKind, Fact, LookupEnd, SignPurpose};
use crate::wire::code::ErrorCode;
use crate::wire::message::{Envelope, Message, Ticket};
use crate::wire::signed::attach_octets;

/// The session, as the device sees it.
#[derive(Clone, Debug)]
pub(super) enum Session {
    /// None, and none wanted yet: the device is not registered.
    Idle,
    /// Hello or Attach is under way; the epoch to sign under.
    Opening(Epoch),
    /// The server gave a ticket.
    Open(Ticket),
}

/// A request that waits for its answer.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// What it is for.
    pub(super) what: Asking,
    /// What is said, the same each time.
    pub(super) body: Message,
    /// When the first copy left; none while it waits for a session.
    pub(super) sent: Option<Instant>,
    /// Copies sent in this burst.
    tries: u32,
}

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    /// A challenge.
    Hello,
    /// A session.
    Attach,
    /// To be registered.
    Register,
    /// To have a new key recorded.
    Rotate,
    /// A peer's keys.
    Lookup(UserId),
    /// That a message is stored.
    Submit(DraftId),
    /// Mail.
    Poll,
}

impl Asking {
    /// Whether the request proves itself and needs no session.
    const fn needs_session(&self) -> bool {
        !matches!(self, Self::Hello | Self::Attach | Self::Register)
    }

    /// Whether it is repeated for ever; otherwise a burst ends and the work stays pending.
    const fn is_endless(&self) -> bool {
        matches!(self, Self::Hello | Self::Attach | Self::Register | Self::Poll | Self::Rotate)
    }
}

/// Items asked for in one poll.
const POLL_ITEMS: u64 = 64;
/// A session is renewed this much before its ticket ends.
const RENEW_EARLY: Duration = Duration::from_secs(60);

impl<S: Suite> Device<S> {
    /// Opens a session when the device is registered and has none.
    pub(super) fn open_session(&mut self, now: Now) {
        if self.durable.keyring.is_registered() && matches!(self.session, Session::Idle) {
            self.hello(now, self.durable.keyring.current);
        }
    }

    /// Opens a new session while the old one still serves.
    pub(super) fn renew_session(&mut self, now: Now) {
        if self.durable.keyring.is_registered() {
            self.hello(now, self.durable.keyring.current);
        }
    }

    fn hello(&mut self, now: Now, epoch: Epoch) {
        self.drop_requests(|what| matches!(what, Asking::Hello | Asking::Attach));
        if !matches!(self.session, Session::Open(_)) {
            self.session = Session::Opening(epoch);
        }
        let body = Message::Hello { user: self.user.clone(), versions: vec![1], suites: vec![1] };
        self.ask(now, Asking::Hello, body);
    }

    pub(super) fn on_challenge(
        &mut self,
        now: Now,
        req: ReqId,
        server: &UserId,
        nonce_s: Hash32,
        _time: Millis,
    ) {
        if !self.is_asking(req, &Asking::Hello) || *server != self.config.server {
            return;
        }
        self.requests.remove(&req);
        self.timers.stop(&Timer::Request(req));
        let keyring = &self.durable.keyring;
        let epoch = match &self.session {
            Session::Opening(epoch) => *epoch,
            Session::Idle | Session::Open(_) => keyring.current,
        };
        let Some(key) = keyring.keys.get(&epoch) else { return };
        let secret = key.sign.secret.clone();
        let nonce = Hash32(self.draws.octets());
        let octets = attach_octets(server, &self.user, epoch, &nonce_s, &nonce);
        let sig = self.sign(SignPurpose::Attach, epoch, &secret, &octets);
        let body = Message::Attach { user: self.user.clone(), sig_epoch: epoch, nonce, sig };
        self.ask(now, Asking::Attach, body);
    }

    pub(super) fn on_attached(&mut self, now: Now, req: ReqId, ticket: Ticket) {
        if !self.is_asking(req, &Asking::Attach) || ticket.user != self.user {
            return;
        }
        self.requests.remove(&req);
        self.timers.stop(&Timer::Request(req));
        self.on_ticket(now, ticket, now.wall);
    }

    /// A session begins: everything that waited for one goes out, in the order of its number.
    pub(super) fn on_ticket(&mut self, now: Now, ticket: Ticket, wall: Millis) {
        // The ticket's end is read against the own clock; a wrong clock only renews early or is told
        // BAD_TICKET, which attaches again.
        let left = ticket.expires.since(wall).saturating_sub(RENEW_EARLY);
        self.timers.set(now.at + left.max(RENEW_EARLY), Timer::Renew);
        self.fact(Fact::Attached { expires: ticket.expires });
        self.session = Session::Open(ticket);
        let waiting: Vec<ReqId> = self.requests.keys().copied().collect();
        for req in waiting {
            self.restart_burst(now, req);
        }
        if self.durable.keyring.pending.is_some() {
            self.send_rotation(now);
        }
        self.start_poll(now);
        self.retry_lookups(now);
    }

    // Polling.

    /// Asks for mail, unless a poll is under way.
    pub(super) fn start_poll(&mut self, now: Now) {
        if !self.durable.keyring.is_registered() {
            return;
        }
        if let Some(period) = self.config.poll
            && !self.has(Deviation::M66)
        {
            self.timers.set(now.at + period, Timer::Poll);
        }
        if self.requests.values().all(|request| request.what != Asking::Poll) {
            let body = Message::Poll { max: POLL_ITEMS, cursor: DeliveryId(0) };
            self.ask(now, Asking::Poll, body);
        }
    }

    pub(super) fn on_poll_end(&mut self, now: Now, req: ReqId, more: bool) {
        if self.settle_request(req, &Asking::Poll) && more {
            self.start_poll(now);
        }
    }

    // Requests.

    /// Sends a request and goes on doing so until it is answered; waits for a session if it needs one.
    pub(super) fn ask(&mut self, now: Now, what: Asking, body: Message) -> ReqId {
        let req = ReqId(self.draws.octets());
        self.ask_as(now, req, what, body);
        req
    }

    /// The same under a number that was drawn before.
    pub(super) fn ask_as(&mut self, now: Now, req: ReqId, what: Asking, body: Message) {
        self.requests.insert(req, Request { what, body, sent: None, tries: 0 });
        self.send_request(now, req);
    }

    /// Whether this request is under way for this purpose.
    pub(super) fn is_asking(&self, req: ReqId, what: &Asking) -> bool {
        self.requests.get(&req).is_some_and(|request| request.what == *what)
    }

    /// The number of the request under way for this purpose.
    pub(super) fn asking(&self, what: &Asking) -> Option<ReqId> {
        self.requests.iter().find(|(_, request)| request.what == *what).map(|(req, _)| *req)
    }

    /// Ends a request if it is for this purpose; says whether it was.
    pub(super) fn settle_request(&mut self, req: ReqId, what: &Asking) -> bool {
        let known = self.is_asking(req, what);
        if known {
            self.requests.remove(&req);
            self.timers.stop(&Timer::Request(req));
        }
        known
    }

    /// Ends every request for these purposes.
    pub(super) fn drop_requests(&mut self, drop: impl Fn(&Asking) -> bool) {
        let gone: Vec<ReqId> = self
            .requests
            .iter()
            .filter(|(_, request)| drop(&request.what))
            .map(|(req, _)| *req)
            .collect();
        for req in gone {
            self.requests.remove(&req);
            self.timers.stop(&Timer::Request(req));
        }
    }

    fn send_request(&mut self, now: Now, req: ReqId) {
        let Some(request) = self.requests.get(&req) else { return };
        let ticket = match (&self.session, request.what.needs_session()) {
            (_, false) => None,
            (Session::Open(ticket), true) => Some(ticket.clone()),
            (Session::Idle | Session::Opening(_), true) => return,
        };
        let (what, body, tries) = (request.what.clone(), request.body.clone(), request.tries + 1);
        let wait = self.wait_after(&what, tries);
        if let Some(request) = self.requests.get_mut(&req) {
            request.tries = tries;
            request.sent = request.sent.or(Some(now.at));
        }
        self.timers.set(now.at + wait, Timer::Request(req));
        self.transmit(Envelope { req, ticket, body });
    }

    /// Time-out after the n-th copy: doubling up to a cap, jitter of a fifth either way.
    fn wait_after(&mut self, what: &Asking, tries: u32) -> Duration {
        if matches!(what, Asking::Lookup(_)) {
            return self.config.lookup_try;
        }
        let doubled = self.config.rto.times(1 << (tries - 1).min(20)).min(self.config.rto_max);
        self.draws.draw().duration(doubled.scale(4, 5), doubled.scale(6, 5))
    }

    pub(super) fn on_request_due(&mut self, now: Now, req: ReqId) {
        let Some(request) = self.requests.get(&req) else { return };
        if request.tries < self.config.burst || request.what.is_endless() {
            self.send_request(now, req);
            return;
        }
        match request.what.clone() {
            Asking::Lookup(peer) => {
                self.requests.remove(&req);
                self.fact(Fact::LookupFailed { peer: peer.clone(), req, why: LookupEnd::TimedOut });
                self.on_lookup_failed(now, &peer);
            }
            Asking::Submit(draft) => {
                self.timers.set(now.at + self.config.negative, Timer::Request(req));
                if let Some(request) = self.requests.get_mut(&req) {
                    request.tries = 0;
                }
                self.notice_unsent(draft);
            }
            Asking::Hello | Asking::Attach | Asking::Register | Asking::Rotate | Asking::Poll => {}
        }
    }

    fn restart_burst(&mut self, now: Now, req: ReqId) {
        if let Some(request) = self.requests.get_mut(&req) {
            request.tries = 0;
        }
        self.send_request(now, req);
    }

    // Refusals.

    pub(super) fn on_error(&mut self, now: Now, req: ReqId, code: ErrorCode, arg: u64) {
        let Some(request) = self.requests.get(&req) else { return };
        let what = request.what.clone();
        match (what, code) {
            (Asking::Hello | Asking::Attach, _) => self.on_attach_error(now, req, code),
            (Asking::Register, _) => self.on_register_error(req, code),
            (_, ErrorCode::BadTicket) => {
                self.timers.stop(&Timer::Request(req));
                if matches!(self.session, Session::Open(_)) {
                    self.session = Session::Idle;
                    self.open_session(now);
                }
            }
            (Asking::Lookup(peer), ErrorCode::UnknownUser) => {
                self.settle_request(req, &Asking::Lookup(peer.clone()));
                self.on_unknown_user(now, &peer, req);
            }
            (Asking::Submit(draft), _) => self.on_submit_error(now, req, draft, code, arg),
            (Asking::Rotate, _) => self.on_rotate_error(now, req, code, arg),
            // Anything else is not defined for the request: it goes on as if unanswered.
            (Asking::Lookup(_) | Asking::Poll, _) => {}
        }
    }

    fn on_attach_error(&mut self, now: Now, req: ReqId, code: ErrorCode) {
        let tries = self.requests.get(&req).map_or(0, |request| request.tries);
        self.requests.remove(&req);
        self.timers.stop(&Timer::Request(req));
        let keyring = &self.durable.keyring;
        let epoch = match &self.session {
            Session::Opening(epoch) => *epoch,
            Session::Idle | Session::Open(_) => keyring.current,
        };
        let pending = keyring.pending.as_ref().map(|record| record.epoch);
        let other = pending.filter(|pending| *pending != epoch);
        if let (ErrorCode::StaleEpoch | ErrorCode::BadSig, Some(pending)) = (code, other) {
            self.session = Session::Idle;
            self.hello(now, pending);
        } else if code == ErrorCode::UnknownUser {
            self.fact(Fact::Alarm { peer: None, what: AlarmKind::NotRegistered });
            self.session = Session::Idle;
            self.timers.set(now.at + self.config.negative, Timer::Renew);
        } else {
            self.session = Session::Opening(keyring.current);
            let wait = self.wait_after(&Asking::Attach, tries.max(1));
            self.timers.set(now.at + wait, Timer::Renew);
        }
    }
}
