//! Lines over a serial port: each in a frame with a checksum among whatever else the device prints there.
//!
//! A frame is RS (0x1E), the message, a space, the CRC-32 of the message in 8 hex digits, and LF. Everything
//! else is log; NUL and 0xFF, which a line at rest or a reset makes, are nothing. A damaged frame is asked for
//! again by the same request, which a device answers again without carrying it out. Not here: the port itself
//! (`runtime::serial`).

use std::collections::{BTreeSet, VecDeque};

use xxhash_rust::xxh3::xxh3_128;

use crate::base::time::Duration;
use crate::conformance::fault::LinkFault;
use crate::conformance::link::Line;
use crate::conformance::message::LINE_MAX;
use crate::conformance::transport::fault;
use crate::runtime::lines::{LineError, Lines};

/// What begins a frame: the record separator of JSON text sequences (RFC 7464).
const BEGIN: char = '\u{1e}';
/// Octets of a frame beside its message: separator, space, checksum; and some for noise.
const AROUND: usize = 10 + 1024;
/// The longest line on a serial port.
pub const FRAME_MAX: usize = LINE_MAX + AROUND;
/// How often a request is repeated.
const REPEATS_MAX: u8 = 2;
/// How long the line has to be silent before a request is repeated.
const QUIET: Duration = Duration::from_millis(100);
/// How many lines that belong to a damaged answer are passed over.
const PASSED_MAX: usize = 20_000;
/// Lines of the log that are kept.
const LOG_MAX: usize = 32;
/// Characters of one of them.
const LOG_LINE_MAX: usize = 1_024;

/// A message in its frame, without the LF.
#[must_use]
pub fn frame(message: &str) -> String {
    format!("{BEGIN}{message} {:08x}", crc32fast::hash(message.as_bytes()))
}

/// What a line on a serial port holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unframed {
    /// The message, if its frame is sound.
    pub message: Option<Vec<u8>>,
    /// Whether there was a frame that is not.
    pub damaged: bool,
    /// What is no frame.
    pub log: String,
}

/// Looks for a frame in a line.
#[must_use]
pub fn unframe(line: &[u8]) -> Unframed {
    // UTF-8 has no 0xFF and JSON no NUL, so that neither belongs to a message.
    let line: Vec<u8> = line.iter().copied().filter(|it| !matches!(it, 0 | 0xff)).collect();
    let line = line.strip_suffix(b"\r").unwrap_or(&line);
    let Some(begin) = line.iter().rposition(|it| char::from(*it) == BEGIN) else {
        // The separator may be what was damaged.
        let damaged = sound(line).is_some();
        let log = if damaged { "" } else { &String::from_utf8_lossy(line) };
        return Unframed { message: None, damaged, log: log.to_owned() };
    };
    let (before, inside) = (&line[..begin], &line[begin + 1..]);
    let message = sound(inside).filter(|(message, crc)| crc32fast::hash(message) == *crc);
    let merged = before.iter().any(|it| char::from(*it) == BEGIN);
    let log = if merged { String::new() } else { String::from_utf8_lossy(before).into_owned() };
    let damaged = merged || message.is_none();
    Unframed { message: message.map(|(message, _)| message.to_vec()), damaged, log }
}

/// The message of something with a checksum at its end, and that.
fn sound(octets: &[u8]) -> Option<(&[u8], u32)> {
    let (message, crc) = octets.split_at_checked(octets.len().checked_sub(9)?)?;
    let digits = std::str::from_utf8(crc.strip_prefix(b" ")?).ok()?;
    let hex = digits.bytes().all(|it| it.is_ascii_hexdigit());
    let crc = u32::from_str_radix(digits, 16).ok().filter(|_| hex)?;
    message.contains(&b'{').then_some((message, crc))
}

/// A device at the other end of a serial line.
#[derive(Debug)]
pub struct Serial<P> {
    lines: Lines,
    /// Gives the port up when it is dropped.
    _port: P,
    log: VecDeque<String>,
    request: String,
    repeats: u8,
    /// Whether the request before was repeated: what is left of its answers may come now.
    leftovers: bool,
    /// Answers that were handed on, by their hashes: of this request, and of one before that was repeated.
    given: BTreeSet<u128>,
    damaged: u64,
}

impl<P> Serial<P> {
    /// Over lines of a port, which is given up together with this.
    #[must_use]
    pub const fn new(lines: Lines, port: P) -> Self {
        Self {
            lines,
            _port: port,
            log: VecDeque::new(),
            request: String::new(),
            repeats: 0,
            leftovers: false,
            given: BTreeSet::new(),
            damaged: 0,
        }
    }

    fn keep(&mut self, log: &str) {
        let text: String = log.trim().chars().take(LOG_LINE_MAX).collect();
        if text.is_empty() {
            return;
        }
        if self.log.len() == LOG_MAX {
            self.log.pop_front();
        }
        self.log.push_back(text);
    }

    /// The next line with a frame in it, sound or not.
    fn next(&mut self, within: Duration) -> Result<Unframed, LineError> {
        loop {
            let unframed = unframe(&self.lines.receive(within)?);
            self.keep(&unframed.log);
            self.damaged += u64::from(unframed.damaged);
            if unframed.damaged || unframed.message.is_some() {
                return Ok(unframed);
            }
        }
    }

    /// Passes over what is left of a damaged answer, and asks again.
    fn repeat(&mut self) -> Result<(), LineError> {
        self.repeats += 1;
        for _ in 0..PASSED_MAX {
            match self.next(QUIET) {
                Ok(_) => {}
                Err(LineError::Silent | LineError::Slow(_)) => break,
                Err(other) => return Err(other),
            }
        }
        self.lines.send(&self.request)
    }
}

impl<P: std::fmt::Debug + Send> Line for Serial<P> {
    fn send(&mut self, line: &str) -> Result<(), LinkFault> {
        self.request = frame(line);
        self.leftovers = self.repeats > 0;
        if !self.leftovers {
            self.given.clear();
        }
        self.repeats = 0;
        self.lines.send(&self.request).map_err(|error| fault(error, Duration::ZERO, String::new))
    }

    fn receive(&mut self, within: Duration) -> Result<Vec<u8>, LinkFault> {
        let failed = |error| fault(error, within, String::new);
        loop {
            let asked = within > Duration::ZERO && self.repeats < REPEATS_MAX;
            match self.next(within) {
                Ok(Unframed { message: Some(message), damaged: false, .. }) => {
                    // A repeated answer comes whole: what was handed on is known.
                    let new = self.given.insert(xxh3_128(&message));
                    if new || self.repeats == 0 && !self.leftovers {
                        return Ok(message);
                    }
                }
                Ok(_) | Err(LineError::Silent | LineError::Slow(_)) if asked => {
                    self.repeat().map_err(failed)?
                }
                Ok(_) if within == Duration::ZERO => {}
                Ok(_) => return Err(LinkFault::Damaged(self.repeats)),
                Err(error) => return Err(failed(error)),
            }
        }
    }

    fn ends(&self) -> bool {
        false
    }

    fn damaged(&self) -> Option<u64> {
        Some(self.damaged)
    }

    fn log(&self) -> Vec<String> {
        self.log.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &[u8], message: Option<&str>, damaged: bool, log: &str) {
        let message = message.map(|it| it.as_bytes().to_vec());
        let expected = Unframed { message, damaged, log: log.to_owned() };
        assert_eq!(unframe(line), expected, "{}", String::from_utf8_lossy(line));
    }

    #[test]
    fn frames_are_found_among_noise() {
        let framed = frame("{}");
        assert_eq!(framed, "\u{1e}{} a3a6bf43");
        let framed = framed.as_bytes();
        check(framed, Some("{}"), false, "");
        check(&[b"\0\xff", framed, b"\0\r"].concat(), Some("{}"), false, "");
        check(&[b"boot ok ", framed].concat(), Some("{}"), false, "boot ok ");
        check(b"boot ok", None, false, "boot ok");
        check(b"", None, false, "");
        check(b"\x1e{} a3a6bf44", None, true, "");
        check(b"\x1e{} a3a6bf", None, true, "");
        check(b"?{} a3a6bf43", None, true, "");
        check(&[b"\x1e{} a3a", framed].concat(), Some("{}"), true, "");
    }
}
