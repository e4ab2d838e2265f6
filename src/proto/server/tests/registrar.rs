//! Registration, rotation, revocation and the operator's reset.

use super::bench::{Bench, DAY, Person, refusal, user};
use crate::base::id::{DeliveryId, Epoch, Hash32};
use crate::base::rng::{Luck, Purpose};
use crate::base::time::Duration;
use crate::crypto::keys::KeyPair;
use crate::crypto::model::Model;
use crate::crypto::p256::P256;
use crate::crypto::suite::Suite;
use crate::trace::fact::Fact;
use crate::wire::code::ErrorCode;
use crate::wire::message::{Message, Register};
use crate::wire::record::KeyRecord;

/// A record that differs from a correct one as `change` says, signed and proved like a correct one.
fn forged<S: Suite>(person: &Person, change: impl FnOnce(&mut KeyRecord)) -> Register {
    let (mut body, (agree, sign)) = person.next_record::<S>(false, 0);
    change(&mut body.record);
    person.seal::<S>(body.record, &agree, &sign)
}

fn register(body: Register) -> Message {
    Message::Register(Box::new(body))
}

fn rotate(body: Register) -> Message {
    Message::RotateKey(Box::new(body))
}

fn check_registration<S: Suite>() {
    let mut bench: Bench<S> = Bench::blank(|_| {});
    let alice = bench.people["alice"].clone();
    let other = KeyPair::generate::<S>(&mut Luck::new(5, Purpose::Keys, 5).at(0));
    let mut bad_pop = alice.next_record::<S>(false, 0).0;
    bad_pop.pop[40] ^= 1;
    let mut bad_sig = alice.next_record::<S>(false, 0).0;
    bad_sig.record.sig_self[40] ^= 1;
    let foreign_pop = {
        let (body, (_, sign)) = alice.next_record::<S>(false, 0);
        alice.seal::<S>(body.record, &other, &sign)
    };
    for (body, code) in [
        (forged::<S>(&alice, |it| it.epoch = Epoch(2)), ErrorCode::BadKey),
        (forged::<S>(&alice, |it| it.generation = Hash32([1; 32])), ErrorCode::BadKey),
        (forged::<S>(&alice, |it| it.prev_hash = Hash32([1; 32])), ErrorCode::BadKey),
        (forged::<S>(&alice, |it| it.revoke_prev = true), ErrorCode::BadKey),
        (forged::<S>(&alice, |it| it.agree_pk[64] ^= 1), ErrorCode::BadKey),
        (forged::<S>(&alice, |it| it.agree_pk[0] = 2), ErrorCode::BadKey),
        (forged::<S>(&alice, |it| it.sig_pk[64] ^= 1), ErrorCode::BadKey),
        (forged::<S>(&alice, |it| it.agree_pk = it.sig_pk), ErrorCode::BadKey),
        (bad_sig, ErrorCode::BadKey),
        (bad_pop, ErrorCode::BadPop),
        (foreign_pop, ErrorCode::BadPop),
        (forged::<S>(&alice, |it| it.user = user("nobody")), ErrorCode::UnknownUser),
    ] {
        let answers = bench.send("alice", register(body.clone()));
        assert_eq!(refusal(&answers), Some((code, 0)), "{body:?}");
    }
    assert!(bench.account("alice").durable().directory().chain().is_empty());

    let (good, keys) = alice.next_record::<S>(false, 0);
    let first = bench.send("alice", register(good.clone()));
    let [Message::RegisterAck { record_hash }] = first[..] else { panic!("{first:?}") };
    assert_eq!(bench.order, ["persist", "fact", "register-ack"]);
    bench.adopt("alice", good.record.clone(), keys);
    assert_eq!(bench.send("alice", register(good)), first, "the same record, the same answer");
    let second = alice.next_record::<S>(false, 1).0;
    let answers = bench.send("bob", register(second));
    assert_eq!(refusal(&answers), Some((ErrorCode::IdTaken, 0)));
    let recorded = bench.facts.iter().filter(|fact| matches!(fact, Fact::Recorded { .. }));
    let user = user("alice");
    assert!(recorded.eq([&Fact::Recorded {
        user,
        generation: record_hash,
        epoch: Epoch(1),
        record: record_hash,
        revoke: false
    }]));
}

#[test]
fn only_a_correct_first_record_opens_an_identity() {
    check_registration::<Model>();
    check_registration::<P256>();
}

#[test]
fn only_the_next_link_of_the_chain_is_recorded() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    let alice = bench.people["alice"].clone();
    let stranger = bench.people["bob"].clone();
    let mut bad_pop = alice.next_record::<Model>(false, 0).0;
    bad_pop.pop[0] ^= 1;
    let mut bad_self = alice.next_record::<Model>(false, 0).0;
    bad_self.record.sig_self[0] ^= 1;
    let mut unsigned = alice.next_record::<Model>(false, 0).0;
    unsigned.record.sig_prev = None;
    let by_stranger = {
        let (body, (agree, sign)) = alice.next_record::<Model>(false, 0);
        stranger.seal::<Model>(body.record, &agree, &sign)
    };
    let change = |change: fn(&mut KeyRecord)| forged::<Model>(&alice, change);
    for (body, code) in [
        (change(|it| it.epoch = Epoch(1)), ErrorCode::EpochConflict),
        (change(|it| it.epoch = Epoch(3)), ErrorCode::EpochConflict),
        (change(|it| it.epoch = Epoch(0)), ErrorCode::EpochConflict),
        (change(|it| it.user = user("bob")), ErrorCode::BadChain),
        (change(|it| it.generation = Hash32::ZERO), ErrorCode::BadChain),
        (change(|it| it.prev_hash = Hash32::ZERO), ErrorCode::BadChain),
        (change(|it| it.sig_pk[20] ^= 1), ErrorCode::BadChain),
        (change(|it| it.agree_pk[20] ^= 1), ErrorCode::BadKey),
        (change(|it| it.agree_pk = it.sig_pk), ErrorCode::BadKey),
        (bad_self, ErrorCode::BadChain),
        (unsigned, ErrorCode::BadChain),
        (by_stranger, ErrorCode::BadChain),
        (bad_pop, ErrorCode::BadPop),
    ] {
        let answers = bench.send("alice", rotate(body.clone()));
        assert_eq!(refusal(&answers), Some((code, 0)), "{body:?}");
    }
    let good = alice.next_record::<Model>(false, 0).0;
    let answers = bench.send("bob", rotate(good.clone()));
    assert_eq!(refusal(&answers), Some((ErrorCode::BadChain, 0)), "bob does not speak for alice");
    let first = bench.send("alice", rotate(good.clone()));
    assert!(matches!(first[..], [Message::RotateAck { .. }]), "{first:?}");
    assert_eq!(bench.order, ["persist", "fact", "rotate-ack"]);
    assert_eq!(bench.send("alice", rotate(good)), first, "the same record, the same answer");
}

#[test]
fn a_second_rotation_waits_for_the_end_of_grace() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    assert_eq!(refusal(&bench.rotate("alice", false)), None);
    bench.wait(DAY.times(7));
    bench.attach("alice");
    let left = DAY.as_millis();
    assert_eq!(refusal(&bench.rotate("alice", false)), Some((ErrorCode::InGrace, left)));
    bench.wait(Duration::from_nanos(1));
    assert_eq!(refusal(&bench.rotate("alice", false)), Some((ErrorCode::InGrace, left)));
    bench.wait(DAY);
    bench.attach("alice");
    assert_eq!(refusal(&bench.rotate("alice", false)), None);
    assert_eq!(bench.people["alice"].chain.len(), 3);
}

#[test]
fn a_revocation_ends_all_graces_and_waits_for_none() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    bench.rotate("alice", false);
    assert_eq!(refusal(&bench.rotate("alice", true)), None);
    for epoch in [1, 2] {
        let answers = bench.attach_under("alice", epoch);
        assert_eq!(refusal(&answers), Some((ErrorCode::StaleEpoch, 0)), "epoch {epoch}");
        let mut mail = bench.mail("bob", "alice", 1, 1);
        mail.header.epoch_r = Epoch(epoch as u64);
        assert_eq!(refusal(&bench.submit(mail)), Some((ErrorCode::StaleEpoch, 0)));
    }
    assert_eq!(refusal(&bench.rotate("alice", false)), None, "a revoked epoch has no grace");
}

#[test]
fn a_reset_ends_the_identity_and_returns_its_stored_mail() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    bench.store("bob", "alice", 1);
    bench.store("alice", "bob", 1);
    let offers = bench.poll("bob");
    bench.ack("bob", &offers[0]);
    let first = register(bench.people["alice"].first::<Model>());
    bench.reset("alice");
    let durable = bench.account("alice").durable();
    assert_eq!(*durable.directory().chain(), []);
    assert_eq!(durable.directory().archive().len(), 1);
    assert_eq!(durable.mailbox().unwrap().items().count(), 0);
    let reports: Vec<_> = bench.poll("bob").into_iter().map(|it| it.what).collect();
    assert_eq!(reports, ["Bounced(StaleEpoch) 1"]);

    let lookup =
        |who: &str| Message::LookupKey { user: user(who), want_epoch: None, have_hash: None };
    let poll = Message::Poll { max: 1, cursor: DeliveryId(0) };
    assert_eq!(refusal(&bench.send("alice", poll.clone())), Some((ErrorCode::BadTicket, 0)));
    assert_eq!(refusal(&bench.send("bob", lookup("alice"))), Some((ErrorCode::UnknownUser, 0)));
    assert_eq!(
        refusal(&bench.send("alice", first)),
        Some((ErrorCode::IdTaken, 0)),
        "the old first record does not come back"
    );
    let person = bench.people.get_mut("alice").unwrap();
    (person.chain, person.keys) = (vec![], vec![]);
    bench.register("alice");
    assert_eq!(refusal(&bench.send("alice", poll)), Some((ErrorCode::BadTicket, 0)));
    bench.attach("alice");
    bench.store("alice", "bob", 1);
    assert_eq!(bench.poll("bob").len(), 1, "numbers start again under a new identity");
}
