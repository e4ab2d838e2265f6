//! The reference device as something to attach: it answers requests by running a device with its driver.
//!
//! Not here: what the device does (`proto`, `sim::seat`), or where lines come from (`serve`).

use std::num::NonZeroU32;
use std::sync::Arc;

use serde_json::Value;

use crate::base::rng::{Luck, Purpose};
use crate::base::time::{Duration, Instant};
use crate::conformance::act::{Act, Form, Half};
use crate::conformance::declaration::Declaration;
use crate::conformance::message::{
    ClockKind, Event, EventLine, KeyPairs, Method, Provision, Refusal, RefusalCode, Settled, Start,
    VERSION, Welcome,
};
use crate::conformance::own_time::OwnTime;
use crate::conformance::params::Params;
use crate::conformance::reference::{
    Nature, Outcome, agree, answer, nothing, now, product, suite_of, text, value,
};
use crate::conformance::serve::Serve;
use crate::crypto::keys::KeyPair;
use crate::crypto::model::Model;
use crate::crypto::p256::P256;
use crate::crypto::suite::{Secret, Suite};
use crate::proto::device::durable::OwnKey;
use crate::proto::port::{self, DeviceInput, KeyMaterial, RequestForm, UserAction};
use crate::runtime::framed::Framed;
use crate::runtime::sockets::Stream;
use crate::scenario::plan::SuiteName;
use crate::sim::body::{Answer, Happening, Remote, Said, Saying, tell};
use crate::sim::seat::{Given, Make, seated};
use crate::trace::visible::is_visible;
use crate::verdict::conformity::Role;
use crate::wire::message::Envelope;
use crate::wire::record::KeyRecord;

/// The reference device at the end of a line.
#[derive(Debug)]
pub struct Adapter {
    nature: Nature,
    device: Option<Remote>,
    events: u64,
    /// How fast it lives, if nobody moves its clock.
    pace: Option<NonZeroU32>,
    /// Its own clock, if it has one.
    time: Option<OwnTime>,
    /// When it wants to go on by itself.
    next: Option<Instant>,
    /// Where it connects by itself, and its connection while it has power.
    server: Option<String>,
    own: Option<Framed>,
}

impl Adapter {
    /// A device of this kind.
    #[must_use]
    pub const fn new(nature: Nature) -> Self {
        Self {
            nature,
            device: None,
            events: 0,
            pace: None,
            time: None,
            next: None,
            server: None,
            own: None,
        }
    }

    /// What it can do: everything but what needs hands on the machine itself.
    #[must_use]
    pub fn declaration(&self) -> Declaration {
        Declaration::of(|name| match name {
            "store_faults" | "kat" | "power_cycle" => false,
            "native" => self.nature.native,
            "mediated" => !self.nature.native,
            "facts" | "state" => !self.nature.opaque,
            _ => true,
        })
    }

    fn welcome(&self) -> Welcome {
        Welcome {
            proto: VERSION,
            role: Role::Device,
            product: product("reference device"),
            capabilities: self.declaration(),
        }
    }

    fn tells(&self, said: &Said) -> bool {
        match &said.what {
            Saying::Frame(_) => true,
            Saying::Fact(fact) => !self.nature.opaque || is_visible(fact),
        }
    }

    fn say(&mut self, said: Vec<Said>) -> Vec<String> {
        let mut lines = Vec::new();
        for said in said.into_iter().filter(|said| self.tells(said)).collect::<Vec<_>>() {
            match (&self.own, said) {
                // What does not leave is lost, as on any network.
                (Some(own), Said { what: Saying::Frame(octets), .. }) => drop(own.send(&octets)),
                (_, said) => lines.push(self.event(said)),
            }
        }
        lines
    }

    /// Connects to its server, if it has one.
    fn connect(&mut self) -> Outcome<()> {
        let Some(server) = &self.server else { return Ok(()) };
        let connected = Stream::dial_tcp(server).and_then(Framed::over);
        let failed = |error| {
            Refusal::new(RefusalCode::Internal, format!("cannot connect to {server}: {error}"))
        };
        self.own = Some(connected.map_err(failed)?);
        Ok(())
    }

    fn carry_out(&mut self, id: u64, method: Method, lines: &mut Vec<String>) -> Outcome<Value> {
        let (moment, what) = match method {
            Method::Hello(hello) => {
                agree(&hello, "device")?;
                // A new connection, on lines where that is not to be seen.
                (self.device, self.events, self.own) = (None, 0, None);
                self.pace = (hello.clock == ClockKind::Real).then_some(hello.time_scale);
                return Ok(value(&self.welcome()));
            }
            Method::Ping {} | Method::Shutdown {} => return Ok(nothing()),
            Method::Provision(provision) => {
                self.device = Some(self.make(&provision)?);
                (self.server, self.own) = (provision.native, None);
                self.time = self.pace.map(OwnTime::start);
                self.next = None;
                return Ok(nothing());
            }
            Method::PowerOn(it) => {
                self.connect()?;
                (it.moment, Happening::Start(it.ticket.map(Into::into)))
            }
            Method::PowerCut(moment) => {
                self.own = None;
                (moment, Happening::Stop)
            }
            Method::Deliver(it) => (it.moment, Happening::Input(frame(it.octets))),
            Method::Act(it) => (it.moment, Happening::Input(input(it.act))),
            Method::Advance(_) if self.pace.is_some() => {
                let text = "nobody moves the clock of this device: it goes by itself";
                return Err(Refusal::new(RefusalCode::WrongState, text));
            }
            Method::Advance(moment) => (moment, Happening::Timeout),
            Method::Sync(moment) => (moment, Happening::Fence),
            Method::Snapshot(it) => (it.moment, Happening::Snapshot(it.name)),
            Method::Restore(it) => (it.moment, Happening::Restore(it.name, it.rng)),
        };
        let device = self.device.as_ref();
        let device = device
            .ok_or_else(|| Refusal::new(RefusalCode::WrongState, "there is no device yet"))?;
        let now = match &mut self.time {
            Some(time) => {
                time.set(moment);
                time.now()
            }
            None => now(moment),
        };
        let answer = tell(device, now, Some(id), what);
        let answer =
            answer.map_err(|broken| Refusal::new(RefusalCode::Internal, broken.to_string()))?;
        let Answer { said, next, pending } = answer;
        self.next = next;
        lines.extend(self.say(said));
        let next_ns = next.map(Instant::as_nanos);
        Ok(value(&Settled { seq: self.events, next_ns, pending }))
    }

    fn event(&mut self, Said { what, at, of }: Said) -> String {
        self.events += 1;
        let event = match what {
            Saying::Frame(octets) => Event::Send { to: None, octets },
            Saying::Fact(fact) => Event::Fact(fact),
        };
        let line = EventLine { v: VERSION, event, seq: self.events, at_ns: at.as_nanos(), of };
        text(&line)
    }

    fn make(&self, provision: &Provision) -> Outcome<Remote> {
        let Provision { user, suite, params, rng, .. } = provision;
        let suite = suite_of(suite)?;
        let given = match suite {
            SuiteName::P256 => given::<P256>(&provision.start),
            SuiteName::Model => given::<Model>(&provision.start),
        };
        let params: &Params = params;
        let make = Make {
            user: user.clone(),
            config: Arc::new(params.config(self.nature.deviations)),
            cpu: params.cpu(),
            sync: params.sync(),
            given: given?,
            luck: Luck::new(rng.seed, Purpose::Device, rng.device),
        };
        Ok(seated(suite, make))
    }
}

impl Serve for Adapter {
    fn answer(&mut self, line: &[u8]) -> (Vec<String>, bool) {
        answer(line, |id, method, lines| self.carry_out(id, method, lines))
    }

    fn rest(&self) -> Option<Duration> {
        let (time, next) = (self.time.as_ref()?, self.next?);
        Some(time.until(next))
    }

    fn wake(&mut self) -> Vec<String> {
        let (Some(device), Some(time)) = (&self.device, &self.time) else { return Vec::new() };
        // One that is at fault says so when it is asked next.
        let answer = tell(device, time.now(), None, Happening::Timeout).unwrap_or_default();
        self.next = answer.next;
        self.say(answer.said)
    }

    fn listens(&self) -> bool {
        self.own.is_some()
    }

    fn hear(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(own) = &self.own {
            let Ok(heard) = own.receive(Duration::ZERO) else {
                // The server is gone, and comes back only with the power.
                self.own = None;
                break;
            };
            let (Some((octets, _)), Some(device), Some(time)) = (heard, &self.device, &self.time)
            else {
                break;
            };
            let what = Happening::Input(frame(octets));
            let answer = tell(device, time.now(), None, what).unwrap_or_default();
            self.next = answer.next;
            lines.extend(self.say(answer.said));
        }
        lines
    }
}

/// What a device is told when this comes from its server.
fn frame(octets: Vec<u8>) -> DeviceInput {
    match Envelope::decode(&octets) {
        Ok(envelope) => DeviceInput::Frame(envelope),
        Err(_) => DeviceInput::Garbage(octets),
    }
}

/// What a device starts with.
fn given<S: Suite>(start: &Start) -> Outcome<Given> {
    let bad = |text: String| Refusal::new(RefusalCode::BadRequest, text);
    let pair = |secret: [u8; 32]| {
        let secret = Secret::new(secret);
        S::check_secret(&secret).map_err(|error| bad(error.to_string()))?;
        Ok::<_, Refusal>(KeyPair { public: S::public(&secret), secret })
    };
    let own = |keys: &KeyPairs| {
        OwnKey::new::<S>(pair(keys.agree.0)?, pair(keys.sign.0)?)
            .map_err(|error| bad(error.to_string()))
    };
    match start {
        Start::Blank => Ok(Given::Blank),
        Start::Keyed { keys } => Ok(Given::Keyed(own(keys)?)),
        Start::Registered { keys, record } => {
            let record = KeyRecord::decode(record).map_err(|error| bad(error.to_string()))?;
            Ok(Given::Registered(own(keys)?, Box::new(record)))
        }
    }
}

/// What the machine is told when its user does this.
fn input(act: Act) -> DeviceInput {
    let form = |it: Form| {
        let Form { lines, amount, currency, payee, expires, .. } = it;
        RequestForm { lines, amount, currency, payee, expires }
    };
    let half = |it: Half| KeyMaterial { secret: it.secret, public: it.public };
    DeviceInput::User(match act {
        Act::Press { button } => UserAction::Press(button),
        Act::Scroll => UserAction::Scroll,
        Act::Send { draft, to, text } => UserAction::Send { draft, to, text },
        Act::Request(it) => {
            let (draft, to, txn) = (it.draft, it.to.clone(), it.txn);
            UserAction::Request { draft, to, txn, request: form(it) }
        }
        Act::Approve(it) => {
            let (draft, to, txn) = (it.draft, it.to.clone(), it.txn);
            UserAction::Approve { draft, to, txn, request: form(it) }
        }
        Act::Confirm { peer, accept } => UserAction::ConfirmIdentity { peer, accept },
        Act::Rotate { revoke } => UserAction::Rotate { revoke },
        Act::Poll => UserAction::Poll,
        Act::Register => UserAction::Register,
        Act::Wipe => UserAction::Wipe,
        Act::Generate => return DeviceInput::Provision(port::Provision::Generate),
        Act::Download { agree, sign } => {
            let (agree, sign) = (half(agree), half(sign));
            return DeviceInput::Provision(port::Provision::Download { agree, sign });
        }
    })
}
