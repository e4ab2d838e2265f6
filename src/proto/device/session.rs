//! The session with the server: challenge, attach, ticket, renewal, polls (protocol 4.3, 4.5).
//!
//! Not here: repeating a request (`request`), or what an answer means to the topic that asked.

use crate::base::id::{Epoch, Hash32, ReqId, UserId};
use crate::base::time::{Duration, Millis, Now};
use crate::crypto::suite::Suite;
use crate::proto::deviation::Deviation;
use crate::proto::device::Device;
use crate::proto::device::request::Asking;
use crate::proto::device::timers::Timer;
use crate::trace::fact::{AlarmKind, Fact, SignPurpose};
use crate::wire::code::ErrorCode;
use crate::wire::message::{Envelope, Message, Ticket};
use crate::wire::signed::attach_octets;

/// The session, as the device sees it.
#[derive(Clone, Debug)]
pub(super) enum Session {
    /// None.
    Closed,
    /// None, and the server says that the user is not registered.
    Unknown,
    /// The server gave a ticket; it serves until a newer one comes or the server refuses it.
    Open {
        /// The identity that attached.
        generation: Hash32,
        /// When the ticket ends.
        expires: Millis,
        /// The server's proof of it.
        mac: [u8; 16],
    },
}

impl Session {
    /// The ticket, which is always this user's own.
    pub(super) fn ticket(&self, user: &UserId) -> Option<Ticket> {
        let Self::Open { generation, expires, mac } = *self else { return None };
        Some(Ticket { user: user.clone(), generation, expires, mac })
    }

    /// Whether there is a ticket.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }
}

/// A session is renewed this much before its ticket ends, or a quarter of its life if that is less.
const RENEW_EARLY: Duration = Duration::from_secs(60);
/// The least life of a session before it is renewed, so that tickets without life do not make a storm.
const RENEW_MIN: Duration = Duration::from_secs(5);

impl<S: Suite> Device<S> {
    /// Opens a session when the device is registered and has none.
    pub(super) fn open_session(&mut self, now: Now) {
        let opening = self.requests.values().any(|request| request.what.opens_session());
        if !opening && !self.session.is_open() {
            self.renew_session(now);
        }
    }

    /// The session is of no use any more.
    pub(super) fn close_session(&mut self) {
        if self.session.is_open() {
            self.session = Session::Closed;
        }
    }

    /// Opens a session; one that is open still serves until then.
    pub(super) fn renew_session(&mut self, now: Now) {
        if self.durable.keyring.is_registered() {
            self.hello(now, self.durable.keyring.current());
        }
    }

    fn hello(&mut self, now: Now, epoch: Epoch) {
        self.drop_requests(Asking::opens_session);
        self.timers.stop(&Timer::Renew);
        let body = Message::Hello { user: self.user.clone(), versions: vec![1], suites: vec![1] };
        self.ask(now, Asking::Hello(epoch), body);
    }

    pub(super) fn on_challenge(
        &mut self,
        now: Now,
        req: ReqId,
        server: &UserId,
        nonce_s: Hash32,
        time: Millis,
    ) {
        let Some(Asking::Hello(epoch)) = self.what_of(req).cloned() else { return };
        if *server != self.config.server {
            return;
        }
        self.settle_request(req);
        let Some(key) = self.durable.keyring.key(epoch) else {
            return self.wake(now, self.config.rto, Timer::Renew);
        };
        let secret = key.sign.secret.clone();
        let drawn = Hash32(self.draw().octets());
        let nonce = if self.has(Deviation::M78) { Hash32(*secret.expose()) } else { drawn };
        let octets = attach_octets(server, &self.user, epoch, &nonce_s, &nonce);
        let sig = self.sign(SignPurpose::Attach, epoch, &secret, &octets);
        let body = Message::Attach { user: self.user.clone(), sig_epoch: epoch, nonce, sig };
        self.ask(now, Asking::Attach(epoch, time), body);
    }

    pub(super) fn on_attached(&mut self, now: Now, req: ReqId, ticket: Ticket) {
        let Some(Asking::Attach(epoch, time)) = self.what_of(req).cloned() else { return };
        if ticket.user != self.user {
            return;
        }
        self.settle_request(req);
        // Whoever may attach under the announced key has it recorded: its RotateAck was lost (R7, R8).
        if self.durable.keyring.pending().is_some_and(|record| record.epoch == epoch) {
            self.drop_requests(|what| *what == Asking::Rotate);
            self.finish_rotation(now);
        }
        self.on_ticket(now, ticket, time);
    }

    /// A session begins: everything that waited for one goes out, in the order of asking. `time` is what
    /// the clock said that the ticket's end is to be read against: the server's, if it was heard.
    pub(super) fn on_ticket(&mut self, now: Now, ticket: Ticket, time: Millis) {
        let life = ticket.expires.since(time);
        let early = RENEW_EARLY.min(life.scale(1, 4));
        self.wake(now, life.saturating_sub(early).max(RENEW_MIN), Timer::Renew);
        self.fact(Fact::Attached { expires: ticket.expires });
        let Ticket { generation, expires, mac, .. } = ticket;
        self.session = Session::Open { generation, expires, mac };
        self.restart_requests(now);
        if self.timers.get(&Timer::Rotate).is_none() {
            self.send_rotation(now);
        }
        self.start_poll(now);
        self.retry_lookups(now);
    }

    /// A request was refused for its ticket: it waits for a new one. A server that refuses them all is
    /// asked ever more rarely.
    pub(super) fn on_bad_ticket(&mut self, now: Now) {
        if !self.session.is_open() {
            return;
        }
        self.session = Session::Closed;
        self.strikes = self.strikes.saturating_add(1);
        if self.strikes == 1 {
            self.open_session(now);
        } else {
            self.attach_later(now);
        }
    }

    /// Something was served under the ticket: it is good.
    pub(super) const fn on_served(&mut self) {
        self.strikes = 0;
    }

    fn attach_later(&mut self, now: Now) {
        let wait = self.backoff(self.strikes);
        self.wake(now, wait, Timer::Renew);
    }

    pub(super) fn on_attach_error(&mut self, now: Now, req: ReqId, epoch: Epoch, code: ErrorCode) {
        self.settle_request(req);
        let pending = self.durable.keyring.pending().map(|record| record.epoch);
        let other = pending.filter(|pending| *pending != epoch);
        if let (ErrorCode::StaleEpoch, Some(pending)) = (code, other) {
            self.hello(now, pending);
        } else if code == ErrorCode::UnknownUser {
            if !matches!(self.session, Session::Unknown) {
                self.fact(Fact::Alarm { peer: None, what: AlarmKind::NotRegistered });
            }
            self.session = Session::Unknown;
            self.wake(now, self.config.negative, Timer::Renew);
        } else {
            // A signature that is refused once may have been altered on its way.
            let again = code == ErrorCode::BadSig && self.strikes > 0;
            if code == ErrorCode::StaleEpoch || again {
                self.lose_key();
            }
            self.strikes = self.strikes.saturating_add(1);
            self.attach_later(now);
        }
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
            self.wake(now, period, Timer::Poll);
        }
        if self.asking(&Asking::Poll).is_none() {
            self.ask_for_mail(now);
        }
    }

    pub(super) fn on_poll_end(&mut self, now: Now, req: ReqId, more: bool) {
        if self.what_of(req) == Some(&Asking::Poll) {
            self.settle_request(req);
            self.on_served();
            if more {
                self.start_poll(now);
            }
        }
    }

    /// Says something that needs no answer, if there is a session to say it in.
    pub(super) fn tell(&mut self, body: Message) {
        if let Some(ticket) = self.session.ticket(&self.user) {
            let ticket = Some(ticket);
            let req = ReqId(self.draw().octets());
            self.transmit(Envelope { req, ticket, body });
        }
    }
}
