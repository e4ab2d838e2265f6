//! A device's file: where it is, who acts for its user, what it declares, and how patient one is with it.
//!
//! Not here: reaching it (`conformance`), or the options of the command line, which win over it (`cli`).

use crate::base::time::Duration;
use crate::scenario::ast::forms::Names;
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics, suggest};
use crate::scenario::fields::{leaf, table, words};
use crate::scenario::read::read_alone;
use crate::scenario::source::{Sources, Spanned};
use crate::verdict::capability::CAPABILITIES;

table! {
    /// A device under test, with its rig.
    DeviceFile "device" {
        /// The version of the language: `1`. It comes first.
        peadsim: Spanned<u64>,
        /// What the file is.
        kind: Spanned<DeviceWord>,
        /// What the device is, for people.
        title: Option<Spanned<String>>,
        /// Start this command; the device answers on its standard output.
        exec: Option<Spanned<String>>,
        /// Dial a device that listens there.
        tcp: Option<Spanned<HostPort>>,
        /// Dial a device that listens on this Unix socket.
        unix: Option<Spanned<String>>,
        /// Wait there for a device that dials.
        listen_tcp: Option<Spanned<HostPort>>,
        /// Wait on this Unix socket for a device that dials.
        listen_unix: Option<Spanned<String>>,
        /// Use the device at this serial port.
        serial: Option<Spanned<Wire>>,
        /// What a device that dials has to say first.
        token: Option<Spanned<String>>,
        /// Whether other machines may be talked to.
        allow_remote: Option<Spanned<bool>>,
        /// Listen there for the device's own connection to its server.
        native: Option<Spanned<HostPort>>,
        /// Who acts for the user.
        user: Option<Spanned<Who>>,
        /// How long somebody has for each act of the user.
        user_time: Option<Spanned<Duration>>,
        /// Whose the device's clock is.
        clock: Option<Spanned<ClockWord>>,
        /// How many times as fast as real time the device and its world live.
        time_scale: Option<Spanned<u64>>,
        /// How long an answer may take.
        patience: Option<Spanned<Duration>>,
        /// How long the first answer may take.
        hello: Option<Spanned<Duration>>,
        /// How long a device may take to dial, and a serial port that has vanished to come back.
        arrival: Option<Spanned<Duration>>,
        /// What the device declares: every capability, and what it answers to `hello` has to be the same.
        capabilities: Names<CapabilityName, Spanned<bool>>,
    }
    rules [ExactlyOne(&["exec", "tcp", "unix", "listen_tcp", "listen_unix", "serial"])]
}

words! {
    /// The kind of a device's file.
    DeviceWord "kind" {
        /// A device.
        Device = "device",
    }
}

words! {
    /// Whose a clock is.
    ClockWord "clock" {
        /// The harness's.
        Virtual = "virtual",
        /// The device's own.
        Real = "real",
    }
}

/// `HOST:PORT`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostPort(pub String);

leaf!(
    HostPort,
    "address",
    "`HOST:PORT`, such as `127.0.0.1:7700`",
    "^.+:[0-9]+$",
    [],
    |text: &str| {
        match text.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                Ok(HostPort(text.to_owned()))
            }
            Some(_) | None => Err(String::new()),
        }
    }
);

/// A serial port and its speed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wire {
    /// Which.
    pub path: String,
    /// Baud.
    pub baud: u32,
}

/// Baud unless something else is said.
const BAUD: u32 = 115_200;

leaf!(
    Wire,
    "serial port",
    "`DEV` or `DEV:BAUD`, such as `/dev/ttyACM0:115200`",
    "^.+$",
    [],
    |text: &str| {
        // Names of ports have colons of their own.
        let parts = text.rsplit_once(':').and_then(|(path, baud)| Some((path, baud.parse().ok()?)));
        let (path, baud) = parts.unwrap_or((text, BAUD));
        if path.is_empty() || baud == 0 {
            return Err(String::new());
        }
        Ok(Wire { path: path.to_owned(), baud })
    }
);

/// Who acts for the user of a device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Who {
    /// The adapter.
    Adapter,
    /// An actuator at this `http://HOST[:PORT][/PATH]`.
    Http(String),
    /// A command that is run for each act.
    Command(String),
    /// The person at this terminal.
    Terminal,
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Adapter => f.write_str("adapter"),
            Self::Http(url) => f.write_str(url),
            Self::Command(command) => write!(f, "cmd:{command}"),
            Self::Terminal => f.write_str("terminal"),
        }
    }
}

leaf!(
    Who,
    "actor",
    "`adapter`, `http://HOST[:PORT][/PATH]`, `cmd:COMMAND` or `terminal`",
    "^(adapter|terminal|http://.+|cmd:.+)$",
    [],
    |text: &str| {
        match text.split_once(':') {
            None if text == "adapter" => Ok(Who::Adapter),
            None if text == "terminal" => Ok(Who::Terminal),
            Some(("http", rest)) if rest.len() > 2 && rest.starts_with("//") => {
                Ok(Who::Http(text.to_owned()))
            }
            Some(("cmd", command)) if !command.trim().is_empty() => {
                Ok(Who::Command(command.to_owned()))
            }
            Some(_) | None => Err(String::new()),
        }
    }
);

/// The name of a capability.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct CapabilityName(pub String);

leaf!(
    CapabilityName,
    "capability",
    "the name of a capability such as `send`",
    "^[a-z_]+$",
    [],
    |text: &str| {
        let names = || CAPABILITIES.iter().map(|it| it.name);
        if names().any(|name| name == text) {
            return Ok(CapabilityName(text.to_owned()));
        }
        let near = suggest(text, names());
        Err(near.map_or_else(String::new, |near| format!("did you mean `{near}`?")))
    }
);

/// Reads a device's file. What is wrong with it is in `sink`.
#[must_use]
pub fn read(
    name: &str,
    octets: &[u8],
    sources: &mut Sources,
    sink: &mut Diagnostics,
) -> Option<DeviceFile> {
    let file: DeviceFile = read_alone(name, octets, sources, sink)?;
    let declared = &file.capabilities.0;
    let is_missing = |it: &&str| !declared.iter().any(|own| own.name.value.0 == **it);
    let missing: Vec<&str> =
        CAPABILITIES.iter().map(|it| it.name).filter(|it| is_missing(it)).collect();
    if let (Some(first), false) = (declared.first(), missing.is_empty()) {
        let message = format!("the declaration says nothing of `{}`", missing.join("`, `"));
        let help =
            "absent is not the same as `false`: a declaration has all of them, or is left out";
        sink.add(Diagnostic::new(Code::MissingKey, first.name.span, message).help(help));
    }
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::render::render;

    /// What comes of a text.
    fn check(text: &str, expected: &str) {
        let text = format!("peadsim: 1\nkind: device\n{text}");
        let (mut sources, mut sink) = (Sources::default(), Diagnostics::default());
        let file = read("rig.yaml", text.as_bytes(), &mut sources, &mut sink);
        let got = match file.filter(|_| !sink.has_errors()) {
            Some(file) => format!("{:?}", (file.serial, file.user, file.time_scale)),
            None => render(&sink, &sources, false),
        };
        assert!(got.contains(expected), "{text}: {got}");
    }

    #[test]
    fn a_device_is_at_one_place_and_declares_all_or_nothing() {
        check("serial: /dev/ttyACM0:9600\nuser: terminal\n", "baud: 9600");
        check("exec: a\nuser: 'cmd:press it'\n", "Command(\"press it\")");
        check("exec: a\ntcp: 127.0.0.1:1\n", "exec");
        check("user: adapter\n", "exec");
        check("tcp: 127.0.0.1\n", "expected `HOST:PORT`");
        check("exec: a\nuser: https://a\n", "is no actor");
        check("exec: a\npatient: 2s\n", "did you mean `patience`?");
        check("exec: a\ncapabilities: {sends: true}\n", "did you mean `send`?");
        check("exec: a\ncapabilities: {send: true}\n", "says nothing of `approve`, `compose`");
        check("exec: a\nclock: fast\n", "virtual");
    }

    #[test]
    fn places_are_read() {
        use crate::scenario::fields::Scalar as _;
        let wire = |path: &str, baud| Ok(Wire { path: path.to_owned(), baud });
        assert_eq!(Wire::parse("/dev/ttyACM0"), wire("/dev/ttyACM0", 115_200));
        assert_eq!(Wire::parse("/dev/ttyACM0:9600"), wire("/dev/ttyACM0", 9600));
        let by_path = "/dev/serial/by-path/pci-0:14.0-usb-0:2:1.0-port0";
        assert_eq!(Wire::parse(by_path), wire(by_path, 115_200));
        for bad in ["", ":9600", "a:0"] {
            assert!(Wire::parse(bad).is_err(), "{bad}");
        }
        for bad in ["127.0.0.1", ":1", "a:", "a:65536", ""] {
            assert!(HostPort::parse(bad).is_err(), "{bad}");
        }
        assert!(HostPort::parse("[::1]:0").is_ok() && HostPort::parse("rig.example:7700").is_ok());
    }
}
