//! The reference server with connections of its own, as something to attach: the server of `serve`, asked over
//! the line for what an operator does, which tells what its accounts state.
//!
//! It is in a folder of its own while a case lasts, so that it comes back from a cut with what was durable. Not
//! here: the server (`runtime::server`), one whose frames go over the line (`server_adapter`), or the harness's
//! end (`server_paced`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;

use crate::base::id::{Mid, ReqId, UserId};
use crate::base::lock::lock;
use crate::base::time::{Duration, Instant, Millis};
use crate::conformance::message::{
    ClockKind, Event, EventLine, Moment, Refusal, RefusalCode, VERSION,
};
use crate::conformance::reference::{
    Nature, Outcome, agree, answer, nothing, suite_of, text, value,
};
use crate::conformance::serve::Serve;
use crate::conformance::server_adapter::{chain, not_empty, welcome};
use crate::conformance::server_message::{
    Limit, OfUser, Put, ServerMethod, ServerProvision, ServerSettled,
};
use crate::crypto::model::Model;
use crate::crypto::p256::P256;
use crate::crypto::suite::Suite;
use crate::proto::config::ServerConfig;
use crate::proto::server::durable::AccountDurable;
use crate::runtime::clock::{Metronome, Stamp, Timeline};
use crate::runtime::server::Server;
use crate::runtime::server::config::{Config, FactSink, Statement, Storage};
use crate::scenario::plan::SuiteName;
use crate::trace::fact::Fact;

/// Threads of the server: enough that accounts of one case tell each other things across them.
const PARTITIONS: usize = 2;

/// What accounts have stated, and nobody was told yet.
type Statements = Arc<Mutex<Vec<Stated>>>;

/// Something that an account has stated, when, and by which frame.
#[derive(Debug)]
struct Stated {
    stamp: Stamp,
    user: UserId,
    fact: Fact,
    req: Option<ReqId>,
}

/// The reference server at the end of a line, with a port beside it.
#[derive(Debug)]
pub struct NativeServer {
    nature: Nature,
    clock: Metronome,
    scale: NonZeroU32,
    events: u64,
    /// When the last of what it told was.
    last: Instant,
    stated: Statements,
    /// What it is at each of its starts.
    make: Option<Make>,
    server: Option<Server>,
}

/// What a server is made of.
#[derive(Debug)]
struct Make {
    suite: SuiteName,
    config: ServerConfig,
    listen: SocketAddr,
    folder: TempDir,
    users: BTreeSet<UserId>,
    /// Who is registered before its first start.
    residents: Vec<(UserId, AccountDurable)>,
    /// Whose mailboxes take other numbers than all.
    limits: BTreeMap<UserId, Option<usize>>,
    mail: Mail,
}

/// What waits in mailboxes, by what their accounts state.
#[derive(Debug, Default)]
struct Mail {
    messages: BTreeSet<(Mid, u64)>,
    reports: BTreeSet<(Mid, u64)>,
}

impl Mail {
    #[allow(clippy::wildcard_enum_match_arm, reason = "six of fifty")]
    fn note(&mut self, fact: &Fact) {
        match fact.clone() {
            Fact::Accept { mid, attempt, known: false, .. } => {
                self.messages.insert((mid, attempt));
            }
            Fact::Acked { mid, attempt, .. }
            | Fact::Bounce { mid, attempt, .. }
            | Fact::Expire { mid, attempt, .. } => {
                self.messages.remove(&(mid, attempt));
            }
            Fact::Report { mid, attempt, .. } => {
                self.reports.insert((mid, attempt));
            }
            Fact::ReportDone { mid, attempt } => {
                self.reports.remove(&(mid, attempt));
            }
            _ => {}
        }
    }

    fn waits(&self) -> bool {
        !self.messages.is_empty() || !self.reports.is_empty()
    }
}

fn internal(why: impl ToString) -> Refusal {
    Refusal::new(RefusalCode::Internal, why.to_string())
}

impl Make {
    fn new(provision: &ServerProvision, nature: Nature) -> Outcome<Self> {
        let ServerProvision { suite, params, native, .. } = provision;
        let missing = || {
            Refusal::new(RefusalCode::BadRequest, "nobody says where to listen: `native` is absent")
        };
        let native = native.as_deref().ok_or_else(missing)?;
        let listen = native.to_socket_addrs().map_err(internal)?.next();
        Ok(Self {
            suite: suite_of(suite)?,
            config: params.config(nature.deviations),
            listen: listen.ok_or_else(|| internal(format!("`{native}` is no address")))?,
            folder: TempDir::new().map_err(internal)?,
            users: BTreeSet::new(),
            residents: Vec::new(),
            limits: BTreeMap::new(),
            mail: Mail::default(),
        })
    }

    fn put(&mut self, Put { user, records, .. }: Put) -> Outcome<()> {
        let records = chain(&records)?;
        self.users.insert(user.clone());
        if !records.is_empty() {
            let durable = match self.suite {
                SuiteName::Model => AccountDurable::registered::<Model>(records),
                SuiteName::P256 => AccountDurable::registered::<P256>(records),
            };
            self.residents.push((user, durable));
        }
        Ok(())
    }

    /// Whose account it is that states this: of users whom there are not, it is the account of who asks.
    fn owner(&self, user: UserId, fact: &Fact) -> UserId {
        if let Fact::Refuse { by, .. } = fact
            && !self.users.contains(&user)
        {
            return by.clone();
        }
        user
    }

    /// Starts it with what is durable, at that time.
    fn start(&self, at: Moment, scale: NonZeroU32, stated: &Statements) -> Outcome<Server> {
        let stated = Arc::clone(stated);
        let hear = move |it: Statement<'_>| {
            let (user, fact) = (it.user.clone(), it.fact.clone());
            lock(&stated).push(Stated { stamp: it.stamp, user, fact, req: it.req });
        };
        let facts: FactSink = Arc::new(hear);
        let config = Config {
            listen: self.listen,
            storage: Storage::Folder(self.folder.path().to_owned()),
            partitions: PARTITIONS,
            facts: Some(facts),
            timeline: Timeline::Told { wall: Millis(at.wall_ms), scale },
            residents: self.residents.clone(),
            ..Config::new(self.config.clone())
        };
        let server = match self.suite {
            SuiteName::Model => started::<Model>(config),
            SuiteName::P256 => started::<P256>(config),
        };
        let server = server?;
        for (user, messages) in &self.limits {
            server.limit(user.clone(), *messages);
        }
        Ok(server)
    }
}

fn started<S: Suite>(config: Config) -> Outcome<Server> {
    Server::start::<S>(config).map_err(internal)
}

impl NativeServer {
    /// A server of this kind.
    #[must_use]
    pub fn new(nature: Nature) -> Self {
        Self {
            nature,
            clock: Metronome::start(NonZeroU32::MIN),
            scale: NonZeroU32::MIN,
            events: 0,
            last: Instant::START,
            stated: Statements::default(),
            make: None,
            server: None,
        }
    }

    fn carry_out(&mut self, method: ServerMethod, lines: &mut Vec<String>) -> Outcome<Value> {
        let mut starts = false;
        match method {
            ServerMethod::Hello(hello) => {
                agree(&hello, "server")?;
                if hello.clock != ClockKind::Real {
                    let text = "nobody moves the clock of a server with connections of its own";
                    return Err(Refusal::new(RefusalCode::UnsupportedCapability, text));
                }
                (self.make, self.server, self.events) = (None, None, 0);
                self.scale = hello.time_scale;
                return Ok(value(&welcome(self.nature)));
            }
            ServerMethod::Ping {} | ServerMethod::Shutdown {} => return Ok(nothing()),
            ServerMethod::Provision(provision) => {
                self.server = None;
                lock(&self.stated).clear();
                self.make = Some(Make::new(&provision, self.nature)?);
                (self.clock, self.last) = (Metronome::start(self.scale), Instant::START);
                return Ok(nothing());
            }
            ServerMethod::Put(put) => {
                let make = self.make.as_mut().filter(|_| self.server.is_none());
                make.ok_or_else(not_empty)?.put(put)?;
                return Ok(nothing());
            }
            ServerMethod::PowerOn(moment) => {
                self.start(moment)?;
                starts = true;
            }
            ServerMethod::PowerCut(_) => {
                if let Some(server) = self.server.take() {
                    server.cut().map_err(internal)?;
                }
            }
            ServerMethod::Reset(OfUser { user, .. }) => self.running()?.reset(user),
            ServerMethod::Limit(Limit { user, messages, .. }) => {
                self.running()?.limit(user.clone(), messages);
                self.make.as_mut().map(|make| make.limits.insert(user, messages));
            }
            // A device attaches by itself: no ticket is bound to a connection that is yet to come.
            ServerMethod::Open(_) | ServerMethod::Advance(_) => {}
            ServerMethod::Deliver(_) => {
                let text = "frames come by connections of their own";
                return Err(Refusal::new(RefusalCode::WrongState, text));
            }
        }
        lines.extend(self.say());
        Ok(value(&self.settled(starts)))
    }

    fn running(&self) -> Outcome<&Server> {
        let off = || Refusal::new(RefusalCode::WrongState, "there is no server, or it is off");
        self.server.as_ref().ok_or_else(off)
    }

    fn start(&mut self, at: Moment) -> Outcome<()> {
        let none = || Refusal::new(RefusalCode::WrongState, "there is no server yet");
        let make = self.make.as_ref().ok_or_else(none)?;
        if self.server.is_none() {
            self.server = Some(make.start(at, self.scale, &self.stated)?);
        }
        Ok(())
    }

    fn settled(&self, starts: bool) -> ServerSettled {
        let server = self.server.as_ref().filter(|_| starts);
        ServerSettled {
            seq: self.events,
            next_ns: None,
            next_user: None,
            next_from: None,
            pending: self.make.as_ref().is_some_and(|make| make.mail.waits()),
            ticket: None,
            native: server.map(|server| server.address().to_string()),
        }
    }

    /// What its accounts have stated, with when that was; what an account of another thread has stated before,
    /// and is told later, is dated as late.
    fn say(&mut self) -> Vec<String> {
        let mut stated = std::mem::take(&mut *lock(&self.stated));
        stated.sort_by_key(|it| it.stamp);
        let mut lines = Vec::new();
        for Stated { stamp, user, fact, req } in stated {
            self.last = self.last.max(self.clock.at(stamp));
            let at_ns = self.last.as_nanos();
            let Some(make) = &mut self.make else { break };
            make.mail.note(&fact);
            if !self.nature.opaque {
                let user = make.owner(user, &fact);
                self.events += 1;
                let event = Event::Account { user, fact, req };
                let line = EventLine { v: VERSION, event, seq: self.events, at_ns, of: None };
                lines.push(text(&line));
            }
        }
        lines
    }
}

impl Serve for NativeServer {
    fn answer(&mut self, line: &[u8]) -> (Vec<String>, bool) {
        answer(line, |_, method, lines| self.carry_out(method, lines))
    }

    fn rest(&self) -> Option<Duration> {
        None
    }

    fn wake(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn listens(&self) -> bool {
        self.server.is_some()
    }

    fn hear(&mut self) -> Vec<String> {
        self.say()
    }
}
