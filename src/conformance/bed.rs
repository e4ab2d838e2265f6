//! The bed that a device lies in while it is tested: a link that is made anew when it breaks, and what broke it.
//!
//! Not here: how the device is reached (`rig`), or the tests (`campaign`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::conformance::attached::{Attached, SharedLink};
use crate::conformance::campaign::Bed;
use crate::conformance::declaration::Declaration;
use crate::conformance::fault::LinkFault;
use crate::conformance::link::Link;
use crate::conformance::message::{Method, Product, RefusalCode, Welcome};
use crate::conformance::rig::{Rig, Unreachable};
use crate::conformance::transcript::{Fault, SharedWriter};
use crate::scenario::plan::Plan;
use crate::sim::body::Remote;
use crate::verdict::trial::{Cause, Mark};

/// A device at the end of a link.
#[derive(Debug)]
pub struct LinkBed {
    rig: Rig,
    link: SharedLink,
    welcome: Welcome,
}

impl LinkBed {
    /// Makes the link for the first time, and hears who is there.
    ///
    /// # Errors
    /// Why nothing can be tested.
    pub fn make(rig: Rig) -> Result<Self, Unreachable> {
        let (link, welcome) = rig.connect()?;
        Ok(Self { rig, link, welcome })
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
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
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
    ) -> Result<Vec<(u32, Remote)>, Fault> {
        self.mend()?;
        let Some(user) = user else { return Ok(Vec::new()) };
        self.link().watch(transcript);
        let attached = Attached::provision(Arc::clone(&self.link), plan, user);
        let remote: Remote = Arc::new(Mutex::new(attached.map_err(|fault| told(&fault))?));
        Ok(vec![(user, remote)])
    }

    fn fault(&mut self) -> Option<Fault> {
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
        LinkFault::Damaged(_) => {
            return Fault { mark: Mark::Error, cause: None, text: fault.to_string() };
        }
        // Whoever presses the buttons was not there in time: that says nothing of the device.
        LinkFault::Refused { code: RefusalCode::Busy, .. } => {
            return Fault { mark: Mark::Inconclusive, cause: None, text: fault.to_string() };
        }
        LinkFault::Mute { .. }
        | LinkFault::Slow { .. }
        | LinkFault::Stuck(_)
        | LinkFault::Lingers(_) => Cause::Hang,
        LinkFault::Closed(_) | LinkFault::Orphan(_) => Cause::Crash,
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
        | LinkFault::WrongEvent { .. }
        | LinkFault::Fence { .. }
        | LinkFault::WrongTime { .. }
        | LinkFault::NoOccasion { .. }
        | LinkFault::Neither(_)
        | LinkFault::Shape { .. }
        | LinkFault::Flood => Cause::LinkViolation,
    };
    Fault { mark: Mark::Fail, cause: Some(cause), text: fault.to_string() }
}
