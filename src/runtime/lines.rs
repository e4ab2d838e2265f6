//! Lines of text to and from somebody who is not trusted: bounded in length and number, never waited for
//! without end.
//!
//! Not here: what the lines say, or who is at the other end (`child`, sockets).

use std::io::{BufRead, BufReader, Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;

use crate::base::time::Duration;
use crate::runtime::clock::Stamp;

/// Lines that were read and not taken; beyond them the other end has to wait.
const WAITING_MAX: usize = 256;

/// Lines that were sent and not written: each waits for its answer, so that one is the rule.
const UNSENT_MAX: usize = 16;

/// Lines in both directions.
#[derive(Debug)]
pub struct Lines {
    incoming: Receiver<(Stamp, Result<Vec<u8>, LineError>)>,
    outgoing: SyncSender<Vec<u8>>,
}

/// Why there is no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// None came in time.
    #[error("nothing came")]
    Silent,
    /// The other end closed it.
    #[error("it is closed")]
    Closed,
    /// It has no end.
    #[error("the line is too long")]
    TooLong,
    /// The other end does not read.
    #[error("nobody reads")]
    Unread,
}

impl Lines {
    /// Reads and writes on threads of their own, lines of up to so many octets.
    pub fn over(
        from: impl Read + Send + 'static,
        mut to: impl Write + Send + 'static,
        most: usize,
    ) -> Self {
        let (found, incoming) = sync_channel(WAITING_MAX);
        // The threads end with the ends of their pipes; somebody else may hold those, so nobody waits for them.
        thread::spawn(move || read_all(from, most, &found));
        let (outgoing, lines) = sync_channel::<Vec<u8>>(UNSENT_MAX);
        thread::spawn(move || {
            for line in lines {
                if to.write_all(&line).and_then(|()| to.flush()).is_err() {
                    break;
                }
            }
        });
        Self { incoming, outgoing }
    }

    /// Sends a line; its end is added.
    ///
    /// # Errors
    /// [`LineError::Unread`], [`LineError::Closed`].
    pub fn send(&self, line: &str) -> Result<(), LineError> {
        let line = [line.as_bytes(), b"\n"].concat();
        self.outgoing.try_send(line).map_err(|error| match error {
            TrySendError::Full(_) => LineError::Unread,
            TrySendError::Disconnected(_) => LineError::Closed,
        })
    }

    /// The next line, without its end.
    ///
    /// # Errors
    /// [`LineError::Silent`], [`LineError::Closed`], [`LineError::TooLong`].
    pub fn receive(&self, within: Duration) -> Result<Vec<u8>, LineError> {
        self.receive_stamped(within).map(|(line, _)| line)
    }

    /// The same, with when its end was read.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub fn receive_stamped(&self, within: Duration) -> Result<(Vec<u8>, Stamp), LineError> {
        let within = std::time::Duration::from_nanos(within.as_nanos());
        match self.incoming.recv_timeout(within) {
            Ok((stamp, line)) => line.map(|line| (line, stamp)),
            Err(RecvTimeoutError::Timeout) => Err(LineError::Silent),
            Err(RecvTimeoutError::Disconnected) => Err(LineError::Closed),
        }
    }
}

fn read_all(from: impl Read, most: usize, found: &SyncSender<(Stamp, Result<Vec<u8>, LineError>)>) {
    let mut from = BufReader::new(from);
    loop {
        let mut line = Vec::new();
        let room = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        let read = (&mut from).take(room).read_until(b'\n', &mut line);
        if !matches!(read, Ok(octets) if octets > 0) {
            return;
        }
        let result = if line.ends_with(b"\n") {
            line.pop();
            Ok(line)
        } else if line.len() > most {
            Err(LineError::TooLong)
        } else {
            // The end came within a line: there will be no more.
            Ok(line)
        };
        let over = result.is_err();
        if found.send((Stamp::now(), result)).is_err() || over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &'static [u8], expected: &[Result<&str, LineError>]) {
        let lines = Lines::over(input, std::io::sink(), 5);
        for expected in expected {
            let got = lines.receive(Duration::from_secs(5));
            assert_eq!(got, expected.map(|line| line.as_bytes().to_vec()));
        }
    }

    #[test]
    fn lines_are_bounded_and_end() {
        let closed = Err(LineError::Closed);
        check(b"", &[closed]);
        check(b"a\n\nbcdef\n", &[Ok("a"), Ok(""), Ok("bcdef"), closed]);
        check(b"a\nb", &[Ok("a"), Ok("b"), closed]);
        check(b"abcdef\nb\n", &[Err(LineError::TooLong), closed]);
    }
}
