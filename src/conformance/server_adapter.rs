//! The reference server as something to attach: it answers requests by running accounts with their driver.
//!
//! Not here: what the server does (`proto`, `sim::house`), or where lines come from.

use std::sync::Arc;

use serde_json::Value;

use crate::base::lock::lock;
use crate::base::time::{Duration, Instant};
use crate::base::units::parse_hex;
use crate::conformance::declaration::Declaration;
use crate::conformance::message::{
    ClockKind, Event, EventLine, Moment, Refusal, RefusalCode, VERSION, Welcome,
};
use crate::conformance::reference::{
    Nature, Outcome, agree, answer, nothing, now, product, suite_of, text, value,
};
use crate::conformance::serve::Serve;
use crate::conformance::server_message::{
    From, Limit, OfUser, Open, Put, ServerMethod, ServerProvision, ServerSettled,
};
use crate::scenario::plan::SuiteName;
use crate::sim::house::{ServerMake, Tenant, housed};
use crate::sim::service::{RemoteServer, ServerAnswer, ServerHappening, Speech, Word};
use crate::verdict::conformity::Role;
use crate::wire::record::KeyRecord;

/// The reference server at the end of a line.
#[derive(Debug, Default)]
pub struct ServerAdapter {
    nature: Nature,
    /// What it becomes at its first start.
    make: Option<(SuiteName, ServerMake)>,
    server: Option<RemoteServer>,
    events: u64,
}

/// What the reference server can do, of what a server can.
#[must_use]
pub fn declaration(nature: Nature) -> Declaration {
    Declaration::of(|name| match name {
        "push" | "reset" | "power_cut" | "clock_set" | "known_keys" => true,
        "mediated" | "virtual_clock" | "rng_seed" => !nature.native,
        "native" | "sync" => nature.native,
        "facts" => !nature.opaque,
        _ => false,
    })
}

/// The reference server's answer to a greeting.
pub(super) fn welcome(nature: Nature) -> Welcome {
    let (product, capabilities) = (product("reference server"), declaration(nature));
    Welcome { proto: VERSION, role: Role::Server, product, capabilities }
}

impl ServerAdapter {
    /// A server of this kind.
    #[must_use]
    pub fn new(nature: Nature) -> Self {
        Self { nature, ..Self::default() }
    }

    /// What it can do, of what a server can.
    #[must_use]
    pub fn declaration(&self) -> Declaration {
        declaration(self.nature)
    }

    fn carry_out(
        &mut self,
        id: u64,
        method: ServerMethod,
        lines: &mut Vec<String>,
    ) -> Outcome<Value> {
        let (moment, what) = match method {
            ServerMethod::Hello(hello) => {
                agree(&hello, "server")?;
                if hello.clock != ClockKind::Virtual {
                    let text = "this server has no clock of its own";
                    return Err(Refusal::new(RefusalCode::UnsupportedCapability, text));
                }
                // A new connection, on lines where that is not to be seen.
                (self.make, self.server, self.events) = (None, None, 0);
                return Ok(value(&welcome(self.nature)));
            }
            ServerMethod::Ping {} | ServerMethod::Shutdown {} => return Ok(nothing()),
            ServerMethod::Provision(provision) => {
                self.make = Some(self.make(&provision)?);
                self.server = None;
                return Ok(nothing());
            }
            ServerMethod::Put(put) => {
                self.put(put)?;
                return Ok(nothing());
            }
            ServerMethod::PowerOn(moment) => (moment, ServerHappening::Start),
            ServerMethod::PowerCut(moment) => (moment, ServerHappening::Stop),
            ServerMethod::Open(Open { moment, conn, user }) => {
                (moment, ServerHappening::Open { conn, user })
            }
            ServerMethod::Deliver(From { moment, from, octets }) => {
                (moment, ServerHappening::Frame { conn: from, octets })
            }
            ServerMethod::Reset(OfUser { moment, user }) => (moment, ServerHappening::Reset(user)),
            ServerMethod::Limit(Limit { moment, user, messages }) => {
                (moment, ServerHappening::Limit(user, messages))
            }
            ServerMethod::Advance(moment) => (moment, ServerHappening::Timeout),
        };
        self.tell(id, moment, what, lines)
    }

    fn tell(
        &mut self,
        id: u64,
        moment: Moment,
        what: ServerHappening,
        lines: &mut Vec<String>,
    ) -> Outcome<Value> {
        if self.server.is_none()
            && let Some((suite, make)) = &self.make
        {
            self.server = Some(housed(*suite, make.clone()));
        }
        let server = self.server.clone();
        let server = server
            .ok_or_else(|| Refusal::new(RefusalCode::WrongState, "there is no server yet"))?;
        let told = lock(&server).happen(now(moment), Some(id), what);
        let answer =
            told.map_err(|broken| Refusal::new(RefusalCode::Internal, broken.to_string()))?;
        let ServerAnswer { said, next, at, pending, ticket } = answer;
        let (next_user, next_from) = at.map(|it| (it.user, it.from)).unzip();
        let tells = |word: &Word| !self.nature.opaque || matches!(word.what, Speech::Frame(..));
        let told: Vec<Word> = said.into_iter().filter(tells).collect();
        lines.extend(told.into_iter().map(|word| self.event(word)));
        let next_ns = next.map(Instant::as_nanos);
        let (seq, ticket, native) = (self.events, ticket.map(Into::into), None);
        Ok(value(&ServerSettled { seq, next_ns, next_user, next_from, pending, ticket, native }))
    }

    fn event(&mut self, Word { what, at, of }: Word) -> String {
        self.events += 1;
        let event = match what {
            Speech::Frame(conn, octets) => Event::Send { to: Some(conn), octets },
            Speech::Fact(user, fact) => Event::Account { user, fact, req: None },
        };
        text(&EventLine { v: VERSION, event, seq: self.events, at_ns: at.as_nanos(), of })
    }

    fn make(&self, provision: &ServerProvision) -> Outcome<(SuiteName, ServerMake)> {
        let ServerProvision { suite, params, seed, native: _ } = provision;
        let suite = suite_of(suite)?;
        let make = ServerMake {
            config: Arc::new(params.config(self.nature.deviations)),
            internal: Duration::from_micros(params.internal_us),
            sync: Duration::from_micros(params.sync_us),
            seed: *seed,
            users: Vec::new(),
        };
        Ok((suite, make))
    }

    fn put(&mut self, Put { user, conn, records }: Put) -> Outcome<()> {
        let make = self.make.as_mut().filter(|_| self.server.is_none());
        let (_, make) = make.ok_or_else(not_empty)?;
        make.users.push(Tenant { user, conn, records: chain(&records)? });
        Ok(())
    }
}

/// The directory is filled before the first start.
pub(super) fn not_empty() -> Refusal {
    Refusal::new(RefusalCode::WrongState, "the directory is not empty now")
}

/// A chain of records.
pub(super) fn chain(records: &[String]) -> Outcome<Vec<KeyRecord>> {
    let record = |hex: &String| {
        let octets = parse_hex(hex).map_err(|error| error.to_string())?;
        KeyRecord::decode(&octets).map_err(|error| error.to_string())
    };
    let records: Result<_, String> = records.iter().map(record).collect();
    records.map_err(|text| Refusal::new(RefusalCode::BadRequest, text))
}

impl Serve for ServerAdapter {
    fn answer(&mut self, line: &[u8]) -> (Vec<String>, bool) {
        answer(line, |id, method, lines| self.carry_out(id, method, lines))
    }

    fn rest(&self) -> Option<Duration> {
        None
    }

    fn wake(&mut self) -> Vec<String> {
        Vec::new()
    }
}
