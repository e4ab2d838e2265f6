//! A case and a seed to a plan: names numbered, ranges drawn, defaults filled in.
//!
//! Not here: reading (`ast`), or what looks wrong but is legal (`lint`).

pub mod drawn;
pub mod draws;
pub mod equipment;
pub mod expect;
pub mod links;
pub mod names;
pub mod order;
pub mod people;
pub mod settings;
pub mod shows;
pub mod steps;
pub mod stores;
pub mod trouble;
pub mod whole;
pub mod workload;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::base::roster::Roster;
use crate::base::time::Duration;
use crate::oracle::spec::Spec;
use crate::scenario::ast::device::Device;
use crate::scenario::ast::step;
use crate::scenario::diagnostics::Diagnostics;
use crate::scenario::plan::{Plan, SuiteName};
use crate::scenario::read::Case;
use crate::scenario::resolve::equipment::Equipment;
use crate::scenario::resolve::names::Names;
use crate::scenario::resolve::people::People;

/// Above this many devices the ends of a pair share one computed agreement (design 5).
const SHARE_ABOVE: usize = 256;

/// What steps, expectations and workloads are resolved against.
pub struct Context<'a> {
    /// Who is there.
    pub people: &'a People<'a>,
    /// What names stand for.
    pub names: &'a Names,
    /// The steps as written.
    pub steps: &'a [step::Step],
    /// The seed.
    pub seed: u64,
    /// How long steps may act.
    pub active: Duration,
    /// The directory's grace.
    pub grace: Duration,
    /// Where findings go.
    pub sink: &'a mut Diagnostics,
}

/// Makes the plan of a case under a seed; `None` if anything in it is wrong.
///
/// `source` is the file as given on the command line.
pub fn resolve(case: &Case, seed: u64, source: &str, sink: &mut Diagnostics) -> Option<Plan> {
    let before = sink.errors();
    let scenario = &case.scenario;
    let people = People::of(scenario, sink);
    let names = Names::of(scenario, &people, seed, sink);
    let wants_push = |device: &Device| device.receive.as_ref().is_some_and(|r| r.push.value);
    let push = people.groups.iter().any(|group| wants_push(group.device));
    let mut server = settings::server(scenario.server.as_ref(), push, sink);
    server.deviations = whole::deviations(scenario, "server");
    whole::check_deviations(scenario, &people, sink);
    whole::check_exceptions(scenario, sink);
    shows::check(scenario, sink);
    let time = whole::times(scenario.time.as_ref());
    let (internal, sync) = whole::delays(scenario, sink);
    let equipment = Equipment::of(scenario, &people, (&server, sync), seed, sink);
    let given = whole::given(scenario, &people, sink);
    let load = whole::load(scenario, sink);
    let mut cx = Context {
        people: &people,
        names: &names,
        steps: &scenario.steps,
        seed,
        active: time.active.value,
        grace: server.grace,
        sink,
    };
    let written = || scenario.steps.iter().enumerate();
    let steps: Vec<_> = written().filter_map(|(i, it)| steps::step(it, i, &mut cx)).collect();
    let written = scenario.workload.iter().enumerate();
    let workloads = written.filter_map(|(i, it)| workload::workload(it, i, &mut cx)).collect();
    let written = scenario.expect.iter();
    let expectations = written.flat_map(|it| expect::expectation(it, &mut cx)).collect();
    if steps.len() == scenario.steps.len() {
        order::check(&steps, &scenario.steps, sink);
    }
    if sink.errors() > before {
        return None;
    }
    // An agreement of the model costs less than looking one up.
    let suite = whole::suite(scenario);
    let by_the_book = scenario.deviations.0.is_empty();
    let share_agreements =
        suite == SuiteName::P256 && people.users.len() > SHARE_ABOVE && by_the_book;
    let spec = Spec {
        by_name: Roster::of(&people.users),
        users: people.users,
        limits_of: equipment.limits_of,
        limits: equipment.limits,
        server: settings::bounds(&server),
        circumstances: whole::circumstances(scenario, &equipment.links),
        names: names.list,
        expectations,
        except: whole::except(scenario),
        reaches: scenario.reaches.iter().map(|mark| mark.value.0.clone()).collect(),
        settle: time.settle.value,
        bandwidth: whole::bandwidth(&equipment.links),
        round_trip: equipment.round_trip,
        internal,
        slowest_write: whole::slowest_write(sync, &equipment.profiles, &steps, time.active.value),
        under_test: None,
        opaque: BTreeSet::new(),
        shared_agreements: share_agreements,
    };
    Some(Plan {
        case: case.id.clone(),
        title: scenario.title.value.clone(),
        source: source.to_owned(),
        seed,
        suite,
        devices: equipment.devices,
        profiles: equipment.profiles,
        links: equipment.links,
        server: Arc::new(server),
        internal,
        sync,
        given,
        steps,
        workloads,
        load,
        spec: Arc::new(spec),
        claimed: whole::claimed(scenario),
        kills: scenario.kills.iter().map(|mutant| mutant.value.0.clone()).collect(),
        active: time.active.value,
        settle: time.settle.value,
        share_agreements,
        ahead: Duration::ZERO,
        null_devices: false,
    })
}
