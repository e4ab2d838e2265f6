//! What harness and device say to each other: one JSON object a line (attachment protocol, version 1).
//!
//! Requests go to the device, replies and events to the harness. Numbers are up to 2^53 but for those that
//! come from the device's own protocol, octets are lower-case hex, times are nanoseconds of the harness's
//! clock. Not here: how lines travel (`link`), or frames of that protocol, which are octets here.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::VariantNames;

use crate::base::id::{Hash32, ReqId, UserId};
use crate::base::time::Millis;
use crate::conformance::act::Act;
use crate::conformance::declaration::Declaration;
use crate::conformance::octets;
use crate::conformance::params::Params;
use crate::trace::fact::Fact;
use crate::verdict::conformity::Role;
use crate::verdict::results::Subject;
use crate::wire::message::Ticket;

/// The version spoken here.
pub const VERSION: u32 = 1;

/// The JSON Schema of every line to or from a device; a server's is in `server_message`.
pub const SCHEMA: &str = include_str!("attachment.schema.json");

/// Octets of a line, its end not counted: the longest frame in hex, and as much again for what is around it.
pub const LINE_MAX: usize = 128 << 10;

/// What the harness asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, VariantNames)]
#[serde(tag = "m", content = "p")]
pub enum Method {
    /// Who is there, and what can it do?
    #[serde(rename = "hello")]
    #[strum(serialize = "hello")]
    Hello(Hello),
    /// Become this device, with nothing of an earlier one, switched off.
    #[serde(rename = "provision")]
    #[strum(serialize = "provision")]
    Provision(Box<Provision>),
    /// Start, attached already when a ticket comes along.
    #[serde(rename = "power.on")]
    #[strum(serialize = "power.on")]
    PowerOn(PowerOn),
    /// Stop at once: what is not durable is gone.
    #[serde(rename = "power.cut")]
    #[strum(serialize = "power.cut")]
    PowerCut(Moment),
    /// A frame of the server has arrived.
    #[serde(rename = "net.deliver")]
    #[strum(serialize = "net.deliver")]
    Deliver(Deliver),
    /// The user does something.
    #[serde(rename = "user.act")]
    #[strum(serialize = "user.act")]
    Act(UserAct),
    /// Time passes: everything happens that is due by then.
    #[serde(rename = "clock.advance")]
    #[strum(serialize = "clock.advance")]
    Advance(Moment),
    /// Answer when all that came is dealt with and all that is said is on its way.
    #[serde(rename = "sync")]
    #[strum(serialize = "sync")]
    Sync(Moment),
    /// Keep a copy of what is durable.
    #[serde(rename = "snapshot")]
    #[strum(serialize = "snapshot")]
    Snapshot(Copy),
    /// Go back to a copy, while power is off.
    #[serde(rename = "restore")]
    #[strum(serialize = "restore")]
    Restore(Copy),
    /// Nothing, for the time of a round trip.
    #[serde(rename = "ping")]
    #[strum(serialize = "ping")]
    Ping {},
    /// The session is over.
    #[serde(rename = "shutdown")]
    #[strum(serialize = "shutdown")]
    Shutdown {},
}

/// A time by the harness's clock, and what the device's wall clock is to show then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Since the case began.
    pub now_ns: u64,
    /// Since 1970.
    pub wall_ms: u64,
}

/// The greeting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The least and the greatest version that the harness speaks.
    pub proto: [u32; 2],
    /// The name of this run, for the device's log.
    pub run: String,
    /// The longest line that the harness takes.
    pub line_max: u64,
    /// Who moves the clock.
    pub clock: ClockKind,
    /// How many seconds of its life the device has in a second, when nobody moves its clock.
    #[serde(default = "once")]
    pub time_scale: NonZeroU32,
    /// Fields that this version does not know: a device ignores them, and the harness always sends one.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

const fn once() -> NonZeroU32 {
    NonZeroU32::MIN
}

/// Who moves the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockKind {
    /// The harness, by the times in its requests.
    Virtual,
    /// Nobody: it goes by itself.
    Real,
}

/// The answer to a greeting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The version that both speak.
    pub proto: u32,
    /// Which side of the protocol it is.
    #[serde(default)]
    pub role: Role,
    /// What it is.
    pub product: Product,
    /// What it can do; nothing may be left out.
    pub capabilities: Declaration,
}

/// What a device is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Who makes it.
    pub vendor: String,
    /// What it is called.
    pub model: String,
    /// Of its software.
    pub version: String,
}

impl Product {
    /// The same as the subject of results, with what it declares.
    #[must_use]
    pub fn subject(&self, role: Role, capabilities: &BTreeMap<String, bool>) -> Subject {
        Subject {
            role,
            vendor: self.vendor.clone(),
            model: self.model.clone(),
            version: self.version.clone(),
            capabilities: capabilities.clone(),
        }
    }
}

/// What a device is to become.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provision {
    /// Whose it is.
    pub user: UserId,
    /// The cryptography: `p256`, or `model` between simulators.
    pub suite: String,
    /// What it starts with.
    pub start: Start,
    /// What it is told of itself.
    pub params: Params,
    /// Where its randomness comes from, for devices that take it: draws are addressed as in the simulator.
    pub rng: Rng,
    /// Where it connects by itself whenever it has power, if it is to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<String>,
}

/// What a device starts with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Start {
    /// Nothing.
    Blank,
    /// Keys that nobody has recorded.
    Keyed {
        /// The key pairs of epoch 1.
        keys: KeyPairs,
    },
    /// Keys, and their record in the directory.
    Registered {
        /// The key pairs of the record's epoch.
        keys: KeyPairs,
        /// The newest record of its chain, as octets.
        #[serde(with = "octets")]
        record: Vec<u8>,
    },
}

/// The private halves of two key pairs. They are for the line alone: nothing else shows them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPairs {
    /// For agreement.
    pub agree: Hash32,
    /// For signatures.
    pub sign: Hash32,
}

impl fmt::Debug for KeyPairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPairs(..)")
    }
}

/// Where randomness comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rng {
    /// Of the run; below 2^53.
    pub seed: u64,
    /// Which device.
    pub device: u64,
}

/// Power comes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerOn {
    /// When.
    #[serde(flatten)]
    pub moment: Moment,
    /// Its session, if it starts with one.
    pub ticket: Option<Session>,
}

/// The right to act as a user for a while: a ticket of protocol 4.3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose session.
    pub user: UserId,
    /// The identity that attached.
    pub generation: Hash32,
    /// When it ends.
    pub expires: Millis,
    /// The server's MAC.
    #[serde(with = "octets")]
    pub mac: [u8; 16],
}

impl From<Ticket> for Session {
    fn from(Ticket { user, generation, expires, mac }: Ticket) -> Self {
        Self { user, generation, expires, mac }
    }
}

impl From<Session> for Ticket {
    fn from(Session { user, generation, expires, mac }: Session) -> Self {
        Self { user, generation, expires, mac }
    }
}

/// A frame, or what came of one on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliver {
    /// When.
    #[serde(flatten)]
    pub moment: Moment,
    /// The frame.
    #[serde(with = "octets")]
    pub octets: Vec<u8>,
}

/// The user does something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserAct {
    /// When.
    #[serde(flatten)]
    pub moment: Moment,
    /// What.
    #[serde(flatten)]
    pub act: Act,
}

/// Which copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// When.
    #[serde(flatten)]
    pub moment: Moment,
    /// What the copy is called.
    pub name: String,
    /// Whether randomness goes back too.
    #[serde(default)]
    pub rng: bool,
}

/// The answer to what takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The number of the last event so far.
    pub seq: u64,
    /// When the device wants to go on by itself; none: it waits.
    pub next_ns: Option<u64>,
    /// Whether it has something to bring to an end.
    pub pending: bool,
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What kind of reason.
    pub code: RefusalCode,
    /// Whether it did not happen, and will not.
    pub definite: bool,
    /// For people.
    pub text: String,
    /// In how many milliseconds to ask again, of one that is busy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_ms: Option<u64>,
}

impl Refusal {
    /// A definite no.
    #[must_use]
    pub fn new(code: RefusalCode, text: impl Into<String>) -> Self {
        Self { code, definite: true, text: text.into(), eta_ms: None }
    }
}

/// The closed list of reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// No such method here.
    Unimplemented,
    /// The capability is not there.
    UnsupportedCapability,
    /// The request makes no sense.
    BadRequest,
    /// Not now.
    WrongState,
    /// Nothing of that name is shown.
    NoSuchPrompt,
    /// Later.
    Busy,
    /// The device's own fault.
    Internal,
}

/// What a device says by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ev", content = "p")]
pub enum Event {
    /// A frame for the server, or from a server to a device.
    #[serde(rename = "net.send")]
    Send {
        /// From a server: on which connection.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<u32>,
        /// The frame.
        #[serde(with = "octets")]
        octets: Vec<u8>,
    },
    /// What the user sees, or what happened inside.
    #[serde(rename = "fact")]
    Fact(Fact),
    /// What happened to a user's account, inside a server.
    #[serde(rename = "account")]
    Account {
        /// Whose.
        user: UserId,
        /// What.
        fact: Fact,
        /// Which frame has led to it, where frames do not come over the line and the server can tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        req: Option<ReqId>,
    },
}

/// A request as it stands on a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestLine {
    /// The version.
    pub v: u32,
    /// Its number, which its reply names.
    pub id: u64,
    /// The method.
    pub m: String,
    /// What goes with it.
    #[serde(default)]
    pub p: Value,
}

/// A reply as it stands on a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplyLine {
    /// The version.
    pub v: u32,
    /// The request that it answers.
    pub re: u64,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ok: Option<Value>,
    /// Why nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub err: Option<Refusal>,
}

/// An event as it stands on a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventLine {
    /// The version.
    pub v: u32,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
    /// Its number, from 1.
    pub seq: u64,
    /// When it happened.
    pub at_ns: u64,
    /// The request that led to it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
}

impl RequestLine {
    /// The method with what goes with it.
    ///
    /// # Errors
    /// [`RefusalCode::Unimplemented`] for an unknown name, [`RefusalCode::BadRequest`] for the rest.
    pub fn method<M: DeserializeOwned + VariantNames>(self) -> Result<M, Refusal> {
        let Self { m, p, .. } = self;
        if !M::VARIANTS.contains(&m.as_str()) {
            let unknown = format!("no method is called {m}");
            return Err(Refusal::new(RefusalCode::Unimplemented, unknown));
        }
        let mut whole = serde_json::Map::new();
        whole.insert("m".to_owned(), Value::String(m));
        whole.insert(
            "p".to_owned(),
            if p.is_null() { Value::Object(Default::default()) } else { p },
        );
        serde_json::from_value(Value::Object(whole))
            .map_err(|error| Refusal::new(RefusalCode::BadRequest, error.to_string()))
    }
}
