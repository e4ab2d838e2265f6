//! Where a device or a server under test is: how it is reached, and reached again once its link is broken.
//!
//! Not here: what carries the lines (`transport`, `serial`), who is let in (`door`), or what is said over them
//! (`link`, `attached`).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::base::lock::lock;
use crate::base::time::Duration;
use crate::conformance::attached::{Clock, SharedLink, greet};
use crate::conformance::declaration::Declaration;
use crate::conformance::door::Door;
use crate::conformance::fault::LinkFault;
use crate::conformance::link::{Line, Link};
use crate::conformance::message::Welcome;
#[cfg(unix)]
use crate::conformance::serial::{FRAME_MAX, Serial};
use crate::conformance::transport::{Exec, Socket};
#[cfg(unix)]
use crate::runtime::clock::Stopwatch;
#[cfg(unix)]
use crate::runtime::lines::Lines;
#[cfg(unix)]
use crate::runtime::serial::{Port, by_id};
#[cfg(unix)]
use crate::runtime::sockets::pause;
use crate::runtime::sockets::{Listener, Stream};
use crate::verdict::conformity::Role;

/// How a device is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// It is a command that answers on its standard output.
    Exec(String),
    /// It listens at this `HOST:PORT`.
    Tcp(String),
    /// It listens on this Unix socket.
    Unix(PathBuf),
    /// It dials this `HOST:PORT`, and says the token first.
    ListenTcp {
        /// Where.
        address: String,
        /// Whether that may be reached from other machines.
        remote: bool,
        /// The token; none: one that nobody can guess.
        token: Option<String>,
    },
    /// It dials this Unix socket, and says the token first.
    ListenUnix {
        /// Where.
        path: PathBuf,
        /// The token; none: one that nobody can guess.
        token: Option<String>,
    },
    /// It is at this serial port, at so many baud.
    Serial {
        /// Which; a name that stays when the device comes back is best.
        path: PathBuf,
        /// How fast.
        baud: u32,
    },
}

/// How patient one is with a device.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long an answer may take.
    pub answer: Duration,
    /// How long the first one may take, of a device that has just been started.
    pub hello: Duration,
    /// How long a device may take to dial, and a port that has vanished to come back.
    pub arrival: Duration,
}

/// A place for a device, and how patient one is with it.
#[derive(Debug)]
pub struct Rig {
    endpoint: Endpoint,
    /// Where it dials, if it does.
    door: Option<Door>,
    patience: Patience,
    run: String,
    clock: Clock,
    role: Role,
    /// What the device is to declare, if that is known.
    declared: Option<Declaration>,
}

/// Where links to serial ports are by what is at them.
const BY_ID: &str = "/dev/serial/by-id";

impl Endpoint {
    /// The same place by a name in that folder that stays when the device comes back, if there is one.
    #[must_use]
    pub fn lasting(self, folder: &Path) -> Self {
        #[cfg(unix)]
        if let Self::Serial { path, baud } = &self
            && !path.starts_with(folder)
            && let Some(id) = by_id(folder, path)
        {
            tracing::info!("{} is reached as {}", path.display(), id.display());
            return Self::Serial { path: id, baud: *baud };
        }
        #[cfg(not(unix))]
        let _ = folder;
        self
    }
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
    /// A device there, or a server, as `role` says; `run` is what it is told as the name of the run,
    /// `clock` who moves its clock. A place where it dials is open from now on.
    ///
    /// # Errors
    /// When nobody can listen there.
    pub fn open(
        endpoint: Endpoint,
        patience: Patience,
        run: String,
        clock: Clock,
        role: Role,
    ) -> Result<Self, Unreachable> {
        let (listener, token) = match &endpoint {
            Endpoint::ListenTcp { address, remote, token } => {
                let failed = Unreachable::io(format!("cannot listen at {address}"));
                (Listener::bind_tcp(address, *remote).map_err(failed)?, token)
            }
            Endpoint::ListenUnix { path, token } => {
                let failed = Unreachable::io(format!("cannot listen at `{}`", path.display()));
                (Listener::bind_unix(path).map_err(failed)?, token)
            }
            Endpoint::Exec(_) | Endpoint::Tcp(_) | Endpoint::Unix(_) | Endpoint::Serial { .. } => {
                let endpoint = endpoint.lasting(Path::new(BY_ID));
                return Ok(Self {
                    endpoint,
                    door: None,
                    patience,
                    run,
                    clock,
                    role,
                    declared: None,
                });
            }
        };
        let failed = Unreachable::io("cannot make a token".to_owned());
        let door = Some(Door::new(listener, token.clone()).map_err(failed)?);
        Ok(Self { endpoint, door, patience, run, clock, role, declared: None })
    }

    /// The device has to declare this, if that is known.
    #[must_use]
    pub fn expecting(self, declared: Option<Declaration>) -> Self {
        Self { declared, ..self }
    }

    /// What whoever sets up the device has to know, if it is to dial.
    #[must_use]
    pub fn invitation(&self) -> Option<String> {
        self.door.as_ref().map(Door::invitation)
    }

    /// Which side of the protocol is to be there.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Starts, dials or awaits the device, and hears who it is.
    ///
    /// # Errors
    /// When nobody is there, or it is no device that can be tested.
    pub fn connect(&self) -> Result<(SharedLink, Welcome), Unreachable> {
        let link = Arc::new(Mutex::new(self.reach(Duration::from_secs(1))?));
        let welcome = self.greet(&link).map_err(Unreachable::Unfit)?;
        Ok((link, welcome))
    }

    /// Hears who is there.
    ///
    /// # Errors
    /// When it is no device that can be tested.
    pub fn greet(&self, link: &SharedLink) -> Result<Welcome, LinkFault> {
        let welcome = greet(&mut lock(link), &self.run, self.clock)?;
        if welcome.role != self.role {
            let is = match welcome.role {
                Role::Device => "device",
                Role::Server => "server",
            };
            return Err(LinkFault::Misdeclared(format!(
                "it is a {is}, and a server is tested with --server, and nothing else is"
            )));
        }
        welcome.capabilities.check().map_err(|void| LinkFault::Shape {
            method: "hello".to_owned(),
            why: void.to_string(),
        })?;
        if let Some(declared) = &self.declared {
            let differences = declared.differences(&welcome.capabilities);
            let told: Vec<String> = differences
                .map(|(name, can)| format!("`{name}` is {can} there, and {} in its answer", !can))
                .collect();
            if !told.is_empty() {
                return Err(LinkFault::Misdeclared(told.join(", ")));
            }
        }
        Ok(welcome)
    }

    /// Starts, dials or awaits the device, and says nothing yet. A serial port may be away or in use that long.
    ///
    /// # Errors
    /// When nobody is there.
    pub fn reach(&self, away: Duration) -> Result<Link, Unreachable> {
        let link = Link::new(self.line(away)?, self.patience.answer);
        Ok(link.patient_at_first(self.patience.hello))
    }

    fn line(&self, away: Duration) -> Result<Box<dyn Line>, Unreachable> {
        if let Some(door) = &self.door {
            let failed = Unreachable::io("no device has dialed".to_owned());
            return Ok(Box::new(door.admit(self.patience.arrival).map_err(failed)?));
        }
        Ok(match &self.endpoint {
            Endpoint::Exec(command) => {
                let failed = Unreachable::io(format!("cannot start `{command}`"));
                Box::new(Exec::start(command).map_err(failed)?)
            }
            Endpoint::Tcp(address) | Endpoint::ListenTcp { address, .. } => {
                let failed = Unreachable::io(format!("cannot dial {address}"));
                let socket = Stream::dial_tcp(address).and_then(Socket::over);
                Box::new(socket.map_err(failed)?)
            }
            Endpoint::Unix(path) | Endpoint::ListenUnix { path, .. } => {
                let failed = Unreachable::io(format!("cannot dial `{}`", path.display()));
                let socket = Stream::dial_unix(path).and_then(Socket::over);
                Box::new(socket.map_err(failed)?)
            }
            Endpoint::Serial { path, baud } => {
                let failed = Unreachable::io(format!("cannot open `{}`", path.display()));
                port(path, *baud, away).map_err(failed)?
            }
        })
    }

    /// Makes a link anew that is broken; what carried it is given up first, since a port has one user.
    ///
    /// # Errors
    /// As [`Rig::connect`].
    pub fn connect_again(&self, broken: &SharedLink) -> Result<(SharedLink, Welcome), Unreachable> {
        lock(broken).hang_up();
        if let Endpoint::Serial { .. } = self.endpoint {
            drop(self.reach(self.patience.arrival)?);
        }
        self.connect()
    }

    /// Says that the session is over. What carries the link is given up, whatever comes of it.
    ///
    /// # Errors
    /// When the device does not end as it should.
    pub fn close(&self, link: &SharedLink) -> Result<(), LinkFault> {
        let mut link = lock(link);
        let ended = link.shut_down();
        link.hang_up();
        ended
    }
}

/// Opens a serial port, which may be away or in use for a while.
#[cfg(unix)]
fn port(path: &Path, baud: u32, away: Duration) -> io::Result<Box<dyn Line>> {
    let watch = Stopwatch::start();
    loop {
        match Port::open(path, baud) {
            Ok((port, from, to)) => {
                return Ok(Box::new(Serial::new(Lines::over(from, to, FRAME_MAX), port)));
            }
            Err(error) if watch.elapsed() >= away => return Err(error),
            Err(_) => pause(),
        }
    }
}

/// There are no serial ports here.
#[cfg(not(unix))]
fn port(_: &Path, _: u32, _: Duration) -> io::Result<Box<dyn Line>> {
    Err(io::ErrorKind::Unsupported.into())
}
