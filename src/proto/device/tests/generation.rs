//! New identities and records that nobody authorized: the user decides. Not here: proper rotations.

use crate::base::id::{DraftId, Epoch, Hash32};
use crate::crypto::model::Model;
use crate::crypto::sign::record_hash;
use crate::proto::device::tests::bench::{Bench, DAY, text};
use crate::proto::device::tests::peer::{Letter, Peer, user};
use crate::trace::fact::{AlarmKind, DraftStatus, Fact, ReplyResult};
use crate::wire::code::{NackCode, Report};
use crate::wire::message::{Message, MessageKind};

fn met() -> Bench<Model> {
    let mut bench = Bench::new(|_| ());
    bench.meet("bob");
    bench
}

fn asked(bench: &Bench<Model>) -> Vec<Hash32> {
    let asked = bench.facts.iter().filter_map(|fact| {
        let Fact::ConfirmAsked { generation, .. } = fact else { return None };
        Some(*generation)
    });
    asked.collect()
}

fn generation(peer: &Peer<Model>) -> Hash32 {
    record_hash::<Model>(&peer.chain[0].encode())
}

/// Bob was reset and has written as a new person; alice was asked.
fn reset() -> Bench<Model> {
    let mut bench = met();
    bench.peer("bob").reset();
    bench.receive("bob", Letter::new(1), "new me");
    bench.serve_lookups();
    bench
}

#[test]
fn mail_of_a_new_identity_waits_for_the_user() {
    let mut bench = reset();
    assert_eq!(bench.answers(), ["bob>alice#1 BUSY 1h"]);
    assert_eq!(asked(&bench), [generation(&bench.peers["bob"])]);
    let alarm = Fact::Alarm { peer: Some(user("bob")), what: AlarmKind::NewIdentity };
    assert_eq!(bench.count(|fact| *fact == alarm), 1);
    assert_eq!(bench.device.pending(), None, "it waits for the user");
    // Offered again: the same answer without a lookup or a question.
    bench.receive("bob", Letter::new(1), "new me");
    bench.receive("bob", Letter::new(2), "more");
    assert_eq!(bench.lookups("bob").len(), 0);
    assert_eq!(bench.answers().len(), 2);
    assert_eq!(asked(&bench).len(), 1);
    bench.confirm("bob", true);
    let attaches = |bench: &Bench<Model>| bench.transmitted(MessageKind::Attach);
    let polls = |bench: &Bench<Model>| bench.transmitted(MessageKind::Poll);
    let before = (attaches(&bench), polls(&bench));
    bench.serve();
    let after = (attaches(&bench), polls(&bench));
    assert_eq!(after, (before.0 + 1, before.1 + 1), "what the server kept is asked for");
    bench.receive("bob", Letter::new(1), "new me");
    bench.serve();
    assert_eq!(bench.shown(), ["bob#1 new me"], "numbers count from 1 again");
}

#[test]
fn drafts_wait_for_the_user_too() {
    let mut bench = met();
    bench.send(1, "bob", "to the old one");
    let (req, first) = bench.expect_submit();
    bench.frame(req, Message::SubmitAck { mid: first.header.mid(), duplicate: false });
    bench.peer("bob").reset();
    bench.report(&first, Report::Bounced(NackCode::StaleEpoch));
    bench.facts.clear();
    bench.serve_lookups();
    bench.send(2, "bob", "composed meanwhile");
    let asked = [1, 2].map(|draft| (draft, DraftStatus::NeedsConfirm));
    assert_eq!(bench.notices(), asked);
    assert!(bench.sent.iter().all(|it| it.body.kind() != MessageKind::Submit));
    assert_eq!(bench.device.pending(), None);
    bench.wait_served(DAY.times(3));
    assert_eq!(bench.notices(), [], "the user is asked once");
    assert!(bench.store.drafts.contains_key(&DraftId(1)));
    bench.peer("bob").reset();
    bench.wait_served(DAY.times(2));
    let mut again = bench.notices();
    again.sort_unstable_by_key(|(draft, _)| *draft);
    assert_eq!(again, asked, "and again about another identity");
    bench.confirm("bob", true);
    bench.serve();
    let notices = bench.notices();
    for draft in [1, 2] {
        assert!(notices.contains(&(draft, DraftStatus::Sent)), "{notices:?}");
    }
}

#[test]
fn numbers_to_a_new_identity_go_on() {
    let mut bench = reset();
    bench.confirm("bob", true);
    bench.serve();
    bench.send(2, "bob", "hello, new you");
    bench.serve_lookups();
    let (_, submit) = bench.expect_submit_among();
    assert_eq!(submit.header.seq.0, 2, "the receiver's account remembers the numbers");
    assert_eq!(bench.peers["bob"].read(&bench.alice, &submit), text("hello, new you"));
}

#[test]
fn the_confirmed_record_is_pinned_and_no_other_is_taken() {
    let mut bench = reset();
    bench.sent.clear();
    bench.send(1, "bob", "x");
    bench.confirm("bob", true);
    let lookup = bench.expect_lookup("bob");
    let mut other = bench.peers["bob"].clone();
    other.reset();
    bench.facts.clear();
    bench.reply(lookup, other.chain.clone());
    assert_eq!(asked(&bench), [generation(&other)], "another one is asked about");
    assert!(bench.sent.iter().all(|it| it.body.kind() != MessageKind::Submit));
    // The old identity does not come back either.
    let old = Peer::<Model>::new("bob");
    bench.sent.clear();
    bench.confirm("bob", false);
    let lookup = bench.expect_lookup("bob");
    bench.facts.clear();
    bench.reply(lookup, old.chain);
    assert_eq!(asked(&bench).len(), 1);
}

#[test]
fn a_confirmed_identity_that_has_rotated_meanwhile_is_taken() {
    let mut bench = reset();
    bench.peer("bob").rotate(false);
    bench.confirm("bob", true);
    bench.send(1, "bob", "x");
    bench.serve();
    assert_eq!(bench.store.contacts[&user("bob")].pin.unwrap().epoch, Epoch(2));
    assert!(bench.notices().contains(&(1, DraftStatus::Sent)));
}

#[test]
fn the_window_is_reset_only_by_the_word_of_the_user() {
    let mut bench = met();
    for seq in 2..=5 {
        bench.receive("bob", Letter::new(seq), "old");
    }
    let before = bench.store.contacts[&user("bob")].clone();
    bench.peer("bob").reset();
    bench.receive("bob", Letter::new(3), "new");
    bench.serve();
    assert_eq!(bench.store.contacts[&user("bob")].window, before.window);
    bench.confirm("bob", false);
    assert_eq!(bench.store.contacts[&user("bob")].window, before.window);
    assert_eq!(bench.store.contacts[&user("bob")].pin, before.pin);
}

#[test]
fn what_the_old_identity_sent_is_shown_before_the_new_one_begins() {
    let mut bench = met();
    bench.receive("bob", Letter::new(5), "held back");
    bench.peer("bob").reset();
    bench.receive("bob", Letter::new(5), "new");
    bench.serve();
    bench.confirm("bob", true);
    bench.serve();
    assert_eq!(bench.shown(), ["bob#5 held back missing 3"]);
    assert_eq!(bench.next_seq("bob").0, 1);
}

#[test]
fn a_refused_identity_ends_what_needs_it_and_is_not_asked_about_again() {
    let mut bench = met();
    bench.send(1, "bob", "to the old one");
    let (req, first) = bench.expect_submit();
    bench.frame(req, Message::SubmitAck { mid: first.header.mid(), duplicate: false });
    bench.peer("bob").reset();
    bench.report(&first, Report::Bounced(NackCode::StaleEpoch));
    bench.serve_lookups();
    bench.sent.clear();
    bench.confirm("bob", false);
    assert!(bench.notices().contains(&(1, DraftStatus::Failed)));
    // New drafts go out under the old keys, since somebody may have forged the new ones.
    bench.send(2, "bob", "still to the old one");
    let (req, second) = bench.expect_submit();
    assert_eq!(second.header.kid_r, first.header.kid_r);
    bench.error(req, crate::wire::code::ErrorCode::StaleEpoch, 0);
    bench.facts.clear();
    bench.serve_lookups();
    assert_eq!(asked(&bench).len(), 0);
    assert_eq!(bench.notices(), [(2, DraftStatus::Failed)]);
    // The user may still change the mind.
    bench.confirm("bob", true);
    bench.send(3, "bob", "to the new one");
    bench.serve();
    assert!(bench.notices().contains(&(3, DraftStatus::Sent)));
}

#[test]
fn a_key_that_nobody_authorized_needs_the_user_too() {
    let mut bench = met();
    let mut bob = bench.peers["bob"].clone();
    let keys = bob.draw_keys();
    let mut record = bob.next_record(&keys, false);
    record.sig_prev = Some([1; 64]);
    bob.chain.push(record);
    bob.keys.push(keys);
    bob.grace = false;
    bench.peers.insert("bob", bob);
    bench.receive("bob", Letter::new(2).under(2, 1), "under the swapped key");
    bench.facts.clear();
    bench.serve_lookups();
    assert_eq!(bench.answers(), ["bob>alice#2 BUSY 1h"]);
    assert_eq!(asked(&bench).len(), 1);
    let broken = |it: &Fact| matches!(it, Fact::KeyReply { result: ReplyResult::BrokenChain, .. });
    assert!(bench.has_fact(broken));
}

#[test]
fn an_accepted_chain_takes_the_question_back() {
    let mut bench = reset();
    assert!(bench.store.contacts[&user("bob")].candidate.is_some());
    bench.sent.clear();
    bench.peers.insert("bob", Peer::new("bob"));
    bench.wait_served(DAY);
    assert!(bench.store.contacts[&user("bob")].candidate.is_none());
    bench.facts.clear();
    bench.confirm("bob", true);
    assert!(bench.facts.is_empty() && bench.sent.is_empty(), "there is nothing to confirm");
    bench.receive("bob", Letter::new(2), "still me");
    assert_eq!(bench.shown(), ["bob#2 still me"]);
}

#[test]
fn questions_survive_a_restart() {
    let mut bench = reset();
    bench.restart();
    bench.serve();
    bench.receive("bob", Letter::new(1), "new me");
    assert_eq!(bench.answers(), ["bob>alice#1 BUSY 1h"]);
    bench.confirm("bob", true);
    bench.receive("bob", Letter::new(1), "new me");
    bench.serve();
    assert_eq!(bench.shown(), ["bob#1 new me"]);
}
