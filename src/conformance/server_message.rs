//! What harness and a server under test say to each other: the requests that a device does not know.
//!
//! Not here: replies and events, which are as a device's (`message`), or how lines travel (`link`).

use serde::{Deserialize, Serialize};
use strum::VariantNames;

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::conformance::message::{Hello, Moment, Session};
use crate::conformance::octets;
use crate::proto::config::ServerConfig;
use crate::proto::deviation::Deviations;
use crate::scenario::plan::Plan;

/// The JSON Schema of every line, in both directions.
pub const SERVER_SCHEMA: &str = include_str!("attachment-server.schema.json");

/// What the harness asks a server for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, VariantNames)]
#[serde(tag = "m", content = "p")]
pub enum ServerMethod {
    /// Who is there, and what can it do?
    #[serde(rename = "hello")]
    #[strum(serialize = "hello")]
    Hello(Hello),
    /// Become this server, with nothing of an earlier one, switched off.
    #[serde(rename = "provision")]
    #[strum(serialize = "provision")]
    Provision(Box<ServerProvision>),
    /// There is such a user, perhaps with records in the directory; before the first start.
    #[serde(rename = "directory.put")]
    #[strum(serialize = "directory.put")]
    Put(Put),
    /// Start with what is durable.
    #[serde(rename = "power.on")]
    #[strum(serialize = "power.on")]
    PowerOn(Moment),
    /// Stop at once: what is not durable is gone.
    #[serde(rename = "power.cut")]
    #[strum(serialize = "power.cut")]
    PowerCut(Moment),
    /// A device starts attached: begin its session, and say its ticket.
    #[serde(rename = "session.open")]
    #[strum(serialize = "session.open")]
    Open(Open),
    /// Octets have come from a device.
    #[serde(rename = "net.deliver")]
    #[strum(serialize = "net.deliver")]
    Deliver(From),
    /// The operator ends a user's identity.
    #[serde(rename = "user.reset")]
    #[strum(serialize = "user.reset")]
    Reset(OfUser),
    /// The operator limits a user's mailbox.
    #[serde(rename = "mailbox.limit")]
    #[strum(serialize = "mailbox.limit")]
    Limit(Limit),
    /// Time passes: everything happens that is due by then.
    #[serde(rename = "clock.advance")]
    #[strum(serialize = "clock.advance")]
    Advance(Moment),
    /// Nothing, for the time of a round trip.
    #[serde(rename = "ping")]
    #[strum(serialize = "ping")]
    Ping {},
    /// The session is over.
    #[serde(rename = "shutdown")]
    #[strum(serialize = "shutdown")]
    Shutdown {},
}

/// What a server is to become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerProvision {
    /// The cryptography: `p256`, or `model` between simulators.
    pub suite: String,
    /// What it is told of itself.
    pub params: ServerParams,
    /// Of its randomness and its own key, for servers that take it; below 2^53.
    pub seed: u64,
    /// Where it listens whenever it has power, if devices are to connect to it by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<String>,
}

/// A user of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Put {
    /// Who.
    pub user: UserId,
    /// The connection of the user's device, of which there is one in a case.
    pub conn: u32,
    /// The chain of records in hex, oldest first; empty: not registered.
    pub records: Vec<String>,
}

/// A session to be begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// When.
    #[serde(flatten)]
    pub moment: Moment,
    /// On which connection.
    pub conn: u32,
    /// Whose device is there.
    pub user: UserId,
}

/// What has come on a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct From {
    /// When.
    #[serde(flatten)]
    pub moment: Moment,
    /// On which connection.
    pub from: u32,
    /// The octets.
    #[serde(with = "octets")]
    pub octets: Vec<u8>,
}

/// About a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfUser {
    /// When.
    #[serde(flatten)]
    pub moment: Moment,
    /// Who.
    pub user: UserId,
}

/// How many messages a mailbox takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// When.
    #[serde(flatten)]
    pub moment: Moment,
    /// Whose.
    pub user: UserId,
    /// So many; none: as many as `params` say.
    pub messages: Option<usize>,
}

/// The answer to what takes time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerSettled {
    /// The number of the last event so far.
    pub seq: u64,
    /// When the server wants to go on by itself; none: it waits.
    pub next_ns: Option<u64>,
    /// At whose account, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_user: Option<UserId>,
    /// Whose account has led to that, by what it told the other; otherwise it is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_from: Option<UserId>,
    /// Whether it has something to bring to an end: mail that waits, above all.
    pub pending: bool,
    /// The ticket that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Session>,
    /// Of one with connections of its own, the reply to a start: where it listens. Only the port counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<String>,
}

/// The settings of a server (protocol 4.5); times in microseconds.
#[allow(missing_docs, reason = "the fields are those of `ServerConfig`")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerParams {
    pub server: UserId,
    pub ttl_us: u64,
    pub grace_us: u64,
    pub lease_us: u64,
    pub mailbox_messages: usize,
    pub mailbox_octets: u64,
    pub push: bool,
    pub ticket_us: u64,
    pub challenge_us: u64,
    pub unknown_us: u64,
    pub watchers_max: usize,
    pub message_max: usize,
    pub full_retry_us: u64,
    /// How long accounts of a simulated server take to tell each other something; a real one takes its time.
    pub internal_us: u64,
    /// How long durable writes of a simulated server take.
    pub sync_us: u64,
}

const fn micros(span: Duration) -> u64 {
    span.as_nanos() / 1_000
}

impl ServerParams {
    /// The settings of a plan's server.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let config = &plan.server;
        Self {
            server: config.server.clone(),
            ttl_us: micros(config.ttl),
            grace_us: micros(config.grace),
            lease_us: micros(config.lease),
            mailbox_messages: config.mailbox_messages,
            mailbox_octets: config.mailbox_octets,
            push: config.push,
            ticket_us: micros(config.ticket),
            challenge_us: micros(config.challenge),
            unknown_us: micros(config.unknown),
            watchers_max: config.watchers_max,
            message_max: config.message_max,
            full_retry_us: micros(config.full_retry),
            internal_us: micros(plan.internal),
            sync_us: micros(plan.sync),
        }
    }

    /// The same for the machines, with these deviations.
    #[must_use]
    pub fn config(&self, deviations: Deviations) -> ServerConfig {
        let span = Duration::from_micros;
        ServerConfig {
            server: self.server.clone(),
            ttl: span(self.ttl_us),
            grace: span(self.grace_us),
            lease: span(self.lease_us),
            mailbox_messages: self.mailbox_messages,
            mailbox_octets: self.mailbox_octets,
            push: self.push,
            ticket: span(self.ticket_us),
            challenge: span(self.challenge_us),
            unknown: span(self.unknown_us),
            watchers_max: self.watchers_max,
            message_max: self.message_max,
            full_retry: span(self.full_retry_us),
            deviations,
        }
    }
}
