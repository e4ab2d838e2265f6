//! Two devices exchange messages in the virtual world. Not here: faults and adversaries.

use peadsim::oracle::spec::Point;
use peadsim::scenario::plan::{Plan, SuiteName, When};
use peadsim::sim::run::{RunOptions, run};
use peadsim::trace::digest::Forms;
use peadsim::trace::record::Record;
use peadsim::trace::sink::Collect;
use peadsim::verdict::outcome::{Outcome, Verdict};
use std::sync::Arc;

use crate::sim_plan::{Draft, lossy, ms, secs};

fn exchange(loss: u64) -> Draft {
    let mut draft = Draft::new(&["alice", "bob"]);
    draft.plan.links = vec![lossy(loss)];
    draft
        .send("m1", When::At(secs(1)), 0, 1, "hello bob, this is alice")
        .send("m2", When::Follow(ms(50)), 1, 0, "hello alice, this is bob")
        .expect("m1", Point::Displayed)
        .expect("m2", Point::Displayed)
        .expect("m1", Point::Reported)
        .expect("m2", Point::Reported);
    draft
}

fn outcome(plan: &Arc<Plan>) -> (Outcome, Vec<Record>) {
    let mut records = Collect::default();
    let options =
        RunOptions { sinks: vec![&mut records], forms: Forms::ALL, ..RunOptions::default() };
    let outcome = run(plan, options);
    (outcome, records.0)
}

fn check_passes(plan: &Arc<Plan>) -> Outcome {
    let (outcome, records) = outcome(plan);
    let story: Vec<String> = records
        .iter()
        .map(|it| format!("{} {} {:?} {:?}", it.at, it.id, it.cause, it.fact))
        .collect();
    assert_eq!(outcome.verdict, Verdict::Pass, "{:#?}\n{}", outcome.findings, story.join("\n"));
    outcome
}

#[test]
fn two_devices_exchange_messages_over_a_lossy_link() {
    for suite in [SuiteName::P256, SuiteName::Model] {
        for seed in 1..=5 {
            check_passes(&exchange(20).build(suite, seed));
        }
    }
}

#[test]
fn the_same_plan_has_the_same_digest_and_another_seed_another() {
    let draft = exchange(20);
    let once = outcome(&draft.build(SuiteName::Model, 1)).0;
    let again = outcome(&draft.build(SuiteName::Model, 1)).0;
    let other = outcome(&draft.build(SuiteName::Model, 2)).0;
    assert_eq!(once, again);
    assert_ne!(once.digest.full, other.digest.full);
}

#[test]
fn suites_differ_in_octets_of_keys_only() {
    for seed in 1..=3 {
        let draft = exchange(20);
        let (p256, left) = outcome(&draft.build(SuiteName::P256, seed));
        let (model, right) = outcome(&draft.build(SuiteName::Model, seed));
        for (left, right) in left.into_iter().zip(right) {
            let (mut left, mut right) = (left, right);
            left.fact.mask();
            right.fact.mask();
            assert_eq!(left, right);
        }
        assert_eq!(p256.digest.masked, model.digest.masked);
        assert_ne!(p256.digest.full, model.digest.full);
    }
}
