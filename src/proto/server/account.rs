//! The machine of one account: inputs, the order of outputs, timers; requests go to the topic files.
//!
//! Not here: what a request does (`registrar`, `lookup`, `session`, `submit`, `delivery`, `report`).

use std::marker::PhantomData;
use std::sync::Arc;

use crate::base::id::{DeliveryId, Hash32, Mid, ReqId, UserId};
use crate::base::rng::{Luck, Stream};
use crate::base::small::Spare;
use crate::base::time::{Instant, Now};
use crate::crypto::suite::{Secret, Suite};
use crate::proto::config::ServerConfig;
use crate::proto::port::{AccountInput, AccountMessage, Origin, Output, To, Token, Wake};
use crate::proto::server::desk::Desk;
use crate::proto::server::durable::{AccountDurable, AccountWrite};
use crate::proto::server::mailbox::ItemBody;
use crate::proto::server::session::Challenges;
use crate::proto::sheet::Sheet;
use crate::proto::work::Work;
use crate::trace::fact::{Fact, FrameKind};
use crate::wire::code::ErrorCode;
use crate::wire::message::{Envelope, Message, Ticket};
use crate::wire::signed::error_octets;

/// Numbers of deliveries and draws of one start; the next start continues far above them, so that
/// neither needs to be durable.
const NUMBERS_OF_A_BOOT: u64 = 1 << 32;

/// One user's part of the server: a state machine under the law of calls of [`crate::proto`].
///
/// It keeps leases and open challenges in memory only; everything else is [`AccountDurable`], changed at
/// once and handed out as [`AccountWrite`]s before whatever depends on them.
#[derive(Clone, Debug)]
pub struct Account<S: Suite> {
    pub(super) config: Arc<ServerConfig>,
    pub(super) user: UserId,
    pub(super) key: Arc<Secret>,
    pub(super) luck: Stream,
    pub(super) durable: AccountDurable,
    pub(super) challenges: Spare<Challenges>,
    /// Made by the first item, like the durable mailbox.
    pub(super) desk: Option<Box<Desk>>,
    last_delivery: u64,
    last_token: u64,
    pub(super) sheet: Sheet<AccountWrite>,
    suite: PhantomData<S>,
}

/// A frame's circumstances.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    /// When it came.
    pub now: Now,
    /// Where from, and so where its answer goes.
    pub origin: Origin,
    /// Its number.
    pub req: ReqId,
}

/// Why a request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    code: ErrorCode,
    arg: u64,
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self { code, arg: 0 }
    }
}

impl Refusal {
    /// With the argument that its code has (protocol 4.3, type 16).
    pub(super) const fn with(code: ErrorCode, arg: u64) -> Self {
        Self { code, arg }
    }
}

impl<S: Suite> Account<S> {
    /// The account of a user who is not registered. `key` is the server's own, the same in all accounts.
    #[must_use]
    pub fn new(config: Arc<ServerConfig>, user: UserId, key: Arc<Secret>, luck: Luck) -> Self {
        Self::restore(config, user, key, AccountDurable::default(), luck, 1)
    }

    /// The account after a start with this durable state; `boot` counts its starts from 1. Leases are
    /// volatile: all mail is stored again (protocol 4.5).
    #[must_use]
    pub fn restore(
        config: Arc<ServerConfig>,
        user: UserId,
        key: Arc<Secret>,
        durable: AccountDurable,
        luck: Luck,
        boot: u64,
    ) -> Self {
        let first = boot.saturating_sub(1).saturating_mul(NUMBERS_OF_A_BOOT);
        Self {
            config,
            user,
            key,
            luck: Stream::from_counter(luck, first),
            desk: durable.mailbox().map(|mailbox| Box::new(Desk::open(mailbox))),
            durable,
            challenges: Spare::new(),
            last_delivery: first,
            last_token: 0,
            sheet: Sheet::default(),
            suite: PhantomData,
        }
    }

    /// Other settings from now on: an operator changed them.
    pub fn configure(&mut self, config: Arc<ServerConfig>) {
        self.config = config;
    }

    /// Whose account it is.
    #[must_use]
    pub const fn user(&self) -> &UserId {
        &self.user
    }

    /// The durable state, as it will be when every write so far is durable.
    #[must_use]
    pub const fn durable(&self) -> &AccountDurable {
        &self.durable
    }

    /// The messages that are under a lease, each with its sender's identity and the lease's number.
    pub fn leased(&self) -> impl Iterator<Item = (Mid, Hash32, DeliveryId)> {
        let leases = self.desk.iter().flat_map(|desk| desk.leases());
        let mailbox = self.durable.mailbox();
        leases.filter_map(move |(no, delivery)| match &mailbox?.item(no)?.body {
            ItemBody::Mail(mail) => Some((mail.header.mid(), mail.generation, delivery)),
            ItemBody::Status(_) => None,
        })
    }

    /// Takes an input; `now` is not before that of any input so far.
    pub fn handle_input(&mut self, now: Now, input: AccountInput) {
        self.end_what_is_over(now);
        match input {
            AccountInput::Frame(origin, envelope) => self.on_frame(now, origin, envelope),
            AccountInput::Internal(AccountMessage::Status { mid, generation, attempt, report }) => {
                self.on_status(now, mid, generation, attempt, report);
            }
            AccountInput::Internal(AccountMessage::KeyChanged { user, epoch, record }) => {
                self.on_key_changed(now, user, epoch, record);
            }
            // Outputs that depend on a write are held by the driver; nothing else waits for it.
            AccountInput::Persisted(_) => {}
            AccountInput::Reset => self.reset(),
            AccountInput::Closed(origin) => self.detach(origin),
        }
        self.push(now);
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Now) {
        self.end_what_is_over(now);
        self.push(now);
    }

    /// The next output, in the order in which they must take effect.
    pub fn poll_output(&mut self) -> Option<Output<AccountWrite>> {
        self.sheet.pop()
    }

    /// Where outputs are written: a driver may put a page in before a call and take it when nothing is on it.
    pub const fn sheet(&mut self) -> &mut Sheet<AccountWrite> {
        &mut self.sheet
    }

    /// When to call [`Self::handle_timeout`], and why. After a start it may lie in the past: at once.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Wake> {
        let desk = self.desk.as_ref()?;
        let lease = desk.first_lease().map(|(_, lease)| (lease.until, "lease"));
        let end = desk.first_end().map(|(until, _)| (until, "ttl"));
        let push = self.next_push().map(|at| (at, "push"));
        [lease, end, push]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
            .filter(|(at, _)| *at < Instant::NEVER)
    }

    /// Reads of each part of the state that most turns read, and says nothing of it: whoever drives very many
    /// accounts may have the next ones fetched from memory together.
    #[must_use]
    pub fn glance(&self) -> u64 {
        let session = self.durable.session().map_or(0, |session| session.expires.0);
        session ^ self.last_delivery ^ self.last_token ^ self.user.as_str().len() as u64
    }

    /// The same of what lies behind that.
    #[must_use]
    pub fn glance_behind(&self) -> u64 {
        self.durable.directory().generation().map_or(0, |generation| u64::from(generation.0[0]))
    }

    /// Returns the cryptographic work since the last call.
    pub fn take_work(&mut self) -> Work {
        self.sheet.take_work()
    }

    fn on_frame(&mut self, now: Now, origin: Origin, envelope: Envelope) {
        let Envelope { req, ticket, body } = envelope;
        let call = Call { now, origin, req };
        let kind = FrameKind::ALL[usize::from(body.kind() as u8) - 1];
        if let Err(Refusal { code, arg }) = self.serve(call, ticket.as_ref(), &body) {
            let (by, mid) = claims(&body, ticket.as_ref(), &self.user);
            let (kind, code_name) = (kind.name().to_owned(), code.name().to_owned());
            self.fact(Fact::Refuse { by, kind, code: code_name, mid });
            let about = S::hash(&[&error_octets(&body, code, arg)]);
            self.answer(call, Message::Error { code, arg, about });
        }
    }

    fn serve(
        &mut self,
        call: Call,
        ticket: Option<&Ticket>,
        body: &Message,
    ) -> Result<(), Refusal> {
        match body {
            Message::Register(body) => self.register(call, body),
            Message::Hello { user, versions, suites } => self.hello(call, user, versions, suites),
            Message::Attach { user, sig_epoch, nonce, sig } => {
                self.attach(call, user, *sig_epoch, nonce, sig)
            }
            Message::LookupKey { user, have_hash, .. } => {
                let by = self.guest(call, ticket)?.user.clone();
                self.lookup(call, &by, user, *have_hash)
            }
            Message::Submit(body) => {
                let guest = self.guest(call, ticket)?;
                self.submit(call, guest, body)
            }
            Message::Poll { max, .. } => {
                self.owner(call, ticket)?;
                self.poll(call, *max);
                Ok(())
            }
            Message::DeliverAck { delivery, mid, .. } => {
                self.owner(call, ticket)?;
                self.on_ack(*delivery, mid);
                Ok(())
            }
            Message::DeliverNack { delivery, mid, code, retry_after } => {
                self.owner(call, ticket)?;
                self.on_nack(call.now, *delivery, mid, *code, *retry_after);
                Ok(())
            }
            Message::RotateKey(body) => {
                self.owner(call, ticket)?;
                self.rotate(call, body)
            }
            // What only a server says is noise when a device says it.
            Message::RegisterAck { .. }
            | Message::KeyReply { .. }
            | Message::SubmitAck { .. }
            | Message::Deliver(_)
            | Message::PollEnd { .. }
            | Message::RotateAck { .. }
            | Message::KeyChanged { .. }
            | Message::StatusReport { .. }
            | Message::Error { .. }
            | Message::Challenge { .. }
            | Message::Attached { .. } => Ok(()),
        }
    }

    /// Makes changes: in memory now, durably before anything that is put out after them.
    pub(super) fn persist(&mut self, writes: Vec<AccountWrite>) {
        for write in &writes {
            self.durable.apply(write);
        }
        self.last_token += 1;
        self.sheet.push(Output::Persist(Token(self.last_token), writes));
    }

    pub(super) fn fact(&mut self, fact: Fact) {
        self.sheet.push(Output::Fact(fact));
    }

    pub(super) fn answer(&mut self, call: Call, body: Message) {
        self.transmit(call.origin, call.req, body);
    }

    pub(super) fn transmit(&mut self, origin: Origin, req: ReqId, body: Message) {
        let envelope = Envelope { req, ticket: None, body };
        self.sheet.push(Output::Transmit(To::Origin(origin), Box::new(envelope)));
    }

    pub(super) fn tell(&mut self, user: UserId, message: AccountMessage) {
        self.sheet.push(Output::Internal(user, message));
    }

    /// A number for a lease, above all so far, those of earlier starts included.
    pub(super) fn next_delivery(&mut self) -> DeliveryId {
        self.last_delivery += 1;
        DeliveryId(self.last_delivery)
    }

    pub(super) const fn last_delivery(&self) -> DeliveryId {
        DeliveryId(self.last_delivery)
    }
}

/// Who a frame says that it comes from, and the message that it is about; nothing of it is proved.
fn claims(body: &Message, ticket: Option<&Ticket>, own: &UserId) -> (UserId, Option<Mid>) {
    let (by, mid) = match body {
        Message::Register(body) => (Some(&body.record.user), None),
        Message::Hello { user, .. } | Message::Attach { user, .. } => (Some(user), None),
        Message::Submit(body) => (Some(&body.header.sender), Some(body.header.mid())),
        Message::DeliverAck { mid, .. } | Message::DeliverNack { mid, .. } => {
            (None, Some(mid.clone()))
        }
        Message::LookupKey { .. }
        | Message::Poll { .. }
        | Message::RotateKey(_)
        | Message::RegisterAck { .. }
        | Message::KeyReply { .. }
        | Message::SubmitAck { .. }
        | Message::Deliver(_)
        | Message::PollEnd { .. }
        | Message::RotateAck { .. }
        | Message::KeyChanged { .. }
        | Message::StatusReport { .. }
        | Message::Error { .. }
        | Message::Challenge { .. }
        | Message::Attached { .. } => (None, None),
    };
    (by.or_else(|| ticket.map(|ticket| &ticket.user)).unwrap_or(own).clone(), mid)
}
