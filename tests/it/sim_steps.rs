//! Preludes, steps, traffic and processors of the virtual world. Not here: faults (`sim_faults`).

use std::sync::Arc;

use peadsim::base::id::{Epoch, Mid, NodeId, Seq, TxnId};
use peadsim::base::units::{Rate, Ratio};
use peadsim::oracle::spec::{NamedThing, Point};
use peadsim::scenario::plan::{
    Action, Arrivals, BadDownload, Contacts, Cpu, Given, LinkChange, ProvisionPlan, RequestPlan,
    Start, SuiteName, Until, When, Workload, WorkloadKind,
};
use peadsim::sim::run::{RunOptions, run};
use peadsim::sim::world::Limits;
use peadsim::trace::fact::{
    Button, Content, DeviceState, Fact, FrameKind, LossCause, Phase, Selection,
};
use peadsim::verdict::outcome::Verdict;

use crate::sim_plan::{Draft, Trace, lossy, lost, ms, secs, trace};

fn pair() -> Draft {
    Draft::new(&["alice", "bob"])
}

fn go(draft: &Draft) -> Trace {
    trace(&draft.build(SuiteName::Model, 1))
}

#[test]
fn the_prelude_is_clean_and_ends_at_a_whole_second() {
    let mut draft = pair();
    draft.plan.links = vec![lossy(60)];
    draft.plan.given = Given { warm: vec![(0, 1)], ..Given::default() };
    draft.send("m1", When::At(secs(1)), 0, 1, "hello").expect("m1", Point::Displayed);
    draft.config(|config| config.poll = Some(secs(2)));
    let trace = go(&draft).passes();
    let active = trace.phase(Phase::Active);
    assert!(active > trace.phase(Phase::Given));
    assert_eq!(active, active.ceil_to_second());
    let losses = trace.all(|fact| matches!(fact, Fact::Lost { .. }));
    assert!(!losses.is_empty() && losses.iter().all(|it| it.at >= active));
    let hits = trace.all(|fact| matches!(fact, Fact::Select { outcome: Selection::Hit, .. }));
    let lookups = trace.all(|fact| matches!(fact, Fact::Lookup { .. }));
    assert!(hits.iter().any(|it| it.at >= active) && lookups.iter().all(|it| it.at < active));
}

#[test]
fn a_prelude_that_never_ends_is_inconclusive() {
    let mut draft = pair();
    draft.plan.given = Given { warm: vec![(0, 1)], ..Given::default() };
    draft.plan.devices[1].start = Start::Off;
    let trace = go(&draft);
    assert_eq!(trace.outcome.verdict, Verdict::Inconclusive);
    let findings = trace.findings();
    let told = findings.iter().any(|it| it.contains("`given` is not done after 10m"));
    assert!(told, "{findings:?}");
}

#[test]
fn rotated_devices_start_with_their_chain_and_no_grace() {
    let mut draft = pair();
    draft.plan.given = Given { rotated: vec![(1, 3)], ..Given::default() };
    draft
        .send("m1", When::At(secs(1)), 0, 1, "hello")
        .step("r1", "rotate", When::At(secs(20)), Action::Rotate { by: 1, revoke: false })
        .expect("m1", Point::Displayed)
        .expect("r1", Point::Acked);
    for suite in [SuiteName::P256, SuiteName::Model] {
        let trace = trace(&draft.build(suite, 1)).passes();
        let pin =
            trace.first(|fact| matches!(fact, Fact::Pin { peer, .. } if peer.as_str() == "bob"));
        assert!(matches!(pin.fact, Fact::Pin { epoch: Epoch(3), .. }));
        trace.first(|fact| matches!(fact, Fact::Recorded { epoch: Epoch(4), .. }));
    }
}

#[test]
fn offline_devices_come_online_by_a_step_or_at_heal() {
    for (step, online) in [(Some(secs(20)), secs(20)), (None, secs(60))] {
        let mut draft = pair();
        draft.plan.given = Given { offline: vec![1], ..Given::default() };
        draft.send("m1", When::At(secs(1)), 0, 1, "hello").expect("m1", Point::Displayed);
        if let Some(at) = step {
            let change = LinkChange::Online;
            let action =
                Action::Links { users: vec![1], up: true, down: true, change, until: Until::Heal };
            draft.step("on", "link", When::At(at), action);
        }
        let trace = go(&draft).passes();
        let down = trace.all(|fact| lost(fact, FrameKind::Poll, LossCause::LinkDown));
        let active = trace.phase(Phase::Active);
        assert!(!down.is_empty());
        assert!(down.iter().all(|it| it.at.since(active) < online), "{step:?}");
    }
}

#[test]
fn steps_follow_each_other_and_points_of_other_nodes_no_sooner_than_told() {
    let mut draft = pair();
    draft.send("m1", When::At(secs(1)), 0, 1, "one").send("m2", When::Follow(ms(0)), 0, 1, "two");
    draft.send("m3", When::Follow(ms(0)), 1, 0, "three");
    let stored = draft.after("m1", Point::Stored, ms(3));
    draft.send("m4", stored, 0, 1, "four");
    let late = draft.after("m1", Point::Stored, ms(30));
    draft.send("m5", late, 0, 1, "five");
    let own = draft.after("m1", Point::Encrypted, ms(0));
    draft.send("m6", own, 0, 1, "six");
    let trace = go(&draft).passes();
    let at = |name: &str| {
        trace.first(|fact| matches!(fact, Fact::Step { name: it, .. } if it == name)).at
    };
    let m1 = |mid: &Mid| mid.sender.as_str() == "alice" && mid.seq == Seq(1);
    let stored = trace.first(|fact| matches!(fact, Fact::Accept { mid, .. } if m1(mid))).at;
    let encrypted = trace.first(|fact| matches!(fact, Fact::Encrypt(_))).at;
    assert_eq!(at("m2"), at("m1"), "the same node at once");
    assert_eq!(at("m3").since(at("m2")), ms(10), "another node is told");
    assert_eq!(at("m4").since(stored), ms(10), "raised to the internal latency");
    assert_eq!(at("m5").since(stored), ms(30), "the delay counts from the point");
    assert_eq!(at("m6"), encrypted);
}

#[test]
fn a_step_whose_anchor_never_occurs_is_named() {
    let mut draft = pair();
    draft.send("m1", When::At(secs(1)), 0, 1, "one");
    let bounced = draft.after("m1", Point::Bounced, ms(0));
    draft.send("m2", bounced, 0, 1, "two");
    let trace = go(&draft);
    assert_eq!(trace.outcome.verdict, Verdict::Inconclusive);
    let expected =
        "Inconclusive step: step `m2` never acted: what it follows did not happen in time";
    assert!(trace.findings().contains(&expected.to_owned()), "{:?}", trace.findings());
}

#[test]
fn a_fence_is_reached_when_everything_before_it_is_done() {
    let mut draft = pair();
    draft.plan.profiles[0].cpu = Cpu::CortexM0Plus;
    draft.send("m1", When::At(secs(1)), 0, 1, "one");
    let fence = draft.after("m1", Point::Sent, ms(0));
    draft.step("f1", "fence", fence, Action::Fence { by: 0 }).expect("f1", Point::Reached);
    let trace = go(&draft).passes();
    let fence = trace.first(|fact| matches!(fact, Fact::Fence { name } if name == "f1"));
    let composed = trace.first(|fact| matches!(fact, Fact::Compose { .. })).at;
    assert!(fence.at >= composed, "the draft is durable");
}

fn form() -> RequestPlan {
    RequestPlan {
        lines: vec!["Pay 9.00 EUR".to_owned(), "to: Shop".to_owned()],
        amount: Some(900),
        currency: Some("EUR".to_owned()),
        payee: Some("Shop".to_owned()),
        expires: secs(120),
    }
}

#[test]
fn a_press_answers_what_is_on_the_screen() {
    for (button, approved) in [(Button::Approve, 1), (Button::Reject, 0)] {
        let mut draft = Draft::new(&["alice", "shop"]);
        let (id, txn) = (draft.draft(), TxnId([7; 16]));
        let to = draft.spec.users[0].clone();
        let request = Action::Request { by: 1, to, draft: id, txn, form: form() };
        draft.step("q1", "request", When::At(secs(1)), request);
        let when = draft.after("q1", Point::Armed, secs(1));
        draft
            .step("p1", "press", when, Action::Press { by: 0, button, scroll: true })
            .expect("q1", Point::Answered)
            .expect("p1", Point::Pressed);
        let trace = go(&draft).passes();
        let step = trace.first(|fact| matches!(fact, Fact::Step { name, .. } if name == "p1")).id;
        let press = trace.first(|fact| matches!(fact, Fact::Button { .. }));
        assert_eq!(press.cause, Some(step));
        let seen = |fact: &Fact| matches!(fact, Fact::ApprovalSeen { valid: true, .. });
        assert_eq!(trace.count(seen), approved, "{button}");
    }
}

#[test]
fn keys_come_in_by_steps_and_bad_ones_are_refused() {
    let mut draft = pair();
    draft.plan.devices[0].start = Start::Blank;
    let bad = [
        BadDownload::ShortSecret,
        BadDownload::ZeroSecret,
        BadDownload::OrderSecret,
        BadDownload::WrongPublic,
        BadDownload::OffCurve,
        BadDownload::SamePair,
    ];
    for (n, bad) in (1..).zip(bad) {
        let action = Action::Provision { by: 0, how: ProvisionPlan::Bad(bad) };
        draft.step(&format!("bad{n}"), "provision", When::At(secs(n)), action);
    }
    let good = Action::Provision { by: 0, how: ProvisionPlan::Download };
    draft
        .step("good", "provision", When::At(secs(10)), good)
        .send("m1", When::At(secs(20)), 0, 1, "hello")
        .expect("m1", Point::Displayed);
    let trace = go(&draft).passes();
    assert_eq!(trace.count(|fact| matches!(fact, Fact::ProvisionRefused { .. })), bad.len());
    let ready = trace.all(|fact| matches!(fact, Fact::State { to: DeviceState::Ready }));
    assert!(ready.iter().any(|it| it.id.node == NodeId::device(0)));
}

#[test]
fn a_reset_identity_registers_anew_and_waits_for_confirmation() {
    let mut draft = pair();
    draft.plan.given = Given { warm: vec![(0, 1)], ..Given::default() };
    draft.spec.circumstances.reset = true;
    // What waits for a confirmation is offered again after an hour.
    draft.plan.settle = secs(2 * 3_600);
    let peer = draft.spec.users[0].clone();
    draft
        .step("reset", "reset-user", When::At(secs(1)), Action::ResetUser { user: 0 })
        .step("wipe", "wipe", When::At(secs(1)), Action::Wipe { by: 0 })
        .step(
            "new",
            "provision",
            When::At(secs(2)),
            Action::Provision { by: 0, how: ProvisionPlan::Generate },
        )
        .send("m1", When::At(secs(10)), 0, 1, "it is me")
        .step("yes", "confirm", When::At(secs(40)), Action::Confirm { by: 1, peer, accept: true })
        .expect("m1", Point::Displayed);
    let trace = go(&draft).passes();
    let asked = trace.first(|fact| matches!(fact, Fact::ConfirmAsked { .. })).at;
    assert!(trace.displayed().last().unwrap().0 > asked);
}

fn chatter(users: u32, rate: &str) -> Workload {
    Workload {
        name: peadsim::oracle::spec::NameId(0),
        what: WorkloadKind::Send {
            to: Contacts::List { count: 3, zipf_milli: 1_000, among: vec![0..=users - 1] },
            size: 16..=256,
            first: peadsim::base::id::DraftId(1_000),
        },
        by: vec![0..=users - 1],
        arrivals: Arrivals::Poisson(Rate::parse(rate).unwrap()),
        shape: Vec::new(),
        from: secs(0),
        until: secs(60),
    }
}

#[test]
fn traffic_is_sent_and_all_of_it_arrives() {
    let names: Vec<String> = (0..12).map(|n| format!("user{n}")).collect();
    let mut draft = Draft::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    draft.plan.links = vec![lossy(5)];
    let first = peadsim::base::id::DraftId(1_000);
    let of = peadsim::oracle::spec::Traffic::Texts;
    draft.name("chat", NamedThing::Workload { first, count: 1_000, of });
    draft.workload(chatter(12, "0.2/s")).workload(Workload {
        what: WorkloadKind::Rotate,
        arrivals: Arrivals::Every { period: secs(1_000), spread: Ratio::from_percent(5) },
        ..chatter(12, "1/s")
    });
    let trace = go(&draft).passes();
    let texts = trace.count(|fact| matches!(fact, Fact::Compose { kind: Content::Text, .. }));
    assert!((100..200).contains(&texts), "144 in the mean: {texts}");
    assert_eq!(trace.displayed().len(), texts);
    assert_eq!(trace.count(|fact| matches!(fact, Fact::RotateDone { .. })), 12);
}

#[test]
fn a_hit_is_visibly_faster_than_a_miss() {
    let latency = |cpu, warm: bool| {
        let mut draft = pair();
        draft.plan.profiles[0].cpu = cpu;
        if warm {
            draft.plan.given = Given { warm: vec![(0, 1)], ..Given::default() };
        }
        draft.send("m1", When::At(secs(1)), 0, 1, "hello");
        let trace = go(&draft).passes();
        let active = trace.phase(Phase::Active);
        let after =
            |is: fn(&Fact) -> bool| trace.all(is).iter().find(|it| it.at >= active).unwrap().at;
        let asked = active + secs(1);
        let sent = after(|fact| matches!(fact, Fact::Tx(it) if it.kind == Some(FrameKind::Submit)));
        (sent.since(asked), trace.outcome.metrics.counts["cpu.nanojoules"])
    };
    let (free, nothing) = latency(Cpu::Free, true);
    let (hit, _) = latency(Cpu::CortexM0Plus, true);
    let (miss, energy) = latency(Cpu::CortexM0Plus, false);
    assert!(free < hit && hit.times(10) < miss, "{free} {hit} {miss}");
    assert!(nothing == 0 && energy > 0);
}

#[test]
fn a_limit_ends_the_run_with_a_finding() {
    let mut draft = pair();
    draft.send("m1", When::At(secs(1)), 0, 1, "hello");
    let plan = draft.build(SuiteName::Model, 1);
    for limits in
        [Limits { events: 50, ..Limits::default() }, Limits { pending: 5, ..Limits::default() }]
    {
        let options = RunOptions { limits, ..RunOptions::default() };
        let outcome = run(&plan, options);
        assert_eq!(outcome.verdict, Verdict::Inconclusive);
        assert!(outcome.findings.iter().any(|it| it.oracle == "limit"), "{:?}", outcome.findings);
    }
}

#[test]
fn what_is_pending_after_settle_is_named() {
    let mut draft = pair();
    draft.plan.devices[1].start = Start::Off;
    draft.plan.settle = secs(30);
    draft.send("m1", When::At(secs(1)), 0, 1, "hello");
    let trace = go(&draft);
    let named = trace.findings().into_iter().find(|it| it.starts_with("Warning pending")).unwrap();
    assert!(named.contains("alice has draft w1 to bob unfinished"), "{named}");
    assert!(named.contains("bob has alice>bob#1 in the mailbox"), "{named}");
    let settle = trace.phase(Phase::Settle);
    assert_eq!(trace.phase(Phase::End).since(settle), secs(30));
}

#[test]
fn the_line_that_shows_a_run_again_names_file_seed_and_settings() {
    let plan = pair().build(SuiteName::Model, 7);
    let settings = vec!["params.loss=5%".to_owned()];
    let outcome = run(&plan, RunOptions { settings, ..RunOptions::default() });
    assert_eq!(outcome.repro, "peadsim run test.yaml --seed 7 --set params.loss=5%");
    assert_eq!(Arc::strong_count(&plan), 1, "the world is gone");
}
