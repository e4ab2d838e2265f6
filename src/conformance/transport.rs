//! What carries a link: the standard streams of a child process, or a socket.
//!
//! Not here: what is said over it (`message`), or serial ports (`serial`).

use std::io;

use crate::base::time::Duration;
use crate::conformance::fault::LinkFault;
use crate::conformance::link::Line;
use crate::conformance::message::LINE_MAX;
use crate::runtime::child::Child;
use crate::runtime::clock::Stamp;
use crate::runtime::lines::{LineError, Lines};
use crate::runtime::sockets::Stream;

/// What is wrong with a link whose lines fail.
pub(super) fn fault(
    error: LineError,
    within: Duration,
    ending: impl FnOnce() -> String,
) -> LinkFault {
    match error {
        LineError::Silent => LinkFault::Mute { method: String::new(), within },
        LineError::Slow(octets) => LinkFault::Slow { octets, within },
        LineError::Closed => LinkFault::Closed(ending()),
        LineError::TooLong => LinkFault::TooLong,
        LineError::Unread => LinkFault::Stuck(error.to_string()),
    }
}

/// How long a process may take to end once it has closed its output.
const AFTERWARDS: Duration = Duration::from_millis(200);

/// A device that is a child process.
#[derive(Debug)]
pub struct Exec(Child);

impl Exec {
    /// Starts it.
    ///
    /// # Errors
    /// When the shell cannot be started.
    pub fn start(command: &str) -> io::Result<Self> {
        Child::start(command, LINE_MAX).map(Self)
    }

    fn ending(&mut self) -> String {
        let status = self.0.ending(AFTERWARDS).map(|it| format!(" ({it})")).unwrap_or_default();
        match self.0.log().last() {
            Some(last) => format!("{status}; its log ends with `{last}`"),
            None => status,
        }
    }
}

impl Line for Exec {
    fn send(&mut self, line: &str) -> Result<(), LinkFault> {
        let sent = self.0.lines().send(line);
        sent.map_err(|error| fault(error, Duration::ZERO, || self.ending()))
    }

    fn receive(&mut self, within: Duration) -> Result<Vec<u8>, LinkFault> {
        self.receive_stamped(within).map(|(line, _)| line)
    }

    fn receive_stamped(&mut self, within: Duration) -> Result<(Vec<u8>, Stamp), LinkFault> {
        let received = self.0.lines().receive_stamped(within);
        received.map_err(|error| {
            if error == LineError::Silent
                && within > Duration::ZERO
                && let Some(status) = self.0.ended()
            {
                return LinkFault::Orphan(status);
            }
            fault(error, within, || self.ending())
        })
    }

    fn log(&self) -> Vec<String> {
        self.0.log()
    }
}

/// A device at the other end of a socket.
#[derive(Debug)]
pub struct Socket {
    lines: Lines,
    stream: Stream,
}

impl Socket {
    /// Talks over a connection.
    ///
    /// # Errors
    /// When the operating system has no more of them.
    pub fn over(stream: Stream) -> io::Result<Self> {
        let (from, to) = stream.halves()?;
        Ok(Self { lines: Lines::over(from, to, LINE_MAX), stream })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // The threads that read and write hold it open otherwise, and the device would not know.
        self.stream.close();
    }
}

impl Line for Socket {
    fn send(&mut self, line: &str) -> Result<(), LinkFault> {
        self.lines.send(line).map_err(|error| fault(error, Duration::ZERO, String::new))
    }

    fn receive(&mut self, within: Duration) -> Result<Vec<u8>, LinkFault> {
        self.receive_stamped(within).map(|(line, _)| line)
    }

    fn receive_stamped(&mut self, within: Duration) -> Result<(Vec<u8>, Stamp), LinkFault> {
        self.lines.receive_stamped(within).map_err(|error| fault(error, within, String::new))
    }

    fn log(&self) -> Vec<String> {
        Vec::new()
    }
}
