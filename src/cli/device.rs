//! `peadsim device`: the reference device, or the reference server, as something to attach.
//!
//! Not here: what it answers (`conformance::{adapter, server_adapter, server_native}`), or how a line is served
//! (`conformance::serve`).

use std::io::{self, BufWriter, Read, Write};
#[cfg(unix)]
use std::path::Path;
use std::process::Command;

use crate::base::time::Duration;
use crate::cli::exit::{CliError, Exit};
use crate::cli::output;
use crate::cli::places::Device;
use crate::conformance::adapter::Adapter;
use crate::conformance::door::opening;
use crate::conformance::reference::Nature;
use crate::conformance::serve::{Ending, Framing, Hands, Serve, Service};
use crate::conformance::server_adapter::ServerAdapter;
use crate::conformance::server_native::NativeServer;
use crate::proto::deviation::{Deviation, Deviations, Side};
use crate::runtime::clock::{Stopwatch, rest};
#[cfg(unix)]
use crate::runtime::serial::Port;
use crate::runtime::sockets::{Listener, Stream, pause};
use crate::scenario::device::Wire;
use crate::scenario::diagnostics::suggest;

/// How long a harness may take to be there, and a serial port to come back.
const PATIENCE: Duration = Duration::from_secs(10);
/// Octets that wait to be written: as many as what one request leads to may have.
const BUFFER: usize = 1 << 20;

/// Serves harnesses until the session is over, or for ever where they dial.
///
/// # Errors
/// When a deviation is unknown or of the other side, the place is taken, or the line fails.
pub fn run(args: &Device) -> Result<Exit, CliError> {
    let side = if args.server { Side::Server } else { Side::Device };
    let deviations: Result<Deviations, CliError> =
        args.deviations.iter().map(|name| deviation(name, side)).collect();
    // What led to what is not known of a device with a connection of its own.
    let blind = args.native && !args.server;
    let nature =
        Nature { deviations: deviations?, opaque: args.opaque || blind, native: args.native };
    let place = Place { args, nature };
    if let Some(address) = &args.listen {
        let failed = CliError::io(format!("cannot listen at {address}"));
        return place.wait(&Listener::bind_tcp(address, true).map_err(failed)?);
    }
    if let Some(path) = &args.unix {
        let failed = CliError::io(format!("cannot listen at `{}`", path.display()));
        return place.wait(&Listener::bind_unix(path).map_err(failed)?);
    }
    if let Some(address) = &args.dial {
        return place.dial(&|| Stream::dial_tcp(address), address);
    }
    if let Some(path) = &args.dial_unix {
        return place.dial(&|| Stream::dial_unix(path), &path.display().to_string());
    }
    if let Some(wire) = &args.serial {
        return place.serial(wire);
    }
    let ending = place.serve(Framing::Plain, io::stdin(), io::stdout());
    ended(ending.map_err(CliError::io("the line to the harness fails"))?);
    Ok(Exit::Success)
}

/// Where the reference serves, and of what kind it is.
struct Place<'a> {
    args: &'a Device,
    nature: Nature,
}

impl Place<'_> {
    fn serve(
        &self,
        framing: Framing,
        from: impl Read + Send + 'static,
        to: impl Write,
    ) -> io::Result<Ending> {
        let adapter: Box<dyn Serve> = match (self.args.server, self.args.native) {
            (true, true) => Box::new(NativeServer::new(self.nature)),
            (true, false) => Box::new(ServerAdapter::new(self.nature)),
            (false, _) => Box::new(Adapter::new(self.nature)),
        };
        let mut service = Service::new(adapter, framing, self.args.fault);
        let mut output = BufWriter::with_capacity(BUFFER, to);
        let ending = service.serve(from, &mut output, &mut Own);
        // What was never flushed is lost, as with a device that is switched off.
        drop(output.into_parts());
        ending
    }

    fn serve_socket(&self, stream: &Stream, first: Option<String>) -> io::Result<Ending> {
        let (from, mut to) = stream.halves()?;
        if let Some(first) = first {
            to.write_all(format!("{first}\n").as_bytes())?;
        }
        let ending = self.serve(Framing::Plain, from, to);
        stream.close();
        ending
    }

    /// Serves those who dial, one after another.
    fn wait(&self, listener: &Listener) -> Result<Exit, CliError> {
        output::note(&format!("waiting for a harness at {listener}\n"));
        loop {
            let stream = listener.wait().map_err(CliError::io("cannot wait for a harness"))?;
            match self.serve_socket(&stream, None) {
                Ok(ending) => ended(ending),
                // A harness that is gone in the middle of a line is no reason to end.
                Err(error) => tracing::warn!(%error, "the line to the harness fails"),
            }
            if self.args.once {
                return Ok(Exit::Success);
            }
        }
    }

    /// Dials until the session is over; a harness that breaks off wants another connection.
    fn dial(&self, dial: &dyn Fn() -> io::Result<Stream>, place: &str) -> Result<Exit, CliError> {
        let token = self.args.token.as_deref().unwrap_or_default();
        loop {
            let failed = CliError::io(format!("cannot dial {place}"));
            let stream = patiently(dial).map_err(failed)?;
            match self.serve_socket(&stream, Some(opening(token))) {
                Ok(Ending::Over) => return Ok(Exit::Success),
                Ok(ending) => ended(ending),
                Err(error) => tracing::warn!(%error, "the line to the harness fails"),
            }
            if self.args.once {
                return Ok(Exit::Success);
            }
        }
    }

    /// Serves a port until it is gone.
    #[cfg(unix)]
    fn serial(&self, wire: &Wire) -> Result<Exit, CliError> {
        loop {
            let failed = CliError::io(format!("cannot open `{}`", wire.path));
            let opened =
                patiently(&|| Port::open(Path::new(&wire.path), wire.baud)).map_err(failed)?;
            let (port, from, to) = opened;
            let ending = self.serve(Framing::Serial, from, to);
            ended(ending.map_err(CliError::io("the line to the harness fails"))?);
            drop(port);
            if self.args.once {
                return Ok(Exit::Success);
            }
        }
    }

    #[cfg(not(unix))]
    fn serial(&self, _: &Wire) -> Result<Exit, CliError> {
        Err(CliError::Usage("there are no serial ports on this system".to_owned()))
    }
}

/// Tries again for a while.
fn patiently<T>(attempt: &dyn Fn() -> io::Result<T>) -> io::Result<T> {
    let watch = Stopwatch::start();
    loop {
        match attempt() {
            Err(_) if watch.elapsed() < PATIENCE => pause(),
            other => return other,
        }
    }
}

/// What is left to be done after a session.
fn ended(ending: Ending) {
    match ending {
        Ending::Closed | Ending::Over => {}
        Ending::Exit => std::process::exit(i32::from(Exit::Success.code())),
        Ending::Abort => std::process::abort(),
    }
}

/// The hands of this process.
struct Own;

impl Hands for Own {
    fn leave_behind(&mut self) -> io::Result<()> {
        // Its output is this one's; nobody waits for it.
        Command::new("sleep").arg("60").spawn().map(drop)
    }

    fn pause(&mut self, time: Duration) {
        rest(time);
    }
}

fn deviation(name: &str, side: Side) -> Result<Deviation, CliError> {
    let (own, other) = match side {
        Side::Device => ("devices", "servers"),
        Side::Server => ("servers", "devices"),
    };
    let known = Deviation::ALL.iter().find(|it| it.id() == name);
    match known {
        Some(known) if known.side() == side => Ok(*known),
        Some(_) => {
            Err(CliError::Usage(format!("`{name}` is a deviation of {other}, not of {own}")))
        }
        None => {
            let of_side = Deviation::ALL.iter().filter(|it| it.side() == side);
            let near = suggest(name, of_side.map(|it| it.id()));
            let near = near.map_or_else(String::new, |near| format!("\n  did you mean `{near}`?"));
            Err(CliError::Usage(format!("no deviation of {own} is called `{name}`{near}")))
        }
    }
}
