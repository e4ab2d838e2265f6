//! Lets a device at the end of a line live: it answers what is asked, and goes on by itself when it is time.
//!
//! Not here: what it answers (`adapter`), or where the line comes from.

use std::io::{self, Read, Write};

use crate::base::time::Duration;
use crate::conformance::adapter::Adapter;
use crate::conformance::message::LINE_MAX;
use crate::runtime::lines::{LineError, Lines};

/// How long one waits for a line at a time, when nothing is due before.
const LONG: Duration = Duration::from_secs(600);

/// Answers requests until there are no more, or the session is over.
///
/// # Errors
/// When lines cannot be written, or one has no end.
pub fn serve(
    adapter: &mut Adapter,
    input: impl Read + Send + 'static,
    output: &mut impl Write,
) -> io::Result<()> {
    let lines = Lines::over(input, io::sink(), LINE_MAX);
    loop {
        let (said, over) = match lines.receive(adapter.rest().unwrap_or(LONG)) {
            Ok(line) => adapter.answer(&line),
            Err(LineError::Silent) => (adapter.wake(), false),
            Err(LineError::Closed) => return Ok(()),
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        };
        for line in said {
            output.write_all(line.as_bytes())?;
            output.write_all(b"\n")?;
        }
        output.flush()?;
        if over {
            return Ok(());
        }
    }
}
