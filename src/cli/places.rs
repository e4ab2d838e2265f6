//! Where a device under test is, and where the reference device waits for a harness, as it can be typed.
//!
//! Not here: what is done there (`conformance::rig`, `device`).

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{ArgGroup, Args, ValueHint};
use strum::VariantNames as _;

use crate::base::time::Duration;
use crate::base::units::hex;
use crate::cli::exit::CliError;
use crate::cli::output;
use crate::cli::serve::resolve;
use crate::cli::terminal::Person;
use crate::cli::words::{Format, duration};
use crate::conformance::actuator::{Http, Script};
use crate::conformance::attached::Clock;
use crate::conformance::bed::{Fittings, Native};
use crate::conformance::declaration::Declaration;
use crate::conformance::flaw::Flaw;
use crate::conformance::native::Port;
use crate::conformance::rig::{Endpoint, Patience, Rig};
use crate::conformance::user::{Hand, User};
use crate::runtime::entropy;
use crate::scenario::device::{HostPort, Who, Wire};
use crate::scenario::fields::Scalar as _;
use crate::verdict::conformity::Role;

/// How a device under test is reached.
#[derive(Clone, Debug, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("place").multiple(false))]
pub struct Attachment {
    /// Take where the device is, and all the options of this kind, from this file; options win over it.
    #[arg(long = "device", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
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
    /// What is there is a server: it takes the place of all accounts, the harness plays the devices. Tests are
    /// those that profiles list without a device; without profiles, every case.
    #[arg(long)]
    pub server: bool,
    /// What a device that dials has to say first; otherwise it is made up and told.
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
    /// Let devices dial from other machines, too, and actuators be on them.
    #[arg(long)]
    pub allow_remote: bool,
    /// Listen there for the device's own connection, on which it speaks frames; a server is to listen there
    /// for connections of devices. Only with a real clock.
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
    pub native: Option<String>,
    /// Who acts for the user: `adapter`, `http://HOST[:PORT][/PATH]`, `cmd:COMMAND` or `terminal`
    /// [default: adapter].
    #[arg(long, value_name = "WHO", value_parser = who)]
    pub user: Option<Who>,
    /// How long somebody has for each act of the user [default: 60s].
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub user_time: Option<Duration>,
    /// How long an answer may take [default: 2s].
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub patience: Option<Duration>,
    /// How long the first answer may take, of a device that has just been started [default: 10s].
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub hello_patience: Option<Duration>,
    /// How long a device may take to dial, and a serial port that has vanished to come back [default: 30s].
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub arrival: Option<Duration>,
    /// What the device is to declare, by its file.
    #[arg(skip)]
    pub declared: Option<Declaration>,
}

/// How patient one is unless somebody says otherwise.
const PATIENCE: Patience = Patience {
    answer: Duration::from_secs(2),
    hello: Duration::from_secs(10),
    arrival: Duration::from_secs(30),
};
/// How long somebody has for an act of the user.
const USER_TIME: Duration = Duration::from_secs(60);

/// Arguments of `conform doctor`.
#[derive(Clone, Debug, Args)]
pub struct Doctor {
    /// How the device is reached.
    #[command(flatten)]
    pub device: Attachment,
    /// Look whether the rig is fast enough for these scenarios on a real clock.
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// How many times as fast as real time the device is to live in them [default: 1].
    #[arg(long, value_name = "N")]
    pub time_scale: Option<NonZeroU32>,
    /// How to print what is found.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

impl Attachment {
    /// The place, open; where a device is to dial, that is told.
    ///
    /// # Errors
    /// When nobody can listen there, or the operating system has no entropy.
    pub fn rig(&self, clock: Clock) -> Result<Rig, CliError> {
        let role = if self.server { Role::Server } else { Role::Device };
        let patience = self.patience();
        let name = entropy::octets::<4>().map_err(CliError::io("cannot name the run"))?;
        let run = format!("peadsim-{}", hex(&name));
        let rig = Rig::open(self.endpoint()?, patience, run, clock, role)?;
        let rig = rig.expecting(self.declared.clone());
        if let Some(invitation) = rig.invitation() {
            output::note(&format!("{invitation}\n"));
        }
        Ok(rig)
    }

    fn patience(&self) -> Patience {
        Patience {
            answer: self.patience.unwrap_or(PATIENCE.answer),
            hello: self.hello_patience.unwrap_or(PATIENCE.hello),
            arrival: self.arrival.unwrap_or(PATIENCE.arrival),
        }
    }

    /// What the rig has beside its line; where the device is to connect by itself, that is told.
    ///
    /// # Errors
    /// When nobody can listen there, an actuator is not to be had, or it takes another clock.
    pub fn fittings(&self, clock: Clock) -> Result<Fittings, CliError> {
        let needs_real = |what: &str| {
            let is_real = clock != Clock::Virtual;
            let why = format!("{what} lives in real time: --clock real is needed");
            if is_real { Ok(()) } else { Err(CliError::Usage(why)) }
        };
        let within = self.user_time.unwrap_or(USER_TIME);
        let hand: Option<Box<dyn Hand>> = match &self.user {
            None | Some(Who::Adapter) => None,
            Some(Who::Http(url)) => {
                let failed = |error| CliError::Usage(format!("no actuator is at `{url}`: {error}"));
                Some(Box::new(Http::new(url, self.allow_remote).map_err(failed)?))
            }
            Some(Who::Command(command)) => Some(Box::new(Script(command.clone()))),
            Some(Who::Terminal) => {
                needs_real("a person")?;
                Some(Box::new(Person::new()))
            }
        };
        let user = hand.map(|hand| User::new(hand, within));
        let Some(address) = &self.native else {
            if self.server && clock != Clock::Virtual {
                let why = "a server with a clock of its own has connections of its own: --native says where \
                           it is to listen";
                return Err(CliError::Usage(why.to_owned()));
            }
            return Ok(Fittings { user, native: None });
        };
        needs_real("what has connections of its own")?;
        if self.server {
            let address = address.clone();
            if !self.allow_remote && !resolve(&address)?.ip().is_loopback() {
                let why =
                    format!("{address} is not on the loopback interface: --allow-remote is needed");
                return Err(CliError::Usage(why));
            }
            return Ok(Fittings { user, native: Some(Native::Server(address)) });
        }
        let failed = CliError::io(format!("cannot listen at {address}"));
        let port = Port::open(address, self.allow_remote, self.patience().hello).map_err(failed)?;
        output::note(&format!("the device is to connect to {}\n", port.address()));
        Ok(Fittings { user, native: Some(Native::Port(port)) })
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
            return Ok(Endpoint::Serial { path: path.into(), baud });
        }
        Err(CliError::Usage(
            "nobody says where the device is\n  one of --exec, --tcp, --unix, --listen-tcp, --listen-unix, \
             --serial and --device does"
                .to_owned(),
        ))
    }

    /// The options that say where the device is.
    pub const PLACES: [&str; 6] =
        ["--exec", "--tcp", "--unix", "--listen-tcp", "--listen-unix", "--serial"];

    /// The options that say so, for a command that does the same again.
    #[must_use]
    pub fn words(&self) -> Vec<(&'static str, String)> {
        let path = |path: &PathBuf| path.display().to_string();
        let wire = |wire: &Wire| format!("{}:{}", wire.path, wire.baud);
        let words = [
            ("--device", self.file.as_ref().map(path)),
            ("--exec", self.exec.clone()),
            ("--tcp", self.tcp.clone()),
            ("--unix", self.unix.as_ref().map(path)),
            ("--listen-tcp", self.listen_tcp.clone()),
            ("--listen-unix", self.listen_unix.as_ref().map(path)),
            ("--serial", self.serial.as_ref().map(wire)),
            ("--native", self.native.clone()),
            ("--user", self.user.as_ref().map(ToString::to_string)),
            ("--user-time", self.user_time.map(|it| it.to_string())),
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
    /// Connect to its server by itself, where the harness says, and tell only what a user sees; as a server,
    /// listen there for devices.
    #[arg(long)]
    pub native: bool,
}

/// `HOST:PORT`, as it is.
fn host_and_port(text: &str) -> Result<String, String> {
    let expected = || format!("`{text}` has no port: `HOST:PORT`, such as 127.0.0.1:7700");
    HostPort::parse(text).map(|it| it.0).map_err(|_| expected())
}

fn serial(text: &str) -> Result<Wire, String> {
    let expected = "expected DEV or DEV:BAUD, such as /dev/ttyACM0:115200";
    Wire::parse(text).map_err(|_| expected.to_owned())
}

fn who(text: &str) -> Result<Who, String> {
    Who::parse(text).map_err(|_| format!("expected {}", Who::LEAF.expected))
}
