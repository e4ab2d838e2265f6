//! Own keys: provisioning, registration, rotation and its races. Not here: the keys of peers.

use crate::base::id::{DraftId, Epoch, Hash32};
use crate::base::time::Duration;
use crate::crypto::keys::KeyPair;
use crate::crypto::model::Model;
use crate::crypto::sign::record_hash;
use crate::crypto::suite::Suite as _;
use crate::proto::device::durable::Stage;
use crate::proto::device::tests::bench::{Bench, DAY, HOUR, MINUTE, SECOND};
use crate::proto::device::tests::peer::{Letter, Peer, user};
use crate::proto::port::{DeviceInput, KeyMaterial, Provision, UserAction};
use crate::trace::fact::{AlarmKind, DeviceState, DraftStatus, Fact};
use crate::wire::code::{ErrorCode, NackCode, Report};
use crate::wire::message::{Message, MessageKind, Register};
use crate::wire::signed::pop_octets;

fn met() -> Bench<Model> {
    let mut bench = Bench::new(|_| ());
    bench.meet("bob");
    bench
}

const ROTATE: UserAction = UserAction::Rotate { revoke: false };

/// Alice has announced a second key; the frame and its number.
fn announced(revoke: bool) -> (Bench<Model>, crate::base::id::ReqId, Register) {
    let mut bench = met();
    bench.user(UserAction::Rotate { revoke });
    let (req, body) = expect_rotate(&mut bench);
    bench.adopt_own();
    (bench, req, body)
}

#[track_caller]
fn expect_rotate(bench: &mut Bench<Model>) -> (crate::base::id::ReqId, Register) {
    bench.sent.retain(|it| it.body.kind() == MessageKind::RotateKey);
    bench.expect(|message| {
        let Message::RotateKey(body) = message else { return None };
        Some((**body).clone())
    })
}

fn ack(body: &Register) -> Message {
    Message::RotateAck { record_hash: record_hash::<Model>(&body.record.encode()) }
}

fn states(bench: &Bench<Model>) -> Vec<DeviceState> {
    let states = bench.facts.iter().filter_map(|fact| {
        let Fact::State { to } = fact else { return None };
        Some(*to)
    });
    states.collect()
}

fn epochs(bench: &Bench<Model>) -> Vec<u64> {
    bench.store.keyring.epochs().into_iter().map(|epoch| epoch.0).collect()
}

/// The own epoch of what is sent now.
fn sending_epoch(bench: &mut Bench<Model>, draft: u64) -> Epoch {
    bench.send(draft, "bob", "x");
    bench.expect_submit_among().1.header.epoch_s
}

#[test]
fn a_new_device_is_keyed_registered_and_attached() {
    let mut bench = Bench::<Model>::blank(|_| ());
    assert_eq!(states(&bench), [DeviceState::Blank]);
    bench.input(DeviceInput::Provision(Provision::Generate));
    assert_eq!(states(&bench), [DeviceState::Blank, DeviceState::Keyed]);
    let (req, body) = bench.expect(|message| {
        let Message::Register(body) = message else { return None };
        Some((**body).clone())
    });
    let Register { record, pop } = body;
    assert_eq!(
        (record.epoch, record.generation, record.prev_hash),
        (Epoch(1), Hash32::ZERO, Hash32::ZERO)
    );
    assert!(record.sig_prev.is_none() && record.agree_pk != record.sig_pk);
    assert!(Model::verify(&record.sig_pk, &record.signed_octets(), &record.sig_self));
    let hash = record_hash::<Model>(&record.encode());
    assert!(Model::verify(&record.agree_pk, &pop_octets(&hash), &pop), "proof of possession");
    bench.frame(req, Message::RegisterAck { record_hash: Hash32::ZERO });
    assert!(!bench.store.keyring.is_registered(), "an ack of something else");
    bench.frame(req, Message::RegisterAck { record_hash: hash });
    assert_eq!(bench.store.keyring.generation(), hash);
    bench.serve();
    assert!(bench.has_fact(|fact| matches!(fact, Fact::Attached { .. })));
}

#[test]
fn a_registration_goes_on_over_restarts_with_the_same_keys() {
    let mut bench = Bench::<Model>::blank(|_| ());
    bench.input(DeviceInput::Provision(Provision::Generate));
    let first = bench.take_sent().remove(0);
    bench.wait(MINUTE.times(30));
    assert!(bench.take_sent().iter().all(|it| *it == first));
    bench.input(DeviceInput::Provision(Provision::Generate));
    assert!(bench.has_fact(|fact| matches!(fact, Fact::ProvisionRefused { .. })));
    bench.restart();
    let again = bench.take_sent().remove(0);
    assert_eq!(again.body, first.body);
    bench.error(again.req, ErrorCode::IdTaken, 0);
    let alarm = Fact::Alarm { peer: None, what: AlarmKind::NotRegistered };
    assert!(bench.has_fact(|fact| *fact == alarm));
    bench.wait(HOUR);
    assert!(bench.sent.is_empty());
    bench.user(UserAction::Register);
    assert_eq!(bench.take_sent().remove(0).body, first.body);
}

/// Downloads and whether they are taken.
#[test]
fn downloads_are_checked() {
    let peer = Peer::<Model>::new("x");
    let (agree, sign) = peer.keys[0].clone();
    let material = |pair: &KeyPair| (pair.secret.expose().to_vec(), pair.public.to_vec());
    let offer = |change: fn(&mut Vec<u8>, &mut Vec<u8>), same: bool| {
        let (mut secret, mut public) = material(&agree);
        change(&mut secret, &mut public);
        let agree = KeyMaterial { secret, public };
        let (secret, public) = material(if same { &peer.keys[0].0 } else { &sign });
        Provision::Download { agree, sign: KeyMaterial { secret, public } }
    };
    let cases: [(&str, Provision, bool); 7] = [
        ("good", offer(|_, _| (), false), true),
        ("31 octets", offer(|secret, _| secret.truncate(31), false), false),
        ("33 octets", offer(|secret, _| secret.push(0), false), false),
        ("zero", offer(|secret, _| secret.fill(0), false), false),
        ("too large", offer(|secret, _| secret.fill(255), false), false),
        ("another public half", offer(|_, public| public[9] ^= 1, false), false),
        ("one pair for both uses", offer(|_, _| (), true), false),
    ];
    for (name, how, taken) in cases {
        let mut bench = Bench::<Model>::blank(|_| ());
        bench.input(DeviceInput::Provision(how));
        let refused = bench.has_fact(|fact| matches!(fact, Fact::ProvisionRefused { .. }));
        assert_eq!(
            (refused, bench.store.keyring.epochs().len()),
            (!taken, usize::from(taken)),
            "{name}"
        );
    }
}

#[test]
fn the_new_epoch_is_accepted_at_once_and_used_after_the_ack() {
    let (mut bench, req, body) = announced(false);
    assert_eq!(states(&bench), [DeviceState::Rotating]);
    let record = &body.record;
    assert_eq!((record.epoch, record.prev_hash), (Epoch(2), bench.store.keyring.record()));
    bench.receive("bob", Letter::new(2).under(1, 2), "under the announced key");
    bench.receive("bob", Letter::new(3).under(1, 1), "under the old key");
    assert_eq!(bench.shown().len(), 2);
    assert_eq!(sending_epoch(&mut bench, 1), Epoch(1));
    bench.frame(req, Message::RotateAck { record_hash: Hash32::ZERO });
    assert_eq!(sending_epoch(&mut bench, 2), Epoch(1), "an ack of something else");
    bench.frame(req, ack(&body));
    assert_eq!(states(&bench), [DeviceState::Ready]);
    assert_eq!(sending_epoch(&mut bench, 3), Epoch(2));
    bench.receive("bob", Letter::new(4).under(1, 1), "in grace");
    assert_eq!(bench.shown(), ["bob#4 in grace"]);
}

#[test]
fn the_old_key_is_held_through_grace_and_no_longer() {
    let (mut bench, req, body) = announced(false);
    bench.wait(HOUR);
    bench.frame(req, ack(&body));
    bench.restart();
    bench.wait_served(DAY.times(8).saturating_sub(SECOND));
    bench.receive("bob", Letter::new(2).under(1, 1), "just in time");
    assert_eq!(bench.shown(), ["bob#2 just in time"]);
    bench.wait_served(SECOND.times(2));
    assert_eq!(epochs(&bench), [2]);
    assert!(bench.store.table[&user("bob")].slots.iter().all(|slot| slot.own == Epoch(2)));
    bench.sent.clear();
    bench.receive("bob", Letter::new(3).under(1, 1), "too late");
    assert_eq!(bench.answers(), ["bob>alice#3 STALE_EPOCH"]);
}

#[test]
fn a_revoking_rotation_leaves_no_other_key_at_once() {
    let (mut bench, req, body) = announced(false);
    bench.frame(req, ack(&body));
    bench.user(UserAction::Rotate { revoke: true });
    let (req, body) = expect_rotate(&mut bench);
    assert!(body.record.revoke_prev);
    bench.frame(req, ack(&body));
    assert_eq!(epochs(&bench), [3]);
    bench.receive("bob", Letter::new(2).under(1, 2), "under the stolen key");
    assert!(bench.answers().contains(&"bob>alice#2 STALE_EPOCH".to_owned()));
    bench.restart();
    assert_eq!(epochs(&bench), [3]);
}

#[test]
fn an_unanswered_announcement_is_repeated_with_the_same_octets() {
    let (mut bench, req, body) = announced(false);
    bench.wait(MINUTE.times(20));
    let copies: Vec<_> = bench
        .take_sent()
        .into_iter()
        .filter(|it| it.body.kind() == MessageKind::RotateKey)
        .collect();
    assert!(copies.len() > 15, "{}", copies.len());
    let same = Message::RotateKey(Box::new(body.clone()));
    assert!(copies.iter().all(|it| it.req == req && it.body == same));
    bench.user(ROTATE);
    let refused = |fact: &Fact| matches!(fact, Fact::RotateRefused { .. });
    assert!(bench.has_fact(refused), "one at a time");
    bench.restart();
    bench.serve_until(MessageKind::RotateKey);
    let (_, again) = expect_rotate(&mut bench);
    assert_eq!(again, body, "the same record after a restart");
}

#[test]
fn a_rotation_in_grace_is_put_off_and_never_announced_earlier() {
    for restart in [false, true] {
        let (mut bench, req, body) = announced(false);
        bench.error(req, ErrorCode::InGrace, 5 * 86_400_000);
        assert_eq!(bench.device.pending(), None);
        if restart {
            bench.restart();
        }
        bench.serve();
        bench.wait_served(DAY.times(5).saturating_sub(SECOND));
        let announced = |bench: &Bench<Model>| bench.transmitted(MessageKind::RotateKey);
        let before = announced(&bench);
        assert_eq!(before, usize::from(!restart));
        assert_eq!(sending_epoch(&mut bench, 1), Epoch(1));
        bench.wait(SECOND.times(2));
        let (req, again) = expect_rotate(&mut bench);
        assert_eq!(again, body);
        bench.frame(req, ack(&again));
        assert_eq!(bench.store.keyring.current(), Epoch(2));
    }
}

#[test]
fn a_device_whose_epoch_is_stale_attaches_under_the_announced_one() {
    let (mut bench, _, _) = announced(false);
    bench.restart();
    let hello = bench.take_sent().remove(0);
    bench.serve_one(hello);
    let attach = bench.take_sent().remove(0);
    bench.error(attach.req, ErrorCode::StaleEpoch, 0);
    let hello = bench.take_sent().remove(0);
    bench.serve_one(hello);
    let attach = bench.take_sent().remove(0);
    let Message::Attach { sig_epoch, .. } = &attach.body else { panic!("{attach:?}") };
    assert_eq!(*sig_epoch, Epoch(2));
    bench.serve_one(attach);
    assert_eq!(bench.store.keyring.current(), Epoch(2), "the server holds the record");
    assert_eq!(sending_epoch(&mut bench, 1), Epoch(2));
}

#[test]
fn without_an_announcement_a_stale_epoch_only_backs_off() {
    let mut bench = met();
    bench.restart();
    for _ in 0..3 {
        let hello = bench.take_sent().remove(0);
        bench.serve_one(hello);
        let attach = bench.take_sent().remove(0);
        bench.error(attach.req, ErrorCode::StaleEpoch, 0);
        assert!(bench.sent.is_empty());
        bench.wait(SECOND.times(11));
    }
}

/// What the own record in the directory decides after EPOCH_CONFLICT (R7).
#[test]
fn the_directory_decides_about_a_rotation_in_doubt() {
    let check =
        |records: fn(&Bench<Model>) -> usize, foreign: bool, expected: (u64, bool, bool)| {
            let (mut bench, req, _) = announced(false);
            bench.error(req, ErrorCode::EpochConflict, 0);
            let lookup = bench.expect_lookup("alice");
            let mut chain = bench.alice.chain[..records(&bench)].to_vec();
            if foreign {
                let mut other = Peer::<Model>::new("alice");
                other.reset();
                chain = other.chain;
            }
            bench.facts.clear();
            bench.reply(lookup, chain);
            let keyring = &bench.store.keyring;
            let alarm = Fact::Alarm { peer: None, what: AlarmKind::OwnRecord };
            let alarmed = bench.has_fact(|fact| *fact == alarm);
            assert_eq!((keyring.current().0, keyring.pending().is_some(), alarmed), expected);
            bench
        };
    check(|_| 2, false, (2, false, false));
    let mut bench = check(|_| 1, false, (1, true, false));
    bench.wait(MINUTE + SECOND);
    expect_rotate(&mut bench);
    let bench = check(|_| 1, true, (1, false, true));
    assert_eq!(epochs(&bench), [1]);
}

#[test]
fn a_refused_record_is_abandoned_and_others_can_follow() {
    for code in [ErrorCode::BadChain, ErrorCode::BadKey, ErrorCode::BadPop] {
        let (mut bench, req, first) = announced(false);
        bench.error(req, code, 0);
        assert_eq!((epochs(&bench), states(&bench).last()), (vec![1], Some(&DeviceState::Ready)));
        bench.user(ROTATE);
        let (_, second) = expect_rotate(&mut bench);
        assert_ne!(second.record.agree_pk, first.record.agree_pk, "other keys");
    }
}

#[test]
fn provisioning_a_registered_device_is_a_rotation() {
    let mut bench = met();
    bench.input(DeviceInput::Provision(Provision::Generate));
    let (req, body) = expect_rotate(&mut bench);
    assert_eq!(body.record.epoch, Epoch(2));
    bench.adopt_own();
    bench.frame(req, ack(&body));
    bench.wait_served(DAY.times(8) + SECOND);
    assert!(bench.store.table[&user("bob")].slots.iter().all(|slot| slot.own == Epoch(2)));
    bench.receive("bob", Letter::new(2).under(1, 2), "works");
    assert_eq!(bench.shown(), ["bob#2 works"]);
}

#[test]
fn all_four_pairs_of_epochs_decrypt_when_both_rotate_at_once() {
    let (mut bench, req, body) = announced(false);
    bench.peer("bob").rotate(false);
    bench.frame(req, ack(&body));
    let mut seq = 1;
    for own in [1, 2] {
        for theirs in [1, 2] {
            seq += 1;
            bench.receive("bob", Letter::new(seq).under(theirs, own), "x");
            bench.serve();
        }
    }
    assert_eq!(bench.shown().len(), 4);
    assert_eq!(bench.store.table[&user("bob")].slots.len(), 4);
}

// Bounces beside an own rotation.

/// Draft 1 was accepted under own epoch 1; then a rotation was announced and the draft bounced.
fn bounced_in_doubt() -> (Bench<Model>, crate::base::id::ReqId, Register) {
    let mut bench = met();
    bench.send(1, "bob", "hi");
    let (req, submit) = bench.expect_submit();
    bench.frame(req, Message::SubmitAck { mid: submit.header.mid(), duplicate: false });
    bench.user(ROTATE);
    let (req, body) = expect_rotate(&mut bench);
    bench.adopt_own();
    bench.report(&submit, Report::Bounced(NackCode::StaleEpoch));
    bench.serve_lookups();
    let stage = &bench.store.drafts[&DraftId(1)].stage;
    assert!(matches!(stage, Stage::Bounced(..)), "the decision waits: {stage:?}");
    bench.facts.clear();
    (bench, req, body)
}

#[test]
fn a_decision_waits_for_the_own_rotation_and_considers_it() {
    let (mut bench, req, body) = bounced_in_doubt();
    bench.frame(req, ack(&body));
    let (_, submit) = bench.expect_submit_among();
    assert_eq!((submit.header.epoch_s, submit.attempt), (Epoch(2), 2));
    for (code, arg) in [(ErrorCode::InGrace, 1_000_000), (ErrorCode::BadChain, 0)] {
        let (mut bench, req, _) = bounced_in_doubt();
        bench.error(req, code, arg);
        assert_eq!(bench.notices(), [(1, DraftStatus::Failed)], "{code}: nothing differs");
    }
}

#[test]
fn a_decision_that_waited_survives_the_loss_of_the_row() {
    let mut bench = Bench::<Model>::new(|config| config.table_durable = false);
    bench.meet("bob");
    bench.send(1, "bob", "hi");
    let (req, submit) = bench.expect_submit();
    bench.frame(req, Message::SubmitAck { mid: submit.header.mid(), duplicate: false });
    bench.user(ROTATE);
    bench.adopt_own();
    bench.report(&submit, Report::Bounced(NackCode::StaleEpoch));
    bench.restart();
    bench.serve();
    let stage = &bench.store.drafts[&DraftId(1)].stage;
    let Stage::Accepted(sealed) = stage else { panic!("{stage:?}") };
    assert_eq!((sealed.header.epoch_s, sealed.attempt), (Epoch(2), 2));
    let _ = Duration::ZERO;
}
