//! Key replies, watchers and hints.

use super::bench::{Bench, DAY, refusal, user};
use crate::base::id::{Epoch, Hash32};
use crate::base::time::Duration;
use crate::crypto::model::Model;
use crate::crypto::sign::record_hash;
use crate::proto::server::durable::AccountDurable;
use crate::trace::fact::Fact;
use crate::wire::code::ErrorCode;
use crate::wire::message::Message;

fn look_up(bench: &mut Bench<Model>, by: &str, of: &str, have: Option<Hash32>) -> (Vec<u64>, bool) {
    let body = Message::LookupKey { user: user(of), want_epoch: None, have_hash: have };
    match &bench.send(by, body)[..] {
        [Message::KeyReply { records, more }] => {
            (records.iter().map(|record| record.epoch.0).collect(), *more)
        }
        other => panic!("expected a reply, got {other:?}"),
    }
}

fn hash(bench: &Bench<Model>, of: &str, epoch: usize) -> Hash32 {
    record_hash::<Model>(&bench.people[of].chain[epoch - 1].encode())
}

#[test]
fn a_reply_has_the_current_record_and_those_in_grace() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    assert_eq!(look_up(&mut bench, "bob", "alice", None), (vec![1], false));
    bench.rotate("alice", false);
    assert_eq!(look_up(&mut bench, "bob", "alice", None), (vec![1, 2], false));
    assert_eq!(look_up(&mut bench, "alice", "alice", None), (vec![1, 2], false));
    let served = Fact::Served {
        user: user("alice"),
        by: user("bob"),
        epochs: vec![Epoch(1), Epoch(2)],
        current: hash(&bench, "alice", 2),
    };
    assert!(bench.facts.contains(&served));
    bench.wait(DAY.times(8));
    for who in ["alice", "bob"] {
        bench.attach(who);
    }
    assert_eq!(look_up(&mut bench, "bob", "alice", None), (vec![2], false));
    bench.rotate("alice", true);
    assert_eq!(look_up(&mut bench, "bob", "alice", None), (vec![3], false), "revoked");
}

#[test]
fn a_known_record_brings_the_chain_from_there() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    for _ in 1..5 {
        bench.rotate("alice", true);
    }
    bench.rotate("alice", false);
    for (have, epochs) in [
        (None, vec![5, 6]),
        (Some(Hash32([3; 32])), vec![5, 6]),
        (Some(hash(&bench, "bob", 1)), vec![5, 6]),
        (Some(hash(&bench, "alice", 1)), vec![2, 3, 4, 5, 6]),
        (Some(hash(&bench, "alice", 4)), vec![5, 6]),
        (Some(hash(&bench, "alice", 6)), vec![5, 6]),
    ] {
        assert_eq!(look_up(&mut bench, "bob", "alice", have), (epochs, false), "{have:?}");
    }
}

#[test]
fn a_long_chain_comes_in_pieces() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    for _ in 1..150 {
        bench.rotate("alice", true);
    }
    let mut have = hash(&bench, "alice", 1);
    let mut pieces = Vec::new();
    loop {
        let (epochs, more) = look_up(&mut bench, "bob", "alice", Some(have));
        assert_eq!(epochs.last(), Some(&150), "the current record is always there");
        pieces.push(epochs.len());
        if !more {
            break;
        }
        have = hash(&bench, "alice", usize::try_from(epochs[epochs.len() - 2]).unwrap());
    }
    assert_eq!(pieces, [64, 64, 23]);
}

#[test]
fn precomputed_chains_have_no_grace_left() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    bench.rotate("alice", false);
    let durable = AccountDurable::registered::<Model>(bench.people["alice"].chain.clone());
    let directory = durable.directory();
    assert_eq!(directory.generation(), Some(hash(&bench, "alice", 1)));
    assert_eq!(directory.current().map(|link| link.hash), Some(hash(&bench, "alice", 2)));
    bench.replace("alice", durable);
    assert_eq!(look_up(&mut bench, "bob", "alice", None), (vec![2], false));
    assert_eq!(refusal(&bench.rotate("alice", false)), None);
}

#[test]
fn unknown_users_have_no_keys_and_no_watchers() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    bench.reset("carol");
    for name in ["carol", "nobody"] {
        let body = Message::LookupKey { user: user(name), want_epoch: None, have_hash: None };
        assert_eq!(refusal(&bench.send("bob", body)), Some((ErrorCode::UnknownUser, 0)), "{name}");
    }
    assert_eq!(bench.account("carol").durable().directory().watchers().count(), 0);
}

#[test]
fn who_fetched_a_key_is_told_of_the_next_while_attached() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    for by in ["bob", "carol", "alice", "bob"] {
        look_up(&mut bench, by, "alice", None);
    }
    let hints = |bench: &mut Bench<Model>| -> Vec<_> {
        let facts = bench.take_facts().into_iter().filter_map(|fact| match fact {
            Fact::Hint { to, epoch, forwarded, .. } => Some((to.to_string(), epoch.0, forwarded)),
            _ => None,
        });
        facts.collect()
    };
    bench.rotate("alice", false);
    let notices = |bench: &Bench<Model>| {
        bench.sent.iter().filter(|it| matches!(it.1.body, Message::KeyChanged { .. })).count()
    };
    let both = |forwarded| vec![("bob".into(), 2, forwarded), ("carol".into(), 2, forwarded)];
    assert_eq!(hints(&mut bench), both(true));
    assert_eq!(notices(&bench), 2);
    bench.restart("alice");
    bench.wait(DAY.times(9));
    bench.attach("alice");
    bench.rotate("alice", false);
    let late = both(false).into_iter().map(|(to, _, forwarded)| (to, 3, forwarded));
    assert_eq!(hints(&mut bench), late.collect::<Vec<(String, _, _)>>(), "nobody is attached");
    assert_eq!(notices(&bench), 2);
}

#[test]
fn the_watcher_that_came_first_is_dropped() {
    let mut bench: Bench<Model> = Bench::attached(|config| config.watchers_max = 1);
    for (by, watcher) in [("carol", "carol"), ("bob", "bob"), ("bob", "bob"), ("alice", "bob")] {
        look_up(&mut bench, by, "alice", None);
        let watchers = bench.account("alice").durable().directory().watchers();
        assert!(watchers.eq([&user(watcher)]), "after {by}");
        bench.wait(Duration::from_secs(1));
    }
}
