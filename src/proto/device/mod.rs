//! The device: keys, table, drafts, inbox, approvals; a state machine behind `handle_input` and `poll_output`.
//!
//! [`Device`] dispatches; each topic has its file: `session` (attach), `request` (asking until answered),
//! `keys` (own key pairs), `identity` (registration, rotation), `lookup` (directory), `limits` (what bounds
//! lookups), `chain` (records of peers), `candidate` (identities that the user must confirm), `table` (shared
//! secrets), `outbox` (drafts), `report` (what became of them), `inbox`, `present` (order and display),
//! `approval` (screen and buttons), `statement` (what is signed), `broken` (what longer deviations do).
//! Not here: the wire's octets (`wire`), primitives (`crypto`), latency and power (`sim`).

mod approval;
mod broken;
mod candidate;
mod chain;
pub mod durable;
mod identity;
mod inbox;
pub mod keys;
mod limits;
mod lookup;
mod outbox;
mod present;
mod rare;
mod report;
mod request;
mod session;
mod statement;
mod table;
#[cfg(test)]
mod tests;
mod timers;
pub mod window;

use std::marker::PhantomData;
use std::sync::Arc;

use crate::base::id::{Hash32, ReqId, UserId};
use crate::base::rng::{Draw, Luck, Purpose};
use crate::base::small::{SmallMap, Spare};
use crate::base::time::{Duration, Instant, Now};
use crate::crypto::suite::Suite;
use crate::proto::config::DeviceConfig;
use crate::proto::deviation::Deviation;
use crate::proto::device::durable::{DeviceDurable, DeviceWrite, Row, Stage};
use crate::proto::device::keys::Ring;
use crate::proto::device::rare::Rare;
use crate::proto::device::request::{Asking, Request};
use crate::proto::device::session::Session;
use crate::proto::device::timers::{Timer, Timers};
use crate::proto::port::{DeviceInput, Output, To, Token, UserAction, Wake};
use crate::proto::sheet::Sheet;
use crate::proto::work::Work;
use crate::trace::fact::{DeviceState, EvictCause, Fact};
use crate::wire::message::{Envelope, Message, Ticket};

/// The shortest time-out.
const TICK: Duration = Duration::from_millis(1);

/// A portable electronic authorization device.
#[derive(Clone, Debug)]
pub struct Device<S: Suite> {
    config: Arc<DeviceConfig>,
    user: UserId,
    luck: Luck,
    /// How many draws were made, those of earlier starts included.
    drawn: u64,
    boot: u64,
    salt: [u8; 4],
    durable: DeviceDurable,
    last_token: Token,
    sheet: Sheet<DeviceWrite>,
    timers: Timers,
    session: Session,
    /// Refused tickets and attaches since something was served last.
    strikes: u32,
    requests: SmallMap<ReqId, Request>,
    /// Requests asked so far.
    asked: u64,
    rare: Spare<Rare>,
    suite: PhantomData<S>,
}

impl<S: Suite> Device<S> {
    /// A device with this durable state, switched off; `boot` counts its starts and addresses its salt.
    #[must_use]
    pub fn new(
        config: Arc<DeviceConfig>,
        user: UserId,
        durable: DeviceDurable,
        luck: Luck,
        boot: u64,
    ) -> Self {
        let salt = luck.of(Purpose::BootSalt).at(boot).octets();
        Self {
            config,
            user,
            luck,
            drawn: boot << 32,
            boot,
            salt,
            durable,
            last_token: Token(0),
            sheet: Sheet::default(),
            timers: Timers::default(),
            session: Session::Closed,
            strikes: 0,
            requests: SmallMap::new(),
            asked: 0,
            rare: Spare::new(),
            suite: PhantomData,
        }
    }

    /// Starts it: takes up what was left undone and opens a session, unless it is given one.
    pub fn power_on(&mut self, now: Now, ticket: Option<Ticket>) {
        self.state_fact(Fact::PowerOn { boot: self.boot });
        self.state(self.resting_state());
        if !self.config.table_durable {
            for peer in std::mem::take(&mut self.durable.table).into_keys() {
                self.fact(Fact::Evict { peer, why: EvictCause::Restart });
            }
        }
        self.forget_at_start();
        self.resume_identity(now);
        self.resume_inbox(now);
        self.resume_outbox(now);
        match ticket {
            Some(ticket) => self.on_ticket(now, ticket, now.wall),
            None => self.open_session(now),
        }
        self.flush();
    }

    /// The way to the server is another connection, to which no ticket is bound: a session is opened anew, and
    /// what was asked on the old one is asked again in it. Not an input, since the links of a world have no
    /// connections: whoever drives a device over connections calls it.
    pub fn reconnected(&mut self, now: Now) {
        self.close_session();
        self.renew_session(now);
        self.flush();
    }

    /// Takes one input; the law of calls is in [`crate::proto`].
    pub fn handle_input(&mut self, now: Now, input: DeviceInput) {
        if self.rare.hung {
            return;
        }
        match input {
            DeviceInput::Frame(envelope) => self.on_frame(now, envelope),
            DeviceInput::Garbage(octets) => match self.decode_carelessly(&octets) {
                Some(envelope) => self.on_frame(now, envelope),
                None => self.on_garbage(),
            },
            // Outputs that wait for a write are held by the driver, so nothing waits here.
            DeviceInput::Persisted(_) => {}
            DeviceInput::User(action) => self.on_action(now, action),
            DeviceInput::Provision(how) => self.on_provision(now, &how),
        }
        self.flush();
    }

    /// Does everything that is due.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some(timer) = self.timers.pop_due(now.at) {
            match timer {
                Timer::Request(req) => self.on_request_due(now, req),
                Timer::Poll => self.start_poll(now),
                Timer::Renew => self.renew_session(now),
                Timer::Refresh(peer) => self.on_refresh_due(now, *peer),
                Timer::Lookup(peer) => self.on_lookup_due(now, &peer),
                Timer::Gap(peer) => self.release_gap(now, &peer),
                Timer::Arm => self.on_armed(now),
                Timer::Expiry => self.on_request_expiry(now),
                Timer::Prompt => self.show_next(now),
                Timer::Draft(draft) => self.on_draft_due(now, draft),
                Timer::Deadline(draft) => self.on_deadline(now, draft),
                Timer::Rotate => self.send_rotation(now),
                Timer::Erase(epoch) => self.erase_key(epoch),
            }
        }
        self.flush();
    }

    /// The next thing that the driver shall do.
    pub fn poll_output(&mut self) -> Option<Output<DeviceWrite>> {
        self.sheet.pop()
    }

    /// Where outputs are written: a driver may put a page in before a call and take it when nothing is on it.
    pub const fn sheet(&mut self) -> &mut Sheet<DeviceWrite> {
        &mut self.sheet
    }

    /// When to call [`Self::handle_timeout`], and why; after that call it is later.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Wake> {
        self.timers.next().filter(|(at, _)| *at < Instant::NEVER)
    }

    /// The cryptographic work since the last call.
    pub fn take_work(&mut self) -> Work {
        self.sheet.take_work()
    }

    /// Reads of each part of the state that most turns read, and says nothing of it: whoever drives very many
    /// devices may have the next ones fetched from memory together.
    #[must_use]
    pub fn glance(&self) -> u64 {
        let session = if let Session::Open { expires, .. } = &self.session { expires.0 } else { 0 };
        session ^ self.timers.glance() ^ self.drawn ^ self.asked ^ self.user.as_str().len() as u64
    }

    /// The same of what lies behind that.
    #[must_use]
    pub fn glance_behind(&self) -> u64 {
        let request = self.requests.values().next().map_or(0, |request| u64::from(request.sent));
        request ^ self.timers.next().map_or(0, |(at, _)| at.as_nanos())
    }

    /// What the device will still do by itself, if anything: the first thing found. Polls, refreshes and
    /// renewals are not counted, nor what waits for the user (a screen, an identity), for a time that the
    /// server set (a rotation in grace), or for a registration.
    #[must_use]
    pub fn pending(&self) -> Option<String> {
        if matches!(self.session, Session::Unknown) {
            return None;
        }
        let durable = &self.durable;
        let moves = |draft: &durable::Draft| match draft.stage {
            Stage::Waiting | Stage::Bounced(..) => !self.waits_for_user(&draft.to),
            // An accepted one waits for its report.
            Stage::Submitted(_) | Stage::Accepted(_) => true,
        };
        if let Some((id, draft)) = durable.drafts.iter().find(|(_, draft)| moves(draft)) {
            return Some(format!("draft {id} to {}", draft.to));
        }
        if let Some(mid) = self.rare.arrivals.keys().next() {
            return Some(format!("received message {mid}"));
        }
        if let Some((peer, seq)) = durable.inbox.keys().next() {
            return Some(format!("message {seq} of {peer} held back"));
        }
        if durable.keyring.pending().is_some() && durable.keyring.put_off().is_none() {
            return Some("own key announced".to_owned());
        }
        let lookup = self.requests.values().find_map(|request| match &request.what {
            Asking::Lookup(peer) => Some(peer),
            Asking::Hello(_)
            | Asking::Attach(..)
            | Asking::Register
            | Asking::Rotate
            | Asking::Submit(_)
            | Asking::Poll => None,
        });
        let peer = lookup.or_else(|| self.rare.bucket.wanted.keys().next());
        peer.map(|peer| format!("lookup of {peer}")).or_else(|| self.rare.desk.pending())
    }

    fn on_action(&mut self, now: Now, action: UserAction) {
        match action {
            UserAction::Send { draft, to, text } => self.compose_text(now, draft, to, text),
            UserAction::Request { draft, to, txn, request } => {
                self.compose_request(now, draft, to, txn, request);
            }
            UserAction::Approve { draft, to, txn, request } => {
                self.compose_own_data(now, draft, to, txn, request);
            }
            UserAction::Press(button) => self.on_press(now, button),
            UserAction::Scroll => self.rare.desk.scroll(),
            UserAction::ConfirmIdentity { peer, accept } => self.on_confirm(now, &peer, accept),
            UserAction::Rotate { revoke } => self.start_rotation(now, revoke, None),
            UserAction::Poll => self.start_poll(now),
            UserAction::Register => self.send_registration(now),
            UserAction::Wipe => self.wipe(),
        }
    }

    fn on_frame(&mut self, now: Now, envelope: Envelope) {
        let Envelope { req, body, .. } = envelope;
        match body {
            Message::RegisterAck { record_hash } => self.on_register_ack(now, req, record_hash),
            Message::KeyReply { records, more } => self.on_key_reply(now, req, records, more),
            Message::SubmitAck { mid, .. } => self.on_submit_ack(now, req, &mid),
            Message::Deliver(deliver) => self.on_deliver(now, *deliver),
            Message::PollEnd { more, .. } => self.on_poll_end(now, req, more),
            Message::RotateAck { record_hash } => self.on_rotate_ack(now, req, record_hash),
            Message::KeyChanged { user, epoch, .. } => self.on_hint(now, &user, epoch),
            Message::StatusReport { delivery, mid, attempt, report } => {
                self.on_report(now, delivery, &mid, attempt, report);
            }
            Message::Error { code, arg, about } => self.on_error(now, req, code, arg, about),
            Message::Challenge { server, nonce, time } => {
                self.on_challenge(now, req, &server, nonce, time);
            }
            Message::Attached { ticket } => self.on_attached(now, req, ticket),
            // These go the other way only; a device that gets one ignores it.
            Message::Register(_)
            | Message::LookupKey { .. }
            | Message::Submit(_)
            | Message::Poll { .. }
            | Message::DeliverAck { .. }
            | Message::DeliverNack { .. }
            | Message::RotateKey(_)
            | Message::Hello { .. }
            | Message::Attach { .. } => self.on_garbage(),
        }
    }

    fn on_garbage(&mut self) {
        let why = crate::trace::fact::RejectCause::Malformed;
        self.fact(Fact::Reject { mid: None, why });
    }

    /// Factory reset: nothing of the identity remains, as after a start with nothing durable.
    fn wipe(&mut self) {
        self.write(DeviceWrite::Wipe);
        self.flush();
        let config = Arc::clone(&self.config);
        let blank = Self::new(config, self.user.clone(), DeviceDurable::default(), self.luck, 0);
        let before = std::mem::replace(self, blank);
        (self.boot, self.salt, self.drawn) = (before.boot, before.salt, before.drawn);
        (self.last_token, self.asked) = (before.last_token, before.asked);
        self.sheet = before.sheet;
        self.state(DeviceState::Blank);
    }

    // What every topic uses.

    /// The next draw; each has a generator of its own.
    fn draw(&mut self) -> Draw {
        self.drawn += 1;
        self.luck.of(Purpose::Device).at(self.drawn - 1)
    }

    fn has(&self, deviation: Deviation) -> bool {
        self.config.deviations.has(deviation)
    }

    fn fact(&mut self, fact: Fact) {
        self.flush();
        self.sheet.push(Output::Fact(fact));
    }

    /// A fact that depends on no write of this turn.
    fn state_fact(&mut self, fact: Fact) {
        self.sheet.push(Output::Fact(fact));
    }

    fn state(&mut self, to: DeviceState) {
        self.fact(Fact::State { to });
    }

    fn transmit(&mut self, envelope: Envelope) {
        self.flush();
        self.sheet.push(Output::Transmit(To::Server, Box::new(envelope)));
    }

    /// Changes durable state: at once here, later at the driver, before any output that follows.
    fn write(&mut self, write: DeviceWrite) {
        self.durable.apply(&write);
        self.sheet.note(write);
    }

    fn write_ring(&mut self, ring: Ring) {
        self.write(DeviceWrite::Keyring(ring.into()));
    }

    /// Sets a timer; never for now or before, so that a turn always comes to its end.
    fn wake(&mut self, now: Now, after: Duration, timer: Timer) {
        self.timers.set(now.at + after.max(TICK), timer);
    }

    /// Stores the contact as it is in memory.
    fn save_contact(&mut self, peer: &UserId) {
        if let Some(contact) = self.durable.contacts.get(peer) {
            let contact = Box::new(contact.clone());
            self.sheet.note(DeviceWrite::Contact(peer.clone(), contact));
        }
    }

    /// Stores the row as it is in memory; a volatile table needs no write.
    fn save_row(&mut self, peer: &UserId) {
        if self.config.table_durable {
            let row = self.durable.table.get(peer).map(|row| Box::new(Row::clone(row)));
            self.sheet.note(DeviceWrite::Row(peer.clone(), row));
        }
    }

    /// Hands the writes so far to the driver; what comes out later waits for them.
    fn flush(&mut self) {
        let Some(writes) = self.sheet.take_batch() else { return };
        self.last_token = Token(self.last_token.0 + 1);
        self.sheet.push(Output::Persist(self.last_token, writes));
    }

    fn digest(octets: &[u8]) -> Hash32 {
        S::hash(&[octets])
    }
}
