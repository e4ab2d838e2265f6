//! Cases to plans: what names, ranges and defaults become.
//!
//! Not here: cases that do not resolve (`scenario_bad`).
#![allow(clippy::disallowed_methods, reason = "a test that time is bounded reads a clock")]

use std::path::Path;
use std::time::Instant;

use peadsim::base::time::Duration;
use peadsim::oracle::spec::Check;
use peadsim::scenario::plan::{Action, Plan, When};
use peadsim::scenario::read::{Extras, Reading, read_file, read_text};
use peadsim::scenario::resolve::drawn::drawn;
use peadsim::scenario::resolve::resolve;
use peadsim::scenario::write::write;

fn read(name: &str) -> Reading {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    read_file(&root.join("good").join(name), Some(&root), &Extras::default())
}

#[track_caller]
fn plan(reading: &mut Reading, case: usize, seed: u64) -> Plan {
    let plan = resolve(&reading.cases[case], seed, "test.yaml", &mut reading.diagnostics);
    plan.unwrap_or_else(|| panic!("{}", reading.render(false)))
}

#[test]
fn a_race_becomes_a_plan() {
    let plan = plan(&mut read("race.yaml"), 3, 7);
    assert_eq!(plan.case, "ROT-R1-inflight[lead=20ms,loss=5%]");
    let lines: Vec<_> = plan
        .steps
        .iter()
        .map(|step| {
            let name = &plan.spec.names[step.name.0 as usize].name;
            format!("{name}: {} {:?}", step.verb, step.when)
        })
        .chain(
            plan.spec
                .expectations
                .iter()
                .map(|it| format!("{}: {} {:?} {:?}", it.line, it.text, it.count, it.within)),
        )
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    hold#1: hold At(0s)
    m1: send Follow(0s)
    r1: rotate After(PointRef { name: NameId(1), point: Stored }, 20ms)
    m2: send After(PointRef { name: NameId(2), point: Acked }, 90s)
    31: displayed: m1 1..=18446744073709551615 None
    32: displayed: {message: m2, within: 30s} 1..=18446744073709551615 Some(30s)
    33: epoch: {message: m1, receiver: 1} 1..=18446744073709551615 None
    34: epoch: {message: m2, receiver: 2} 1..=18446744073709551615 None
    35: lookups: {by: bob, of: alice, since: m1.stored, count: 0..1} 0..=1 None
    36: alarm: {by: bob, count: 0} 0..=0 None
    ");
    assert_eq!(plan.given.warm, [(0, 1)]);
    assert_eq!(
        plan.profiles[plan.devices[0].profile as usize].config.refresh,
        Duration::from_secs(30)
    );
    assert_eq!(
        plan.profiles[plan.devices[1].profile as usize].config.poll,
        Some(Duration::from_secs(5))
    );
    assert_eq!(plan.claimed.len(), 2);
}

#[test]
fn a_conformance_case_without_its_body_is_a_simulation() {
    let plan = plan(&mut read("conform.yaml"), 0, 1);
    assert!(matches!(plan.steps[0].action, Action::Request { by: 1, .. }));
    assert!(matches!(plan.steps[3].when, When::After(..)));
    assert!(matches!(
        plan.spec.expectations[0].check,
        Check::Approved { press: Some(_), valid: Some(true), .. }
    ));
    assert_eq!(plan.spec.expectations[1].count, 0..=0);
}

#[test]
fn the_same_seed_gives_the_same_plan_and_devices_keep_their_luck() {
    let text = |devices: &str| {
        format!(
            "peadsim: 1\nid: A\ntitle: t\ntemplates: {{t: {{receive: {{poll: 20s..40s}}}}}}\n\
             devices: {{{devices}}}\nnetwork: {{default: {{latency: 10ms..90ms}}}}\n\
             steps:\n  - poll: bob\n"
        )
    };
    let of_bob = |devices: &str, seed| {
        let mut reading = read_text("a.yaml", &text(devices), &Extras::default());
        let plan = plan(&mut reading, 0, seed);
        let bob = plan.devices.iter().find(|device| device.user.as_str() == "bob").unwrap();
        let poll = plan.profiles[bob.profile as usize].config.poll;
        (poll, plan.links[bob.up as usize].clone())
    };
    let alone = of_bob("bob: {like: t}", 1);
    assert_eq!(alone, of_bob("alice: {like: t}, bob: {like: t}, carol: {}", 1));
    assert_ne!(alone, of_bob("bob: {like: t}", 2));
}

#[test]
fn a_drawn_file_is_the_same_run() {
    let mut reading = read("race.yaml");
    let plan = plan(&mut reading, 1, 5);
    let text = write(&drawn(&reading.cases[1].tree, &plan));
    let mut again = read_text("drawn.yaml", &text, &Extras::default());
    assert_eq!(again.render(false), "", "{text}");
    let same = self::plan(&mut again, 0, 5);
    assert_eq!(same.links, plan.links, "{text}");
    assert_eq!(format!("{:?}", same.profiles), format!("{:?}", plan.profiles));
    assert_eq!(again.cases[0].scenario.seeds.value.0, [5]);
    insta::assert_snapshot!(text, @r"
    peadsim: 1
    id: ROT-R1-inflight
    title: A message stored before the receiver rotates is still displayed after it
    requirements:
      positive: [C17-R1, C17-R5]
    reaches:
      - R1
    kills:
      - M39
    seeds: 5
    suite: p256
    given:
      warm: [[alice, bob]]
    devices:
      alice:
        refresh: 30s
        network: {up: {latency: 41.40625ms, loss: 5%}, down: {latency: 48.75ms, loss: 5%}}
      bob:
        receive: {poll: 5s}
        network: {up: {latency: 52.890625ms, loss: 5%}, down: {latency: 45.15625ms, loss: 5%}}
    network:
      default: {latency: 40ms..60ms, loss: 5%}
    steps:
      - hold: {frame: m1.deliver, until: r1.acked, at: 0s}
      - send: {as: m1, from: alice, to: bob, text: hello}
      - rotate: {as: r1, by: bob, after: m1.stored, delay: 0ms}
      - send: {as: m2, from: alice, to: bob, text: again, after: r1.acked, delay: 90s}
    expect:
      - displayed: m1
      - displayed: {message: m2, within: 30s}
      - epoch: {message: m1, receiver: 1}
      - epoch: {message: m2, receiver: 2}
      - lookups: {by: bob, of: alice, since: m1.stored, count: 0..1}
      - alarm: {by: bob, count: 0}
    time:
      active: 3m
      settle: 5m
    ");
}

#[test]
fn a_fleet_of_a_hundred_thousand_shares_its_settings() {
    let start = Instant::now();
    let mut reading = read("fleet.yaml");
    let plan = plan(&mut reading, 0, 1);
    assert_eq!(plan.devices.len(), 200_000);
    assert!(plan.profiles.len() <= 2 * 257, "{} profiles", plan.profiles.len());
    assert!(plan.links.len() <= 4, "{} links", plan.links.len());
    assert!(!plan.share_agreements, "an agreement of the model costs less than looking one up");
    assert!(start.elapsed().as_secs() < 120, "{:?}", start.elapsed());
}
