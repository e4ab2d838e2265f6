//! Poll, push, leases and expiry.

use super::bench::{Bench, DAY, MINUTE, Offered, offered, user};
use crate::base::id::DeliveryId;
use crate::base::time::Duration;
use crate::crypto::model::Model;
use crate::proto::port::{AccountInput, Origin};
use crate::trace::fact::Fact;
use crate::wire::code::NackCode;
use crate::wire::message::Message;

const LEASE: Duration = Duration::from_secs(30);

fn mids(offers: &[Offered]) -> Vec<String> {
    offers.iter().map(|offer| offer.mid.to_string()).collect()
}

fn pushed(bench: &mut Bench<Model>) -> Vec<Offered> {
    std::mem::take(&mut bench.sent).iter().filter_map(|(_, it)| offered(&it.body)).collect()
}

#[test]
fn polled_mail_comes_in_order_and_is_gone_after_its_acknowledgement() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    assert_eq!(bench.poll("bob"), [], "an empty poll is answered");
    bench.store("alice", "bob", 1);
    bench.store("carol", "bob", 1);
    bench.store("alice", "bob", 2);
    assert_eq!(bench.poll("carol"), [], "mail is for its receiver only");
    let offers = bench.poll("bob");
    assert_eq!(mids(&offers), ["alice>bob#1", "carol>bob#1", "alice>bob#2"]);
    for offer in &offers {
        assert_eq!(bench.ack("bob", offer), []);
        assert_eq!(bench.ack("bob", offer), [], "an acknowledgement may come twice");
    }
    bench.wait(MINUTE);
    assert_eq!(bench.poll("bob"), []);
}

#[test]
fn delivered_octets_are_the_submitted_ones() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    let mail = bench.mail("alice", "bob", 1, 1);
    bench.submit(mail.clone());
    bench.take_facts();
    let queued_at = bench.now.wall;
    bench.wait(MINUTE);
    let answers = bench.send("bob", Message::Poll { max: 9, cursor: DeliveryId(0) });
    let [Message::Deliver(got), Message::PollEnd { count: 1, more: false }] = &answers[..] else {
        panic!("{answers:?}")
    };
    assert_eq!((&got.header, &got.ciphertext), (&mail.header, &mail.ciphertext));
    assert_eq!(got.queued_at, queued_at);
    assert_eq!(bench.order, ["fact", "deliver", "fact", "poll-end"]);
    assert!(matches!(
        &bench.facts[..],
        [Fact::Offer { pushed: false, .. }, Fact::Polled { count: 1, .. }]
    ));
}

#[test]
fn a_poll_takes_as_many_as_asked_and_says_whether_there_are_more() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    (1..=3).for_each(|seq| bench.store("alice", "bob", seq));
    for (max, count, more) in [(0, 0, true), (2, 2, true), (2, 1, false), (u64::MAX, 0, false)] {
        let answers = bench.send("bob", Message::Poll { max, cursor: DeliveryId(0) });
        assert_eq!(answers.last(), Some(&Message::PollEnd { count, more }), "max {max}");
    }
}

#[test]
fn a_lease_hides_an_item_until_it_ends() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    bench.store("alice", "bob", 1);
    let first = bench.poll("bob");
    bench.wait(Duration::from_nanos(LEASE.as_nanos() - 1));
    assert_eq!(bench.poll("bob"), []);
    bench.take_facts();
    bench.wait(Duration::from_nanos(1));
    let [Fact::Restored { mid, delivery, .. }] = &bench.take_facts()[..] else {
        panic!("not one message restored");
    };
    assert_eq!((mid, *delivery), (&first[0].mid, first[0].delivery));
    let second = bench.poll("bob");
    assert_eq!(mids(&second), ["alice>bob#1"]);
    assert!(second[0].delivery > first[0].delivery);
}

#[test]
fn what_was_offered_on_a_connection_that_is_over_waits_again() {
    let mut bench: Bench<Model> = Bench::attached(|config| config.push = true);
    bench.store("alice", "bob", 1);
    assert_eq!(pushed(&mut bench).len(), 1);
    let session = *bench.account("bob").durable().session().unwrap();
    bench.input(&user("bob"), AccountInput::Closed(Origin(session.origin.0 + 1)));
    assert_eq!(bench.account("bob").leased().count(), 1, "another connection");
    bench.take_facts();
    bench.input(&user("bob"), AccountInput::Closed(session.origin));
    assert!(matches!(&bench.take_facts()[..], [Fact::Restored { .. }]));
    assert_eq!(bench.account("bob").durable().session(), None);
    bench.wait(MINUTE);
    assert_eq!(pushed(&mut bench), [], "nobody is there");
    bench.attach("bob");
    assert_eq!(mids(&pushed(&mut bench)), ["alice>bob#1"]);
}

#[test]
fn a_restart_returns_leases_and_numbers_go_on() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    (1..=2).for_each(|seq| bench.store("alice", "bob", seq));
    let first = bench.poll("bob");
    assert_eq!(bench.account("bob").leased().count(), 2);
    bench.restart("bob");
    assert_eq!(bench.account("bob").leased().count(), 0);
    let second = bench.poll("bob");
    assert_eq!(mids(&second), mids(&first));
    assert!(second[0].delivery > first[1].delivery);
    bench.ack("bob", &first[0]);
    bench.wait(LEASE);
    assert_eq!(mids(&bench.poll("bob")), ["alice>bob#2"], "a late acknowledgement counts by mid");
}

#[test]
fn mail_expires_in_every_state_and_its_sender_is_told() {
    for leased in [false, true] {
        let mut bench: Bench<Model> = Bench::attached(|_| {});
        let mut mail = bench.mail("alice", "bob", 1, 1);
        mail.expires = bench.now.wall + MINUTE;
        bench.submit(mail);
        bench.wait(Duration::from_secs(59));
        let offers = if leased { bench.poll("bob") } else { vec![] };
        bench.wait(Duration::from_secs(1));
        bench.take_facts();
        for offer in &offers {
            bench.ack("bob", offer);
        }
        assert_eq!(bench.take_facts(), [], "an acknowledgement after expiry is ignored");
        assert_eq!(bench.poll("bob"), []);
        let reports: Vec<_> = bench.poll("alice").into_iter().map(|it| it.what).collect();
        assert_eq!(reports, ["Expired 1"]);
    }
}

#[test]
fn push_offers_at_once_and_again_after_each_lease() {
    let mut bench: Bench<Model> = Bench::attached(|config| config.push = true);
    pushed(&mut bench);
    bench.store("alice", "bob", 1);
    assert_eq!(bench.order, ["persist", "fact", "submit-ack", "fact", "deliver"]);
    assert_eq!(mids(&pushed(&mut bench)), ["alice>bob#1"]);
    bench.wait(LEASE);
    let again = pushed(&mut bench);
    assert_eq!(mids(&again), ["alice>bob#1"]);
    assert_eq!(bench.poll("bob"), [], "under a lease");
    pushed(&mut bench);
    bench.ack("bob", &again[0]);
    let reports = pushed(&mut bench);
    assert_eq!(reports[0].what, "Delivered 1", "reports are pushed too");
    bench.ack("alice", &reports[0]);
    bench.wait(MINUTE);
    assert_eq!(pushed(&mut bench), []);
}

#[test]
fn push_waits_for_attachment_and_survives_a_restart() {
    let mut bench: Bench<Model> = Bench::attached(|config| config.push = true);
    bench.wait(DAY);
    bench.attach("alice");
    pushed(&mut bench);
    bench.store("alice", "bob", 1);
    bench.wait(MINUTE);
    assert_eq!(pushed(&mut bench), [], "bob's session is over");
    bench.attach("bob");
    assert_eq!(mids(&pushed(&mut bench)), ["alice>bob#1"]);
    bench.restart("bob");
    bench.wait(Duration::ZERO);
    assert_eq!(mids(&pushed(&mut bench)), ["alice>bob#1"], "at once after the start");
}

#[test]
fn push_keeps_a_bounded_number_under_way() {
    let mut bench: Bench<Model> = Bench::attached(|config| config.push = true);
    (1..=300).for_each(|seq| bench.store("alice", "bob", seq));
    let first = pushed(&mut bench);
    assert_eq!(first.len(), 256);
    bench.ack("bob", &first[0]);
    let next: Vec<_> = pushed(&mut bench).into_iter().filter(|it| it.what == "mail").collect();
    assert_eq!(mids(&next), ["alice>bob#257"]);
}

#[test]
fn a_busy_receiver_is_pushed_again_when_it_said() {
    let mut bench: Bench<Model> = Bench::attached(|config| config.push = true);
    bench.store("alice", "bob", 1);
    let offers = pushed(&mut bench);
    bench.nack("bob", &offers[0], NackCode::Busy, 5_000);
    bench.wait(Duration::from_millis(4_999));
    assert_eq!(pushed(&mut bench), []);
    bench.wait(Duration::from_millis(1));
    assert_eq!(mids(&pushed(&mut bench)), ["alice>bob#1"]);
}
