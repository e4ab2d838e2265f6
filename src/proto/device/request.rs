//! Requests: sent again, the same octets under the same number, until they are answered (protocol 4.3, 4.5).
//!
//! Not here: what an answer means to the topic that asked.

use crate::base::id::{DeliveryId, DraftId, Epoch, Hash32, ReqId, UserId};
use crate::base::time::{Duration, Millis, Now};
use crate::crypto::suite::Suite;
use crate::proto::deviation::Deviation;
use crate::proto::device::Device;
use crate::proto::device::timers::Timer;
use crate::trace::fact::{Fact, LookupEnd};
use crate::wire::code::ErrorCode;
use crate::wire::message::{Envelope, Message};
use crate::wire::signed::error_octets;

/// What every poll says: a page of items, from the first on.
const POLL: Message = Message::Poll { max: POLL_ITEMS, cursor: DeliveryId(0) };
/// Items asked for in one poll.
const POLL_ITEMS: u64 = 64;

/// A request that waits for its answer.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// What it is for.
    pub(super) what: Asking,
    /// What is said, the same each time; none: what every poll says.
    body: Option<Box<Message>>,
    /// Whether a copy has left; not while it waits for a session.
    pub(super) sent: bool,
    /// Place in the order of asking.
    order: u64,
    /// Copies sent in this burst.
    tries: u32,
}

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    /// A challenge, to be answered under this own epoch.
    Hello(Epoch),
    /// A session, under this own epoch, with a challenge made at this time by the server's clock.
    Attach(Epoch, Millis),
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
    /// Whether it is a step of opening a session.
    pub(super) const fn opens_session(&self) -> bool {
        matches!(self, Self::Hello(_) | Self::Attach(..))
    }

    /// Whether the request proves itself and needs no session.
    const fn needs_session(&self) -> bool {
        !self.opens_session() && !matches!(self, Self::Register)
    }

    /// Whether it is repeated for ever; otherwise a burst ends and the work stays pending.
    const fn is_endless(&self) -> bool {
        !matches!(self, Self::Lookup(_) | Self::Submit(_))
    }
}

impl Request {
    fn body(&self) -> Message {
        self.body.as_ref().map_or(POLL, |body| (**body).clone())
    }
}

impl<S: Suite> Device<S> {
    /// Looks for mail, as [`Self::ask`].
    pub(super) fn ask_for_mail(&mut self, now: Now) {
        let req = ReqId(self.draw().octets());
        self.enter_request(now, req, Asking::Poll, None);
    }

    /// Sends a request and goes on doing so until it is answered; waits for a session if it needs one.
    pub(super) fn ask(&mut self, now: Now, what: Asking, body: Message) -> ReqId {
        let req = ReqId(self.draw().octets());
        self.ask_as(now, req, what, body);
        req
    }

    /// The same under a number that was drawn before.
    pub(super) fn ask_as(&mut self, now: Now, req: ReqId, what: Asking, body: Message) {
        self.enter_request(now, req, what, Some(Box::new(body)));
    }

    fn enter_request(&mut self, now: Now, req: ReqId, what: Asking, body: Option<Box<Message>>) {
        self.asked += 1;
        let order = self.asked;
        self.requests.insert(req, Request { what, body, sent: false, order, tries: 0 });
        self.send_request(now, req);
    }

    /// What the request under this number is for.
    pub(super) fn what_of(&self, req: ReqId) -> Option<&Asking> {
        self.requests.get(&req).map(|request| &request.what)
    }

    /// The number of the request under way for this purpose.
    pub(super) fn asking(&self, what: &Asking) -> Option<ReqId> {
        self.requests.iter().find(|(_, request)| request.what == *what).map(|(req, _)| *req)
    }

    /// Ends a request.
    pub(super) fn settle_request(&mut self, req: ReqId) {
        self.requests.remove(&req);
        self.timers.stop(&Timer::Request(req));
    }

    /// Ends every request for these purposes.
    pub(super) fn drop_requests(&mut self, drop: impl Fn(&Asking) -> bool) {
        let gone = self.requests.iter().filter(|(_, request)| drop(&request.what));
        let gone: Vec<ReqId> = gone.map(|(req, _)| *req).collect();
        gone.into_iter().for_each(|req| self.settle_request(req));
    }

    /// At each Attached a new burst begins for everything that is under way.
    pub(super) fn restart_requests(&mut self, now: Now) {
        let mut waiting: Vec<(u64, ReqId)> =
            self.requests.iter().map(|(req, request)| (request.order, *req)).collect();
        waiting.sort_unstable();
        for (_, req) in waiting {
            self.start_burst(req);
            self.send_request(now, req);
        }
    }

    fn start_burst(&mut self, req: ReqId) {
        if let Some(request) = self.requests.get_mut(&req) {
            request.tries = 0;
        }
    }

    fn send_request(&mut self, now: Now, req: ReqId) {
        let burst = self.config.burst;
        let Some(request) = self.requests.get_mut(&req) else { return };
        let ticket = match (self.session.ticket(&self.user), request.what.needs_session()) {
            (_, false) => None,
            (Some(ticket), true) => Some(ticket),
            (None, true) => {
                // Its burst passes without a copy; what is endless waits for the session alone.
                request.tries = burst;
                if !request.what.is_endless() {
                    let wait = self.config.lookup_try.times(u64::from(burst));
                    self.wake(now, wait, Timer::Request(req));
                }
                return;
            }
        };
        request.tries += 1;
        request.sent = true;
        let (what, body, tries) = (request.what.clone(), request.body(), request.tries);
        let wait = self.wait_after(&what, tries);
        self.wake(now, wait, Timer::Request(req));
        self.transmit(Envelope { req, ticket, body });
    }

    /// How long the answer to the n-th copy is waited for.
    fn wait_after(&mut self, what: &Asking, tries: u32) -> Duration {
        if self.has(Deviation::M81) {
            return self.config.rto.scale(1, 4);
        }
        if matches!(what, Asking::Lookup(_)) {
            // A burst of tries ends within T_lookup, so jitter only shortens them.
            let longest = self.config.lookup_try;
            return self.draw().duration(longest.scale(4, 5), longest);
        }
        self.backoff(tries)
    }

    /// The n-th time-out in a row: doubling up to a cap, jitter of a fifth either way.
    pub(super) fn backoff(&mut self, n: u32) -> Duration {
        let doublings = n.saturating_sub(1).min(20);
        let doubled = self.config.rto.times(1 << doublings).min(self.config.rto_max);
        self.draw().duration(doubled.scale(4, 5), doubled.scale(6, 5))
    }

    pub(super) fn on_request_due(&mut self, now: Now, req: ReqId) {
        let Some(request) = self.requests.get(&req) else { return };
        if request.tries < self.config.burst || request.what.is_endless() {
            self.resend(now, req);
            return;
        }
        match request.what.clone() {
            Asking::Lookup(peer) => {
                self.settle_request(req);
                self.fact(Fact::LookupFailed { peer: peer.clone(), req, why: LookupEnd::TimedOut });
                self.on_lookup_failed(now, &peer);
            }
            Asking::Submit(draft) => {
                self.start_burst(req);
                self.wake(now, self.config.negative, Timer::Request(req));
                self.notice_unsent(draft);
            }
            Asking::Hello(_)
            | Asking::Attach(..)
            | Asking::Register
            | Asking::Rotate
            | Asking::Poll => {}
        }
    }

    fn resend(&mut self, now: Now, req: ReqId) {
        if self.has(Deviation::M27)
            && let Some(Asking::Submit(draft)) = self.what_of(req).cloned()
        {
            self.settle_request(req);
            return self.resend_edited(now, draft);
        }
        self.send_request(now, req);
    }

    /// A refusal, for the topic that asked. A code that is not defined for the request answers nothing, nor
    /// does the refusal of other octets: the request was altered on its way, and goes on.
    pub(super) fn on_error(
        &mut self,
        now: Now,
        req: ReqId,
        code: ErrorCode,
        arg: u64,
        about: Hash32,
    ) {
        let Some(request) = self.requests.get(&req) else { return };
        if Self::digest(&error_octets(&request.body(), code, arg)) != about {
            return;
        }
        let what = request.what.clone();
        match what {
            Asking::Hello(epoch) | Asking::Attach(epoch, _) => {
                self.on_attach_error(now, req, epoch, code);
            }
            Asking::Register => self.on_register_error(req, code),
            Asking::Rotate | Asking::Lookup(_) | Asking::Submit(_) | Asking::Poll
                if code == ErrorCode::BadTicket =>
            {
                self.on_bad_ticket(now);
            }
            Asking::Lookup(peer) if code == ErrorCode::UnknownUser => {
                self.on_served();
                self.on_unknown_user(now, &peer, req);
            }
            Asking::Submit(draft) => {
                self.on_served();
                self.on_submit_error(now, req, draft, code, arg);
            }
            Asking::Rotate => {
                self.on_served();
                self.on_rotate_error(now, req, code, arg);
            }
            Asking::Lookup(_) | Asking::Poll => {}
        }
    }
}
