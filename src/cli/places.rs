//! Where a device under test is, and where the reference device waits for a harness, as it can be typed.
//!
//! Not here: what is done there (`conformance::rig`, `device`).

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{ArgGroup, Args, ValueHint};
use strum::VariantNames as _;

use crate::base::time::Duration;
use crate::base::units::hex;
use crate::cli::exit::CliError;
use crate::cli::output;
use crate::cli::words::{Format, duration};
use crate::conformance::attached::Clock;
use crate::conformance::flaw::Flaw;
use crate::conformance::rig::{Endpoint, Patience, Rig};
use crate::runtime::entropy;
use crate::verdict::conformity::Role;

/// How a device under test is reached.
#[derive(Clone, Debug, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("place").multiple(false))]
pub struct Attachment {
    /// Start this command; the device answers on its standard output.
    #[arg(long, group = "place", value_name = "CMD")]
    pub exec: Option<String>,
    /// Dial a device that listens there.
    #[arg(long, group = "place", value_name = "HOST:PORT", value_parser = host_and_port)]
    pub tcp: Option<String>,
    /// Dial a device that listens on this Unix socket.
    #[arg(long, group = "place", value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub unix: Option<PathBuf>,
    /// Wait there for a device that dials; port 0 is one that is free.
    #[arg(long, group = "place", value_name = "HOST:PORT", value_parser = host_and_port)]
    pub listen_tcp: Option<String>,
    /// Wait on this Unix socket for a device that dials.
    #[arg(long, group = "place", value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub listen_unix: Option<PathBuf>,
    /// Use the device at this serial port, at 115200 baud unless it says otherwise.
    #[arg(long, group = "place", value_name = "DEV[:BAUD]", value_parser = serial)]
    pub serial: Option<Wire>,
    /// What a device that dials has to say first; otherwise it is made up and told.
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
    /// Let devices dial from other machines, too.
    #[arg(long, requires = "listen_tcp")]
    pub allow_remote: bool,
    /// How long an answer may take.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub patience: Duration,
    /// How long a device may take to dial, and a serial port that has vanished to come back.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub arrival: Duration,
}

/// Arguments of `conform doctor`.
#[derive(Clone, Debug, Args)]
pub struct Doctor {
    /// How the device is reached.
    #[command(flatten)]
    pub device: Attachment,
    /// What is there is a server.
    #[arg(long)]
    pub server: bool,
    /// How to print what is found.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

/// A serial port and its speed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// Which.
    pub path: PathBuf,
    /// Baud.
    pub baud: u32,
}

impl Attachment {
    /// The place, open; where a device is to dial, that is told.
    ///
    /// # Errors
    /// When nobody can listen there, or the operating system has no entropy.
    pub fn rig(&self, clock: Clock, role: Role) -> Result<Rig, CliError> {
        let patience = Patience { answer: self.patience, arrival: self.arrival };
        let name = entropy::octets::<4>().map_err(CliError::io("cannot name the run"))?;
        let run = format!("peadsim-{}", hex(&name));
        let rig = Rig::open(self.endpoint()?, patience, run, clock, role)?;
        if let Some(invitation) = rig.invitation() {
            output::note(&format!("{invitation}\n"));
        }
        Ok(rig)
    }

    fn endpoint(&self) -> Result<Endpoint, CliError> {
        let Self { token, allow_remote: remote, .. } = self.clone();
        if let Some(command) = self.exec.clone() {
            return Ok(Endpoint::Exec(command));
        }
        if let Some(address) = self.tcp.clone() {
            return Ok(Endpoint::Tcp(address));
        }
        if let Some(path) = self.unix.clone() {
            return Ok(Endpoint::Unix(path));
        }
        if let Some(address) = self.listen_tcp.clone() {
            return Ok(Endpoint::ListenTcp { address, remote, token });
        }
        if let Some(path) = self.listen_unix.clone() {
            return Ok(Endpoint::ListenUnix { path, token });
        }
        if let Some(Wire { path, baud }) = self.serial.clone() {
            return Ok(Endpoint::Serial { path, baud });
        }
        Err(CliError::Usage(
            "nobody says where the device is\n  one of --exec, --tcp, --unix, --listen-tcp, --listen-unix and \
             --serial does"
                .to_owned(),
        ))
    }

    /// The options that say so, for a command that does the same again.
    #[must_use]
    pub fn words(&self) -> Vec<(&'static str, String)> {
        let path = |path: &PathBuf| path.display().to_string();
        let wire = |wire: &Wire| format!("{}:{}", wire.path.display(), wire.baud);
        let words = [
            ("--exec", self.exec.clone()),
            ("--tcp", self.tcp.clone()),
            ("--unix", self.unix.as_ref().map(path)),
            ("--listen-tcp", self.listen_tcp.clone()),
            ("--listen-unix", self.listen_unix.as_ref().map(path)),
            ("--serial", self.serial.as_ref().map(wire)),
        ];
        words.into_iter().filter_map(|(flag, value)| Some((flag, value?))).collect()
    }
}

/// Arguments of `device`. Without a place it answers on standard output what is asked on standard input.
#[derive(Clone, Debug, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("at").multiple(false))]
pub struct Device {
    /// Wait there for a harness that dials.
    #[arg(long, group = "at", value_name = "HOST:PORT", value_parser = host_and_port)]
    pub listen: Option<String>,
    /// Wait on this Unix socket for a harness that dials.
    #[arg(long, group = "at", value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub unix: Option<PathBuf>,
    /// Dial a harness that waits there.
    #[arg(long, group = "at", value_name = "HOST:PORT", value_parser = host_and_port, requires = "token")]
    pub dial: Option<String>,
    /// Dial a harness that waits on this Unix socket.
    #[arg(long, group = "at", value_name = "PATH", value_hint = ValueHint::AnyPath, requires = "token")]
    pub dial_unix: Option<PathBuf>,
    /// Serve this serial port, at 115200 baud unless it says otherwise.
    #[arg(long, group = "at", value_name = "DEV[:BAUD]", value_parser = serial)]
    pub serial: Option<Wire>,
    /// What to say first when it dials.
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
    /// End with the first session; a device that waits goes on with the next otherwise.
    #[arg(long)]
    pub once: bool,
    /// Break the specification: `--deviation M39`.
    #[arg(long = "deviation", value_name = "M..", value_delimiter = ',')]
    pub deviations: Vec<String>,
    /// Make a mistake on the line, to try a harness.
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Flaw::VARIANTS)
        .map(|name| name.parse::<Flaw>().expect("the names are those of flaws")))]
    pub fault: Option<Flaw>,
    /// Tell only what is seen outside, as a product does.
    #[arg(long)]
    pub opaque: bool,
    /// Be the reference server; its deviations are those of servers.
    #[arg(long)]
    pub server: bool,
}

/// `HOST:PORT`, as it is.
fn host_and_port(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
            Ok(text.to_owned())
        }
        Some(_) | None => Err(format!("`{text}` has no port: `HOST:PORT`, such as 127.0.0.1:7700")),
    }
}

/// Baud unless something else is said.
const BAUD: u32 = 115_200;

/// `DEV` or `DEV:BAUD`; names of ports have colons of their own.
fn serial(text: &str) -> Result<Wire, String> {
    let parts = text.rsplit_once(':').and_then(|(path, baud)| Some((path, baud.parse().ok()?)));
    let (path, baud) = parts.unwrap_or((text, BAUD));
    if path.is_empty() || baud == 0 {
        return Err("expected DEV or DEV:BAUD, such as /dev/ttyACM0:115200".to_owned());
    }
    Ok(Wire { path: path.into(), baud })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        let wire = |path: &str, baud| Ok(Wire { path: path.into(), baud });
        assert_eq!(serial("/dev/ttyACM0"), wire("/dev/ttyACM0", 115_200));
        assert_eq!(serial("/dev/ttyACM0:9600"), wire("/dev/ttyACM0", 9600));
        let by_path = "/dev/serial/by-path/pci-0:14.0-usb-0:2:1.0-port0";
        assert_eq!(serial(by_path), wire(by_path, 115_200));
        for bad in ["", ":9600", "a:0"] {
            assert!(serial(bad).is_err(), "{bad}");
        }
        for bad in ["127.0.0.1", ":1", "a:", "a:65536", ""] {
            assert!(host_and_port(bad).is_err(), "{bad}");
        }
        assert!(host_and_port("[::1]:0").is_ok() && host_and_port("rig.example:7700").is_ok());
    }
}
