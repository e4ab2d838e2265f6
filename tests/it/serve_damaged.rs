//! Data whose octets are no longer those that a server has written: that is told, and breaks nothing down.
//!
//! Not here: media that fail under a server that runs (`serve_faults`).

use peadsim::base::rng::{Luck, Purpose};
use peadsim::conformance::history::Chronicle;
use peadsim::crypto::p256::P256;
use peadsim::runtime::server::Server;
use peadsim::runtime::server::config::{Config, Storage};
use peadsim::runtime::server::error::{ServerError, StoreError};
use peadsim::runtime::server::history::History;
use peadsim::wire::message::Message;

use crate::cli::Place;
use crate::stranger::{Keys, Line};
use crate::town::{config, start, world};

/// Where the data lie.
const FILE: &str = "data/peadsim.redb";
/// How often data are damaged, each time elsewhere.
const TIMES: u64 = 40;

/// What a server has left that some people have written to each other by.
fn data() -> Vec<u8> {
    let place = Place::new();
    let storage = Storage::Folder(place.path("data"));
    let server = start(Config { storage, history: true, ..config() });
    let address = server.address();
    world().block_on(async {
        let (anna, bob) = (Keys::of("anna"), Keys::of("bob"));
        let mut bobs = Line::attached(address, &bob).await.unwrap();
        let mut annas = Line::attached(address, &anna).await.unwrap();
        for seq in 1..=60 {
            let submit = anna.submit("bob", seq, 700);
            annas.ask(Message::Submit(Box::new(submit))).await.unwrap();
            if seq % 20 == 0 {
                bobs.fetch().await.unwrap();
            }
        }
    });
    server.stop().unwrap();
    std::fs::read(place.path(FILE)).unwrap()
}

/// The same with some bits that are others.
fn damaged(octets: &[u8], seed: u64) -> Vec<u8> {
    let used: Vec<usize> = (0..octets.len()).filter(|at| octets[*at] != 0).collect();
    let draw = &mut Luck::new(seed, Purpose::Fault, 0).at(0);
    let mut octets = octets.to_vec();
    for _ in 0..draw.between(1, 64) {
        let at = used[usize::try_from(draw.below(used.len() as u64)).unwrap()];
        octets[at] ^= 1 << draw.below(8);
    }
    octets
}

fn place(octets: &[u8]) -> Place {
    let place = Place::new().with(FILE, "");
    std::fs::write(place.path(FILE), octets).unwrap();
    place
}

/// What the judge says of these octets.
fn judged(octets: &[u8]) -> Result<(), StoreError> {
    let history = History::open(&place(octets).path("data"))?;
    Chronicle::of(history)?.judge().map(drop)
}

/// What a server says that starts on them, and ends again.
fn served(octets: &[u8]) -> Result<(), ServerError> {
    let place = place(octets);
    let storage = Storage::Folder(place.path("data"));
    Server::start::<P256>(Config { storage, ..config() })?.stop()
}

/// What the program says of them.
fn check(octets: &[u8], args: &[&str]) {
    let done = place(octets).run(args);
    assert_eq!(done.exit, 4, "{args:?}: {}", done.err);
    // A format that became another number may be one that is not known yet.
    let told = ["error: the store is damaged", "error: the store has format"];
    assert!(told.iter().any(|it| done.err.contains(it)), "{args:?}: {}", done.err);
    assert!(!done.err.contains("panicked"), "{args:?}: {}", done.err);
}

#[test]
fn damaged_data_are_told_and_break_nothing_down() {
    let octets = data();
    assert!(judged(&octets).is_ok() && served(&octets).is_ok());
    let (mut unread, mut refused) = (Vec::new(), Vec::new());
    for seed in 0..TIMES {
        let octets = damaged(&octets, seed);
        if judged(&octets).is_err() {
            unread.push(seed);
        }
        match served(&octets) {
            Ok(()) => {}
            Err(ServerError::Store(_)) => refused.push(seed),
            Err(error) => panic!("{seed}: {error}"),
        }
    }
    // What is in no page that is used is missed by nobody.
    assert!(unread.len() > 20 && refused.len() > 5, "{unread:?} {refused:?}");
    for seed in unread.iter().take(3) {
        check(&damaged(&octets, *seed), &["judge", "data"]);
    }
    for seed in refused.iter().take(3) {
        let args = ["serve", "--listen", "127.0.0.1:0", "--data", "data"];
        check(&damaged(&octets, *seed), &args);
    }
}
