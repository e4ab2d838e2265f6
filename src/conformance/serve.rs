//! The side of a line where the reference is: reads requests, has them answered, writes what comes of it.
//!
//! Not here: the answers (`adapter`, `server_adapter`), or what the line runs over.

use std::io::{self, Read, Write};

use crate::base::time::Duration;
use crate::conformance::flaw::{Deed, Flaw};
use crate::conformance::message::LINE_MAX;
use crate::conformance::serial::{FRAME_MAX, frame, unframe};
use crate::runtime::lines::{LineError, Lines};

/// What can be attached.
pub trait Serve: std::fmt::Debug + Send {
    /// What is said to one line, and whether the session is over.
    fn answer(&mut self, line: &[u8]) -> (Vec<String>, bool);

    /// How long it has nothing to do by itself; none: until it is asked, or the harness moves its clock.
    fn rest(&self) -> Option<Duration>;

    /// Does what is due by its own clock, and says what comes of it.
    fn wake(&mut self) -> Vec<String>;

    /// Whether it has to look now and then whether frames have come by another way.
    fn listens(&self) -> bool {
        false
    }

    /// Takes the frames that have come that way, and says what comes of them.
    fn hear(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// How a message stands on its line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// By itself.
    Plain,
    /// With a checksum, among other things.
    Serial,
}

/// How it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// The harness is gone.
    Closed,
    /// The harness has said that the session is over.
    Over,
    /// The device is to end at once.
    Exit,
    /// The device is to crash.
    Abort,
}

/// What a device cannot do by itself.
pub trait Hands {
    /// Starts a process that holds the output open for a while.
    ///
    /// # Errors
    /// When it cannot be started.
    fn leave_behind(&mut self) -> io::Result<()>;

    /// Lets time pass.
    fn pause(&mut self, time: Duration);
}

/// How long a device hangs that hangs: longer than any harness waits.
const HANGING: Duration = Duration::from_secs(600);

/// How long one waits for a line at a time, when nothing is due before.
const LONG: Duration = Duration::from_secs(600);

/// How often a device looks whether frames have come by another way.
const LOOK: Duration = Duration::from_millis(1);

/// The reference device or server on a line.
#[derive(Debug)]
pub struct Service {
    adapter: Box<dyn Serve>,
    framing: Framing,
    flaw: Option<Flaw>,
    /// The last request and what was said to it: a repeated one is not carried out again.
    last: (Vec<u8>, Vec<Deed>),
}

impl Service {
    /// It, with this mistake or none.
    #[must_use]
    pub fn new(adapter: Box<dyn Serve>, framing: Framing, flaw: Option<Flaw>) -> Self {
        Self { adapter, framing, flaw, last: Default::default() }
    }

    /// Answers requests until there are no more, or the session is over.
    ///
    /// # Errors
    /// When lines cannot be read or written.
    pub fn serve(
        &mut self,
        input: impl Read + Send + 'static,
        output: &mut impl Write,
        hands: &mut dyn Hands,
    ) -> io::Result<Ending> {
        let most = match self.framing {
            Framing::Plain => LINE_MAX,
            Framing::Serial => FRAME_MAX,
        };
        let lines = Lines::over(input, io::sink(), most);
        loop {
            let rest = self.adapter.rest().unwrap_or(LONG);
            let wait = if self.adapter.listens() { rest.min(LOOK) } else { rest };
            let text = match lines.receive(wait) {
                Ok(text) => text,
                Err(LineError::Silent) => {
                    let mut said = self.adapter.hear();
                    if wait == rest {
                        said.extend(self.adapter.wake());
                    }
                    for line in said {
                        carry_out(&Deed::Line(line), self.framing, output, hands)?;
                    }
                    output.flush()?;
                    continue;
                }
                Err(LineError::Closed) => return Ok(Ending::Closed),
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            };
            let request = match self.framing {
                Framing::Plain => Some(text),
                // What is damaged is asked again by the harness.
                Framing::Serial => unframe(&text).message,
            };
            let Some(request) = request else { continue };
            let mut over = false;
            if self.framing == Framing::Plain || self.last.0 != request {
                let lines;
                (lines, over) = self.adapter.answer(&request);
                let deeds = match self.flaw {
                    Some(flaw) => flaw.spoil(&request, lines),
                    None => lines.into_iter().map(Deed::Line).chain([Deed::Flush]).collect(),
                };
                self.last = (request, deeds);
            }
            for deed in &self.last.1 {
                if let Some(ending) = carry_out(deed, self.framing, output, hands)? {
                    return Ok(ending);
                }
            }
            if over {
                return Ok(Ending::Over);
            }
        }
    }
}

fn carry_out(
    deed: &Deed,
    framing: Framing,
    output: &mut impl Write,
    hands: &mut dyn Hands,
) -> io::Result<Option<Ending>> {
    match deed {
        Deed::Line(line) => {
            match framing {
                Framing::Plain => output.write_all(line.as_bytes())?,
                Framing::Serial => output.write_all(frame(line).as_bytes())?,
            }
            output.write_all(b"\n")?;
        }
        Deed::Octets(octets) => output.write_all(octets)?,
        Deed::Flush => output.flush()?,
        Deed::Pause(time) => hands.pause(*time),
        Deed::LeaveBehind => hands.leave_behind()?,
        Deed::Hang => hands.pause(HANGING),
        Deed::Exit => return Ok(Some(Ending::Exit)),
        Deed::Abort => return Ok(Some(Ending::Abort)),
    }
    Ok(None)
}
