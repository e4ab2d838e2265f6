//! Workloads, users who answer by themselves, full inputs and shared agreements in the virtual world.
//!
//! Not here: the schedules themselves (unit tests of `scenario::traffic`).

use peadsim::base::id::{DraftId, NodeId};
use peadsim::base::units::Ratio;
use peadsim::network::latency::{Distribution, Latency};
use peadsim::oracle::spec::{Check, NamedThing, Point, Traffic};
use peadsim::scenario::plan::{
    Action, AdversaryAct, Answering, Arrivals, Contacts, Cpu, RequestPlan, SuiteName, When,
    Workload, WorkloadKind,
};
use peadsim::trace::fact::{Button, Fact, FrameKind, LossCause};
use peadsim::verdict::finding::Severity;
use peadsim::verdict::outcome::Verdict;

use crate::sim_plan::{Draft, Trace, lost, ms, secs, trace};

/// The drafts of workloads begin here.
const FIRST: DraftId = DraftId(1 << 32);
/// Inputs that may wait for a processor.
const WAITING_MAX: usize = 4_096;

fn workload(draft: &mut Draft, name: &str, by: u32, what: WorkloadKind, at: &[u64]) {
    let of = match &what {
        WorkloadKind::Send { .. } => Traffic::Texts,
        WorkloadKind::Ask { own: false, .. } => Traffic::Requests,
        WorkloadKind::Ask { own: true, .. } => Traffic::OwnData(vec![by..=by]),
        WorkloadKind::Poll | WorkloadKind::Rotate | WorkloadKind::Reconnect => Traffic::Nothing,
    };
    let name = draft.name(name, NamedThing::Workload { first: FIRST, count: 1 << 32, of });
    let instants = at.iter().map(|second| secs(*second)).collect();
    draft.plan.workloads.push(Workload {
        name,
        what,
        by: vec![by..=by],
        arrivals: Arrivals::Trace { instants, everybody: true },
        shape: Vec::new(),
        from: secs(0),
        until: secs(60),
    });
}

fn asks(own: bool) -> WorkloadKind {
    let form = RequestPlan {
        lines: vec!["Pay 9.00 EUR".to_owned()],
        amount: None,
        currency: None,
        payee: None,
        expires: secs(120),
    };
    WorkloadKind::Ask { to: Contacts::OneOf(vec![1]), form, own, first: FIRST }
}

/// Everybody answers, between 2 s and 5 s after they may.
fn answering(draft: &mut Draft, approves: Ratio) {
    let after = Distribution::Uniform { low: secs(2), high: secs(5) };
    let after = Latency::new(after, None).unwrap();
    draft.plan.profiles[0].user = Some(Answering { after, approves });
}

/// Expects that each of a workload's requests is shown, and answered so.
fn expect_answers(draft: &mut Draft, workload: &str, button: Button, count: u64) {
    let (request, press) = (draft.named(workload), None);
    let (approved, rejected) = if button == Button::Approve { (count, 0) } else { (0, count) };
    draft.check(Check::Prompted { request }, count..=count);
    draft.check(Check::Approved { request, press, valid: None }, approved..=approved);
    draft.check(Check::Approved { request, press, valid: Some(true) }, approved..=approved);
    draft.check(Check::Rejected { request, press }, rejected..=rejected);
    draft.check(Check::Reaches { of: request, point: Point::Answered }, count..=count);
}

fn run(draft: &Draft) -> Trace {
    trace(&draft.build(SuiteName::Model, 1)).passes()
}

#[test]
fn requests_of_a_workload_are_answered_one_press_each() {
    for (approves, button) in [(Ratio::ONE, Button::Approve), (Ratio::ZERO, Button::Reject)] {
        let mut draft = Draft::new(&["shop", "bob"]);
        answering(&mut draft, approves);
        workload(&mut draft, "pay", 0, asks(false), &[1, 2, 30]);
        expect_answers(&mut draft, "pay", button, 3);
        let trace = run(&draft);
        let presses = trace.all(|fact| matches!(fact, Fact::Button { .. }));
        assert_eq!(presses.len(), 3);
        for press in presses {
            assert_eq!(press.id.node, NodeId::device(1));
            assert!(
                matches!(press.fact, Fact::Button { button: it, taken: true, .. } if it == button)
            );
            let armed = trace.records.iter().find(|it| Some(it.id) == press.cause).unwrap();
            assert!((secs(2)..=secs(5)).contains(&press.at.since(armed.at)));
        }
        let approved = trace.count(|fact| matches!(fact, Fact::ApprovalSeen { valid: true, .. }));
        let declined = trace.count(|fact| matches!(fact, Fact::DeclineSeen { .. }));
        let expected = if button == Button::Approve { (3, 0) } else { (0, 3) };
        assert_eq!((approved, declined), expected);
        let answer = trace.outcome.metrics.times.get("pay.answer").unwrap();
        assert_eq!(answer.count(), 3);
    }
}

#[test]
fn own_data_of_a_workload_is_approved_by_its_writer() {
    let mut draft = Draft::new(&["alice", "bob"]);
    answering(&mut draft, Ratio::ONE);
    workload(&mut draft, "own", 0, asks(true), &[1, 20]);
    expect_answers(&mut draft, "own", Button::Approve, 2);
    let trace = run(&draft);
    let presses = trace.all(|fact| matches!(fact, Fact::Button { taken: true, .. }));
    assert_eq!(presses.len(), 2);
    assert!(presses.iter().all(|press| press.id.node == NodeId::device(0)));
    assert_eq!(trace.count(|fact| matches!(fact, Fact::ApprovalSeen { valid: true, .. })), 2);
}

#[test]
fn polls_of_a_workload_leave_at_its_instants() {
    let mut draft = Draft::new(&["alice", "bob"]);
    draft.config(|config| config.poll = None);
    draft.spec.limits[0].poll = None;
    workload(&mut draft, "watch", 0, WorkloadKind::Poll, &[7, 8, 30]);
    let trace = run(&draft);
    let polls =
        trace.all(|fact| matches!(fact, Fact::Tx(frame) if frame.kind == Some(FrameKind::Poll)));
    let of_alice = polls.iter().filter(|it| it.id.node == NodeId::device(0));
    let start = trace.phase(peadsim::trace::fact::Phase::Active);
    let times: Vec<_> = of_alice.filter(|it| it.at > start).map(|it| it.at.since(start)).collect();
    assert_eq!(times, [secs(7), secs(8), secs(30)]);
}

#[test]
fn a_busy_device_loses_what_its_input_cannot_hold() {
    let mut draft = Draft::new(&["alice", "bob"]);
    draft.plan.profiles[0].cpu = Cpu::CortexM0Plus;
    draft.send("m1", When::At(secs(1)), 0, 1, "hello").expect("m1", Point::Displayed);
    let when = draft.after("m1", Point::Forwarded, ms(400));
    let act = AdversaryAct::Spray { count: 500, epochs: false };
    draft.step("spray", "spray", when, Action::Adversary { at: 1, act });
    let trace = trace(&draft.build(SuiteName::Model, 1));
    let full = trace.count(|fact| lost(fact, FrameKind::Deliver, LossCause::InputFull));
    assert!((1..500).contains(&full), "{full}\n{:?}", trace.findings());
    assert_eq!(trace.displayed().len(), 1, "what was lost is sent again");
}

#[test]
fn a_step_waits_for_a_point_of_a_workload() {
    let mut draft = Draft::new(&["alice", "bob"]);
    let to = Contacts::OneOf(vec![1]);
    workload(&mut draft, "chat", 0, WorkloadKind::Send { to, size: 8..=8, first: FIRST }, &[7, 9]);
    let when = draft.after("chat", Point::Stored, ms(11));
    draft.send("m1", when, 1, 0, "I am here").expect("m1", Point::Displayed);
    let trace = run(&draft);
    let stored = trace.first(|fact| matches!(fact, Fact::Accept { .. })).at;
    let step = trace.first(|fact| matches!(fact, Fact::Step { name, .. } if name == "m1"));
    assert_eq!(step.at.since(stored), ms(11), "not before it is told");
}

#[test]
fn a_device_that_falls_too_far_behind_ends_the_run() {
    let mut draft = Draft::new(&["alice", "bob"]);
    draft.plan.profiles[0].cpu = Cpu::CortexM0Plus;
    draft.plan.given.warm = vec![(0, 1)];
    let send = |first| WorkloadKind::Send { to: Contacts::OneOf(vec![1]), size: 8..=8, first };
    // The processor is busy with the first one.
    workload(&mut draft, "chat", 0, send(FIRST), &[1; WAITING_MAX + 2]);
    let trace = trace(&draft.build(SuiteName::Model, 1));
    let limit = trace.outcome.findings.iter().find(|it| it.oracle == "limit").unwrap();
    assert_eq!(limit.severity, Severity::Inconclusive);
    assert_eq!(limit.message, format!("{WAITING_MAX} inputs wait for the processor of d0"));
    assert_eq!(trace.outcome.verdict, Verdict::Inconclusive);
    draft.plan.workloads[0].arrivals =
        Arrivals::Trace { instants: vec![secs(1); WAITING_MAX + 1], everybody: true };
    let fits = crate::sim_plan::trace(&draft.build(SuiteName::Model, 1));
    assert!(fits.outcome.findings.iter().all(|it| it.oracle != "limit"), "{:?}", fits.findings());
}

#[test]
fn shared_agreements_change_no_digest() {
    let names: Vec<String> = (0..8).map(|n| format!("d{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut draft = Draft::new(&names);
    for n in 0..8_u32 {
        for other in (0..8).filter(|other| *other != n) {
            let name = format!("m{n}-{other}");
            draft.send(&name, When::At(secs(u64::from(n) + 1)), n, other, "hello");
            draft.expect(&name, Point::Displayed);
        }
    }
    draft.step("turn", "rotate", When::At(secs(30)), Action::Rotate { by: 3, revoke: false });
    let alone = trace(&draft.build(SuiteName::P256, 1)).passes();
    draft.plan.share_agreements = true;
    draft.spec.shared_agreements = true;
    let shared = trace(&draft.build(SuiteName::P256, 1)).passes();
    assert_eq!(alone.outcome.digest, shared.outcome.digest);
    assert_eq!(alone.outcome.suite, shared.outcome.suite);
}
