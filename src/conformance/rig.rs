//! Where a device under test is: how it is reached, and reached again once its link is broken.
//!
//! Not here: what carries the lines (`transport`), or what is said over them (`link`, `attached`).

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::time::{Duration, Now};
use crate::conformance::attached::{Attached, SharedLink, greet};
use crate::conformance::fault::LinkFault;
use crate::conformance::link::{Line, Link};
use crate::conformance::message::Welcome;
use crate::conformance::transport::{Exec, Socket};
use crate::scenario::plan::Plan;
use crate::sim::body::{Answer, Broken, Happening, Outside, Remote};

/// How a device is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// It is a command that answers on its standard output.
    Exec(String),
    /// It listens at this `HOST:PORT`.
    Tcp(String),
    /// It listens on this Unix socket.
    Unix(PathBuf),
}

/// A place for a device, and how patient one is with it.
#[derive(Debug)]
pub struct Rig {
    endpoint: Endpoint,
    patience: Duration,
    run: String,
}

/// Why there is no device to talk to.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// The operating system does not let one at it.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// Somebody is there, and not a device as it should be.
    #[error("the device cannot be tested: {0}")]
    Unfit(LinkFault),
}

impl Unreachable {
    fn io(what: String) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Io { what, source }
    }
}

impl Rig {
    /// A device there; its answers come within `patience`, and `run` is what it is told as the name of the run.
    #[must_use]
    pub const fn new(endpoint: Endpoint, patience: Duration, run: String) -> Self {
        Self { endpoint, patience, run }
    }

    /// Starts or dials the device, and hears who it is.
    ///
    /// # Errors
    /// When nobody is there, or it is no device that can be tested.
    pub fn connect(&self) -> Result<(SharedLink, Welcome), Unreachable> {
        let mut link = Link::new(self.line()?, self.patience);
        let welcome = greet(&mut link, &self.run).and_then(|welcome| {
            let checked = welcome.capabilities.check();
            checked.map_err(|void| LinkFault::Shape {
                method: "hello".to_owned(),
                why: void.to_string(),
            })?;
            Ok(welcome)
        });
        Ok((Arc::new(Mutex::new(link)), welcome.map_err(Unreachable::Unfit)?))
    }

    fn line(&self) -> Result<Box<dyn Line>, Unreachable> {
        Ok(match &self.endpoint {
            Endpoint::Exec(command) => {
                let failed = Unreachable::io(format!("cannot start `{command}`"));
                Box::new(Exec::start(command).map_err(failed)?)
            }
            Endpoint::Tcp(address) => {
                let failed = Unreachable::io(format!("cannot dial {address}"));
                Box::new(Socket::tcp(address.as_str()).map_err(failed)?)
            }
            Endpoint::Unix(path) => {
                let failed = Unreachable::io(format!("cannot dial `{}`", path.display()));
                Box::new(Socket::unix(path).map_err(failed)?)
            }
        })
    }

    /// The device as that of a plan's user; one that cannot become it is broken from the start.
    ///
    /// A link that is broken is made anew first.
    pub fn stand(&self, link: &Mutex<SharedLink>, plan: &Plan, user: u32) -> Remote {
        let mut link = link.lock().unwrap_or_else(PoisonError::into_inner);
        if link.lock().unwrap_or_else(PoisonError::into_inner).is_broken() {
            match self.connect() {
                Ok((again, _)) => *link = again,
                Err(error) => return dead(error.to_string()),
            }
        }
        match Attached::provision(Arc::clone(&link), plan, user) {
            Ok(attached) => Arc::new(Mutex::new(attached)),
            Err(fault) => dead(fault.to_string()),
        }
    }
}

/// A device that could not be made.
#[derive(Debug)]
pub struct Dead(pub Broken);

fn dead(why: String) -> Remote {
    Arc::new(Mutex::new(Dead(Broken(why))))
}

impl Outside for Dead {
    fn happen(&mut self, _: Now, _: Option<u64>, _: Happening) -> Result<Answer, Broken> {
        Err(self.0.clone())
    }
}
