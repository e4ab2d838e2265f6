//! Two devices exchange messages in the virtual world. Not here: faults and adversaries.

use peadsim::oracle::spec::Point;
use peadsim::scenario::plan::{SuiteName, When};

use crate::sim_plan::{Draft, lossy, ms, secs, trace};

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

#[test]
fn two_devices_exchange_messages_over_a_lossy_link() {
    for suite in [SuiteName::P256, SuiteName::Model] {
        for seed in 1..=5 {
            trace(&exchange(20).build(suite, seed)).passes();
        }
    }
}

#[test]
fn the_same_plan_has_the_same_digest_and_another_seed_another() {
    let draft = exchange(20);
    let once = trace(&draft.build(SuiteName::Model, 1)).outcome;
    let again = trace(&draft.build(SuiteName::Model, 1)).outcome;
    let other = trace(&draft.build(SuiteName::Model, 2)).outcome;
    assert_eq!(once, again);
    assert_ne!(once.digest.full, other.digest.full);
}

#[test]
fn suites_differ_in_octets_of_keys_only() {
    for seed in 1..=3 {
        let draft = exchange(20);
        let p256 = trace(&draft.build(SuiteName::P256, seed));
        let model = trace(&draft.build(SuiteName::Model, seed));
        for (mut left, mut right) in p256.records.into_iter().zip(model.records) {
            left.fact.mask();
            right.fact.mask();
            assert_eq!(left, right);
        }
        assert_eq!(p256.outcome.digest.masked, model.outcome.digest.masked);
        assert_ne!(p256.outcome.digest.full, model.outcome.digest.full);
    }
}
