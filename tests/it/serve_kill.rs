//! The server's process is killed at random moments under load and started again, round after round; then the
//! oracles judge what it says that it did, together with what it had promised.
//!
//! A few rounds; `PEADSIM_KILL_ROUNDS=200 cargo test --release --test it serve_kill` makes as many as one
//! likes, and prints what it counted. Not here: media that fail (`serve_faults`).

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration as Span;

use peadsim::base::id::Mid;
use peadsim::base::rng::{Luck, Purpose};
use peadsim::conformance::history::JUDGES;
use peadsim::oracle::judge::Docket;
use peadsim::verdict::requirement::{Polarity, Requirement};
use peadsim::wire::message::{Message, Register};

use crate::cli::{Place, Running};
use crate::ledger::{Ledger, Sender, receive};
use crate::stranger::{Keys, Line};
use crate::town::world;
use crate::witness::Witness;

/// Rounds of an ordinary test run.
const ROUNDS: u64 = 4;
/// Everybody is looked up each so many rounds, and otherwise those who came last.
const ROUNDS_OF_ALL: u64 = 20;
const LAST: usize = 20;

/// A server process, and where it listens.
fn spawn(place: &Place) -> (Running, SocketAddr) {
    let args = ["serve", "--data", "data", "--history", "--listen", "127.0.0.1:0"];
    let limits = ["--mailbox-messages", "1000000", "--mailbox-octets", "1000000000"];
    let mut command = place.command(&[&args[..], &limits, &["--rate", "100000"]].concat());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut child = Running(child);
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening at ").expect(&line).parse().unwrap();
    (child, address)
}

/// Who is registered, as the server has acknowledged it.
struct Directory {
    witness: Witness,
    next: u64,
    registered: Vec<(String, Register)>,
}

impl Directory {
    fn seen_by(witness: &Witness) -> Self {
        Self { witness: witness.clone(), next: 0, registered: Vec::new() }
    }

    /// Registers one after another until the server is gone.
    async fn grow(&mut self, address: SocketAddr) {
        loop {
            self.next += 1;
            let name = format!("user-{}", self.next);
            let keys = Keys::of(&name).seen_by(&self.witness);
            let registration = keys.registration();
            let Ok(mut line) = Line::of(address, &keys).await else { return };
            let body = Message::Register(Box::new(registration.clone()));
            match line.ask(body).await {
                Ok(Message::RegisterAck { .. }) => self.registered.push((name, registration)),
                Ok(other) => panic!("{other:?}"),
                Err(_) => return,
            }
            tokio::time::sleep(Span::from_millis(10)).await;
        }
    }

    /// So many who came last are found as registered.
    async fn check(&self, address: SocketAddr, most: usize) {
        let keys = Keys::of("reader").seen_by(&self.witness);
        let mut line = Line::attached(address, &keys).await.unwrap();
        for (name, registration) in self.registered.iter().rev().take(most) {
            let user = crate::town::user(name);
            let lookup = Message::LookupKey { user, want_epoch: None, have_hash: None };
            let answer = line.ask(lookup).await.unwrap();
            let Message::KeyReply { records, .. } = answer else { panic!("{name}: {answer:?}") };
            assert_eq!(records, std::slice::from_ref(&registration.record), "{name}");
        }
    }
}

#[test]
fn a_server_that_is_killed_loses_and_doubles_nothing() {
    let rounds = std::env::var("PEADSIM_KILL_ROUNDS").ok().and_then(|it| it.parse().ok());
    let rounds = rounds.unwrap_or(ROUNDS);
    let (place, world, witness) = (Place::new(), world(), Witness::default());
    let sender = |name| Sender::new(Keys::of(name).seen_by(&witness));
    let mut senders: Vec<Sender> = ["anna", "berta", "cleo"].map(sender).into();
    let (mut ledger, mut register) = (Ledger::default(), Directory::seen_by(&witness));
    for round in 0..rounds {
        let (mut server, address) = spawn(&place);
        let life = Span::from_millis(Luck::new(3, Purpose::Fault, round).at(0).between(30, 300));
        let mut found = Vec::new();
        world.block_on(async {
            drain_once(address, round, &mut found, &register).await;
            let [anna, berta, cleo] = &mut senders[..] else { panic!("three") };
            let mail = receive(address, &mut found, true);
            let floods = async {
                tokio::join!(
                    anna.flood(address, u64::MAX),
                    berta.flood(address, u64::MAX),
                    cleo.flood(address, u64::MAX),
                    register.grow(address),
                )
            };
            let kill = async {
                tokio::time::sleep(life).await;
                server.0.kill().unwrap();
            };
            let all = async { tokio::join!(mail, floods, kill) };
            let all = tokio::time::timeout(crate::town::PATIENCE, all).await;
            assert!(all.is_ok(), "everybody notices that the server is gone");
        });
        server.0.wait().unwrap();
        ledger.note_life(found);
        senders.iter_mut().for_each(|sender| ledger.note(sender));
    }
    finish(&place, &world, senders, &mut ledger, &register);
    let docket = witness.judge(&place.path("data"));
    check_oracles(&docket);
    let judged = place.run(&["judge", "data"]);
    assert_eq!((judged.exit, judged.err.as_str()), (0, ""), "{}", judged.out);
    println!("{}", judged.out);
    println!(
        "{rounds} rounds: {} acknowledged, {} delivered ({} again after a kill), {} reported, {} users",
        ledger.acknowledged.len(),
        ledger.delivered.len(),
        ledger.delivered.values().map(|times| times - 1).sum::<usize>(),
        ledger.reported.len(),
        register.registered.len(),
    );
}

/// The oracles find nothing, and had something to judge; messages were there through a kill.
fn check_oracles(docket: &Docket) {
    assert!(docket.findings.is_empty(), "{:#?}", docket.findings);
    for judge in JUDGES {
        assert!(docket.evaluated.contains_key(judge), "{judge}: {:?}", docket.evaluated);
    }
    assert!(docket.evidence.count(Requirement::of(9, 2), Polarity::Negative) > 0);
}

/// After a start: what is there can be fetched, and every so often everybody is looked up.
async fn drain_once(address: SocketAddr, round: u64, found: &mut Vec<Mid>, register: &Directory) {
    receive(address, found, false).await.unwrap();
    let most = if round.is_multiple_of(ROUNDS_OF_ALL) { usize::MAX } else { LAST };
    register.check(address, most).await;
}

/// The last life, which ends in order: everything is delivered and reported.
fn finish(
    place: &Place,
    world: &tokio::runtime::Runtime,
    mut senders: Vec<Sender>,
    ledger: &mut Ledger,
    register: &Directory,
) {
    let (server, address) = spawn(place);
    world.block_on(async {
        for sender in &mut senders {
            sender.flood(address, 0).await.unwrap();
            ledger.note(sender);
        }
        let mut found = Vec::new();
        receive(address, &mut found, false).await.unwrap();
        ledger.note_life(found);
        ledger.check_mail();
        ledger.read_reports(&mut senders, address).await;
        ledger.check_reports();
        register.check(address, usize::MAX).await;
    });
    end(server);
}

/// Asks a process to end, which it does in order.
fn end(mut server: Running) {
    server.ask_to_end();
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
}
