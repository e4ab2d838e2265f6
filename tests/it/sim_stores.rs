//! Durable stores that are slow, stall or fail in the virtual world. Not here: other faults (`sim_faults`).

use peadsim::base::id::NodeId;
use peadsim::oracle::spec::Point;
use peadsim::scenario::plan::{Action, Given, StoreOf, StoreTrouble, SuiteName, Until, When};
use peadsim::trace::fact::{Fact, FrameKind, StopCause};

use crate::sim_plan::{Draft, Trace, ms, secs, trace};

/// Alice writes to Bob, whom she knows, while a store is in trouble from the first second on for 20 s.
fn run(at: StoreOf, trouble: StoreTrouble) -> Trace {
    let mut draft = Draft::new(&["alice", "bob"]);
    draft.plan.given = Given { warm: vec![(0, 1)], ..Given::default() };
    draft
        .step(
            "worn",
            "store",
            When::At(secs(1)),
            Action::Store { at, trouble, until: Until::For(secs(20)) },
        )
        .send("m1", When::At(secs(2)), 0, 1, "hello")
        .send("m2", When::At(secs(50)), 0, 1, "again")
        .expect("m1", Point::Displayed)
        .expect("m2", Point::Displayed);
    draft.spec.slowest_write = match trouble {
        StoreTrouble::Slow(extra) => extra,
        StoreTrouble::Stall => secs(20),
        StoreTrouble::Fail => ms(1),
    };
    trace(&draft.build(SuiteName::Model, 1)).passes()
}

/// How long after its first frame at a node of this kind the first answer to it left there, in active.
fn answered(trace: &Trace, node: NodeId, got: FrameKind, gave: FrameKind) -> u64 {
    let fault = trace.first(|fact| matches!(fact, Fact::FaultStart { .. })).at;
    let here = trace.records.iter().filter(|it| it.id.node == node && it.at >= fault);
    let mut here = here.map(|it| (it.at, &it.fact));
    let of = |fact: &Fact, kind: FrameKind| match fact {
        Fact::Rx(frame) | Fact::Tx(frame) => frame.kind == Some(kind),
        _ => false,
    };
    let first = here.find(|(_, fact)| of(fact, got)).unwrap().0;
    let answer = here.find(|(_, fact)| of(fact, gave)).unwrap().0;
    answer.since(first).as_nanos() / 1_000_000
}

#[test]
fn what_waits_for_a_slow_store_comes_as_much_later() {
    let (submit, ack) = (FrameKind::Submit, FrameKind::SubmitAck);
    let account = NodeId::account(1);
    let quick = run(StoreOf::Account(0), StoreTrouble::Slow(ms(700)));
    assert_eq!(answered(&quick, account, submit, ack), 1, "another account's store");
    for at in [StoreOf::Account(1), StoreOf::Server] {
        let slow = run(at, StoreTrouble::Slow(ms(700)));
        assert_eq!(answered(&slow, account, submit, ack), 701);
    }
    let device = run(StoreOf::Device(1), StoreTrouble::Slow(ms(700)));
    let (deliver, ack) = (FrameKind::Deliver, FrameKind::DeliverAck);
    assert!(answered(&device, NodeId::device(1), deliver, ack) >= 701);
}

#[test]
fn a_stalled_store_acknowledges_nothing_until_it_goes_on() {
    for (at, node, ack) in [
        (StoreOf::Device(1), NodeId::device(1), FrameKind::DeliverAck),
        (StoreOf::Server, NodeId::account(1), FrameKind::SubmitAck),
    ] {
        let trace = run(at, StoreTrouble::Stall);
        let start = trace.first(|fact| matches!(fact, Fact::FaultStart { .. })).at;
        let end = trace.first(|fact| matches!(fact, Fact::FaultEnd { .. })).at;
        let acks = trace.records.iter().filter(|it| {
            it.id.node == node
                && (start..).contains(&it.at)
                && matches!(&it.fact, Fact::Tx(frame) if frame.kind == Some(ack))
        });
        let acks: Vec<_> = acks.map(|it| it.at).collect();
        assert!(acks.first().is_some_and(|first| *first == end), "{at:?}: {acks:?}, end {end}");
    }
}

#[test]
fn a_node_whose_store_fails_stops_and_has_acknowledged_nothing_of_it() {
    for (at, node, ack) in [
        (StoreOf::Device(1), NodeId::device(1), FrameKind::DeliverAck),
        (StoreOf::Account(1), NodeId::account(1), FrameKind::SubmitAck),
    ] {
        let trace = run(at, StoreTrouble::Fail);
        let stop = trace.first(|fact| *fact == Fact::PowerOff { why: StopCause::Store });
        assert_eq!(stop.id.node, node);
        let ready = trace.records.iter().filter(|it| it.at > stop.at && it.id.node == node);
        let up = ready.clone().find(|it| matches!(it.fact, Fact::PowerOn { .. })).unwrap();
        assert_eq!(up.at.since(stop.at), secs(20));
        let acked = |fact: &Fact| matches!(fact, Fact::Tx(frame) if frame.kind == Some(ack));
        let first = ready.clone().find(|it| acked(&it.fact)).unwrap();
        assert!(first.at > up.at, "{at:?}");
        assert_eq!(trace.displayed().iter().filter(|(_, text)| *text == "hello").count(), 1);
    }
}

#[test]
fn a_store_that_has_nothing_to_write_cannot_fail_and_that_is_told() {
    let mut draft = Draft::new(&["alice", "bob"]);
    let (at, trouble) = (StoreOf::Account(1), StoreTrouble::Fail);
    let action = Action::Store { at, trouble, until: Until::For(secs(5)) };
    draft.step("worn", "store", When::At(secs(1)), action);
    let told = trace(&draft.build(SuiteName::Model, 1)).findings();
    let told: Vec<_> = told.iter().filter(|it| !it.contains(" vacuous: ")).collect();
    assert_eq!(told, ["Inconclusive step: step `worn` waited for a point that did not come"]);
}
