//! The bed that a device or a server lies in while it is tested: a link that is made anew when it breaks, and
//! what broke it.
//!
//! Not here: how the device is reached (`rig`), or the tests (`campaign`).

use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;

use crate::base::lock::lock;
use crate::base::time::Duration;
use crate::conformance::attached::{Attached, SharedLink};
use crate::conformance::campaign::{Bed, Real, Stood};
use crate::conformance::declaration::Declaration;
use crate::conformance::fault::LinkFault;
use crate::conformance::link::Link;
use crate::conformance::message::{Method, Product, RefusalCode, Welcome};
use crate::conformance::native::{Port, SharedPort};
use crate::conformance::paced::{Paced, round_trip};
use crate::conformance::rig::{Rig, Unreachable};
use crate::conformance::server_attached::AttachedServer;
use crate::conformance::server_paced::PacedServer;
use crate::conformance::transcript::{Fault, SharedWriter};
use crate::conformance::user::{SharedUser, User};
use crate::scenario::plan::Plan;
use crate::sim::body::Remote;
use crate::sim::pace::Pacer;
use crate::sim::service::RemoteServer;
use crate::verdict::conformity::Role;
use crate::verdict::trial::{Cause, Mark};

/// A device at the end of a link.
#[derive(Debug)]
pub struct LinkBed {
    rig: Rig,
    link: SharedLink,
    welcome: Welcome,
    /// Where the device has its own clock.
    real: Option<Real>,
    /// What a round trip takes by the world's clock, there.
    round_trip: Option<Duration>,
    /// Who acts for the user, if not the adapter.
    user: Option<SharedUser>,
    /// Where frames go that do not go over the line.
    native: Option<Way>,
}

/// Where frames go that do not go over the line.
#[derive(Debug)]
enum Way {
    /// A device connects to this port.
    Port(SharedPort),
    /// The server listens there.
    Server(String),
}

/// What a rig has beside its line.
#[derive(Debug, Default)]
pub struct Fittings {
    /// Who acts for the user, if not the adapter.
    pub user: Option<User>,
    /// Where frames go that do not go over the line, if they do not.
    pub native: Option<Native>,
}

/// Where frames go that do not go over the line.
#[derive(Debug)]
pub enum Native {
    /// A device connects to this port.
    Port(Port),
    /// The server listens there.
    Server(String),
}

impl LinkBed {
    /// Makes the link for the first time, and hears who is there. Where the device has its own clock, measures
    /// how fast it answers.
    ///
    /// # Errors
    /// Why nothing can be tested.
    pub fn make(rig: Rig, real: Option<Real>, fittings: Fittings) -> Result<Self, Unreachable> {
        let (link, welcome) = rig.connect()?;
        let needed = if fittings.native.is_some() { "native" } else { "mediated" };
        if !welcome.capabilities.can(needed) {
            let why =
                format!("its frames would have to be `{needed}`, which it declares it cannot");
            return Err(Unreachable::Unfit(LinkFault::Misdeclared(why)));
        }
        if matches!(fittings.native, Some(Native::Port(_))) && welcome.capabilities.can("facts") {
            let why = "what it tells of its inside (`facts`) cannot be judged without knowing which frame led to \
                       it, which its own connection does not say";
            return Err(Unreachable::Unfit(LinkFault::Misdeclared(why.to_owned())));
        }
        let measured = real
            .map(|real| round_trip(&link).map(|taken| taken.times(u64::from(real.scale.get()))));
        let round_trip = measured.transpose().map_err(Unreachable::Unfit)?;
        let user = fittings.user.map(|it| Arc::new(Mutex::new(it)));
        let native = fittings.native.map(|native| match native {
            Native::Port(port) => Way::Port(Arc::new(Mutex::new(port))),
            Native::Server(address) => Way::Server(address),
        });
        Ok(Self { rig, link, welcome, real, round_trip, user, native })
    }

    /// Says that the session is over.
    ///
    /// # Errors
    /// When the device does not end as it should.
    pub fn close(self) -> Result<(), LinkFault> {
        self.rig.close(&self.link)
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        // A test that panicked has told so; the link is made anew if it is in no good order.
        lock(&self.link)
    }

    /// Makes the link anew if it is broken.
    fn mend(&mut self) -> Result<(), Fault> {
        if !self.link().is_broken() {
            return Ok(());
        }
        let (link, again) = self.rig.connect_again(&self.link).map_err(|error| match error {
            Unreachable::Io { .. } => {
                Fault { mark: Mark::Error, cause: None, text: error.to_string() }
            }
            Unreachable::Unfit(fault) => told(&fault),
        })?;
        self.link = link;
        self.compare(&again)
    }

    fn stand_server(&self, plan: &Plan) -> Result<Stood, Fault> {
        let (link, broken) = (Arc::clone(&self.link), |fault| told(&fault));
        let (Some(real), Some(Way::Server(address))) = (self.real, &self.native) else {
            let attached = AttachedServer::provision(link, plan).map_err(broken)?;
            let server: Option<RemoteServer> = Some(Arc::new(Mutex::new(attached)));
            return Ok(Stood { server, ..Stood::default() });
        };
        let paced = PacedServer::provision(link, plan, real, address.clone()).map_err(broken)?;
        let paced = Arc::new(Mutex::new(paced));
        let (server, pace): (RemoteServer, Pacer) = (paced.clone(), paced);
        Ok(Stood { server: Some(server), pace: Some(pace), ..Stood::default() })
    }

    fn compare(&self, again: &Welcome) -> Result<(), Fault> {
        let violation =
            |text: String| Err(Fault { mark: Mark::Fail, cause: Some(Cause::LinkViolation), text });
        if again.product != self.welcome.product {
            return violation("another product answers than before".to_owned());
        }
        match self.welcome.capabilities.differences(&again.capabilities).next() {
            Some((name, _)) => {
                violation(format!("it declares otherwise than before whether it can `{name}`"))
            }
            None => Ok(()),
        }
    }
}

impl Bed for LinkBed {
    fn role(&self) -> Role {
        self.rig.role()
    }

    fn product(&self) -> &Product {
        &self.welcome.product
    }

    fn declared(&self) -> &Declaration {
        &self.welcome.capabilities
    }

    fn stand(
        &mut self,
        plan: &Plan,
        user: Option<u32>,
        transcript: Option<SharedWriter>,
    ) -> Result<Stood, Fault> {
        self.mend()?;
        if let Some(user) = &self.user {
            lock(user).begin(transcript.clone());
        }
        self.link().watch(transcript);
        let link = Arc::clone(&self.link);
        let broken = |fault| told(&fault);
        let Some(user) = user else { return self.stand_server(plan) };
        let Some(real) = self.real else {
            let attached = Attached::provision(link, plan, user).map_err(broken)?;
            let attached = attached.with_user(self.user.clone());
            let body: Remote = Arc::new(Mutex::new(attached));
            return Ok(Stood { bodies: vec![(user, body)], ..Stood::default() });
        };
        let native = match &self.native {
            Some(Way::Port(port)) => Some(Arc::clone(port)),
            Some(Way::Server(_)) | None => None,
        };
        let paced = Paced::provision(link, plan, user, real, native).map_err(broken)?;
        let paced = paced.with_user(self.user.clone(), self.welcome.capabilities.can("sync"));
        let paced = Arc::new(Mutex::new(paced));
        let (body, pace): (Remote, Pacer) = (paced.clone(), paced);
        Ok(Stood { bodies: vec![(user, body)], pace: Some(pace), ..Stood::default() })
    }

    fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    fn lag(&self) -> Option<Duration> {
        let scale = u64::from(self.real?.scale.get());
        Some(lock(self.user.as_ref()?).longest().times(scale))
    }

    fn fault(&mut self) -> Option<Fault> {
        if let Some(user) = &self.user {
            lock(user).end();
        }
        let mut link = self.link();
        link.watch(None);
        link.fault().map(|fault| told(&fault))
    }

    fn check(&mut self) -> Result<(), Fault> {
        if self.link().is_broken() {
            return self.mend();
        }
        let pong = self.link().call::<Value>(&Method::Ping {}, u64::MAX);
        pong.map(drop).map_err(|fault| told(&fault))
    }
}

/// What a fault of the link says of the device.
#[must_use]
pub fn told(fault: &LinkFault) -> Fault {
    let cause = match fault {
        LinkFault::Damaged(_) | LinkFault::Actuator { .. } | LinkFault::Port(_) => {
            return Fault { mark: Mark::Error, cause: None, text: fault.to_string() };
        }
        // Whoever presses the buttons was not there in time: that says nothing of the device.
        LinkFault::Refused { code: RefusalCode::Busy, .. } | LinkFault::Unattended { .. } => {
            return Fault { mark: Mark::Inconclusive, cause: None, text: fault.to_string() };
        }
        LinkFault::Mute { .. }
        | LinkFault::Slow { .. }
        | LinkFault::Stuck(_)
        | LinkFault::Lingers(_)
        | LinkFault::Away { .. } => Cause::Hang,
        LinkFault::Closed(_) | LinkFault::Orphan(_) | LinkFault::Deaf { .. } => Cause::Crash,
        LinkFault::Undeclared { .. } => Cause::UnderDeclared,
        LinkFault::OverDeclared { .. } => Cause::OverDeclared,
        LinkFault::Refused { .. } => Cause::Behavior,
        LinkFault::Late { .. } | LinkFault::Unannounced { .. } => Cause::LateOutput,
        LinkFault::Fence { says, came } if came > says => Cause::LateOutput,
        LinkFault::TooLong
        | LinkFault::NotText
        | LinkFault::NoMessage { .. }
        | LinkFault::Version(_)
        | LinkFault::WrongReply { .. }
        | LinkFault::Unasked(_)
        | LinkFault::WrongEvent { .. }
        | LinkFault::Fence { .. }
        | LinkFault::WrongTime { .. }
        | LinkFault::NoOccasion { .. }
        | LinkFault::Foreign(_)
        | LinkFault::Neither(_)
        | LinkFault::Shape { .. }
        | LinkFault::Twice
        | LinkFault::Frames(_)
        | LinkFault::Misdeclared(_)
        | LinkFault::Flood => Cause::LinkViolation,
    };
    Fault { mark: Mark::Fail, cause: Some(cause), text: fault.to_string() }
}
