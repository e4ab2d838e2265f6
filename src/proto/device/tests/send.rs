//! Drafts: encryption, submission, reports, bounces, ends. Not here: own rotations (`rotation`).

use crate::base::id::{DeliveryId, DraftId, Epoch, Mid, ReqId, Seq};
use crate::base::time::Duration;
use crate::crypto::model::Model;
use crate::crypto::shared::{Shared, is_computed_twice, is_held};
use crate::proto::config::TEXT_MAX;
use crate::proto::device::durable::Stage;
use crate::proto::device::tests::bench::{Bench, DAY, HOUR, MINUTE, SECOND, text};
use crate::proto::device::tests::peer::{Letter, user};
use crate::trace::fact::{DraftStatus, Fact};
use crate::wire::body::{Body, EndToEndNack};
use crate::wire::code::{ErrorCode, NackCode, Report};
use crate::wire::message::{Message, MessageKind, Submit};

fn met() -> Bench<Model> {
    let mut bench = Bench::new(|_| ());
    bench.meet("bob");
    bench
}

/// Alice has sent draft 1 to bob, and the server has taken it.
fn accepted() -> (Bench<Model>, Submit) {
    let mut bench = met();
    bench.send(1, "bob", "hi");
    let (req, submit) = bench.expect_submit();
    bench.frame(req, Message::SubmitAck { mid: submit.header.mid(), duplicate: false });
    (bench, submit)
}

fn submits(bench: &Bench<Model>) -> Vec<(ReqId, Submit)> {
    let submit = |it: &crate::wire::message::Envelope| {
        let Message::Submit(submit) = &it.body else { return None };
        Some((it.req, (**submit).clone()))
    };
    bench.sent.iter().filter_map(submit).collect()
}

#[test]
fn a_hit_is_sent_at_once_and_its_receiver_can_read_it() {
    let mut bench = met();
    bench.send(1, "bob", "pay 10 EUR to bob");
    assert_eq!(bench.lookups("bob").len(), 0);
    let (req, submit) = bench.expect_submit();
    assert_eq!(bench.peers["bob"].read(&bench.alice, &submit), text("pay 10 EUR to bob"));
    assert_eq!(submit.attempt, 1);
    assert_eq!(submit.expires, bench.now.wall + DAY.times(7));
    assert_eq!(bench.notices(), []);
    let other = Mid { seq: Seq(99), ..submit.header.mid() };
    bench.frame(req, Message::SubmitAck { mid: other, duplicate: false });
    assert_eq!(bench.notices(), [], "an ack of something else says nothing");
    bench.frame(req, Message::SubmitAck { mid: submit.header.mid(), duplicate: false });
    assert_eq!(bench.notices(), [(1, DraftStatus::Sent)]);
    assert!(bench.device.pending().is_some(), "its report is to come");
    bench.report(&submit, Report::Delivered);
    assert_eq!(bench.notices(), [(1, DraftStatus::Delivered)]);
    assert!(bench.store.drafts.is_empty() && bench.device.pending().is_none());
}

#[test]
fn a_secret_for_a_receiver_is_left_to_the_receiver_where_ends_share() {
    let mut bench = Bench::<Shared<Model>>::new(|_| ());
    for (draft, peer) in (1..).zip(["bob", "carol", "dave"]) {
        bench.send(draft, peer, "hi");
        let lookup = bench.expect_lookup(peer);
        let records = bench.peer(peer).served(None);
        bench.reply(lookup, records);
        let (own, theirs) = (bench.alice.kid(1), bench.peers[peer].kid(1));
        assert_eq!(is_held(&own, &theirs), !is_computed_twice(&own, &theirs), "{peer}");
    }
}

#[test]
fn drafts_for_an_unknown_receiver_cause_one_lookup_and_leave_in_order() {
    let mut bench = Bench::<Model>::new(|_| ());
    for n in 1..=5 {
        bench.send(10 - n, "bob", &format!("text {n}"));
    }
    let lookup = bench.expect_lookup("bob");
    let records = bench.peer("bob").served(None);
    bench.reply(lookup, records);
    let bob = bench.peers["bob"].clone();
    let sent = submits(&bench);
    let read = |it: &(ReqId, Submit)| (it.1.header.seq.0, bob.read(&bench.alice, &it.1));
    let sent: Vec<(u64, Body)> = sent.iter().map(read).collect();
    assert_eq!(sent, (1..=5).map(|n| (n, text(&format!("text {n}")))).collect::<Vec<_>>());
}

#[test]
fn receiving_makes_the_entry_that_serves_sending() {
    let mut bench = Bench::<Model>::new(|_| ());
    bench.receive("bob", Letter::new(1), "hi");
    bench.serve();
    bench.send(1, "bob", "hi");
    bench.expect_submit();
}

#[test]
fn nonces_never_repeat_and_the_salt_is_new_after_each_start() {
    let mut bench = met();
    let mut nonces = Vec::new();
    for n in 1..=6 {
        if n % 2 == 0 {
            bench.restart();
            bench.serve();
        }
        bench.send(n, "bob", "same text");
        nonces.push(bench.expect_submit().1.header.nonce);
    }
    let salts: Vec<[u8; 4]> = nonces.iter().map(|nonce| nonce[..4].try_into().unwrap()).collect();
    assert!(salts[0] != salts[1] && salts[1] == salts[2] && salts[2] != salts[3]);
    let counters: Vec<u8> = nonces.iter().map(|nonce| nonce[11]).collect();
    assert_eq!(counters, [2, 3, 4, 5, 6, 7]);
}

#[test]
fn what_cannot_be_sent_fails_at_once() {
    let long = "x".repeat(TEXT_MAX + 1);
    for (to, words) in [("alice", "to myself"), ("bob", long.as_str())] {
        let mut bench = met();
        bench.send(1, to, words);
        assert_eq!(bench.notices(), [(1, DraftStatus::Failed)], "{to}");
        assert!(bench.sent.is_empty() && bench.store.drafts.is_empty());
    }
    let mut bench = met();
    bench.send(1, "bob", &"x".repeat(TEXT_MAX));
    bench.expect_submit();
    bench.send(1, "bob", "the same number again");
    assert_eq!(bench.notices(), [(1, DraftStatus::Failed)]);
    let mut bench = Bench::<Model>::blank(|_| ());
    bench.send(1, "bob", "hi");
    assert_eq!(bench.notices(), [(1, DraftStatus::Failed)]);
}

#[test]
fn drafts_have_a_limit_that_accepted_ones_do_not_use_up() {
    let mut bench = Bench::<Model>::new(|config| config.drafts_max = 4);
    bench.meet("bob");
    for n in 1..=20 {
        bench.send(n, "bob", "hi");
        bench.serve();
    }
    assert!(bench.notices().iter().all(|(_, status)| *status == DraftStatus::Sent));
    for n in 21..=25 {
        bench.send(n, "bob", "hi");
    }
    assert_eq!(bench.notices(), [(25, DraftStatus::Failed)]);
}

/// What a refusal at Submit does: the notice, and how long until the next copy.
#[test]
fn refusals_at_submit() {
    let cases = [
        (ErrorCode::TooBig, 0, Some(DraftStatus::Failed)),
        (ErrorCode::UnknownUser, 0, Some(DraftStatus::Failed)),
        (ErrorCode::Expired, 0, Some(DraftStatus::Expired)),
        (ErrorCode::QueueFull, 30_000, Some(DraftStatus::Unsent)),
        (ErrorCode::BadPop, 0, None),
        (ErrorCode::InGrace, 0, None),
    ];
    for (code, arg, status) in cases {
        let mut bench = met();
        bench.send(1, "bob", "hi");
        let (req, first) = bench.expect_submit();
        bench.error(req, code, arg);
        let notices = bench.notices();
        assert_eq!(notices, Vec::from_iter(status.map(|it| (1, it))), "{code}");
        let gone = matches!(status, Some(DraftStatus::Failed | DraftStatus::Expired));
        assert_eq!(!bench.store.drafts.contains_key(&DraftId(1)), gone, "{code}");
        bench.wait(SECOND.times(29));
        assert_eq!(submits(&bench).is_empty(), status.is_some(), "{code}");
        bench.sent.clear();
        bench.wait(SECOND.times(20));
        let again = submits(&bench);
        assert_eq!(again.is_empty(), gone, "{code}");
        assert!(again.iter().all(|(_, submit)| *submit == first), "{code}: identical octets");
    }
}

#[test]
fn a_taken_number_makes_the_device_jump_ahead() {
    let mut bench = met();
    bench.send(1, "bob", "first");
    bench.send(2, "bob", "second");
    let sent = submits(&bench);
    bench.sent.clear();
    bench.error(sent[0].0, ErrorCode::SeqConflict, 41);
    let (req, submit) = bench.expect_submit();
    assert_eq!((submit.header.seq.0, submit.attempt), (41, 1));
    assert_ne!(submit.header.nonce, sent[0].1.header.nonce);
    assert_ne!(req, sent[0].0);
    bench.send(3, "bob", "third");
    assert_eq!(bench.expect_submit().1.header.seq.0, 42);
    bench.error(sent[1].0, ErrorCode::SeqConflict, 5);
    assert_eq!(bench.expect_submit().1.header.seq.0, 43, "never back");
    // An ack of the first octets is about nothing any more.
    bench.facts.clear();
    let mid = sent[0].1.header.mid();
    bench.frame(sent[0].0, Message::SubmitAck { mid, duplicate: false });
    assert_eq!(bench.notices(), []);
}

#[test]
fn a_refusal_of_altered_octets_is_no_refusal() {
    let mut bench = met();
    bench.send(1, "bob", "hi");
    let (req, submit) = bench.expect_submit();
    let mut altered = submit.clone();
    altered.ciphertext[0] ^= 1;
    let altered = Message::Submit(Box::new(altered));
    for code in ErrorCode::ALL {
        bench.error_about(req, &altered, *code, 41);
        assert_eq!((bench.notices(), submits(&bench)), (vec![], vec![]), "{code}");
    }
    bench.wait(MINUTE);
    let again = submits(&bench);
    assert!(!again.is_empty() && again.iter().all(|it| *it == (req, submit.clone())));
    bench.sent.clear();
    bench.error(req, ErrorCode::SeqConflict, 41);
    assert_eq!(bench.expect_submit_among().1.header.seq.0, 41, "about the octets that were sent");
}

#[test]
fn a_taken_number_does_not_need_the_row() {
    let mut bench = Bench::<Model>::new(|config| config.table_capacity = 1);
    bench.meet("bob");
    bench.send(1, "bob", "hi");
    let (req, _) = bench.expect_submit();
    bench.meet("carol");
    bench.error(req, ErrorCode::SeqConflict, 41);
    bench.serve();
    assert!(bench.notices().contains(&(1, DraftStatus::Sent)));
}

#[test]
fn no_number_is_left_after_the_last() {
    let mut bench = met();
    bench.send(1, "bob", "hi");
    let (req, _) = bench.expect_submit();
    bench.error(req, ErrorCode::SeqConflict, u64::MAX);
    let (req, submit) = bench.expect_submit();
    assert_eq!(submit.header.seq.0, u64::MAX);
    bench.error(req, ErrorCode::SeqConflict, u64::MAX);
    bench.send(2, "bob", "hi");
    let notices = bench.notices();
    assert!(notices.contains(&(1, DraftStatus::Failed)), "{notices:?}");
    assert!(notices.contains(&(2, DraftStatus::Failed)), "{notices:?}");
}

// Bounces.

#[test]
fn a_bounce_looks_up_and_encrypts_again_with_the_same_number() {
    let (mut bench, first) = accepted();
    bench.peer("bob").rotate(false);
    bench.report(&first, Report::Bounced(NackCode::StaleEpoch));
    assert_eq!(bench.lookups("bob").len(), 1);
    bench.sent.retain(|it| it.body.kind() == MessageKind::LookupKey);
    let lookup = bench.expect_lookup("bob");
    let records = bench.peer("bob").served(None);
    bench.reply(lookup, records);
    let (req, second) = bench.expect_submit();
    let (a, b) = (&first.header, &second.header);
    assert_eq!((a.seq, b.epoch_r, second.attempt), (b.seq, Epoch(2), 2));
    assert_ne!(a.nonce, b.nonce);
    assert_eq!(bench.peers["bob"].read(&bench.alice, &second), text("hi"));
    // A late report about the first attempt is acknowledged and changes nothing.
    bench.report(&first, Report::Bounced(NackCode::StaleEpoch));
    bench.report(&first, Report::Delivered);
    assert_eq!(bench.answers().len(), 2);
    assert!(bench.store.drafts.contains_key(&DraftId(1)));
    bench.frame(req, Message::SubmitAck { mid: b.mid(), duplicate: false });
    bench.report(&second, Report::Delivered);
    assert!(!bench.store.drafts.contains_key(&DraftId(1)));
}

#[test]
fn a_bounce_without_other_keys_is_the_end() {
    for code in [NackCode::StaleEpoch, NackCode::UnknownEpoch, NackCode::AuthFail] {
        let (mut bench, first) = accepted();
        bench.report(&first, Report::Bounced(code));
        assert_eq!(bench.lookups("bob").len(), 1);
        bench.facts.clear();
        bench.serve();
        assert_eq!(bench.notices(), [(1, DraftStatus::Failed)], "{code}");
    }
    let (mut bench, first) = accepted();
    bench.facts.clear();
    bench.report(&first, Report::Bounced(NackCode::TooOld));
    assert_eq!(bench.notices(), [(1, DraftStatus::Failed)]);
    assert_eq!(bench.lookups("bob").len(), 0, "no automatic resend");
    let (mut bench, first) = accepted();
    bench.facts.clear();
    bench.report(&first, Report::Expired);
    assert_eq!(bench.notices(), [(1, DraftStatus::Expired)]);
}

#[test]
fn a_refused_epoch_keeps_the_attempt_and_takes_a_new_request() {
    let mut bench = met();
    bench.send(1, "bob", "hi");
    let (req, first) = bench.expect_submit();
    bench.peer("bob").rotate(false);
    bench.error(req, ErrorCode::StaleEpoch, 0);
    let lookup = bench.expect_lookup("bob");
    let records = bench.peer("bob").served(None);
    bench.reply(lookup, records);
    let (again, second) = bench.expect_submit();
    assert_eq!((second.attempt, second.header.seq), (1, first.header.seq));
    assert_eq!(second.header.epoch_r, Epoch(2));
    assert_ne!(again, req);
    bench.facts.clear();
    bench.frame(req, Message::SubmitAck { mid: first.header.mid(), duplicate: false });
    assert_eq!(bench.notices(), [], "answers to the older request are ignored");
}

#[test]
fn only_a_lookup_sent_after_the_bounce_decides_about_it() {
    let (mut bench, first) = accepted();
    bench.wait_served(DAY.saturating_sub(SECOND));
    let stale = bench.peer("bob").served(None);
    bench.wait(SECOND);
    let refresh = bench.expect_lookup("bob");
    bench.wait(SECOND);
    bench.peer("bob").rotate(false);
    bench.report(&first, Report::Bounced(NackCode::StaleEpoch));
    bench.facts.clear();
    bench.reply(refresh, stale);
    assert_eq!(bench.notices(), []);
    assert_eq!(bench.lookups("bob").len(), 1);
    bench.serve();
    assert_eq!(bench.notices(), [(1, DraftStatus::Sent)]);
}

#[test]
fn a_bounce_is_remembered_over_a_restart_and_a_lost_lookup() {
    let (mut bench, first) = accepted();
    bench.peer("bob").rotate(false);
    bench.report(&first, Report::Bounced(NackCode::StaleEpoch));
    bench.restart();
    bench.serve();
    let stage = |bench: &Bench<Model>| match &bench.store.drafts[&DraftId(1)].stage {
        Stage::Accepted(sealed) => Some(sealed.attempt),
        Stage::Waiting | Stage::Submitted(_) | Stage::Bounced(..) => None,
    };
    assert_eq!(stage(&bench), Some(2));
    let (mut bench, first) = accepted();
    bench.peer("bob").rotate(false);
    bench.report(&first, Report::Bounced(NackCode::StaleEpoch));
    bench.wait(MINUTE);
    bench.sent.clear();
    bench.wait_served(MINUTE.times(2));
    assert_eq!(stage(&bench), Some(2));
}

#[test]
fn a_receiver_who_is_gone_ends_what_bounced() {
    let (mut bench, first) = accepted();
    bench.report(&first, Report::Bounced(NackCode::StaleEpoch));
    bench.sent.retain(|it| it.body.kind() == MessageKind::LookupKey);
    let lookup = bench.expect_lookup("bob");
    bench.facts.clear();
    bench.error(lookup, ErrorCode::UnknownUser, 0);
    assert_eq!(bench.notices(), [(1, DraftStatus::Failed)]);
}

#[test]
fn an_end_to_end_nack_only_starts_the_lookup_earlier() {
    let (mut bench, first) = accepted();
    let mut nack = EndToEndNack { mid: first.header.mid(), code: NackCode::StaleEpoch };
    nack.mid.seq = Seq(77);
    let other = bench.letter("bob", Letter::new(2), &Body::Nack(nack.clone()));
    bench.deliver(other);
    assert_eq!(bench.lookups("bob").len(), 0, "about nothing that is under way");
    nack.mid = first.header.mid();
    let complaint = bench.letter("bob", Letter::new(3), &Body::Nack(nack.clone()));
    bench.deliver(complaint);
    assert_eq!(bench.lookups("bob").len(), 1);
    bench.peer("bob").rotate(false);
    bench.serve();
    assert!(submits(&bench).is_empty());
    let stage = &bench.store.drafts[&DraftId(1)].stage;
    assert!(matches!(stage, Stage::Accepted(_)), "{stage:?}");
    // Carol's word about bob's message is nothing.
    bench.meet("carol");
    let foreign = bench.letter("carol", Letter::new(2), &Body::Nack(nack));
    bench.deliver(foreign);
    assert_eq!(bench.lookups("bob").len() + bench.lookups("carol").len(), 0);
}

#[test]
fn a_report_about_somebody_else_is_not_acknowledged() {
    let (mut bench, first) = accepted();
    bench.sent.clear();
    let mid = Mid { sender: user("bob"), ..first.header.mid() };
    let report = Report::Delivered;
    let body = Message::StatusReport { delivery: DeliveryId(1), mid, attempt: 1, report };
    bench.frame(ReqId([1; 8]), body);
    assert!(bench.sent.is_empty());
}

#[test]
fn a_report_that_overtakes_the_ack_is_believed() {
    let mut bench = met();
    bench.send(1, "bob", "hi");
    let (req, submit) = bench.expect_submit();
    bench.report(&submit, Report::Delivered);
    assert_eq!(bench.notices(), [(1, DraftStatus::Delivered)]);
    bench.frame(req, Message::SubmitAck { mid: submit.header.mid(), duplicate: false });
    assert_eq!(bench.notices(), []);
    bench.sent.clear();
    bench.wait(MINUTE);
    assert!(submits(&bench).is_empty());
}

// Time.

#[test]
fn a_message_dies_at_its_sender_when_it_never_left() {
    let mut bench = met();
    bench.send(1, "bob", "hi");
    bench.wait(DAY.times(7).saturating_sub(SECOND));
    assert!(bench.store.drafts.contains_key(&DraftId(1)));
    bench.wait(SECOND);
    assert_eq!(bench.notices().last(), Some(&(1, DraftStatus::Expired)));
    bench.sent.clear();
    bench.wait(HOUR);
    assert!(submits(&bench).is_empty());
}

#[test]
fn an_accepted_draft_without_a_report_is_forgotten_in_silence() {
    for restart in [false, true] {
        let (mut bench, _) = accepted();
        bench.wait_served(DAY.times(13));
        if restart {
            bench.restart();
            bench.serve();
        }
        assert!(bench.store.drafts.contains_key(&DraftId(1)));
        bench.facts.clear();
        bench.wait_served(DAY.times(2));
        assert!(!bench.store.drafts.contains_key(&DraftId(1)), "{restart}");
        assert_eq!(bench.notices(), []);
    }
}

#[test]
fn a_clock_that_goes_back_prolongs_lives_and_ends_them_all_the_same() {
    let mut bench = met();
    bench.send(1, "bob", "hi");
    bench.jump_clock(false, DAY);
    bench.wait(DAY.times(7) + HOUR);
    assert!(bench.store.drafts.contains_key(&DraftId(1)));
    bench.wait(DAY);
    assert!(!bench.store.drafts.contains_key(&DraftId(1)));
}

#[test]
fn a_full_mailbox_is_tried_for_as_long_as_the_message_lives() {
    let mut bench = met();
    bench.send(1, "bob", "hi");
    let (mut req, first) = bench.expect_submit();
    for _ in 0..10 {
        bench.error(req, ErrorCode::QueueFull, 60_000);
        bench.wait(MINUTE);
        let (next, submit) = bench.expect_submit_among();
        assert!(submit == first && next != req);
        req = next;
    }
    bench.error(req, ErrorCode::QueueFull, u64::MAX);
    bench.wait(DAY.times(8));
    assert!(!bench.store.drafts.contains_key(&DraftId(1)));
    assert!(bench.device.poll_timeout().is_some());
    let _ = Duration::ZERO;
}

#[test]
fn facts_of_an_encryption_name_what_left() {
    let mut bench = met();
    bench.send(1, "bob", "hi");
    let (_, submit) = bench.expect_submit();
    let sealing = bench.facts.iter().find_map(|fact| {
        let Fact::Encrypt(sealing) = fact else { return None };
        Some(sealing.clone())
    });
    let sealing = sealing.unwrap();
    assert_eq!(sealing.mid, submit.header.mid());
    assert_eq!((sealing.nonce, sealing.draft), (submit.header.nonce, DraftId(1)));
}
