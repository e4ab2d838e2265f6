//! Where devices dial that cannot be dialed: who says the session's token first is let in, strangers are not.
//!
//! Not here: the sockets (`runtime::sockets`), or what is said afterwards (`link`).

use std::io;

use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use crate::base::time::Duration;
use crate::base::units::hex;
use crate::conformance::fault::LinkFault;
use crate::conformance::link::Line as _;
use crate::conformance::message::VERSION;
use crate::conformance::strict;
use crate::conformance::transport::Socket;
use crate::runtime::clock::Stopwatch;
use crate::runtime::entropy;
use crate::runtime::sockets::{Listener, pause};

/// How long one who dials may take to say the token.
const OPENING: Duration = Duration::from_secs(2);
/// How many may be about to say it; others wait.
const WAITING_MAX: usize = 16;
/// How many may be turned away before the door is shut: more are no accident.
const STRANGERS_MAX: usize = 256;
/// Octets of a token that is made here.
const TOKEN: usize = 16;

/// A door.
#[derive(Debug)]
pub struct Door {
    listener: Listener,
    token: String,
}

impl Door {
    /// A door at a place where one can dial, with this token or one that nobody can guess.
    ///
    /// # Errors
    /// When the operating system has no entropy.
    pub fn new(listener: Listener, token: Option<String>) -> io::Result<Self> {
        let token = token.map_or_else(|| entropy::octets::<TOKEN>().map(|it| hex(&it)), Ok)?;
        Ok(Self { listener, token })
    }

    /// What whoever sets up the device has to know.
    #[must_use]
    pub fn invitation(&self) -> String {
        format!("waiting for a device at {} with the token {}", self.listener, self.token)
    }

    /// The first who says the token.
    ///
    /// # Errors
    /// When nobody does within that time, or too many strangers come.
    pub fn admit(&self, within: Duration) -> io::Result<Socket> {
        let watch = Stopwatch::start();
        let (mut waiting, mut strangers) = (Vec::new(), 0);
        loop {
            if waiting.len() < WAITING_MAX
                && let Some(stream) = self.listener.accept()?
            {
                waiting.push((Socket::over(stream)?, Stopwatch::start()));
            }
            let mut still = Vec::new();
            for (mut socket, since) in waiting {
                match socket.receive(Duration::ZERO) {
                    Ok(line) if self.knows(&line) => return Ok(socket),
                    Err(LinkFault::Mute { .. }) if since.elapsed() < OPENING => {
                        still.push((socket, since));
                    }
                    Ok(_) | Err(_) => {
                        tracing::warn!("a stranger without the session's token is turned away");
                        strangers += 1;
                    }
                }
            }
            waiting = still;
            if strangers > STRANGERS_MAX {
                let why = format!("more than {STRANGERS_MAX} came without the session's token");
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
            }
            if watch.elapsed() >= within {
                let why = format!(
                    "nobody came with the session's token within {within}, {strangers} without it"
                );
                return Err(io::Error::new(io::ErrorKind::TimedOut, why));
            }
            pause();
        }
    }

    fn knows(&self, line: &[u8]) -> bool {
        let value = std::str::from_utf8(line).ok().and_then(|text| strict::parse(text).ok());
        let value = value.unwrap_or(Value::Null);
        let said = value["session"].as_str().unwrap_or_default();
        value["v"] == VERSION && bool::from(said.as_bytes().ct_eq(self.token.as_bytes()))
    }
}

/// What a device says first when it dials.
#[must_use]
pub fn opening(token: &str) -> String {
    json!({"v": VERSION, "session": token}).to_string()
}
