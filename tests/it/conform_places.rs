//! The reference at every kind of place: it does there what it does inside of the world.
//!
//! Not here: devices that are child processes (`cli_conform`), or mistakes on the line (`conform_flaws`).

use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::Value;

use crate::cli::{Done, Place};
use crate::lab::Lab;

/// Cases that send, look up, receive, approve and cut power.
const CASES: [&str; 4] = [
    "claim-02-transmit-miss.yaml",
    "claim-03-approve.yaml",
    "claim-10-crash-before-commit.yaml",
    "claim-16-persistent-table.yaml",
];

fn cases() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/claims");
    CASES.iter().map(|name| format!("{folder}/{name}")).collect()
}

fn with_cases<'a>(args: &[&'a str], cases: &'a [String]) -> Vec<&'a str> {
    args.iter().copied().chain(cases.iter().map(String::as_str)).collect()
}

/// A process that is ended with the test.
struct Running(Child);

impl Running {
    fn start(mut command: Command) -> Self {
        Self(command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap())
    }

    fn errors(&mut self) -> BufReader<ChildStderr> {
        BufReader::new(self.0.stderr.take().unwrap())
    }

    /// What follows this word in the next line of its errors.
    fn told(errors: &mut impl BufRead, word: &str) -> String {
        let mut line = String::new();
        errors.read_line(&mut line).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|it| *it == word).unwrap_or_else(|| panic!("{line}"));
        words[at + 1].to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What an observer sees of each run, by the digests in a list of results.
fn digests(out: &str, list: &str, digest: &str) -> Vec<String> {
    let results: Value = serde_json::from_str(out).unwrap_or_else(|_| panic!("{out}"));
    let runs = results[list].as_array().unwrap().iter();
    runs.map(|run| run.pointer(digest).unwrap().as_str().unwrap().to_owned()).collect()
}

/// All cases pass, and look from outside as they do within the world.
fn check(place: &Place, exit: i32, out: &str, err: &str) {
    let inside = place.run(&with_cases(&["run", "--format", "json"], &cases()));
    assert_eq!(exit, 0, "{out}\n{err}");
    let expected = digests(&inside.out, "runs", "/digest/black_box");
    assert_eq!(digests(out, "trials", "/black_box"), expected, "{err}");
}

fn conform(place: &Place, args: &[&str]) -> Done {
    let cases = cases();
    let start = ["conform", "--format", "json", "--patience", "5s"];
    place.run(&with_cases(&[&start[..], args].concat(), &cases))
}

#[test]
fn a_device_can_listen() {
    let place = Place::new();
    let mut device = Running::start(place.command(&["device", "--listen", "127.0.0.1:0"]));
    let address = Running::told(&mut device.errors(), "at");
    // It goes on with the next harness after the first.
    for _ in 0..2 {
        let done = conform(&place, &["--tcp", &address]);
        check(&place, done.exit, &done.out, &done.err);
    }
}

#[test]
fn a_server_can_listen() {
    let place = Place::new();
    let args = ["device", "--server", "--listen", "127.0.0.1:0"];
    let mut server = Running::start(place.command(&args));
    let address = Running::told(&mut server.errors(), "at");
    let done = conform(&place, &["--server", "--tcp", &address]);
    check(&place, done.exit, &done.out, &done.err);
}

#[test]
fn a_device_can_listen_on_a_unix_socket() {
    let place = Place::new();
    let mut device = Running::start(place.command(&["device", "--unix", "pead.sock", "--once"]));
    Running::told(&mut device.errors(), "at");
    let done = conform(&place, &["--unix", "pead.sock"]);
    check(&place, done.exit, &done.out, &done.err);
    assert!(device.0.wait().unwrap().success());
    assert!(!place.path("pead.sock").exists());
}

#[test]
fn a_device_can_dial_and_strangers_cannot() {
    let place = Place::new();
    let cases = cases();
    let listen = ["--listen-tcp", "127.0.0.1:0", "--token", "sesame"];
    let args = [&["conform", "--format", "json", "--patience", "5s"][..], &listen].concat();
    let mut harness = Running::start(place.command(&with_cases(&args, &cases)));
    let mut errors = harness.errors();
    let address = Running::told(&mut errors, "at");
    for opening in ["GET / HTTP/1.1\r\n\r\n", "{\"v\":1,\"session\":\"sesam\"}\n", ""] {
        TcpStream::connect(&address).unwrap().write_all(opening.as_bytes()).unwrap();
    }
    let args = ["device", "--dial", &address, "--token", "sesame"];
    let mut device = Running::start(place.command(&args));
    let mut out = String::new();
    std::io::Read::read_to_string(harness.0.stdout.as_mut().unwrap(), &mut out).unwrap();
    let exit = harness.0.wait().unwrap().code().unwrap();
    check(&place, exit, &out, "");
    assert!(device.0.wait().unwrap().success());
}

#[test]
fn a_device_can_dial_a_unix_socket() {
    let place = Place::new();
    let args = ["device", "--dial-unix", "rig.sock", "--token", "sesame"];
    let mut device = Running::start(place.command(&args));
    let done = conform(&place, &["--listen-unix", "rig.sock", "--token", "sesame"]);
    check(&place, done.exit, &done.out, &done.err);
    assert!(device.0.wait().unwrap().success());
}

#[test]
fn a_device_can_be_at_a_noisy_serial_port() {
    let place = Place::new();
    let lab = Lab::new();
    let (near, far) = (lab.near().to_owned(), format!("{}:115200", lab.far()));
    let _device = Running::start(place.command(&["device", "--serial", &far]));
    let cases = cases();
    let args = ["conform", "--format", "json", "--patience", "1s", "--serial", &near];
    let done = place.run(&with_cases(&args, &cases));
    check(&place, done.exit, &done.out, &done.err);
    let (damaged, logged) = lab.made();
    assert!(damaged >= 10 && logged >= 10, "{damaged} frames were damaged, {logged} lines logged");
    let doctor = place.run(&["conform", "doctor", "--serial", &near]);
    assert_eq!(doctor.exit, 0, "{}{}", doctor.out, doctor.err);
    assert!(doctor.out.contains("damaged"), "{}", doctor.out);
}

#[test]
fn a_serial_port_is_found_again_by_what_is_at_it() {
    use peadsim::conformance::rig::Endpoint;
    use peadsim::runtime::serial::{Port, by_id};
    use std::os::unix::fs::symlink;

    let (first, second, place) = (Lab::new(), Lab::new(), Place::new());
    std::fs::create_dir(place.path("by-id")).unwrap();
    let (id, other) = (place.path("by-id/usb-acme-1"), place.path("by-id/usb-acme-2"));
    symlink(first.near(), &id).unwrap();
    symlink(second.near(), &other).unwrap();
    // The name by which a user knows it, which may be another device's tomorrow.
    let name = place.path("ttyACM0");
    symlink(first.near(), &name).unwrap();
    let folder = place.path("by-id");
    assert_eq!(by_id(&folder, &name), Some(id.clone()));
    assert_eq!(by_id(&folder, second.near().as_ref()), Some(other));
    assert_eq!(by_id(&folder, &place.path("nothing")), None);
    assert_eq!(by_id(&place.path("nothing"), &name), None);
    let at = |path: &std::path::Path| Endpoint::Serial { path: path.to_owned(), baud: 9600 };
    assert_eq!(at(&name).lasting(&folder), at(&id));
    assert_eq!(at(&id).lasting(&folder), at(&id));
    // It comes back at another port, and its old name belongs to nobody.
    std::fs::remove_file(&id).unwrap();
    std::fs::remove_file(&name).unwrap();
    symlink(second.near(), &id).unwrap();
    assert!(Port::open(&name, 9600).is_err());
    assert!(Port::open(&id, 9600).is_ok());
}

#[test]
fn places_that_are_none_are_told_apart() {
    let place = Place::new().with("plain", "no port");
    for (args, exit, part) in [
        (vec!["--listen-tcp", "0.0.0.0:0"], 4, "--allow-remote is needed"),
        (vec!["--listen-tcp", "127.0.0.1:0", "--arrival", "100ms"], 4, "nobody came with the"),
        (vec!["--unix", "nothing.sock"], 4, "cannot dial `nothing.sock`"),
        (vec!["--serial", "nothing"], 4, "cannot open `nothing`"),
        (vec!["--serial", "plain"], 4, "cannot open `plain`"),
        (vec!["--serial", "plain:0"], 2, "expected DEV or DEV:BAUD"),
        (vec!["--tcp", "127.0.0.1"], 2, "has no port"),
    ] {
        let done = conform(&place, &args);
        assert!(done.err.contains(part), "{args:?}: no `{part}` in {}", done.err);
        assert_eq!(done.exit, exit, "{args:?}: {}", done.err);
    }
}
