//! A server outside of the world: what happens at all accounts is told to it, and what it says happens there.
//!
//! The world keeps the devices, the links and the power; nodes of accounts have no machine then, only their
//! records. Not here: how one talks to what is outside (`conformance`), or the reference (`house`).

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use crate::base::id::{NodeId, ReqId, UserId};
use crate::base::lock::lock;
use crate::base::time::{Instant, Now};
use crate::crypto::suite::Suite;
use crate::engine::clock::NodeClock;
use crate::sim::body::Broken;
use crate::sim::frame::{Frame, Label};
use crate::sim::loan::TURNS_MAX;
use crate::sim::recent::Recent;
use crate::sim::world::{Event, World};
use crate::trace::fact::{Fact, OUTSIDE};
use crate::trace::record::RecordId;
use crate::verdict::finding::Severity;
use crate::wire::message::{Envelope, Ticket};

/// What happens to a server outside.
#[derive(Clone, Debug)]
pub enum ServerHappening {
    /// It starts with what is durable.
    Start,
    /// It stops at once.
    Stop,
    /// A device starts attached: its session begins without an exchange.
    Open {
        /// Its connection.
        conn: u32,
        /// Whose it is.
        user: UserId,
    },
    /// Octets have come from a device.
    Frame {
        /// On which connection.
        conn: u32,
        /// What.
        octets: Vec<u8>,
    },
    /// The operator ends a user's identity.
    Reset(UserId),
    /// The operator lets a mailbox take so many messages; none: as many as it was made for.
    Limit(UserId, Option<usize>),
    /// Time has passed.
    Timeout,
}

/// Something that a server outside has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What.
    pub what: Speech,
    /// When, by the time of the world.
    pub at: Instant,
    /// The number of what happened to it and led to this, if that is known.
    pub of: Option<u64>,
}

/// What a server outside says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speech {
    /// To the device on a connection.
    Frame(u32, Vec<u8>),
    /// Of itself: what has happened to a user's account.
    Fact(UserId, Fact),
}

/// What came of something that happened to a server outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerAnswer {
    /// What it said, in order.
    pub said: Vec<Word>,
    /// When it wants to be woken.
    pub next: Option<Instant>,
    /// Where that is, if it says so.
    pub at: Option<Spot>,
    /// Whether it has something to bring to an end: mail, above all.
    pub pending: bool,
    /// The session that was asked for.
    pub ticket: Option<Ticket>,
}

/// Where something is due in a server: of one instant, the world orders what happens by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// At whose account.
    pub user: UserId,
    /// Whose account has led to it: another that has told this one something, or itself.
    pub from: UserId,
}

/// A server outside that is moved along with the world's time.
pub trait OutsideServer: fmt::Debug + Send {
    /// Lets something happen to it, after everything that is due by then; `of` is its number.
    ///
    /// # Errors
    /// When it gives no answer that can be used.
    fn happen(
        &mut self,
        now: Now,
        of: Option<u64>,
        what: ServerHappening,
    ) -> Result<ServerAnswer, Broken>;
}

/// A server outside, shared by the copies of a world.
pub type RemoteServer = Arc<Mutex<dyn OutsideServer>>;

/// A server outside, as the world sees it.
#[derive(Clone, Debug)]
pub(super) struct Service {
    remote: RemoteServer,
    /// Whether it is on, and which accounts are: they are switched one after another.
    on: bool,
    up: BTreeSet<u32>,
    next: Option<Due>,
    /// How often it was to be woken so far.
    times: u64,
    /// How often it was woken at this instant.
    woken: (Instant, u32),
    pub pending: bool,
    last: u64,
    reasons: Recent<Reason>,
}

/// When a server wants to go on, and with what: at which account, led to by which.
type Due = (Instant, Option<(u32, u32)>);

/// What led to a happening.
#[derive(Clone, Debug)]
struct Reason {
    account: u32,
    cause: RecordId,
    /// The frame that it is, if it is one.
    request: Option<Request>,
}

/// What a frame asks, and on which connection.
#[derive(Clone, Debug)]
struct Request {
    conn: u32,
    req: ReqId,
    label: Option<Label>,
}

impl Service {
    fn number(&mut self, reason: Reason) -> u64 {
        self.last += 1;
        self.reasons.keep(self.last, reason);
        self.last
    }

    /// Whether an account is on.
    pub fn has(&self, user: u32) -> bool {
        self.up.contains(&user)
    }
}

impl<S: Suite> World<S> {
    /// Puts all accounts outside, into one server; before the first step.
    pub fn put_server_outside(&mut self, remote: RemoteServer) {
        self.service = Some(Service {
            remote,
            on: false,
            up: BTreeSet::new(),
            next: None,
            times: 0,
            woken: (Instant::START, 0),
            pending: false,
            last: 0,
            reasons: Recent::default(),
        });
    }

    /// An account of a server outside comes up: the server starts with the first one at the beginning of the
    /// world, and with the last one after a crash.
    pub(super) fn serve_from(&mut self, user: u32, boot: u64) {
        let all = self.plan.devices.len();
        let Some(service) = &mut self.service else { return };
        service.up.insert(user);
        if !service.on && (boot == 1 || service.up.len() == all) {
            service.on = true;
            self.tell_server(None, ServerHappening::Start);
        }
    }

    /// An account of a server outside stops, and with the first one the server.
    pub(super) fn serve_no_more(&mut self, user: u32) {
        let Some(service) = &mut self.service else { return };
        service.up.remove(&user);
        if std::mem::take(&mut service.on) {
            self.tell_server(None, ServerHappening::Stop);
        }
    }

    /// The session of a device that starts attached.
    pub(super) fn open_session(&mut self, user: u32) -> Option<Ticket> {
        let what = ServerHappening::Open { conn: user, user: self.user(user) };
        self.tell_server(None, what)
    }

    /// A frame has come to an account of a server outside.
    pub(super) fn hand_in(
        &mut self,
        account: u32,
        frame: &Frame,
        envelope: &Envelope,
        cause: RecordId,
    ) {
        let (conn, label) = (frame.user, frame.label.clone());
        let request = Some(Request { conn, req: envelope.req, label });
        let what = ServerHappening::Frame { conn, octets: frame.octets.to_vec() };
        self.tell_server(Some(Reason { account, cause, request }), what);
    }

    /// Octets have come that are no frame.
    pub(super) fn hand_in_garbage(&mut self, frame: &Frame) {
        if self.service.is_some() {
            let what = ServerHappening::Frame { conn: frame.user, octets: frame.octets.to_vec() };
            self.tell_server(None, what);
        }
    }

    /// An operator does something at an account of a server outside.
    pub(super) fn operate(&mut self, user: u32, cause: Option<RecordId>, what: ServerHappening) {
        let why = |cause| Reason { account: user, cause, request: None };
        self.tell_server(cause.map(why), what);
    }

    /// It is the time at which the server wanted to be woken for the so-manieth time.
    pub(super) fn wake_server(&mut self, time: u64) {
        let now = self.now();
        let Some(service) = self.service.as_mut() else { return };
        if !service.on || service.times != time || service.next.take().is_none() {
            return;
        }
        let (at, times) = service.woken;
        service.woken = (now, if at == now { times + 1 } else { 1 });
        if service.woken.1 > TURNS_MAX {
            let what =
                format!("the server does not come to rest: {TURNS_MAX} turns at one instant");
            return self.limit(Severity::Error, what);
        }
        self.tell_server(None, ServerHappening::Timeout);
    }

    /// Asks a server that keeps its own time whether it has something to bring to an end.
    pub(super) fn ask_server(&mut self) {
        if self.service.as_ref().is_some_and(|it| it.on) {
            self.tell_server(None, ServerHappening::Timeout);
        }
    }

    /// Tells the server of something, for this reason, which gets its number here.
    fn tell_server(&mut self, why: Option<Reason>, what: ServerHappening) -> Option<Ticket> {
        let now = NodeClock::ahead_by(self.plan.ahead).now(self.scheduler.now());
        let service = self.service.as_mut()?;
        let of = why.map(|reason| service.number(reason));
        let remote = Arc::clone(&service.remote);
        // A thread that panicked while it talked ends the run by that.
        let told = lock(&remote).happen(now, of, what);
        match told {
            Ok(ServerAnswer { said, next, at, pending, ticket }) => {
                service.pending = pending;
                let index = |user: &UserId| self.plan.spec.index(user);
                let spot = at.and_then(|Spot { user, from }| Some((index(&user)?, index(&from)?)));
                self.expect_server(next.map(|next| (next, spot)));
                self.take_words(said);
                ticket
            }
            Err(broken) => {
                self.limit(Severity::Error, broken.to_string());
                None
            }
        }
    }

    /// The server wants to be woken then, perhaps for something at this account.
    fn expect_server(&mut self, next: Option<Due>) {
        let Some(service) = &mut self.service else { return };
        let before = std::mem::replace(&mut service.next, next);
        if let Some((at, spot)) = next.filter(|_| next != before) {
            let own = (NodeId::HARNESS, NodeId::HARNESS);
            let (node, from) =
                spot.map_or(own, |(at, from)| (NodeId::account(at), NodeId::account(from)));
            service.times += 1;
            let event = Event::Serve(service.times);
            let acting = std::mem::replace(&mut self.acting, from);
            self.schedule(at.max(self.now()), node, event);
            self.acting = acting;
        }
    }

    /// What the server has said happens at the accounts that it is about.
    pub(super) fn take_words(&mut self, said: Vec<Word>) {
        let acting = self.acting;
        let mut timers = Vec::new();
        for Word { what, of, .. } in said {
            let service = self.service.as_ref();
            let reason = of.and_then(|of| service?.reasons.find(of)).cloned();
            match what {
                Speech::Fact(user, fact) => {
                    let Some(account) = self.index(&user) else { continue };
                    let cause = self.cause_at(account, reason.as_ref(), &mut timers);
                    self.record(NodeId::account(account), fact, cause);
                }
                Speech::Frame(conn, octets) => {
                    self.say_down(conn, &octets, reason.as_ref(), &mut timers);
                }
            }
        }
        self.acting = acting;
    }

    fn say_down(
        &mut self,
        conn: u32,
        octets: &[u8],
        reason: Option<&Reason>,
        timers: &mut Vec<(u32, RecordId)>,
    ) {
        let Ok(envelope) = Envelope::decode(octets) else {
            let message = format!("the server sends what is no frame on connection {conn}");
            return self.find(Severity::Fail, "server", message);
        };
        if conn as usize >= self.plan.devices.len() {
            let message = format!("the server sends on connection {conn}, which there is not");
            return self.find(Severity::Fail, "server", message);
        }
        let answers = |it: &Request| it.conn == conn && it.req == envelope.req;
        let answered = reason.filter(|it| it.request.as_ref().is_some_and(answers));
        // What answers no request is of the account whose device it goes to.
        let account = answered.map_or(conn, |it| it.account);
        let request = answered.and_then(|it| it.request.as_ref()?.label.clone());
        let cause = self.cause_at(account, reason, timers);
        self.acting = NodeId::account(account);
        let label = Some(Label::of(&envelope, request.as_ref()));
        self.send_down(account, u64::from(conn), &envelope, label, cause);
    }

    /// What led to something at an account: what was told, else that time has passed.
    fn cause_at(
        &mut self,
        account: u32,
        reason: Option<&Reason>,
        timers: &mut Vec<(u32, RecordId)>,
    ) -> Option<RecordId> {
        if let Some(reason) = reason {
            return Some(reason.cause);
        }
        if let Some((_, timer)) = timers.iter().find(|(of, _)| *of == account) {
            return Some(*timer);
        }
        let fact = Fact::Timer { reason: OUTSIDE.into() };
        let timer = self.record(NodeId::account(account), fact, None);
        timers.push((account, timer));
        Some(timer)
    }
}
