//! Hello, Attach, tickets.

use super::bench::{Bench, DAY, MINUTE, refusal, user};
use crate::base::id::{DeliveryId, Hash32, ReqId, UserId};
use crate::base::time::{Duration, Millis, Now};
use crate::crypto::model::Model;
use crate::crypto::p256::P256;
use crate::crypto::suite::Suite;
use crate::trace::fact::Fact;
use crate::wire::code::{AckOutcome, ErrorCode, NackCode};
use crate::wire::message::{Envelope, Message, Ticket};

const POLL: Message = Message::Poll { max: 1, cursor: DeliveryId(0) };

fn check_attach<S: Suite>() {
    let mut bench: Bench<S> = Bench::blank(|_| {});
    let hello = Message::Hello { user: user("alice"), versions: vec![1], suites: vec![1] };
    assert_eq!(refusal(&bench.send("alice", hello)), Some((ErrorCode::UnknownUser, 0)));
    bench.register("alice");
    let nonce = bench.challenge("alice");
    let mut attach = bench.attach_frame("alice", 1, nonce);
    if let Message::Attach { nonce, .. } = &mut attach {
        nonce.0[0] ^= 1;
    }
    assert_eq!(refusal(&bench.send("alice", attach)), Some((ErrorCode::BadSig, 0)));
    let attach = bench.attach_frame("alice", 1, nonce);
    let answers = bench.send("alice", attach.clone());
    let [Message::Attached { ticket }] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(bench.order, ["persist", "fact", "attached"]);
    assert_eq!(ticket.expires, bench.now.wall + Duration::from_secs(3_600));
    let session = Fact::Session { user: user("alice"), expires: ticket.expires };
    assert_eq!(bench.facts.last(), Some(&session));
    assert_eq!(refusal(&bench.send("alice", attach)), Some((ErrorCode::StaleChallenge, 0)));
}

#[test]
fn a_signed_challenge_attaches_once() {
    check_attach::<Model>();
    check_attach::<P256>();
}

#[test]
fn a_challenge_is_for_its_origin_and_its_time() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    let nonce = bench.challenge("alice");
    let attach = bench.attach_frame("alice", 1, nonce);
    let stale = Some((ErrorCode::StaleChallenge, 0));
    assert_eq!(refusal(&bench.send("bob", attach.clone())), stale, "another origin");
    bench.wait(MINUTE);
    assert_eq!(refusal(&bench.send("alice", attach)), stale, "too late");
    let nonce = bench.challenge("alice");
    let attach = bench.attach_frame("alice", 1, nonce);
    bench.challenge("alice");
    assert_eq!(refusal(&bench.send("alice", attach)), Some((ErrorCode::BadSig, 0)), "replaced");
}

#[test]
fn retransmissions_of_an_exchange_get_its_answers_again() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    let body = Message::Hello { user: user("alice"), versions: vec![1], suites: vec![1] };
    let hello = Envelope { req: ReqId([5; 8]), ticket: None, body };
    let first = bench.frame("alice", hello.clone());
    bench.wait(Duration::from_secs(2));
    assert_eq!(bench.frame("alice", hello), first);
    let [Message::Challenge { nonce, .. }] = first[..] else { panic!("{first:?}") };
    let body = bench.attach_frame("alice", 1, nonce);
    let attach = Envelope { req: ReqId([6; 8]), ticket: None, body };
    let first = bench.frame("alice", attach.clone());
    bench.wait(Duration::from_secs(2));
    assert_eq!(bench.frame("alice", attach), first);
    assert!(matches!(first[..], [Message::Attached { .. }]), "{first:?}");
}

#[test]
fn hello_needs_a_common_version_and_suite() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    for (versions, suites, expected) in [
        (vec![1], vec![1], None),
        (vec![0, 1, 2], vec![7, 1], None),
        (vec![2], vec![1], Some((ErrorCode::Unsupported, 0))),
        (vec![1], vec![2], Some((ErrorCode::Unsupported, 0))),
        (vec![], vec![], Some((ErrorCode::Unsupported, 0))),
    ] {
        let hello = Message::Hello { user: user("alice"), versions, suites };
        assert_eq!(refusal(&bench.send("alice", hello.clone())), expected, "{hello:?}");
    }
}

#[test]
fn attach_works_under_the_current_epoch_and_one_in_grace() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    bench.rotate("alice", false);
    let stale = Some((ErrorCode::StaleEpoch, 0));
    for (epoch, expected) in [(1, None), (2, None)] {
        assert_eq!(refusal(&bench.attach_under("alice", epoch)), expected, "epoch {epoch}");
    }
    let (pending, keys) = bench.people["alice"].next_record::<Model>(false, 3);
    bench.adopt("alice", pending.record, keys);
    assert_eq!(refusal(&bench.attach_under("alice", 3)), stale, "not recorded");
    bench.wait(DAY.times(8));
    assert_eq!(refusal(&bench.attach_under("alice", 1)), stale, "grace is over");
    assert_eq!(refusal(&bench.attach_under("alice", 2)), None);
}

#[test]
fn a_ticket_holds_for_its_user_origin_and_time() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    let ticket = bench.people["alice"].ticket.clone().unwrap();
    let frame = |ticket| Envelope { req: ReqId([1; 8]), ticket, body: POLL };
    let bad = Some((ErrorCode::BadTicket, 0));
    assert_eq!(refusal(&bench.frame("alice", frame(Some(ticket.clone())))), None);
    assert_eq!(refusal(&bench.frame("alice", frame(None))), bad, "no ticket");
    assert_eq!(refusal(&bench.frame("bob", frame(Some(ticket.clone())))), bad, "stolen");
    let forgeries: [fn(&mut Ticket); 4] = [
        |it| it.user = UserId::new("bob").unwrap(),
        |it| it.generation = Hash32::ZERO,
        |it| it.expires.0 += 1,
        |it| it.mac[0] ^= 1,
    ];
    for forge in forgeries {
        let mut forged = ticket.clone();
        forge(&mut forged);
        assert_eq!(refusal(&bench.frame("alice", frame(Some(forged.clone())))), bad, "{forged:?}");
    }
    bench.wait(Duration::from_secs(3_600));
    assert_eq!(refusal(&bench.frame("alice", frame(Some(ticket)))), bad, "expired");
}

#[test]
fn every_request_but_register_and_attach_needs_a_ticket() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    let mid = bench.mail("alice", "bob", 1, 1).header.mid();
    let record = bench.people["bob"].next_record::<Model>(false, 0).0;
    let (delivery, retry_after) = (DeliveryId(1), Millis(0));
    for body in [
        POLL,
        Message::LookupKey { user: user("alice"), want_epoch: None, have_hash: None },
        Message::Submit(Box::new(bench.mail("bob", "alice", 1, 1))),
        Message::DeliverAck { delivery, mid: mid.clone(), outcome: AckOutcome::Committed },
        Message::DeliverNack { delivery, mid, code: NackCode::Busy, retry_after },
        Message::RotateKey(Box::new(record)),
    ] {
        let frame = Envelope { req: ReqId([1; 8]), ticket: None, body };
        let answers = bench.frame("bob", frame.clone());
        assert_eq!(refusal(&answers), Some((ErrorCode::BadTicket, 0)), "{frame:?}");
    }
}

#[test]
fn worlds_may_start_attached() {
    let bench: Bench<Model> = Bench::attached(|_| {});
    let mut account = bench.account("alice").clone();
    let origin = bench.people["alice"].origin;
    let ticket = account.pre_attach(Now::exact(bench.now.at), origin);
    assert_eq!(bench.people["alice"].ticket, Some(ticket));
    assert_eq!(account.durable(), bench.account("alice").durable());
}
