//! Submission: refusals in their order, idempotency, limits.

use super::bench::{Bench, DAY, MINUTE, refusal, user};
use crate::base::id::{Epoch, Seq};
use crate::base::time::{Duration, Millis};
use crate::crypto::model::Model;
use crate::trace::fact::Fact;
use crate::wire::code::{ErrorCode, NackCode};
use crate::wire::message::{Message, Submit};

type Change = fn(&mut Submit);

/// What the submission of `alice>bob#1`, changed, is answered.
fn check(bench: &mut Bench<Model>, change: Change, expected: Option<(ErrorCode, u64)>) {
    let mut mail = bench.mail("alice", "bob", 1, 1);
    change(&mut mail);
    let before = bench.account("bob").durable().clone();
    let answers = bench.send("alice", Message::Submit(Box::new(mail.clone())));
    assert_eq!(refusal(&answers), expected, "{mail:?}");
    if expected.is_some() {
        assert_eq!(bench.account("bob").durable(), &before, "a refusal records nothing");
    }
}

#[test]
fn each_reason_to_refuse_is_told() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    let largest = bench.config.message_max;
    assert_eq!(largest, 17_408);
    let cases: [(Change, Option<(ErrorCode, u64)>); 11] = [
        (|it| it.header.sender = user("bob"), Some((ErrorCode::BadTicket, 0))),
        (|it| it.header.receiver = user("nobody"), Some((ErrorCode::UnknownUser, 0))),
        (|it| it.header.receiver = user("alice"), Some((ErrorCode::UnknownUser, 0))),
        (|it| it.attempt = 0, Some((ErrorCode::SeqConflict, 1))),
        (|it| it.attempt = 2, Some((ErrorCode::SeqConflict, 1))),
        (|it| it.header.seq = Seq(0), Some((ErrorCode::SeqConflict, 1))),
        (|it| it.ciphertext = vec![0; 17_409], Some((ErrorCode::TooBig, 0))),
        (|it| it.expires = Millis::WORLD_START, Some((ErrorCode::Expired, 0))),
        (|it| it.header.epoch_r = Epoch(2), Some((ErrorCode::StaleEpoch, 0))),
        (|it| it.header.epoch_r = Epoch(0), Some((ErrorCode::StaleEpoch, 0))),
        (|it| it.ciphertext = vec![0; 17_408], None),
    ];
    for (change, expected) in cases {
        check(&mut bench, change, expected);
    }
    let refused = bench.facts.iter().filter(|fact| matches!(fact, Fact::Refuse { .. }));
    assert_eq!(refused.count(), 10);
}

#[test]
fn the_first_reason_in_the_order_of_the_protocol_wins() {
    let mut bench: Bench<Model> = Bench::attached(|config| config.mailbox_messages = 1);
    bench.store("alice", "bob", 7);
    let worst: Change = |it| {
        it.header.seq = Seq(7);
        it.header.epoch_r = Epoch(9);
        it.ciphertext = vec![0; 20_000];
        it.expires = Millis(0);
    };
    let mut mail = bench.mail("alice", "bob", 1, 1);
    worst(&mut mail);
    let steps: [(ErrorCode, Change); 5] = [
        (ErrorCode::SeqConflict, |it| it.header.seq = Seq(8)),
        (ErrorCode::TooBig, |it| it.ciphertext = vec![0; 32]),
        (ErrorCode::Expired, |it| it.expires = Millis::NEVER),
        (ErrorCode::StaleEpoch, |it| it.header.epoch_r = Epoch(1)),
        (ErrorCode::QueueFull, |_| {}),
    ];
    for (code, cure) in steps {
        let answers = bench.submit(mail.clone());
        assert_eq!(refusal(&answers).map(|(code, _)| code), Some(code));
        cure(&mut mail);
    }
}

#[test]
fn an_accepted_message_is_durable_before_its_acknowledgement() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    let mut mail = bench.mail("alice", "bob", 1, 1);
    mail.expires = Millis::NEVER;
    let mid = mail.header.mid();
    let answers = bench.submit(mail);
    assert_eq!(answers, [Message::SubmitAck { mid: mid.clone(), duplicate: false }]);
    assert_eq!(bench.order, ["persist", "fact", "submit-ack"]);
    let Some(Fact::Accept { mid: accepted, attempt: 1, expires, known: false, .. }) =
        bench.facts.last()
    else {
        panic!("{:?}", bench.facts)
    };
    assert_eq!(accepted, &mid);
    assert_eq!(*expires, bench.now.wall + DAY.times(7), "cut to one TTL");
    bench.restart("bob");
    assert_eq!(bench.poll("bob").len(), 1);
}

#[test]
fn the_same_octets_again_are_a_duplicate_in_every_state_of_the_message() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    let mail = bench.mail("alice", "bob", 1, 1);
    let mut other = mail.clone();
    other.ciphertext.push(0);
    let mid = mail.header.mid();
    let duplicate = [Message::SubmitAck { mid: mid.clone(), duplicate: true }];
    let again = |bench: &mut Bench<Model>, conflict: bool, state: &str| {
        assert_eq!(bench.submit(mail.clone()), duplicate, "{state}");
        assert!(matches!(bench.facts.last(), Some(Fact::Accept { known: true, .. })));
        let answers = bench.submit(Submit { attempt: 2, ..other.clone() });
        let expected = conflict.then_some((ErrorCode::SeqConflict, 2));
        assert_eq!(refusal(&answers), expected, "{state}");
    };
    bench.submit(mail.clone());
    again(&mut bench, true, "stored");
    let offers = bench.poll("bob");
    again(&mut bench, true, "leased");
    let mut bounced = bench.clone();
    bench.ack("bob", &offers[0]);
    again(&mut bench, true, "committed");
    bounced.nack("bob", &offers[0], NackCode::StaleEpoch, 0);
    again(&mut bounced, false, "bounced");
    let late = bounced.submit(mail.clone());
    assert_eq!(late, duplicate, "a late copy of an earlier attempt changes nothing");
    assert_eq!(bounced.account("bob").durable().mailbox().unwrap().messages(), 1);

    let mut expired: Bench<Model> = Bench::attached(|config| config.ttl = MINUTE);
    expired.submit(mail.clone());
    expired.wait(MINUTE);
    again(&mut expired, true, "expired");
}

#[test]
fn numbers_far_behind_are_conflicts_with_the_least_free_one() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    bench.store("alice", "bob", 1);
    bench.store("alice", "bob", 1_025);
    let answers = bench.submit(bench.mail("alice", "bob", 1, 1));
    assert_eq!(refusal(&answers), Some((ErrorCode::SeqConflict, 1_026)));
    bench.store("alice", "bob", 2);
    bench.store("carol", "bob", 1);
}

#[test]
fn a_receiver_epoch_is_taken_until_ttl_before_the_end_of_its_grace() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    bench.rotate("bob", false);
    let old = |bench: &mut Bench<Model>, seq| {
        let mut mail = bench.mail("alice", "bob", seq, 1);
        mail.header.epoch_r = Epoch(1);
        refusal(&bench.submit(mail))
    };
    assert_eq!(old(&mut bench, 1), None);
    bench.wait(Duration::from_secs(86_400 - 1));
    bench.attach("alice");
    assert_eq!(old(&mut bench, 2), None);
    bench.wait(Duration::from_secs(1));
    assert_eq!(old(&mut bench, 3), Some((ErrorCode::StaleEpoch, 0)));
}

#[test]
fn a_full_mailbox_refuses_and_drops_nothing() {
    let full = Some((ErrorCode::QueueFull, 30_000));
    let mut bench: Bench<Model> = Bench::attached(|config| config.mailbox_messages = 2);
    bench.store("alice", "bob", 1);
    bench.store("alice", "bob", 2);
    let third = bench.mail("alice", "bob", 3, 1);
    assert_eq!(refusal(&bench.submit(third.clone())), full);
    let offers = bench.poll("bob");
    assert_eq!(refusal(&bench.submit(third.clone())), full, "leased mail takes room");
    bench.ack("bob", &offers[0]);
    assert_eq!(refusal(&bench.submit(third)), None);

    let mut bench: Bench<Model> = Bench::attached(|config| config.mailbox_octets = 95);
    bench.store("alice", "bob", 1);
    bench.store("alice", "bob", 2);
    let mut third = bench.mail("alice", "bob", 3, 1);
    assert_eq!(refusal(&bench.submit(third.clone())), full);
    third.ciphertext.pop();
    assert_eq!(refusal(&bench.submit(third)), None);
}
