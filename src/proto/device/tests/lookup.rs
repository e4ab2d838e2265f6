//! Lookups: which replies count and are believed, how often is asked. Not here: `generation`.

use crate::base::id::{DraftId, Epoch, Hash32, ReqId};
use crate::base::time::Duration;
use crate::crypto::model::Model;
use crate::proto::config::CHAIN_MAX;
use crate::proto::device::durable::Stage;
use crate::proto::device::tests::bench::{Bench, DAY, HOUR, MINUTE, SECOND, text};
use crate::proto::device::tests::peer::{Letter, Peer, user};
use crate::trace::fact::{DraftStatus, Fact, ReplyResult};
use crate::wire::code::ErrorCode;
use crate::wire::message::{Message, MessageKind};
use crate::wire::record::KeyRecord;

fn bench() -> Bench<Model> {
    Bench::new(|_| ())
}

fn met() -> Bench<Model> {
    let mut bench = bench();
    bench.meet("bob");
    bench
}

fn results(bench: &mut Bench<Model>) -> Vec<ReplyResult> {
    let facts = std::mem::take(&mut bench.facts);
    let result = |fact| {
        let Fact::KeyReply { result, .. } = fact else { return None };
        Some(result)
    };
    facts.into_iter().filter_map(result).collect()
}

#[test]
fn only_a_lookup_sent_after_the_message_came_decides_about_it() {
    // The order counts, and both may be at one instant.
    for pause in [Duration::ZERO, SECOND] {
        let mut bench = met();
        bench.wait_served(DAY.saturating_sub(SECOND));
        let stale = bench.peer("bob").served(None);
        bench.wait(SECOND);
        let refresh = bench.expect_lookup("bob");
        bench.wait(pause);
        bench.peer("bob").rotate(false);
        bench.receive("bob", Letter::new(2).under(2, 1), "ahead");
        assert_eq!(bench.lookups("bob").len(), 0, "it joins the lookup under way");
        bench.reply(refresh, stale);
        let again = bench.lookups("bob");
        assert_eq!(bench.answers(), Vec::<String>::new(), "an earlier lookup decides nothing");
        assert_eq!(again.len(), 1, "exactly one new one");
        let records = bench.peer("bob").served(None);
        bench.reply(again[0], records);
        assert_eq!(bench.shown(), ["bob#2 ahead"]);
    }
}

#[test]
fn a_reply_to_an_earlier_lookup_serves_if_it_has_the_epoch() {
    let mut bench = met();
    bench.wait_served(DAY.saturating_sub(SECOND));
    bench.wait(SECOND);
    let refresh = bench.expect_lookup("bob");
    bench.wait(SECOND);
    bench.peer("bob").rotate(false);
    bench.receive("bob", Letter::new(2).under(2, 1), "ahead");
    let records = bench.peer("bob").served(None);
    bench.reply(refresh, records);
    assert_eq!(bench.shown(), ["bob#2 ahead"]);
    assert_eq!(bench.lookups("bob").len(), 0);
}

#[test]
fn a_counting_reply_without_the_epoch_refuses_the_message_and_is_remembered() {
    let mut bench = met();
    let mut deliver = bench.letter("bob", Letter::new(2), &text("absurd"));
    deliver.header.epoch_s = Epoch(u64::MAX);
    bench.deliver(deliver.clone());
    let lookup = bench.expect_lookup("bob");
    bench.deliver(deliver.clone());
    assert!(bench.sent.is_empty(), "the copy joins");
    let records = bench.peer("bob").served(None);
    bench.reply(lookup, records);
    assert_eq!(bench.answers(), ["bob>alice#2 UNKNOWN_EPOCH"]);
    for _ in 0..5 {
        bench.wait(SECOND.times(10));
        bench.sent.clear();
        bench.deliver(deliver.clone());
        assert_eq!(bench.lookups("bob").len(), 0, "negative cache");
        assert_eq!(bench.answers(), ["bob>alice#2 UNKNOWN_EPOCH"]);
    }
    bench.wait(SECOND.times(11));
    bench.sent.clear();
    bench.deliver(deliver);
    assert_eq!(bench.lookups("bob").len(), 1, "after T_neg it is asked again");
}

#[test]
fn absurd_epochs_of_one_sender_do_not_use_the_bucket_up() {
    let mut bench = met();
    let good = bench.letter("bob", Letter::new(2), &text("x"));
    let mut lookups = 0;
    for n in 0..60 {
        let mut deliver = good.clone();
        deliver.header.epoch_s = Epoch(1_000 + n);
        deliver.header.seq.0 = 100 + n;
        bench.deliver(deliver);
        lookups += bench.lookups("bob").len();
        bench.serve();
        bench.wait_served(SECOND);
    }
    assert!(lookups <= 13, "{lookups}");
    bench.receive("carol", Letter::new(1), "hi");
    assert_eq!(bench.lookups("carol").len(), 1);
}

#[test]
fn unknown_senders_are_bounded_in_total() {
    let mut bench = bench();
    let good = bench.letter("bob", Letter::new(1), &text("x"));
    let mut lookups = 0;
    for n in 0..120 {
        let mut deliver = good.clone();
        deliver.header.sender = user(&format!("nobody{n}"));
        bench.deliver(deliver);
        lookups += bench.sent.iter().filter(|it| it.body.kind() == MessageKind::LookupKey).count();
        bench.serve();
        bench.wait(SECOND);
        lookups += bench.sent.iter().filter(|it| it.body.kind() == MessageKind::LookupKey).count();
        bench.serve();
    }
    assert!((65..=71).contains(&lookups), "{lookups}");
}

#[test]
fn kids_that_differ_are_one_lookup_and_then_a_failed_authentication() {
    let mut bench = met();
    let mut deliver = bench.letter("bob", Letter::new(2), &text("x"));
    deliver.header.kid_s = [0; 8];
    bench.deliver(deliver.clone());
    let lookup = bench.expect_lookup("bob");
    let records = bench.peer("bob").served(None);
    bench.reply(lookup, records);
    assert_eq!(bench.answers(), ["bob>alice#2 AUTH_FAIL"]);
    bench.deliver(deliver);
    assert_eq!(bench.lookups("bob").len(), 0, "one refetch for a message");
    assert_eq!(bench.answers(), ["bob>alice#2 AUTH_FAIL"]);
}

type Spoil = fn(&mut Bench<Model>) -> Vec<KeyRecord>;

/// What replies can be that prove nothing, when bob's second record is pinned.
const BAD_REPLIES: &[(&str, ReplyResult, Spoil)] = &[
    ("another user", ReplyResult::WrongUser, |bench| bench.peer("carol").chain.clone()),
    ("two users", ReplyResult::WrongUser, |bench| {
        let carol = bench.peer("carol").chain[0].clone();
        let mut records = bench.peer("bob").chain.clone();
        records.push(carol);
        records
    }),
    ("nothing", ReplyResult::WrongUser, |_| Vec::new()),
    ("an invalid point", ReplyResult::InvalidKey, |bench| {
        let mut records = bench.peer("bob").chain.clone();
        records[1].agree_pk[40] ^= 1;
        records
    }),
    ("an invalid signature key", ReplyResult::InvalidKey, |bench| {
        let mut records = bench.peer("bob").chain.clone();
        records[1].sig_pk = [4; 65];
        records
    }),
    ("a bad signature", ReplyResult::BadSignature, |bench| {
        let mut records = bench.peer("bob").chain.clone();
        records[1].not_after.0 += 1;
        records
    }),
    ("an older record", ReplyResult::Rollback, |bench| bench.peer("bob").chain[..1].to_vec()),
    ("a hole", ReplyResult::BrokenChain, |bench| {
        bench.peer("bob").rotate(false);
        let chain = &bench.peer("bob").chain;
        vec![chain[0].clone(), chain[2].clone()]
    }),
    ("the same twice", ReplyResult::BrokenChain, |bench| {
        let newest = bench.peer("bob").chain[1].clone();
        vec![newest.clone(), newest]
    }),
    ("epoch zero", ReplyResult::BrokenChain, |bench| {
        let bob = bench.peers["bob"].clone();
        let mut record = bob.chain[1].clone();
        record.epoch = Epoch(0);
        vec![bob.sign(record, &bob.keys[1])]
    }),
    ("a first record with a past", ReplyResult::BrokenChain, |bench| {
        let bob = bench.peers["bob"].clone();
        let mut record = bob.chain[0].clone();
        record.prev_hash = Hash32([1; 32]);
        vec![bob.sign(record, &bob.keys[0])]
    }),
    ("the last epoch of all, twice", ReplyResult::BrokenChain, |bench| {
        let bob = bench.peers["bob"].clone();
        let mut record = bob.chain[1].clone();
        record.epoch = Epoch(u64::MAX);
        let record = bob.sign(record, &bob.keys[1]);
        vec![record.clone(), record]
    }),
];

#[test]
fn replies_that_prove_nothing_change_nothing() {
    for (name, result, spoil) in BAD_REPLIES {
        let mut bench = met();
        bench.peer("bob").rotate(false);
        bench.receive("bob", Letter::new(2).under(2, 1), "x");
        bench.serve();
        let before = format!("{:?}", (&bench.store.contacts, &bench.store.table));
        bench.wait_served(DAY.saturating_sub(HOUR));
        bench.wait(HOUR);
        let lookup = bench.lookups("bob")[0];
        let good = bench.peer("bob").served(None);
        let bad = spoil(&mut bench);
        bench.facts.clear();
        bench.reply(lookup, bad.clone());
        assert_eq!(results(&mut bench), [*result], "{name}");
        assert_eq!(format!("{:?}", (&bench.store.contacts, &bench.store.table)), before, "{name}");
        assert!(bench.store.contacts[&user("bob")].candidate.is_none(), "{name}");
        // The lookup goes on under its number, and a reply under another number is no reply.
        bench.reply(ReqId([0; 8]), good.clone());
        bench.reply(lookup, good.clone());
        bench.reply(lookup, good);
        let expected = [ReplyResult::Unsolicited, ReplyResult::Accepted, ReplyResult::Unsolicited];
        assert_eq!(results(&mut bench), expected, "{name}");
    }
}

#[test]
fn a_chain_longer_than_a_reply_is_followed_page_by_page() {
    let mut bench = met();
    for _ in 0..150 {
        bench.peer("bob").rotate(false);
    }
    bench.receive("bob", Letter::new(2).under(151, 1), "far ahead");
    let mut pages = 0;
    while let Some(Message::LookupKey { have_hash, .. }) =
        bench.sent.last().map(|it| it.body.clone())
    {
        let all = bench.peer("bob").served(have_hash);
        let more = all.len() > CHAIN_MAX;
        let mut records = all[all.len() - 2..].to_vec();
        if more {
            records.splice(..0, all[..CHAIN_MAX - 2].iter().cloned());
        } else {
            records = all;
        }
        let req = bench.take_sent().pop().unwrap().req;
        bench.frame(req, Message::KeyReply { records, more });
        pages += 1;
        bench.wait(SECOND);
    }
    assert_eq!(pages, 3);
    assert_eq!(bench.shown(), ["bob#2 far ahead"]);
    assert_eq!(bench.store.contacts[&user("bob")].pin.unwrap().epoch, Epoch(151));
}

#[test]
fn a_reply_that_always_has_more_is_not_followed_for_ever() {
    let mut bench = met();
    hint(&mut bench, "bob", 9);
    let lookup = bench.expect_lookup("bob");
    let records = bench.peer("bob").chain.clone();
    bench.frame(lookup, Message::KeyReply { records, more: true });
    assert_eq!(bench.lookups("bob").len(), 0);
}

#[test]
fn an_unanswered_lookup_is_tried_eight_times_and_again_after_t_neg() {
    let mut bench = bench();
    bench.send(1, "bob", "hi");
    bench.receive("carol", Letter::new(1), "hi");
    let first = bench.lookups("bob")[0];
    bench.wait(SECOND.times(40));
    let copies = bench.lookups("bob");
    assert_eq!(copies, [first; 8], "the same request");
    assert!(bench.notices().contains(&(1, DraftStatus::Unsent)));
    bench.sent.clear();
    bench.wait(SECOND.times(50));
    assert_eq!(bench.lookups("bob").len(), 0);
    bench.wait(SECOND.times(10));
    let next = bench.lookups("bob");
    assert!(!next.is_empty() && next[0] != first);
    assert!(bench.device.pending().is_some());
    bench.serve();
    assert_eq!(bench.shown(), ["carol#1 hi"]);
}

#[test]
fn the_next_burst_begins_at_attached_if_that_is_first() {
    let mut bench = Bench::<Model>::new(|config| config.poll = Some(SECOND.times(10)));
    bench.send(1, "bob", "hi");
    bench.wait(SECOND.times(45));
    let poll = bench.take_sent().into_iter().rev().find(|it| it.body.kind() == MessageKind::Poll);
    bench.error(poll.unwrap().req, ErrorCode::BadTicket, 0);
    bench.serve();
    assert!(bench.notices().contains(&(1, DraftStatus::Sent)));
}

#[test]
fn nobody_by_that_name_is_believed_for_t_neg() {
    let mut bench = bench();
    bench.send(1, "nobody", "hi");
    let lookup = bench.expect_lookup("nobody");
    bench.error(lookup, ErrorCode::UnknownUser, 0);
    assert_eq!(bench.notices(), [(1, DraftStatus::Failed)]);
    assert!(bench.store.drafts.is_empty() && !bench.store.table.contains_key(&user("nobody")));
    bench.send(2, "nobody", "again");
    bench.wait(SECOND.times(59));
    assert_eq!(bench.lookups("nobody").len(), 0);
    bench.wait(SECOND.times(2));
    assert_eq!(bench.lookups("nobody").len(), 1);
}

#[test]
fn nobody_by_that_name_says_nothing_about_what_came_later() {
    let mut bench = bench();
    bench.send(1, "bob", "hi");
    let lookup = bench.expect_lookup("bob");
    bench.wait(SECOND);
    // Bob registers and writes while the answer is under way.
    bench.receive("bob", Letter::new(1), "just registered");
    bench.error(lookup, ErrorCode::UnknownUser, 0);
    assert_eq!(bench.lookups("bob").len(), 1);
    bench.serve();
    assert_eq!(bench.shown(), ["bob#1 just registered"]);
}

#[test]
fn an_unknown_sender_is_refused_softly() {
    let mut bench = bench();
    let mut deliver = bench.letter("bob", Letter::new(1), &text("x"));
    deliver.header.sender = user("nobody");
    bench.deliver(deliver);
    let lookup = bench.expect_lookup("nobody");
    bench.error(lookup, ErrorCode::UnknownUser, 0);
    assert_eq!(bench.answers(), ["nobody>alice#1 UNKNOWN_EPOCH"]);
}

// Updates.

#[test]
fn used_entries_are_looked_up_again_every_period_and_nothing_else_happens() {
    let mut bench = met();
    let mut lookups = Vec::new();
    for hour in 1..=72 {
        bench.wait(HOUR);
        lookups.extend(bench.lookups("bob").iter().map(|_| hour));
        bench.serve();
        // The clock of the bench is a little behind the device's first exchange.
        bench.wait_served(SECOND);
    }
    lookups.dedup();
    assert_eq!(lookups, [24, 48, 72]);
    bench.receive("bob", Letter::new(2), "same secret");
    assert_eq!(bench.shown(), ["bob#2 same secret"]);
}

#[test]
fn a_rotation_is_picked_up_by_time_alone_even_if_the_refresh_is_lost_at_first() {
    let mut bench = met();
    bench.peer("bob").rotate(false);
    bench.wait_served(DAY.saturating_sub(HOUR));
    bench.wait(HOUR.times(2));
    bench.sent.clear();
    bench.wait_served(MINUTE.times(3));
    bench.send(1, "bob", "x");
    let (_, submit) = bench.expect_submit();
    assert_eq!(submit.header.epoch_r, Epoch(2), "an hour late, not a day");
}

#[test]
fn an_entry_that_is_too_old_does_not_encrypt_but_still_decrypts() {
    let mut bench = met();
    bench.wait(DAY.times(2) + SECOND);
    bench.sent.clear();
    bench.receive("bob", Letter::new(2), "old but good");
    assert_eq!(bench.shown(), ["bob#2 old but good"]);
    bench.send(1, "bob", "x");
    assert!(bench.sent.iter().all(|it| it.body.kind() != MessageKind::Submit));
    bench.wait_served(MINUTE.times(3));
    assert!(bench.notices().contains(&(1, DraftStatus::Sent)));
}

fn hint(bench: &mut Bench<Model>, name: &str, epoch: u64) {
    let (user, epoch, record_hash) = (user(name), Epoch(epoch), Hash32([9; 32]));
    bench.frame(ReqId([8; 8]), Message::KeyChanged { user, epoch, record_hash });
}

#[test]
fn a_hint_is_a_number_that_is_proved_or_forgotten() {
    let mut bench = met();
    for (name, epoch) in [("bob", 1), ("bob", 0), ("carol", 5), ("alice", 5)] {
        hint(&mut bench, name, epoch);
        assert!(bench.sent.is_empty(), "{name} {epoch}");
    }
    bench.peer("bob").rotate(false);
    hint(&mut bench, "bob", 2);
    hint(&mut bench, "bob", 2);
    assert_eq!(bench.lookups("bob").len(), 1);
    bench.serve();
    hint(&mut bench, "bob", 2);
    assert!(bench.sent.is_empty());
    bench.send(1, "bob", "x");
    let (_, submit) = bench.expect_submit();
    assert_eq!(submit.header.epoch_r, Epoch(2));
    // Lies are looked up once in T_neg.
    let mut lookups = 0;
    for n in 0..100 {
        hint(&mut bench, "bob", 100 + n);
        lookups += bench.lookups("bob").len();
        bench.serve();
        bench.wait_served(SECOND);
    }
    assert!(lookups <= 2, "{lookups}");
}

#[test]
fn a_hint_during_a_lookup_is_not_lost() {
    let mut bench = met();
    bench.wait_served(DAY.saturating_sub(SECOND));
    let stale = bench.peer("bob").served(None);
    bench.wait(SECOND);
    let refresh = bench.expect_lookup("bob");
    bench.wait(Duration::from_millis(1_500));
    bench.sent.clear();
    bench.peer("bob").rotate(false);
    hint(&mut bench, "bob", 2);
    bench.reply(refresh, stale);
    assert_eq!(bench.lookups("bob").len(), 1);
    bench.serve();
    assert_eq!(bench.store.contacts[&user("bob")].pin.unwrap().epoch, Epoch(2));
}

#[test]
fn a_revoking_record_leaves_no_older_key() {
    let mut bench = met();
    bench.peer("bob").rotate(true);
    hint(&mut bench, "bob", 2);
    bench.serve();
    bench.receive("bob", Letter::new(2).under(1, 1), "under the stolen key");
    bench.serve();
    assert_eq!(bench.shown(), Vec::<String>::new());
    let keys = &bench.store.table[&user("bob")].keys;
    assert_eq!(keys.iter().map(|key| key.epoch.0).collect::<Vec<_>>(), [2]);
}

#[test]
fn pins_survive_eviction() {
    let mut bench = Bench::<Model>::new(|config| config.table_capacity = 1);
    bench.meet("bob");
    let old = bench.peer("bob").chain.clone();
    bench.peer("bob").rotate(false);
    hint(&mut bench, "bob", 2);
    bench.serve();
    bench.meet("carol");
    bench.send(1, "bob", "x");
    let lookup = bench.expect_lookup("bob");
    bench.facts.clear();
    bench.reply(lookup, old);
    assert_eq!(results(&mut bench), [ReplyResult::Rollback]);
    let draft = &bench.store.drafts[&DraftId(1)];
    assert!(matches!(draft.stage, Stage::Waiting), "{:?}", draft.stage);
}

#[test]
fn a_first_chain_is_taken_as_it_is_served() {
    let mut bench = bench();
    let mut bob = Peer::<Model>::new("bob");
    for _ in 0..9 {
        bob.rotate(false);
    }
    bench.peers.insert("bob", bob);
    bench.receive("bob", Letter::new(1).under(9, 1), "in grace");
    bench.serve();
    assert_eq!(bench.shown(), ["bob#1 in grace"]);
}
