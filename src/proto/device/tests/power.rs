//! Power goes inside a turn, after any of its writes: what comes back goes on where it was.
//!
//! Not here: power that goes between two turns (`model`).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Mid, ReqId};
use crate::crypto::model::Model;
use crate::proto::device::durable::DeviceDurable;
use crate::proto::device::tests::bench::{Bench, SECOND};
use crate::proto::device::tests::peer::Letter;
use crate::proto::port::Output;
use crate::trace::fact::Fact;
use crate::wire::message::{Message, MessageKind};

/// Power goes after a write and what came out before the next one.
struct Cut {
    store: DeviceDurable,
    /// Texts shown in this turn so far.
    shown: BTreeSet<String>,
}

/// All ways in which a turn can end before its time, before its first write and after each.
fn cuts(bench: &mut Bench<Model>, turn: impl FnOnce(&mut Bench<Model>)) -> Vec<Cut> {
    let (mut store, before) = (bench.store.clone(), bench.outputs.len());
    turn(bench);
    let mut cuts = vec![Cut { store: store.clone(), shown: BTreeSet::new() }];
    for output in &bench.outputs[before..] {
        let shown = &mut cuts.last_mut().unwrap().shown;
        match output {
            Output::Persist(_, writes) => {
                writes.iter().for_each(|write| store.apply(write));
                let shown = shown.clone();
                cuts.push(Cut { store: store.clone(), shown });
            }
            Output::Fact(Fact::Display { text, .. }) => {
                shown.insert(text.clone());
            }
            _ => {}
        }
    }
    cuts
}

/// The requests that submit each message after a start from this store; the server says nothing to them.
fn submissions(bench: &Bench<Model>, store: DeviceDurable) -> BTreeMap<Mid, Vec<ReqId>> {
    let mut bench = bench.clone();
    bench.store = store;
    bench.restart();
    let mut submissions: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for _ in 0..10 {
        for envelope in bench.take_sent() {
            match &envelope.body {
                Message::Submit(submit) => {
                    let requests = submissions.entry(submit.header.mid()).or_default();
                    if !requests.contains(&envelope.req) {
                        requests.push(envelope.req);
                    }
                }
                _ => bench.serve_one(envelope),
            }
        }
        bench.wait(SECOND);
    }
    submissions
}

#[test]
fn a_draft_is_submitted_by_one_request_wherever_power_went() {
    let mut bench: Bench<Model> = Bench::new(|_| {});
    (1..=3).for_each(|draft| bench.send(draft, "bob", "hello"));
    let req = bench.expect_lookup("bob");
    let records = bench.peers["bob"].served(None);
    let cuts = cuts(&mut bench, |bench| bench.reply(req, records));
    assert!(cuts.len() > 4, "a row and three drafts are written one after another");
    for (at, cut) in cuts.into_iter().enumerate() {
        let submissions = submissions(&bench, cut.store);
        assert_eq!(submissions.len(), 3, "after write {at}");
        for (mid, requests) in submissions {
            assert_eq!(requests.len(), 1, "{mid} after write {at}");
        }
    }
}

#[test]
fn a_message_that_is_acknowledged_is_shown_wherever_power_went() {
    let mut bench: Bench<Model> = Bench::new(|_| {});
    bench.receive("bob", Letter::new(1), "one");
    bench.receive("bob", Letter::new(2), "two");
    let req = bench.expect_lookup("bob");
    let records = bench.peers["bob"].served(None);
    let cuts = cuts(&mut bench, |bench| bench.reply(req, records));
    assert!(cuts.len() > 4, "a row, two messages and their display are written one after another");
    bench.facts.clear();
    for (at, Cut { store, mut shown }) in cuts.into_iter().enumerate() {
        let mut bench = bench.clone();
        bench.store = store;
        bench.restart();
        bench.serve();
        // The server offers both again, since it may not have heard what was said to it.
        bench.receive("bob", Letter::new(1), "one");
        bench.receive("bob", Letter::new(2), "two");
        bench.serve();
        shown.extend(bench.facts.iter().filter_map(|fact| match fact {
            Fact::Display { text, .. } => Some(text.clone()),
            _ => None,
        }));
        let both = BTreeSet::from(["one".to_owned(), "two".to_owned()]);
        assert_eq!(shown, both, "after write {at}");
        assert_eq!(bench.transmitted(MessageKind::DeliverAck), 2, "after write {at}");
    }
}
