//! Received messages: hits, misses, epochs, replays, order. Not here: lookups that fail (`lookup`).

use crate::base::id::{DeliveryId, Hash32};
use crate::base::time::Millis;
use crate::crypto::model::Model;
use crate::crypto::suite::TAG_LEN;
use crate::proto::device::tests::bench::{Bench, MINUTE, SECOND, text};
use crate::proto::device::tests::peer::{Letter, user};
use crate::trace::fact::{Fact, RejectCause, WaitCause};
use crate::wire::body::{Body, EndToEndNack};
use crate::wire::code::NackCode;
use crate::wire::header::BodyKind;
use crate::wire::message::{Deliver, Message};

fn bench() -> Bench<Model> {
    Bench::new(|_| ())
}

/// Alice and bob know each other.
fn met() -> Bench<Model> {
    let mut bench = bench();
    bench.meet("bob");
    bench
}

#[test]
fn a_miss_is_one_lookup_and_what_follows_is_a_hit() {
    let mut bench = bench();
    for n in 1..=10 {
        bench.receive("bob", Letter::new(n), &format!("text {n}"));
    }
    let lookup = bench.expect_lookup("bob");
    assert_eq!(bench.shown(), Vec::<String>::new());
    let records = bench.peer("bob").served(None);
    bench.reply(lookup, records);
    assert_eq!(bench.answers().len(), 10);
    assert_eq!(bench.shown().len(), 10);
    bench.receive("bob", Letter::new(11), "again");
    assert_eq!(bench.answers(), ["bob>alice#11 COMMITTED"]);
    assert_eq!(bench.shown(), ["bob#11 again"]);
}

#[test]
fn a_lookup_of_one_peer_leaves_the_others_alone() {
    let mut bench = met();
    bench.receive("carol", Letter::new(1), "hi");
    bench.expect_lookup("carol");
    bench.receive("bob", Letter::new(2), "still known");
    assert_eq!(bench.shown(), ["bob#2 still known"]);
    bench.receive("dave", Letter::new(1), "hi");
    bench.expect_lookup("dave");
}

#[test]
fn first_contact_brings_both_epochs_at_once() {
    let mut bench = bench();
    bench.peer("bob").rotate(false);
    bench.receive("bob", Letter::new(1).under(1, 1), "before");
    bench.receive("bob", Letter::new(2).under(2, 1), "after");
    assert_eq!(bench.lookups("bob").len(), 1);
    bench.serve();
    assert_eq!(bench.shown(), ["bob#1 before", "bob#2 after"]);
}

#[test]
fn a_known_record_proves_the_next_and_the_one_before_it() {
    for grace in [true, false] {
        let mut bench = met();
        bench.peer("bob").grace = grace;
        bench.peer("bob").rotate(false);
        bench.receive("bob", Letter::new(2).under(2, 1), "new");
        assert_eq!(bench.lookups("bob").len(), 1, "the epoch is ahead");
        bench.serve();
        assert_eq!(bench.shown(), ["bob#2 new"]);
        bench.receive("bob", Letter::new(3).under(1, 1), "old");
        assert_eq!(bench.lookups("bob").len(), usize::from(!grace), "the epoch is behind");
        bench.serve();
        assert_eq!(bench.shown(), if grace { vec!["bob#3 old"] } else { vec![] });
    }
}

#[test]
fn an_old_epoch_that_is_not_served_any_more_is_refused_and_complained_about() {
    let mut bench = met();
    bench.peer("bob").grace = false;
    bench.peer("bob").rotate(false);
    bench.receive("bob", Letter::new(2).under(2, 1), "new");
    bench.serve();
    bench.receive("bob", Letter::new(3).under(1, 1), "old");
    let lookup = bench.expect_lookup("bob");
    let records = bench.peer("bob").served(None);
    bench.reply(lookup, records);
    let complaint = bench.sent.iter().find_map(|it| match &it.body {
        Message::Submit(submit) => Some((**submit).clone()),
        _ => None,
    });
    assert_eq!(bench.answers(), ["bob>alice#3 STALE_EPOCH"]);
    let complaint = complaint.unwrap();
    assert_eq!(complaint.header.epoch_r.0, 2, "under current epochs");
    let Body::Nack(nack) = bench.peers["bob"].read(&bench.alice, &complaint) else { panic!() };
    assert_eq!((nack.mid.seq.0, nack.code), (3, NackCode::StaleEpoch));
}

#[test]
fn a_retired_record_is_fetched_again_after_eviction() {
    let mut bench = Bench::<Model>::new(|config| config.table_capacity = 1);
    bench.meet("bob");
    bench.peer("bob").rotate(false);
    bench.receive("bob", Letter::new(2).under(2, 1), "new");
    bench.serve();
    bench.meet("carol");
    assert!(!bench.store.table.contains_key(&user("bob")), "evicted");
    bench.receive("bob", Letter::new(3).under(1, 1), "old");
    assert_eq!(bench.lookups("bob").len(), 1);
    bench.serve();
    assert_eq!(bench.shown(), ["bob#3 old"]);
}

#[test]
fn the_wrong_receiver_and_the_device_itself_cause_nothing() {
    let mut bench = bench();
    let mut deliver = bench.letter("bob", Letter::new(1), &text("x"));
    deliver.header.receiver = user("carol");
    bench.deliver(deliver.clone());
    deliver.header.receiver = user("alice");
    deliver.header.sender = user("alice");
    bench.deliver(deliver);
    assert!(bench.sent.is_empty());
    let causes = [RejectCause::WrongReceiver, RejectCause::SelfMessage];
    for why in causes {
        assert!(bench.has_fact(|it| matches!(it, Fact::Reject { why: w, .. } if *w == why)));
    }
}

#[test]
fn a_forgery_is_inert_whatever_octet_it_changes() {
    let mut bench = met();
    let before = format!("{:?}", (&bench.store.inbox, &bench.store.contacts));
    let good = bench.letter("bob", Letter::new(2), &text("pay 10 EUR"));
    for at in 0..good.ciphertext.len() {
        let mut bad = good.clone();
        bad.ciphertext[at] ^= 1;
        bench.deliver(bad);
        assert_eq!(bench.answers(), ["bob>alice#2 AUTH_FAIL"]);
    }
    let mut short = good.clone();
    short.ciphertext.truncate(TAG_LEN - 1);
    bench.deliver(short);
    let mut other = good.clone();
    other.header.seq.0 = 3;
    bench.deliver(other);
    let mut other = good.clone();
    other.header.kind = BodyKind::Declined;
    bench.deliver(other);
    assert_eq!(
        bench.answers(),
        ["bob>alice#2 AUTH_FAIL", "bob>alice#3 AUTH_FAIL", "bob>alice#2 AUTH_FAIL"]
    );
    assert_eq!(format!("{:?}", (&bench.store.inbox, &bench.store.contacts)), before);
    assert_eq!(bench.lookups("bob").len(), 0, "no refetch");
    bench.deliver(good);
    assert_eq!(bench.shown(), ["bob#2 pay 10 EUR"]);
}

#[test]
fn reflection_is_refused() {
    let mut bench = met();
    bench.send(1, "bob", "pay 10 EUR");
    let (_, submit) = bench.expect_submit();
    let mut header = submit.header;
    std::mem::swap(&mut header.sender, &mut header.receiver);
    std::mem::swap(&mut header.kid_s, &mut header.kid_r);
    let (delivery, queued_at) = (DeliveryId(50), Millis::WORLD_START);
    let ciphertext = submit.ciphertext;
    let deliver = Deliver { delivery, header, ciphertext, queued_at };
    bench.deliver(deliver);
    assert_eq!(bench.answers(), ["bob>alice#2 AUTH_FAIL"]);
}

#[test]
fn a_replay_is_acknowledged_and_not_shown_and_too_old_is_refused() {
    let mut bench = met();
    let copy = bench.letter("bob", Letter::new(2), &text("once"));
    bench.deliver(copy.clone());
    bench.deliver(copy.clone());
    assert_eq!(bench.answers(), ["bob>alice#2 COMMITTED", "bob>alice#2 DUPLICATE"]);
    assert_eq!(bench.shown(), ["bob#2 once"]);
    bench.restart();
    bench.serve();
    bench.deliver(copy);
    assert_eq!(bench.answers(), ["bob>alice#2 DUPLICATE"], "the window is durable");
    // Under another epoch it is the same message.
    bench.peer("bob").rotate(false);
    bench.receive("bob", Letter::new(2).under(2, 1), "once");
    bench.serve();
    assert_eq!(bench.shown(), Vec::<String>::new());
    for (seq, answer) in [(1_100, "COMMITTED"), (76, "TOO_OLD"), (77, "COMMITTED"), (0, "TOO_OLD")]
    {
        bench.receive("bob", Letter::new(seq), "x");
        assert_eq!(bench.answers(), [format!("bob>alice#{seq} {answer}")]);
    }
}

#[test]
fn the_last_number_of_all_is_shown_and_nothing_breaks() {
    let mut bench = met();
    bench.receive("bob", Letter::new(u64::MAX), "last");
    bench.wait(MINUTE);
    assert_eq!(bench.shown(), [format!("bob#{0} last missing {1}", u64::MAX, u64::MAX - 2)]);
    bench.sent.clear();
    bench.receive("bob", Letter::new(u64::MAX), "last");
    assert_eq!(bench.answers(), [format!("bob>alice#{} DUPLICATE", u64::MAX)]);
}

#[test]
fn receiver_epochs_that_are_not_ours_are_refused_without_a_lookup() {
    let mut bench = met();
    let good = bench.letter("bob", Letter::new(2), &text("x"));
    let check = |bench: &mut Bench<Model>, epoch, kid: [u8; 8], answer: &str, complaints| {
        let mut deliver = good.clone();
        (deliver.header.epoch_r.0, deliver.header.kid_r) = (epoch, kid);
        bench.deliver(deliver);
        let submits = bench.sent.iter().filter(|it| matches!(it.body, Message::Submit(_))).count();
        assert_eq!(submits, complaints, "{answer}");
        assert_eq!(bench.answers(), [format!("bob>alice#2 {answer}")]);
    };
    let kid = good.header.kid_r;
    check(&mut bench, 2, kid, "UNKNOWN_EPOCH", 0);
    check(&mut bench, 1, [0; 8], "STALE_EPOCH", 1);
    check(&mut bench, 0, kid, "STALE_EPOCH", 0);
}

#[test]
fn complaints_are_not_complained_about_and_leave_room_for_drafts() {
    let mut bench = met();
    let mid = bench.letter("bob", Letter::new(9), &text("x")).header.mid();
    let nack = Body::Nack(EndToEndNack { mid, code: NackCode::StaleEpoch });
    let mut deliver = bench.letter("bob", Letter::new(2), &nack);
    deliver.header.kid_r = [0; 8];
    bench.deliver(deliver);
    assert!(bench.sent.iter().all(|it| !matches!(it.body, Message::Submit(_))));
    let good = bench.letter("carol", Letter::new(1), &text("x"));
    for seq in 1..1_000 {
        let mut deliver = good.clone();
        (deliver.header.kid_r, deliver.header.seq.0) = ([0; 8], seq);
        bench.deliver(deliver);
    }
    assert!(bench.store.drafts.len() <= bench.config.drafts_max / 2);
}

#[test]
fn a_full_device_is_busy() {
    let mut bench = Bench::<Model>::new(|config| config.pending_max = 2);
    let delivers: Vec<_> =
        (1..=3).map(|seq| bench.letter("bob", Letter::new(seq), &text("x"))).collect();
    delivers.iter().for_each(|it| bench.deliver(it.clone()));
    assert_eq!(bench.answers(), ["bob>alice#3 BUSY 30s"]);
    bench.deliver(Deliver { delivery: DeliveryId(77), ..delivers[1].clone() });
    assert_eq!(bench.answers(), Vec::<String>::new(), "known ones wait on");
    let mut forged = delivers[0].clone();
    forged.ciphertext[0] ^= 1;
    bench.deliver(forged);
    assert_eq!(bench.answers(), ["bob>alice#1 BUSY 30s"], "others take room");
}

#[test]
fn a_forgery_does_not_take_the_place_of_what_waits_for_a_key() {
    for forged_first in [true, false] {
        let mut bench = bench();
        let genuine = bench.letter("bob", Letter::new(1), &text("genuine"));
        let mut forged = Deliver { delivery: DeliveryId(77), ..genuine.clone() };
        forged.ciphertext[0] ^= 1;
        let both = if forged_first { [forged, genuine] } else { [genuine, forged] };
        both.into_iter().for_each(|it| bench.deliver(it));
        assert_eq!(bench.lookups("bob").len(), 1);
        bench.serve_lookups();
        let answers = bench.answers();
        assert!(answers.contains(&"bob>alice#1 COMMITTED".to_owned()), "{answers:?}");
        assert!(answers.contains(&"bob>alice#1 AUTH_FAIL".to_owned()), "{answers:?}");
        assert_eq!(bench.shown(), ["bob#1 genuine"]);
        assert!(bench.device.pending().is_none());
    }
}

#[test]
fn a_table_full_of_work_makes_new_peers_wait() {
    let mut bench = Bench::<Model>::new(|config| config.table_capacity = 1);
    bench.meet("bob");
    bench.peer("bob").rotate(false);
    bench.receive("bob", Letter::new(2).under(2, 1), "needs a lookup");
    let lookup = bench.expect_lookup("bob");
    bench.receive("carol", Letter::new(1), "hi");
    let room = |fact: &Fact| matches!(fact, Fact::Waiting { why: WaitCause::Room, .. });
    assert!(bench.has_fact(room));
    bench.wait(SECOND.times(3));
    assert_eq!(bench.lookups("carol").len(), 0);
    let records = bench.peer("bob").served(None);
    bench.reply(lookup, records);
    bench.wait(SECOND);
    bench.serve();
    assert_eq!(bench.shown(), ["bob#2 needs a lookup", "carol#1 hi"]);
    assert_eq!(bench.store.table.len(), 1);
}

#[test]
fn every_message_is_shown_with_the_smallest_table() {
    let mut bench = Bench::<Model>::new(|config| config.table_capacity = 1);
    let mut shown = Vec::new();
    for round in 1..=3 {
        for name in ["bob", "carol", "dave"] {
            bench.receive(name, Letter::new(round), "x");
        }
        bench.wait_served(SECOND.times(20));
        shown.extend(bench.shown());
        assert!(bench.store.table.len() <= 1);
    }
    assert_eq!(shown.len(), 9);
}

#[test]
fn messages_are_shown_in_order_and_gaps_are_held_for_a_while() {
    let mut bench = met();
    for seq in [4, 3, 2] {
        bench.receive("bob", Letter::new(seq), "x");
    }
    assert_eq!(bench.shown(), ["bob#2 x", "bob#3 x", "bob#4 x"]);
    bench.receive("bob", Letter::new(7), "held");
    bench.wait(SECOND.times(30));
    bench.receive("bob", Letter::new(9), "held too");
    bench.wait(SECOND.times(29));
    assert_eq!(bench.shown(), Vec::<String>::new());
    assert!(bench.device.pending().is_some());
    bench.wait(SECOND);
    assert_eq!(bench.shown(), ["bob#7 held missing 2"]);
    bench.receive("bob", Letter::new(5), "was missing");
    assert_eq!(bench.shown(), ["bob#5 was missing late"]);
    bench.wait(SECOND.times(30));
    assert_eq!(bench.shown(), ["bob#9 held too missing 1"]);
    bench.receive("bob", Letter::new(10), "next");
    assert_eq!(bench.shown(), ["bob#10 next"]);
}

#[test]
fn a_plaintext_that_is_no_body_is_taken_and_not_shown() {
    let mut bench = met();
    let alice = bench.alice.clone();
    let mut deliver = bench.letter("bob", Letter::new(2), &text("x"));
    deliver.header.kind = BodyKind::Declined;
    let mut bob = bench.peers["bob"].clone();
    let good = bob.write(&alice, Letter::new(2), &text("not a declined"));
    let mut header = good.header;
    header.kind = BodyKind::Declined;
    // The right key, over a header that names another kind of body.
    let deliver = bob.seal_as(&alice, header, b"not a declined");
    bench.deliver(deliver);
    assert_eq!(bench.answers(), ["bob>alice#2 COMMITTED"]);
    let bad = |fact: &Fact| matches!(fact, Fact::Reject { why: RejectCause::BadBody, .. });
    assert!(bench.has_fact(bad) && bench.store.inbox.is_empty());
}

#[test]
fn what_a_server_never_says_is_ignored() {
    let mut bench = bench();
    let register_ack = Message::RegisterAck { record_hash: Hash32::ZERO };
    let poll = Message::Poll { max: 1, cursor: DeliveryId(0) };
    let rotate_ack = Message::RotateAck { record_hash: Hash32::ZERO };
    for body in [register_ack, poll, rotate_ack] {
        bench.frame(crate::base::id::ReqId([1; 8]), body);
    }
    assert!(bench.sent.is_empty());
}
