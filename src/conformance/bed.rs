//! The bed that a device lies in while it is tested: a link that is made anew when it breaks, and what broke it.
//!
//! Not here: what carries the link (`transport`), or the tests (`campaign`).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::conformance::attached::{Attached, SharedLink, greet};
use crate::conformance::campaign::Bed;
use crate::conformance::declaration::Declaration;
use crate::conformance::link::{Link, LinkFault};
use crate::conformance::message::{Product, RefusalCode, Welcome};
use crate::conformance::transcript::{Fault, SharedWriter};
use crate::scenario::plan::Plan;
use crate::sim::body::Remote;
use crate::verdict::trial::{Cause, Mark};

/// How a link is made: starts or dials the device.
pub type Connect<'a> = dyn FnMut() -> Result<Link, String> + 'a;

/// A device at the end of a link.
pub struct LinkBed<'a> {
    connect: Box<Connect<'a>>,
    link: SharedLink,
    welcome: Welcome,
}

impl fmt::Debug for LinkBed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkBed").field("welcome", &self.welcome).finish_non_exhaustive()
    }
}

impl<'a> LinkBed<'a> {
    /// Makes the link for the first time, and hears who is there.
    ///
    /// # Errors
    /// Why nothing can be tested.
    pub fn make(mut connect: Box<Connect<'a>>) -> Result<Self, String> {
        let mut link = connect()?;
        let welcome =
            welcome(&mut link).map_err(|fault| format!("the device cannot be tested: {fault}"))?;
        Ok(Self { connect, link: Arc::new(Mutex::new(link)), welcome })
    }

    fn link(&self) -> std::sync::MutexGuard<'_, Link> {
        // A test that panicked has told so; the link is made anew if it is in no good order.
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the link anew if it is broken.
    fn mend(&mut self) -> Result<(), Fault> {
        if !self.link().is_broken() {
            return Ok(());
        }
        let mut link =
            (self.connect)().map_err(|text| Fault { mark: Mark::Error, cause: None, text })?;
        let again = welcome(&mut link).map_err(|fault| told(&fault))?;
        self.link = Arc::new(Mutex::new(link));
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

/// Greets, and takes only a complete declaration.
fn welcome(link: &mut Link) -> Result<Welcome, LinkFault> {
    let welcome = greet(link, "peadsim")?;
    let void = welcome
        .capabilities
        .check()
        .map_err(|void| LinkFault::Shape { method: "hello".to_owned(), why: void.to_string() });
    void.map(|()| welcome)
}

impl Bed for LinkBed<'_> {
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
        self.mend()?;
        let again = welcome(&mut self.link()).map_err(|fault| told(&fault))?;
        self.compare(&again)
    }
}

/// What a fault of the link says of the device.
#[must_use]
pub fn told(fault: &LinkFault) -> Fault {
    let cause = match fault {
        LinkFault::Mute { .. } | LinkFault::Stuck(_) => Cause::Hang,
        LinkFault::Closed(_) => Cause::Crash,
        LinkFault::Refused {
            code: RefusalCode::Unimplemented | RefusalCode::UnsupportedCapability,
            ..
        } => Cause::OverDeclared,
        LinkFault::Refused { .. } => Cause::Behavior,
        LinkFault::Fence { says, came } if came > says => Cause::LateOutput,
        LinkFault::TooLong
        | LinkFault::NotText
        | LinkFault::NoMessage { .. }
        | LinkFault::Version(_)
        | LinkFault::WrongReply { .. }
        | LinkFault::WrongEvent { .. }
        | LinkFault::Fence { .. }
        | LinkFault::WrongTime { .. }
        | LinkFault::Neither(_)
        | LinkFault::Shape { .. }
        | LinkFault::Flood => Cause::LinkViolation,
    };
    Fault { mark: Mark::Fail, cause: Some(cause), text: fault.to_string() }
}
