//! What comes of a run does not depend on its threads: outcomes are equal in everything.
//!
//! Not here: digests of the whole suite on 1 to 8 threads (`peadsim verify`).

use std::path::Path;
use std::sync::Arc;

use peadsim::base::time::{Duration, Instant};
use peadsim::crypto::model::Model;
use peadsim::explore::subject::plan;
use peadsim::oracle::batch::Batch;
use peadsim::scenario::plan::Plan;
use peadsim::scenario::read::{Extras, read_file, read_text};
use peadsim::sim::run::{RunOptions, run};
use peadsim::sim::shards::{Going, Shards, USERS_MIN, Whole, shards};
use peadsim::sim::world::{Limits, World};
use peadsim::verdict::outcome::Outcome;

/// The plan of a scenario's first case.
fn plan_of(path: &str, settings: &[(&str, &str)]) -> Arc<Plan> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(path);
    let set = settings.iter().map(|(path, value)| format!("{path}={value}"));
    let extras = Extras { set: set.collect(), ..Extras::default() };
    let reading = read_file(&file, None, &extras);
    let case = reading.cases.first().unwrap_or_else(|| panic!("{path}: {:?}", reading.diagnostics));
    Arc::new(plan(&reading, case, path, 1).unwrap())
}

fn outcome(plan: &Arc<Plan>, threads: usize) -> Outcome {
    run(plan, RunOptions { threads, users_min: 1, ..RunOptions::default() })
}

fn check(path: &str, settings: &[(&str, &str)]) {
    let plan = plan_of(path, settings);
    let alone = outcome(&plan, 1);
    for threads in [2, 5] {
        let spread = outcome(&plan, threads);
        let text = |it: &Outcome| serde_json::to_string_pretty(it).unwrap();
        for (one, other) in text(&spread).lines().zip(text(&alone).lines()) {
            assert_eq!(one, other, "{path} on {threads} threads");
        }
        assert_eq!(spread.digest, alone.digest);
    }
}

#[test]
fn fleets_in_shards_give_the_same_outcome() {
    check("fleets/ten-thousand.yaml", &[("params.n", "50")]);
    check("fleets/regional-outage.yaml", &[("params.n", "10")]);
    // So many at once that its shards go side by side.
    check("fleets/million-polling.yaml", &[("params.n", "3000"), ("time.active", "20s")]);
}

#[test]
fn scenarios_with_faults_and_rotations_give_the_same_outcome() {
    for path in [
        "faults/crash-anytime.yaml",
        "rotation/rot-r04-both-rotate.yaml",
        "approval/many.yaml",
        "provisioning/downloaded.yaml",
        "regressions/bounce-told-in-a-crash.yaml",
    ] {
        check(path, &[]);
    }
}

#[test]
fn what_cannot_be_spread_says_why() {
    let why = |path: &str, users_min| shards(&plan_of(path, &[]), 2, users_min);
    assert_eq!(why("claims/claim-11-push.yaml", USERS_MIN), Err(Whole::Small(2 * USERS_MIN)));
    assert_eq!(why("rotation/rot-r11-late-nack.yaml", 1), Err(Whole::Steps));
    let least = Duration::from_micros(100);
    assert_eq!(why("fleets/village.yaml", 1), Err(Whole::Lookahead(least)));
    assert_eq!(why("fleets/tide.yaml", 1), Ok(2));
}

/// A fleet that polls at the same instants.
fn world() -> World<Model> {
    let text = "peadsim: 1\nid: TOY\ntitle: t\nsuite: model\nfleets: {post: {count: 9, receive: {poll: \
                10s}}}\nexpect: []\ntime: {active: 35s, settle: 5s}\n";
    let reading = read_text("toy.yaml", text, &Extras::default());
    let plan = plan(&reading, &reading.cases[0], "toy.yaml", 1).unwrap();
    World::new(Arc::new(plan), Limits::default()).unwrap()
}

fn addresses(mut fill: impl FnMut(&mut Batch) -> bool) -> Vec<(Instant, String)> {
    let (mut batch, mut seen) = (Batch::default(), Vec::new());
    let mut goes_on = true;
    while goes_on {
        goes_on = fill(&mut batch);
        seen.extend(batch.records().map(|record| (record.at, record.id.to_string())));
        drop(batch.take_parts());
    }
    seen
}

#[test]
fn shards_that_wait_for_each_other_within_an_instant_give_the_records_of_the_whole() {
    let mut whole = world();
    let expected = addresses(|batch| whole.fill(batch, 100));
    assert!(expected.len() > 9 * 3 * 4, "{}", expected.len());
    for (count, at_once) in [(2, 1), (2, 7), (4, 3), (9, 1_000)] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count as usize).build().unwrap();
        for going in [Going::InTurn, Going::SideBySide] {
            let mut shards = Shards::of(world(), count).wait_after(at_once);
            let seen = pool.install(|| addresses(|batch| shards.fill(batch, 10, going)));
            assert_eq!(seen, expected, "{count} shards, {at_once} records at once, {going:?}");
            let mut shards = Shards::of(world(), count);
            let seen = pool.install(|| addresses(|batch| shards.fill(batch, usize::MAX, going)));
            assert_eq!(seen, expected, "{count} shards without a halt, {going:?}");
        }
    }
}

/// Mail between shards comes within the window in which a shard goes ahead of the others.
#[test]
fn shards_that_write_to_each_other_side_by_side_give_the_records_of_the_whole() {
    let plan = plan_of("fleets/ten-thousand.yaml", &[("params.n", "20")]);
    let world = || World::<Model>::new(Arc::clone(&plan), Limits::default()).unwrap();
    let mut whole = world();
    let expected = addresses(|batch| whole.fill(batch, 1_000));
    assert!(expected.len() > 1_000, "{}", expected.len());
    for at_once in [20, 4_096] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let mut shards = Shards::of(world(), 2).wait_after(at_once);
        let fill = |batch: &mut Batch| shards.fill(batch, 1_000, Going::SideBySide);
        let seen = pool.install(|| addresses(fill));
        assert!(seen == expected, "{at_once} records at once");
    }
}
