//! Lines of text to and from somebody who is not trusted: bounded in length and number, never waited for
//! without end.
//!
//! Not here: what the lines say, or who is at the other end (`child`, sockets).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;

use crate::base::time::Duration;
use crate::runtime::clock::{Stamp, Stopwatch};

/// Lines that were read and not taken; beyond them the other end has to wait.
const WAITING_MAX: usize = 256;

/// Lines that were sent and not written: each waits for its answer, so that one is the rule.
const UNSENT_MAX: usize = 16;

/// How often a line that is begun is looked at, and by how many octets it has to grow meanwhile: a fifteenth
/// of what a serial line carries at 9600 baud.
const WINDOW: Duration = Duration::from_secs(1);
const GROWTH: usize = 64;
/// How long one line may take, however it grows.
const LASTING: Duration = Duration::from_secs(60);

/// A line, or why there is none, with when that was known.
type Stamped = (Stamp, Result<Vec<u8>, LineError>);

/// Lines in both directions.
#[derive(Debug)]
pub struct Lines {
    /// Octets of the line that is begun and not ended.
    open: Arc<AtomicUsize>,
    incoming: Receiver<Stamped>,
    outgoing: SyncSender<Vec<u8>>,
}

/// Why there is no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// None came in time.
    #[error("nothing came")]
    Silent,
    /// It was begun, of so many octets, and did not grow fast enough.
    #[error("the line stopped after {0} octets")]
    Slow(usize),
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
        let open = Arc::new(AtomicUsize::new(0));
        let growing = Arc::clone(&open);
        thread::spawn(move || read_all(from, most, &found, &growing));
        let (outgoing, lines) = sync_channel::<Vec<u8>>(UNSENT_MAX);
        thread::spawn(move || {
            for line in lines {
                if to.write_all(&line).and_then(|()| to.flush()).is_err() {
                    break;
                }
            }
        });
        Self { open, incoming, outgoing }
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

    /// The next line, without its end. One that is begun within this time may last longer while it grows.
    ///
    /// # Errors
    /// [`LineError::Silent`], [`LineError::Slow`], [`LineError::Closed`], [`LineError::TooLong`].
    pub fn receive(&self, within: Duration) -> Result<Vec<u8>, LineError> {
        self.receive_stamped(within).map(|(line, _)| line)
    }

    /// The same, with when its end was read.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub fn receive_stamped(&self, within: Duration) -> Result<(Vec<u8>, Stamp), LineError> {
        let watch = Stopwatch::start();
        let (mut seen, mut wait) = (0_usize, within);
        loop {
            match self.incoming.recv_timeout(wait.into()) {
                Ok((stamp, line)) => return line.map(|line| (line, stamp)),
                Err(RecvTimeoutError::Disconnected) => return Err(LineError::Closed),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let open = self.open.load(Ordering::Relaxed);
            if open == 0 || within == Duration::ZERO {
                return Err(LineError::Silent);
            }
            let slow = seen > 0 && open < seen.saturating_add(GROWTH);
            if slow || watch.elapsed() >= LASTING {
                return Err(LineError::Slow(open));
            }
            (seen, wait) = (open, WINDOW);
        }
    }
}

fn read_all(from: impl Read, most: usize, found: &SyncSender<Stamped>, open: &AtomicUsize) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        let (taken, ended) = match from.fill_buf() {
            Ok([]) => break,
            Ok(octets) => {
                let end = octets.iter().position(|it| *it == b'\n');
                line.extend_from_slice(&octets[..end.unwrap_or(octets.len())]);
                (end.map_or(octets.len(), |end| end + 1), end.is_some())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        from.consume(taken);
        if line.len() > most {
            // Nobody listens any more if this does not arrive.
            let _ = found.send((Stamp::now(), Err(LineError::TooLong)));
            return;
        }
        if ended && found.send((Stamp::now(), Ok(std::mem::take(&mut line)))).is_err() {
            return;
        }
        open.store(line.len(), Ordering::Relaxed);
    }
    // The end came within a line: there will be no more.
    if !line.is_empty() {
        let _ = found.send((Stamp::now(), Ok(line)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &'static [u8], expected: &[Result<&str, LineError>]) {
        let lines = Lines::over(input, io::sink(), 5);
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
