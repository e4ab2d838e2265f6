//! A device at the end of a link, as a world sees it: what happens to it is asked for, what it says is told.
//!
//! Not here: the link itself (`link`), or the world.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::base::id::Hash32;
use crate::base::time::{Instant, Now};
use crate::base::units::hex;
use crate::conformance::fault::LinkFault;
use crate::conformance::link::{Called, Link};
use crate::conformance::message::{
    Act, ClockKind, Copy, Deliver, Event, Form, Half, Hello, KeyPairs, LINE_MAX, Method, Moment,
    PowerOn, Provision, Rng, Session, Settled, Start, UserAct, VERSION, Welcome,
};
use crate::conformance::params::Params;
use crate::proto::device::durable::OwnKey;
use crate::proto::port::{self, DeviceInput, RequestForm, UserAction};
use crate::scenario::plan::{Plan, SuiteName};
use crate::sim::body::{Answer, Broken, Happening, Outside, Said, Saying};
use crate::sim::seat::{Given, make_of};

/// Requests that may still be named as the reason of an event.
const REASONS_MAX: usize = 4_096;

/// A link that cases use one after another.
pub type SharedLink = Arc<Mutex<Link>>;

/// One device of one case.
#[derive(Debug)]
pub struct Attached {
    link: SharedLink,
    /// The numbers of happenings, by the request that told of them.
    reasons: VecDeque<(u64, u64)>,
}

/// Who is there: greets, asks for what nobody knows, and for nothing at all.
///
/// # Errors
/// What is wrong with the link or the answers.
pub fn greet(link: &mut Link, run: &str) -> Result<Welcome, LinkFault> {
    // Other names in each run: what a device knows by heart shows nothing.
    let grease = hex(&Sha256::digest(run)[..4]);
    let hello = Hello {
        proto: [VERSION, VERSION],
        run: run.to_owned(),
        line_max: LINE_MAX as u64,
        clock: ClockKind::Virtual,
        more: BTreeMap::from([(format!("grease-{grease}"), Value::Bool(true))]),
    };
    let Called { reply, .. } = link.call::<Welcome>(&Method::Hello(hello), u64::MAX)?;
    if reply.proto != VERSION {
        return Err(LinkFault::Version(reply.proto));
    }
    link.declared(reply.capabilities.can("facts"));
    link.probe(&format!("harness.probe-{grease}"))?;
    link.call::<Value>(&Method::Ping {}, u64::MAX)?;
    Ok(reply)
}

impl Attached {
    /// Makes the device of a plan's user at the end of the link.
    ///
    /// # Errors
    /// When it cannot become that device.
    pub fn provision(link: SharedLink, plan: &Plan, user: u32) -> Result<Self, LinkFault> {
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
        let suite = match plan.suite {
            SuiteName::P256 => "p256",
            SuiteName::Model => "model",
        };
        let provision = Provision {
            user: make.user,
            suite: suite.to_owned(),
            start,
            params: Params::of(&make.config, make.sync, make.cpu),
            rng: Rng { seed: plan.seed, device: u64::from(user) },
        };
        let mut own = link.lock().unwrap_or_else(PoisonError::into_inner);
        own.start_over();
        own.call::<Value>(&Method::Provision(Box::new(provision)), u64::MAX)?;
        drop(own);
        Ok(Self { link, reasons: VecDeque::new() })
    }

    fn call(&mut self, now: Now, of: Option<u64>, what: Happening) -> Result<Answer, LinkFault> {
        let until = now.at.as_nanos();
        let method = method(now, what);
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        let called = link.call::<Settled>(&method, until)?;
        link.fence(called.reply.seq)?;
        link.announced(called.reply.next_ns);
        drop(link);
        if self.reasons.len() == REASONS_MAX {
            self.reasons.pop_front();
        }
        self.reasons.extend(of.map(|of| (called.id, of)));
        let reason = |id: u64| {
            let place = self.reasons.binary_search_by_key(&id, |(id, _)| *id).ok()?;
            Some(self.reasons[place].1)
        };
        let said = called.events.into_iter().map(|line| Said {
            what: match line.event {
                Event::Send { octets } => Saying::Frame(octets),
                Event::Fact(fact) => Saying::Fact(fact),
            },
            at: Instant::from_nanos(line.at_ns),
            of: line.of.and_then(reason),
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

/// The request that tells of something.
fn method(now: Now, what: Happening) -> Method {
    let moment = Moment { now_ns: now.at.as_nanos(), wall_ms: now.wall.0 };
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
