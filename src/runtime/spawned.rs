//! A server of this program as a process of its own: started, known by its first words, ended in order.
//!
//! It ends at the end of its standard input, which comes when it is asked to end, and when whoever started it
//! is killed and can ask for nothing.
//!
//! Not here: what it serves, or a child whose standard streams carry lines (`child`).

use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use crate::base::time::Duration;
use crate::runtime::clock::{Stopwatch, rest};
use crate::runtime::memory::peak_of_process;

/// Tells a server to end at the end of its standard input.
const UNTIL_EOF: &str = "--until-eof";
/// How long it may take to end in order.
const GOODBYE: Duration = Duration::from_secs(30);

/// A server that runs; it is ended when this is dropped.
#[derive(Debug)]
pub struct Spawned {
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it tells its metrics.
    pub metrics: Option<SocketAddr>,
    log: Option<JoinHandle<String>>,
}

impl Spawned {
    /// Starts a program that says where it listens, and where it tells its metrics.
    ///
    /// # Errors
    /// When it cannot be started, or says something else.
    pub fn start(program: &Path, arguments: &[String]) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments).arg(UNTIL_EOF).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.stderr(Stdio::piped()).spawn()?;
        let log = process.stderr.take().map(last_line_of);
        let mut lines = process.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        let mut place = |prefix: &str| {
            let line = lines.as_mut().and_then(Iterator::next).and_then(Result::ok)?;
            line.strip_prefix(prefix)?.trim_end_matches("/metrics").parse().ok()
        };
        let (address, metrics) = (place("listening at "), place("metrics at http://"));
        // From here on the process is ended whatever happens.
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let spawned = Self { process, address: address.unwrap_or(unknown), metrics, log };
        if address.is_some() {
            return Ok(spawned);
        }
        let why = spawned.stop().err().unwrap_or_default();
        Err(io::Error::other(format!("the server did not say where it listens: {why}")))
    }

    /// The memory that it has taken at the worst so far, in octets, where the system tells.
    #[must_use]
    pub fn peak_memory(&self) -> Option<u64> {
        peak_of_process(self.process.id())
    }

    /// Ends it in order; one that had ended already says why with the last line of its log.
    ///
    /// # Errors
    /// That line, or why it cannot be ended.
    pub fn stop(mut self) -> Result<(), String> {
        let ended = self.process.try_wait().map_err(|error| error.to_string())?;
        self.end().map_err(|error| error.to_string())?;
        let last = self.log.take().and_then(|log| log.join().ok()).unwrap_or_default();
        match ended {
            Some(status) => Err(format!("it ended by itself ({status}): {last}")),
            None => Ok(()),
        }
    }

    fn end(&mut self) -> io::Result<()> {
        if self.process.try_wait()?.is_some() {
            return Ok(());
        }
        // It reads to the end of this.
        drop(self.process.stdin.take());
        let watch = Stopwatch::start();
        while watch.elapsed() < GOODBYE {
            if self.process.try_wait()?.is_some() {
                return Ok(());
            }
            rest(Duration::from_millis(10));
        }
        self.process.kill()?;
        self.process.wait().map(drop)
    }
}

/// In the process that was started: does this, on a thread of its own, once whoever started it wants it to end,
/// or is gone.
///
/// # Errors
/// When the operating system gives no thread.
pub fn when_alone(then: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let wait = move || {
        // Nothing is said there; what cannot be read is at its end, too.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        then();
    };
    std::thread::Builder::new().name("alone".to_owned()).spawn(wait).map(drop)
}

/// Reads a log to its end, so that whoever writes it never waits; its last line.
fn last_line_of(log: impl io::Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let lines = BufReader::new(log).lines().map_while(Result::ok);
        lines.last().unwrap_or_default()
    })
}

impl Drop for Spawned {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(%error, "the server did not end");
        }
    }
}
