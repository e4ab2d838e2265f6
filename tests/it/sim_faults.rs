//! Faults of links, power, storage, clocks and the server in the virtual world.
//! Not here: adversaries (`sim_adversary`), steps that are no faults (`sim_steps`).

use std::sync::Arc;

use peadsim::base::id::{Epoch, NodeId};
use peadsim::base::time::Millis;
use peadsim::oracle::spec::Point;
use peadsim::proto::barrier::Barrier;
use peadsim::scenario::plan::{
    Action, CrashAt, FrameAct, Given, LinkChange, SuiteName, Until, When,
};
use peadsim::trace::fact::{Fact, FrameKind, LossCause, Meddling, Phase, StopCause};
use peadsim::trace::visible::is_seen;

use crate::sim_plan::{Draft, Trace, lost, meddled, ms, secs, trace};

/// Alice and Bob know each other.
fn acquainted() -> Draft {
    let mut draft = Draft::new(&["alice", "bob"]);
    draft.plan.given = Given { warm: vec![(0, 1)], ..Given::default() };
    draft
}

fn run(draft: &Draft) -> Trace {
    trace(&draft.build(SuiteName::Model, 1))
}

fn links(users: Vec<u32>, change: LinkChange, until: Until) -> Action {
    Action::Links { users, up: true, down: true, change, until }
}

#[test]
fn a_partition_loses_frames_and_heals() {
    let mut draft = acquainted();
    draft
        .step(
            "cut",
            "partition",
            When::At(secs(1)),
            links(vec![1], LinkChange::Partition, Until::For(secs(20))),
        )
        .send("m1", When::At(secs(2)), 0, 1, "hello")
        .expect("m1", Point::Displayed);
    let trace = run(&draft).passes();
    let begin =
        trace.first(|fact| matches!(fact, Fact::FaultStart { name, .. } if name == "cut")).at;
    let end = trace.first(|fact| matches!(fact, Fact::FaultEnd { name } if name == "cut")).at;
    assert_eq!(end.since(begin), secs(20));
    let cut = trace.all(|fact| lost(fact, FrameKind::Poll, LossCause::Partition));
    assert!(!cut.is_empty() && cut.iter().all(|it| (begin..=end).contains(&it.at)));
    assert!(trace.displayed().last().unwrap().0 > end);
}

#[test]
fn a_clog_keeps_frames_in_order_and_loses_none() {
    let mut draft = acquainted();
    draft
        .step(
            "clog",
            "clog",
            When::At(secs(1)),
            links(vec![0], LinkChange::Clog, Until::For(secs(1))),
        )
        .send("m1", When::At(ms(1_100)), 0, 1, "one")
        .send("m2", When::At(ms(1_200)), 0, 1, "two")
        .expect("m1", Point::Displayed)
        .expect("m2", Point::Displayed);
    let trace = run(&draft).passes();
    let held = trace.count(|fact| meddled(fact, FrameKind::Submit, Meddling::Held));
    let released = trace.all(|fact| meddled(fact, FrameKind::Submit, Meddling::Released));
    assert_eq!((held, released.len()), (2, 2));
    assert_eq!(released[0].at.since(trace.phase(Phase::Active)), secs(2));
    assert_eq!(trace.count(|fact| matches!(fact, Fact::Lost { .. })), 0);
}

#[test]
fn a_swizzle_clogs_one_by_one_and_releases_in_another_order() {
    let names = ["a", "b", "c", "d", "e"];
    let mut draft = Draft::new(&names);
    let action =
        Action::Swizzle { users: (0..5).collect(), every: secs(1), until: Until::For(secs(20)) };
    draft.step("swizzle", "swizzle", When::At(secs(0)), action);
    draft.config(|config| config.poll = Some(ms(300)));
    let trace = run(&draft).passes();
    let released = |user: u32| {
        let here = |fact: &Fact| matches!(fact, Fact::Meddled { how: Meddling::Released, .. });
        let first =
            trace.records.iter().find(|it| it.id.node == NodeId::device(user) && here(&it.fact));
        first.unwrap().at.since(trace.phase(Phase::Active))
    };
    let mut order: Vec<u32> = (0..5).collect();
    order.sort_by_key(|user| released(*user));
    assert_ne!(order, [0, 1, 2, 3, 4]);
    let mut times: Vec<_> = (0..5).map(released).collect();
    times.sort_unstable();
    assert_eq!(times, [secs(20), secs(21), secs(22), secs(23), secs(24)]);
    let end = trace.first(|fact| matches!(fact, Fact::FaultEnd { .. })).at;
    assert_eq!(end.since(trace.phase(Phase::Active)), secs(24));
}

#[test]
fn a_swizzle_that_ends_early_leaves_no_link_clogged() {
    let names = ["a", "b", "c", "d", "e"];
    let mut draft = Draft::new(&names);
    let action =
        Action::Swizzle { users: (0..5).collect(), every: secs(10), until: Until::For(secs(1)) };
    draft.step("swizzle", "swizzle", When::At(secs(0)), action);
    for (user, name) in (1..).zip(["m1", "m2", "m3", "m4"]) {
        draft.send(name, When::At(secs(50)), user, 0, "hello").expect(name, Point::Displayed);
    }
    run(&draft).passes();
}

#[test]
fn everything_heals_when_settle_begins() {
    let mut draft = acquainted();
    draft
        .step(
            "cut",
            "partition",
            When::At(secs(1)),
            links(vec![1], LinkChange::Partition, Until::Heal),
        )
        .send("m1", When::At(secs(2)), 0, 1, "hello")
        .step(
            "crash",
            "crash",
            When::At(secs(3)),
            Action::Crash { by: 1, at: None, down: Until::For(secs(999)) },
        )
        .expect("m1", Point::Displayed);
    let trace = run(&draft).passes();
    let settle = trace.phase(Phase::Settle);
    assert_eq!(settle.since(trace.phase(Phase::Active)), secs(60));
    assert!(
        trace.all(|fact| matches!(fact, Fact::FaultEnd { .. })).iter().all(|it| it.at == settle)
    );
    assert!(trace.phase(Phase::End) > settle);
}

#[test]
fn a_crash_loses_what_was_not_durable() {
    let mut draft = acquainted();
    draft.send("m1", When::At(secs(1)), 0, 1, "hello").step(
        "crash",
        "crash",
        When::At(secs(1)),
        Action::Crash { by: 0, at: None, down: Until::For(secs(5)) },
    );
    let trace = run(&draft);
    assert_eq!(
        trace.count(|fact| matches!(fact, Fact::Compose { .. })),
        2,
        "those of the prelude; the third was never durable, so nobody was told of it"
    );
    assert_eq!(trace.displayed().len(), 2, "the third draft was lost with the power");
    let boots = trace.all(|fact| matches!(fact, Fact::PowerOn { .. }));
    let own: Vec<_> = boots.iter().filter(|it| it.id.node == NodeId::device(0)).collect();
    assert_eq!(own.len(), 2);
    assert_eq!(own[1].fact, Fact::PowerOn { boot: 2 });
    assert!(trace.count(|fact| matches!(fact, Fact::PowerOff { why: StopCause::Crash })) == 1);
}

#[test]
fn a_barrier_stops_a_device_between_commit_and_ack() {
    for (barrier, acked) in
        [(Barrier::BeforeAck, 0), (Barrier::AfterAck, 1), (Barrier::BeforeCommit, 0)]
    {
        let mut draft = acquainted();
        let at = Some(CrashAt::Barrier(barrier));
        let crash = Action::Crash { by: 1, at, down: Until::For(secs(5)) };
        draft
            .step("crash", "crash", When::At(secs(0)), crash)
            .send("m1", When::At(secs(1)), 0, 1, "hello")
            .expect("m1", Point::Displayed)
            .expect("m1", Point::Acked);
        let trace = run(&draft).passes();
        let stop = trace.first(|fact| *fact == Fact::PowerOff { why: StopCause::Barrier });
        let before = |is: fn(&Fact) -> bool| {
            let active = trace.phase(Phase::Active);
            let here = |it: &&&peadsim::trace::record::Record| it.at >= active && it.at <= stop.at;
            trace.all(is).iter().filter(here).count()
        };
        let acks =
            before(|fact| matches!(fact, Fact::Tx(it) if it.kind == Some(FrameKind::DeliverAck)));
        let commits = before(|fact| matches!(fact, Fact::Commit { .. }));
        assert_eq!(acks, acked, "{barrier:?}");
        assert_eq!(commits, usize::from(barrier != Barrier::BeforeCommit), "{barrier:?}");
        assert_eq!(trace.displayed().iter().filter(|(_, text)| *text == "hello").count(), 1);
    }
}

#[test]
fn power_is_cut_with_anything_that_is_seen_and_nothing_is_lost() {
    for number in 1..200 {
        let mut draft = acquainted();
        let at = Some(CrashAt::Seen(number));
        let crash = Action::Crash { by: 1, at, down: Until::For(secs(5)) };
        draft
            .step("crash", "crash", When::At(secs(0)), crash)
            .send("m1", When::At(secs(1)), 0, 1, "hello")
            .expect("m1", Point::Displayed)
            .expect("m1", Point::Acked);
        let trace = run(&draft);
        // What was on the screen when the power went may be shown again.
        let shown = trace.displayed().iter().filter(|(_, text)| *text == "hello").count();
        assert!((1..=2).contains(&shown), "{number}: {shown}");
        let (active, settle) = (trace.phase(Phase::Active), trace.phase(Phase::Settle));
        let own = trace.records.iter().filter(|it| it.id.node == NodeId::device(1));
        let own = own.filter(|it| it.at >= active && it.at < settle && is_seen(&it.fact));
        let seen: Vec<_> = own.map(|it| it.at).collect();
        if let Some(last) = seen.get(number as usize - 1) {
            let stop = trace.first(|fact| matches!(fact, Fact::PowerOff { .. }));
            assert_eq!((stop.id.node, stop.at), (NodeId::device(1), *last), "{number}");
            assert_eq!(trace.findings(), [""; 0], "{number}");
        } else {
            let told = "Warning step: step `crash` cut no power: 1 short of what it counts to";
            assert_eq!(trace.findings(), [told]);
            assert!(number > 6, "only {number} things were seen");
            return;
        }
    }
    panic!("the sweep does not end");
}

#[test]
fn a_barrier_that_nothing_comes_to_is_told() {
    let mut draft = acquainted();
    let at = Some(CrashAt::Barrier(Barrier::BeforeRotate));
    let crash = Action::Crash { by: 1, at, down: Until::For(secs(5)) };
    draft.step("crash", "crash", When::At(secs(0)), crash);
    let findings = run(&draft).findings();
    assert!(
        findings.contains(
            &"Inconclusive step: step `crash` waited for a point that did not come".to_owned()
        ),
        "{findings:?}"
    );
}

#[test]
fn a_server_barrier_stops_one_account() {
    for barrier in [
        Barrier::BeforeStore,
        Barrier::BeforeSubmitAck,
        Barrier::AfterSubmitAck,
        Barrier::AfterDeliver,
    ] {
        let mut draft = acquainted();
        let crash = Action::ServerCrash { at: Some((1, barrier)), down: Until::For(secs(3)) };
        draft
            .step("crash", "server-crash", When::At(secs(0)), crash)
            .send("m1", When::At(secs(1)), 0, 1, "hello")
            .expect("m1", Point::Displayed)
            .expect("m1", Point::Reported);
        let trace = run(&draft).passes();
        let stops = trace.all(|fact| matches!(fact, Fact::PowerOff { .. }));
        assert_eq!(
            stops.iter().map(|it| it.id.node).collect::<Vec<_>>(),
            [NodeId::account(1)],
            "{barrier:?}"
        );
    }
}

#[test]
fn mail_for_a_stopped_account_waits_for_its_restart() {
    let mut draft = acquainted();
    // The report of m1 goes to the account of alice while it is off.
    draft.send("m1", When::At(secs(1)), 0, 1, "hello");
    let when = draft.after("m1", Point::Committed, ms(0));
    draft
        .step(
            "crash",
            "server-crash",
            when,
            Action::ServerCrash { at: None, down: Until::For(secs(2)) },
        )
        .expect("m1", Point::Reported);
    let trace = run(&draft).passes();
    assert_eq!(trace.count(|fact| matches!(fact, Fact::PowerOff { .. })), 2);
    assert!(trace.count(|fact| lost(fact, FrameKind::DeliverAck, LossCause::NodeOff)) > 0);
}

#[test]
fn a_snapshot_sets_a_device_back_and_only_rng_repeats_its_luck() {
    for (rng, boot) in [(false, 2), (true, 1)] {
        let mut draft = acquainted();
        draft.step("copy", "snapshot", When::At(secs(1)), Action::Snapshot { by: 0 });
        let snapshot = draft.named("copy");
        draft.send("m1", When::At(secs(2)), 0, 1, "one").step(
            "back",
            "restore",
            When::At(secs(20)),
            Action::Restore { by: 0, snapshot, rng },
        );
        let trace = run(&draft);
        let back = trace.first(|fact| matches!(fact, Fact::Rolledback { .. })).at;
        let boots = trace.all(|fact| matches!(fact, Fact::PowerOn { .. }));
        let last = boots.iter().rfind(|it| it.id.node == NodeId::device(0)).unwrap();
        assert_eq!((last.at, &last.fact), (back, &Fact::PowerOn { boot }));
    }
}

#[test]
fn a_clock_jumps_and_drifts_on_one_node_only() {
    let mut draft = acquainted();
    let clock = Action::Clock { by: 0, step_ms: 5_000, drift_ppm: 100_000 };
    draft.step("jump", "clock", When::At(secs(10)), clock);
    let trace = run(&draft).passes();
    let ahead = |node: NodeId| {
        let last = trace.records.iter().rfind(|it| it.id.node == node).unwrap();
        let right = Millis(Millis::WORLD_START.0 + last.at.as_nanos() / 1_000_000);
        last.wall.since(right)
    };
    assert!(ahead(NodeId::device(0)) > secs(9), "{}", ahead(NodeId::device(0)));
    assert_eq!(ahead(NodeId::device(1)), ms(0));
}

#[test]
fn an_offline_directory_answers_no_lookups() {
    let mut draft = Draft::new(&["alice", "bob"]);
    draft
        .step(
            "dark",
            "directory-offline",
            When::At(secs(0)),
            Action::DirectoryOffline { until: Until::For(secs(30)) },
        )
        .send("m1", When::At(secs(1)), 0, 1, "hello")
        .expect("m1", Point::Displayed);
    let trace = run(&draft).passes();
    assert!(trace.count(|fact| lost(fact, FrameKind::LookupKey, LossCause::DirectoryOffline)) > 0);
    let served = trace.first(|fact| matches!(fact, Fact::Served { .. })).at;
    assert!(served.since(trace.phase(Phase::Active)) >= secs(30));
}

#[test]
fn a_full_mailbox_refuses_until_there_is_room() {
    let mut draft = acquainted();
    let full = Action::MailboxLimit { user: 1, messages: 0, until: Until::For(secs(20)) };
    draft
        .step("full", "mailbox", When::At(secs(0)), full)
        .send("m1", When::At(secs(1)), 0, 1, "hello")
        .expect("m1", Point::Displayed);
    let trace = run(&draft).passes();
    let refused = |fact: &Fact| matches!(fact, Fact::Refuse { code, .. } if code == "QUEUE_FULL");
    assert!(trace.count(refused) > 0);
}

#[test]
fn losses_delays_and_copies_last_as_long_as_their_step() {
    use peadsim::base::units::Ratio;
    use peadsim::network::config::Loss;
    let all = Loss { independent: Ratio::ONE, bursts: None };
    for change in [
        LinkChange::Loss(all),
        LinkChange::Delay(secs(3)),
        LinkChange::Duplicate(Ratio::ONE),
        LinkChange::Corrupt(Ratio::ONE),
    ] {
        let mut draft = acquainted();
        draft
            .step(
                "bad",
                "link",
                When::At(secs(1)),
                links(vec![0, 1], change.clone(), Until::For(secs(10))),
            )
            .send("m1", When::At(secs(2)), 0, 1, "hello")
            .expect("m1", Point::Displayed);
        let trace = run(&draft).passes();
        let (lost, doubled, changed) = (
            trace.count(|fact| lost(fact, FrameKind::Submit, LossCause::Loss)),
            trace.count(|fact| matches!(fact, Fact::Meddled { how: Meddling::Duplicated, .. })),
            trace.count(|fact| matches!(fact, Fact::Meddled { how: Meddling::Corrupted, .. })),
        );
        let seen = [lost > 0, doubled > 0, changed > 0];
        let expected = match change {
            LinkChange::Loss(_) => [true, false, false],
            LinkChange::Duplicate(_) => [false, true, false],
            LinkChange::Corrupt(_) => [false, false, true],
            _ => [false, false, false],
        };
        assert_eq!(seen, expected, "{change:?}");
        assert_eq!(trace.displayed().iter().filter(|(_, text)| *text == "hello").count(), 1);
    }
}

#[test]
fn a_held_message_meets_the_rotation_that_it_waited_for() {
    let mut draft = acquainted();
    Arc::make_mut(&mut draft.plan.server).push = true;
    draft.spec.server.push = true;
    draft.send("m1", When::At(secs(1)), 0, 1, "hello");
    let rotate = draft.after("m1", Point::Stored, ms(20));
    draft.step("r1", "rotate", rotate, Action::Rotate { by: 1, revoke: false });
    let until = Until::Point(draft.point("r1", Point::Acked), ms(0));
    draft
        .frames("hold", When::At(secs(0)), "m1", FrameKind::Deliver, None, FrameAct::Hold(until))
        .expect("m1", Point::Displayed)
        .expect("r1", Point::Acked);
    let trace = run(&draft).passes();
    assert!(trace.count(|fact| meddled(fact, FrameKind::Deliver, Meddling::Held)) > 0);
    let acked = trace.first(|fact| matches!(fact, Fact::RotateDone { .. })).at;
    let released = trace.first(|fact| meddled(fact, FrameKind::Deliver, Meddling::Released)).at;
    assert_eq!(released, acked, "the same device: no need to be told");
    let opened = trace.records.iter().rev().find_map(|it| match &it.fact {
        Fact::Decrypt(it) => Some(it.own),
        _ => None,
    });
    assert_eq!(opened, Some(Epoch(1)));
}

#[test]
fn rules_mean_the_copies_that_they_name() {
    for (act, submits) in [
        (FrameAct::Drop, 2),
        (FrameAct::Corrupt(Some(0)), 2),
        (FrameAct::Duplicate(2), 1),
        (FrameAct::Delay(ms(500)), 1),
    ] {
        let mut draft = acquainted();
        draft
            .send("m1", When::At(secs(1)), 0, 1, "hello")
            .frames("rule", When::At(secs(0)), "m1", FrameKind::Submit, Some(1), act)
            .expect("m1", Point::Displayed);
        let trace = run(&draft).passes();
        let active = trace.phase(Phase::Active);
        let sent =
            trace.all(|fact| matches!(fact, Fact::Tx(it) if it.kind == Some(FrameKind::Submit)));
        assert_eq!(sent.iter().filter(|it| it.at >= active).count(), submits, "{act:?}");
        let known = trace.count(|fact| matches!(fact, Fact::Accept { known: true, .. }));
        let copies = if matches!(act, FrameAct::Duplicate(_)) { 2 } else { 0 };
        assert_eq!(known, copies, "{act:?}");
    }
}

#[test]
fn a_clone_of_a_world_goes_on_as_the_world_does() {
    use peadsim::crypto::model::Model;
    use peadsim::sim::world::{Limits, World};
    let mut draft = acquainted();
    draft.send("m1", When::At(secs(1)), 0, 1, "hello");
    let plan = draft.build(SuiteName::Model, 3);
    let mut world = World::<Model>::new(Arc::clone(&plan), Limits::default()).unwrap();
    for _ in 0..40 {
        assert!(world.step());
    }
    let mut copy = world.clone();
    let rest = |world: &mut World<Model>| {
        let mut records: Vec<_> = world.take_records().collect();
        while world.step() {
            records.extend(world.take_records());
        }
        records.extend(world.take_records());
        records
    };
    assert_eq!(rest(&mut world), rest(&mut copy));
}
