//! What only somebody with the keys can judge: devices that leak them or derive wrongly are found out by
//! the judges named for it. Not here: how these judges work, which they test by themselves.

use std::path::Path;
use std::sync::Arc;

use peadsim::base::time::Instant;
use peadsim::crypto::model::Model;
use peadsim::proto::deviation::{Deviation, Deviations};
use peadsim::scenario::diagnostics::Diagnostics;
use peadsim::scenario::plan::{Plan, SuiteName};
use peadsim::scenario::read::{Extras, read_file};
use peadsim::scenario::resolve::resolve;
use peadsim::sim::run::{RunOptions, run};
use peadsim::sim::world::{Limits, World};
use peadsim::verdict::catalog::killers;
use peadsim::verdict::finding::Severity;

use crate::sim_plan::Draft;

/// The first case of a scenario with its first seed.
fn plan(file: &str) -> Plan {
    let path = Path::new("scenarios").join(file);
    let reading = read_file(&path, None, &Extras::default());
    let case = &reading.cases[0];
    let seed = case.scenario.seeds.value.0.first().copied().unwrap_or(1);
    resolve(case, seed, file, &mut Diagnostics::default()).unwrap()
}

/// The judges and requirements with a failing finding when every device has this deviation.
fn found(file: &str, deviation: Deviation) -> Vec<String> {
    let mut plan = plan(file);
    for profile in &mut plan.profiles {
        Arc::make_mut(&mut profile.config).deviations = Deviations::default().with(deviation);
    }
    let outcome = run(&Arc::new(plan), RunOptions::default());
    let failing = outcome.findings.iter().filter(|it| it.severity == Severity::Fail);
    failing
        .flat_map(|it| {
            let cited = it.requirements.iter().map(ToString::to_string);
            [it.oracle.clone()].into_iter().chain(cited)
        })
        .collect()
}

#[test]
fn devices_that_derive_wrongly_or_leak_are_found_by_the_judge_named_for_it() {
    for (deviation, file) in [
        (Deviation::M14, "claims/claim-15-known-answers.yaml"),
        (Deviation::M15, "claims/claim-15-leading-zero.yaml"),
        (Deviation::M16, "claims/claim-05-base.yaml"),
        (Deviation::M17, "claims/claim-15-known-answers.yaml"),
        (Deviation::M78, "provisioning/downloaded.yaml"),
    ] {
        let found = found(file, deviation);
        let named = killers(deviation.id());
        let is_named = found.iter().any(|it| named.contains(&it.as_str()));
        assert!(is_named, "{deviation}: {found:?}");
    }
}

#[test]
fn leading_zeros_matter_only_where_there_are_some() {
    assert_eq!(found("claims/claim-05-base.yaml", Deviation::M15), [""; 0]);
}

#[test]
fn the_judges_get_all_keys_of_few_devices_and_some_of_a_fleet() {
    for (users, expected) in [(100, 100..=100), (1_000, 80..=170)] {
        let names: Vec<_> = (0..users).map(|n| format!("user{n}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let plan = Draft::new(&names).build(SuiteName::Model, 1);
        let mut world = World::<Model>::new(plan, Limits::default()).unwrap();
        let mut count = 0;
        while world.now() == Instant::START && world.step() {
            count += world.take_keys().count();
        }
        assert!(expected.contains(&count), "{count} of {users}");
    }
}
