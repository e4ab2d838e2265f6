//! A device at the end of a link, as a world sees it: what happens to it is asked for, what it says is told.
//!
//! Its time is the world's. Not here: the link itself (`link`), a device that keeps its own time (`paced`), or
//! the world.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::base::id::Hash32;
use crate::base::lock::lock;
use crate::base::time::{Instant, Now};
use crate::base::units::hex;
use crate::conformance::act::{Act, Form, Half};
use crate::conformance::fault::LinkFault;
use crate::conformance::link::{Called, Heard, Link};
use crate::conformance::message::{
    ClockKind, Copy, Deliver, Event, EventLine, Hello, KeyPairs, LINE_MAX, Method, Moment, PowerOn,
    Provision, Rng, Session, Settled, Start, UserAct, VERSION, Welcome,
};
use crate::conformance::params::Params;
use crate::conformance::user::{SharedUser, instead, is_for, see};
use crate::proto::device::durable::OwnKey;
use crate::proto::port::{self, DeviceInput, RequestForm, UserAction};
use crate::scenario::plan::Plan;
use crate::sim::body::{Answer, Broken, Happening, Outside, Said, Saying};
use crate::sim::recent::Recent;
use crate::sim::seat::{Given, make_of};

/// A link that cases use one after another.
pub type SharedLink = Arc<Mutex<Link>>;

/// One device of one case.
#[derive(Debug)]
pub struct Attached {
    link: SharedLink,
    reasons: Reasons,
    /// Who acts for the user, if not the adapter.
    user: Option<SharedUser>,
}

/// Who moves the clock of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Clock {
    /// The harness.
    #[default]
    Virtual,
    /// Nobody; the device has so many seconds of its life in a second.
    Real(NonZeroU32),
}

/// The numbers of happenings, by the request that told of them.
#[derive(Debug, Default)]
pub(super) struct Reasons(Recent<u64>);

impl Reasons {
    /// A request tells of a happening, if that has a number.
    pub fn note(&mut self, request: u64, of: Option<u64>) {
        if let Some(of) = of {
            self.0.keep(request, of);
        }
    }

    /// The number of the happening that a request told of.
    pub fn of(&self, request: Option<u64>) -> Option<u64> {
        self.0.find(request?).copied()
    }

    /// What an event says, at this time of the world.
    pub fn said(&self, line: EventLine, at: Instant) -> Said {
        let of = self.of(line.of);
        let what = match line.event {
            Event::Send { octets, .. } => Saying::Frame(octets),
            // A device has no accounts: the link refuses what it says of one.
            Event::Fact(fact) | Event::Account { fact, .. } => Saying::Fact(fact),
        };
        Said { what, at, of }
    }
}

/// Who is there: greets, asks for what nobody knows, and for nothing at all.
///
/// # Errors
/// What is wrong with the link or the answers.
pub fn greet(link: &mut Link, run: &str, clock: Clock) -> Result<Welcome, LinkFault> {
    // Other names in each run: what a device knows by heart shows nothing.
    let grease = hex(&Sha256::digest(run)[..4]);
    let more = BTreeMap::from([(format!("grease-{grease}"), Value::Bool(true))]);
    let own_time = clock != Clock::Virtual;
    let (clock, time_scale) = match clock {
        Clock::Virtual => (ClockKind::Virtual, NonZeroU32::MIN),
        Clock::Real(scale) => (ClockKind::Real, scale),
    };
    let (run, line_max) = (run.to_owned(), LINE_MAX as u64);
    let hello = Hello { proto: [VERSION, VERSION], run, line_max, clock, time_scale, more };
    let Called { reply, .. } = link.call::<Welcome>(&Method::Hello(hello), u64::MAX)?;
    if reply.proto != VERSION {
        return Err(LinkFault::Version(reply.proto));
    }
    link.declared(reply.role, reply.capabilities.can("facts"));
    link.keeps_own_time(own_time);
    link.probe(&format!("harness.probe-{grease}"))?;
    link.call::<Value>(&Method::Ping {}, u64::MAX)?;
    Ok(reply)
}

/// Makes the device of a plan's user at the end of the link; it connects to this address, if it is native.
///
/// # Errors
/// When it cannot become that device.
pub(super) fn provision(
    link: &SharedLink,
    plan: &Plan,
    user: u32,
    native: Option<String>,
) -> Result<(), LinkFault> {
    let make = make_of(plan, user);
    let keys = |key: &OwnKey| KeyPairs {
        agree: Hash32(*key.agree.secret.expose()),
        sign: Hash32(*key.sign.secret.expose()),
    };
    let start = match &make.given {
        Given::Blank => Start::Blank,
        Given::Keyed(key) => Start::Keyed { keys: keys(key) },
        Given::Registered(key, record) => {
            Start::Registered { keys: keys(key), record: record.encode() }
        }
    };
    let provision = Provision {
        user: make.user,
        suite: plan.suite.word().to_owned(),
        start,
        params: Params::of(&make.config, make.sync, make.cpu),
        rng: Rng { seed: plan.seed, device: u64::from(user) },
        native,
    };
    let mut own = lock(link);
    // What comes before the reply is of the device before: one that keeps its own time lives until then.
    own.call::<Value>(&Method::Provision(Box::new(provision)), u64::MAX)?;
    own.start_over();
    Ok(())
}

impl Attached {
    /// Makes the device of a plan's user at the end of the link.
    ///
    /// # Errors
    /// When it cannot become that device.
    pub fn provision(link: SharedLink, plan: &Plan, user: u32) -> Result<Self, LinkFault> {
        provision(&link, plan, user, None)?;
        Ok(Self { link, reasons: Reasons::default(), user: None })
    }

    /// With somebody who acts for the user.
    #[must_use]
    pub fn with_user(self, user: Option<SharedUser>) -> Self {
        Self { user, ..self }
    }

    fn call(&mut self, now: Now, of: Option<u64>, what: Happening) -> Result<Answer, LinkFault> {
        let method = method(now, what);
        let advance = Method::Advance(moment(now));
        let mut said = Vec::new();
        if is_for(self.user.as_ref(), &method) {
            // Its clock is to show that time when somebody acts on it.
            said = self.ask(&advance, now, None)?.said;
        }
        let method = instead(self.user.as_ref(), &self.link, method, advance)?;
        let mut answer = self.ask(&method, now, of)?;
        answer.said.splice(..0, said);
        Ok(answer)
    }

    fn ask(&mut self, method: &Method, now: Now, of: Option<u64>) -> Result<Answer, LinkFault> {
        let mut link = lock(&self.link);
        let called = link.call::<Settled>(method, now.at.as_nanos())?;
        link.fence(called.reply.seq)?;
        link.announced(called.reply.next_ns);
        drop(link);
        self.reasons.note(called.id, of);
        let said = called.events.into_iter().map(|Heard { line, .. }| {
            see(self.user.as_ref(), &line);
            let at = Instant::from_nanos(line.at_ns);
            self.reasons.said(line, at)
        });
        let Settled { next_ns, pending, .. } = called.reply;
        let said = said.collect();
        Ok(Answer { said, next: next_ns.map(Instant::from_nanos), pending })
    }
}

impl Outside for Attached {
    fn happen(&mut self, now: Now, of: Option<u64>, what: Happening) -> Result<Answer, Broken> {
        self.call(now, of, what).map_err(|fault| Broken(fault.to_string()))
    }
}

/// Both clocks as a request tells them.
pub(super) const fn moment(now: Now) -> Moment {
    Moment { now_ns: now.at.as_nanos(), wall_ms: now.wall.0 }
}

/// The request that tells of something.
pub(super) fn method(now: Now, what: Happening) -> Method {
    let moment = moment(now);
    match what {
        Happening::Start(ticket) => {
            Method::PowerOn(PowerOn { moment, ticket: ticket.map(Session::from) })
        }
        Happening::Input(DeviceInput::Frame(envelope)) => {
            Method::Deliver(Deliver { moment, octets: envelope.encode() })
        }
        Happening::Input(DeviceInput::Garbage(octets)) => {
            Method::Deliver(Deliver { moment, octets })
        }
        Happening::Input(DeviceInput::User(action)) => {
            Method::Act(UserAct { moment, act: act(action) })
        }
        Happening::Input(DeviceInput::Provision(how)) => {
            Method::Act(UserAct { moment, act: provisioned(&how) })
        }
        // A device outside has its own store.
        Happening::Input(DeviceInput::Persisted(_)) | Happening::Timeout => Method::Advance(moment),
        Happening::Fence => Method::Sync(moment),
        Happening::Stop => Method::PowerCut(moment),
        Happening::Snapshot(name) => Method::Snapshot(Copy { moment, name, rng: false }),
        Happening::Restore(name, rng) => Method::Restore(Copy { moment, name, rng }),
    }
}

fn act(action: UserAction) -> Act {
    let form = |draft, to, txn, request: RequestForm| {
        let RequestForm { lines, amount, currency, payee, expires } = request;
        Form { draft, to, txn, lines, amount, currency, payee, expires }
    };
    match action {
        UserAction::Send { draft, to, text } => Act::Send { draft, to, text },
        UserAction::Request { draft, to, txn, request } => {
            Act::Request(form(draft, to, txn, request))
        }
        UserAction::Approve { draft, to, txn, request } => {
            Act::Approve(form(draft, to, txn, request))
        }
        UserAction::Press(button) => Act::Press { button },
        UserAction::Scroll => Act::Scroll,
        UserAction::ConfirmIdentity { peer, accept } => Act::Confirm { peer, accept },
        UserAction::Rotate { revoke } => Act::Rotate { revoke },
        UserAction::Poll => Act::Poll,
        UserAction::Register => Act::Register,
        UserAction::Wipe => Act::Wipe,
    }
}

fn provisioned(how: &port::Provision) -> Act {
    let half =
        |it: &port::KeyMaterial| Half { secret: it.secret.clone(), public: it.public.clone() };
    match how {
        port::Provision::Generate => Act::Generate,
        port::Provision::Download { agree, sign } => {
            Act::Download { agree: half(agree), sign: half(sign) }
        }
    }
}
