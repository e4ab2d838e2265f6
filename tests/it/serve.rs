//! Reference devices and the reference server over real sockets: they do together what they do in the
//! simulator.
//!
//! Not here: strangers (`serve_strangers`), faults (`serve_faults`), power (`serve_kill`).

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use peadsim::base::id::{DraftId, Epoch, TxnId};
use peadsim::base::time::{Duration, Millis};
use peadsim::proto::config::{DeviceConfig, ServerConfig};
use peadsim::proto::port::{RequestForm, UserAction};
use peadsim::runtime::client::channel::Endpoint;
use peadsim::runtime::clock::wall;
use peadsim::runtime::server::config::{Config, Storage};
use peadsim::runtime::tls::{Identity, Trust};
use peadsim::trace::fact::{Button, Fact};

use crate::town::{Person, config, device, plain, settings, start, user, world};

#[test]
fn two_devices_talk_by_poll() {
    let (world, server) = (world(), start(config()));
    let person = |name| Person::new(&world, name, plain(server.address()), device());
    let (alice, bob) = (person("alice"), person("bob"));
    alice.wait_until_ready();
    bob.wait_until_ready();
    alice.say(1, "bob", "hello bob");
    bob.wait_for("hello bob");
    bob.say(1, "alice", "hello alice");
    alice.wait_for("hello alice");
    alice.wait_until_delivered(1);
    server.stop().unwrap();
}

#[test]
fn mail_is_pushed_to_devices_that_do_not_poll() {
    let server = ServerConfig { push: true, ..settings() };
    let (world, server) = (world(), start(Config { server, ..config() }));
    let silent = || DeviceConfig { poll: None, push: true, ..device() };
    let person = |name| Person::new(&world, name, plain(server.address()), silent());
    let (alice, bob) = (person("alice"), person("bob"));
    alice.wait_until_ready();
    bob.wait_until_ready();
    for n in 1..=20 {
        alice.say(n, "bob", &format!("push {n}"));
    }
    bob.wait_for("push 20");
    alice.wait_until_delivered(20);
    let polls = bob.facts().into_iter().filter(|it| matches!(it, Fact::Attached { .. })).count();
    assert_eq!(polls, 1, "it attached once and asked no more");
    server.stop().unwrap();
}

#[test]
fn keys_rotate_and_talk_goes_on() {
    let (world, server) = (world(), start(config()));
    let person = |name| Person::new(&world, name, plain(server.address()), device());
    let (alice, bob) = (person("alice"), person("bob"));
    alice.wait_until_ready();
    bob.wait_until_ready();
    alice.say(1, "bob", "under the first key");
    bob.wait_for("under the first key");
    alice.act(UserAction::Rotate { revoke: false });
    let rotated = |fact: &Fact| matches!(fact, Fact::RotateDone { epoch: Epoch(2), .. });
    alice.wait("its second key", |facts| facts.iter().any(rotated));
    alice.say(2, "bob", "under the second key");
    bob.wait_for("under the second key");
    bob.say(1, "alice", "to the second key");
    alice.wait_for("to the second key");
    server.stop().unwrap();
}

#[test]
fn a_request_is_approved_by_a_button() {
    let (world, server) = (world(), start(config()));
    let person = |name| Person::new(&world, name, plain(server.address()), device());
    let (shop, bob) = (person("shop"), person("bob"));
    shop.wait_until_ready();
    bob.wait_until_ready();
    let (draft, to, txn) = (DraftId(1), user("bob"), TxnId([9; 16]));
    let request = RequestForm {
        lines: vec!["pay 10 EUR".to_owned()],
        amount: Some(1_000),
        currency: Some("EUR".to_owned()),
        payee: Some("shop".to_owned()),
        expires: Millis(wall().0 + 600_000),
    };
    shop.act(UserAction::Request { draft, to, txn, request });
    bob.wait("the prompt", |facts| facts.iter().any(|it| matches!(it, Fact::Armed { .. })));
    bob.act(UserAction::Scroll);
    bob.act(UserAction::Press(Button::Approve));
    let approved = |fact: &Fact| matches!(fact, Fact::ApprovalSeen { valid: true, .. });
    shop.wait("the approval", |facts| facts.iter().any(approved));
    server.stop().unwrap();
}

#[test]
fn a_restart_keeps_directory_and_mail() {
    let (world, folder) = (world(), tempfile::tempdir().unwrap());
    let stored = || Storage::Folder(folder.path().join("data"));
    let server = start(Config { storage: stored(), ..config() });
    let place = server.address();
    let person = |name| Person::new(&world, name, plain(place), device());
    let (alice, bob) = (person("alice"), person("bob"));
    alice.wait_until_ready();
    bob.wait_until_ready();
    alice.say(1, "bob", "before");
    bob.wait_for("before");
    let remembered = bob.off(&world);
    alice.say(2, "bob", "while bob is off");
    let sent = |fact: &Fact| {
        matches!(fact, Fact::Notice { draft: DraftId(2), status, .. }
            if *status == peadsim::trace::fact::DraftStatus::Sent)
    };
    alice.wait("SubmitAck", |facts| facts.iter().any(sent));
    server.stop().unwrap();

    let server = start(Config { storage: stored(), listen: place, ..config() });
    let bob = Person::with(&world, "bob", plain(place), device(), remembered, 2);
    bob.wait_for("while bob is off");
    // The device finds the way by itself, and does not have to register again.
    alice.wait_until_delivered(2);
    let carol = Person::new(&world, "carol", plain(place), device());
    carol.wait_until_ready();
    carol.say(1, "alice", "I know you from the directory");
    alice.wait_for("I know you from the directory");
    assert_eq!(bob.shown(), ["while bob is off"]);
    server.stop().unwrap();
}

#[test]
fn tls_carries_the_same_and_refuses_who_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let made = |name: &str| {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let chain = write(&format!("{name}.crt"), &made.cert.pem());
        (chain, write(&format!("{name}.key"), &made.signing_key.serialize_pem()))
    };
    let ((chain, key), (other, _)) = (made("server"), made("other"));
    let tls = Some(Identity::read(&chain, &key).unwrap());
    let (world, server) = (world(), start(Config { tls, ..config() }));
    let trusting = |authority: &std::path::Path| {
        let trust = Trust::read(authority).unwrap();
        Endpoint::plain(server.address()).with_tls(trust, "localhost").unwrap()
    };
    let alice = Person::new(&world, "alice", trusting(&chain), device());
    let bob = Person::new(&world, "bob", trusting(&chain), device());
    alice.wait_until_ready();
    bob.wait_until_ready();
    alice.say(1, "bob", "sealed twice");
    bob.wait_for("sealed twice");
    let dial = peadsim::runtime::client::channel::Channel::dial;
    assert!(world.block_on(dial(&trusting(&other))).is_err(), "another authority");
    let plain = Person::new(&world, "carol", plain(server.address()), device());
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(&[0, 0, 0, 1, 0]).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.len() < 64, "an alert at most");
    let attached = |fact: &Fact| matches!(fact, Fact::Attached { .. });
    assert!(!plain.facts().iter().any(attached));
    assert!(Identity::read(&key, &chain).is_err(), "files that were mixed up");
    server.stop().unwrap();
}

#[test]
fn metrics_and_health_are_told() {
    let metrics = Some(std::net::SocketAddr::from(([127, 0, 0, 1], 0)));
    let (world, server) = (world(), start(Config { metrics, ..config() }));
    let alice = Person::new(&world, "alice", plain(server.address()), device());
    alice.wait_until_ready();
    let ask = |what: &str| {
        let mut stream = TcpStream::connect(server.metrics().unwrap()).unwrap();
        write!(stream, "GET {what} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(ask("/healthz").starts_with("HTTP/1.1 200"));
    assert!(ask("/else").starts_with("HTTP/1.1 404"));
    let metrics = ask("/metrics");
    for line in [
        "peadsim_connections 1",
        "peadsim_users 1",
        "peadsim_frames_total{what=\"register\"} 1",
        "# EOF",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    server.stop().unwrap();
}

#[test]
fn mail_expires_and_its_sender_is_told() {
    let (world, folder) = (world(), tempfile::tempdir().unwrap());
    let (ttl, grace) = (Duration::from_secs(2), Duration::from_secs(3));
    let server = ServerConfig { ttl, grace, ..settings() };
    let storage = Storage::Folder(folder.path().to_owned());
    let server = start(Config { server, storage, ..config() });
    let person = |name| {
        let config = DeviceConfig { ttl, grace, ..device() };
        Person::new(&world, name, plain(server.address()), config)
    };
    let (alice, bob) = (person("alice"), person("bob"));
    alice.wait_until_ready();
    bob.wait_until_ready();
    drop(bob.off(&world));
    alice.say(1, "bob", "too late");
    let expired = |fact: &Fact| {
        matches!(fact, Fact::Notice { status, .. }
            if *status == peadsim::trace::fact::DraftStatus::Expired)
    };
    alice.wait("its end", |facts| facts.iter().any(expired));
    server.stop().unwrap();
}
