//! Every small scenario gives its stored digest, on other threads too, and one masked digest on both suites.
//!
//! `peadsim verify --bless` rewrites the stored ones. Not here: verdicts, which `peadsim run` tells.

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use peadsim::explore::golden::{self, Book};
use peadsim::explore::verify::{Certificate, Mismatch, Runs, Settings, Way, verify};
use peadsim::scenario::ast::scenario::{SizeWord, WorldKind};
use peadsim::scenario::diagnostics::Diagnostics;
use peadsim::scenario::plan::Plan;
use peadsim::scenario::read::{Case, Extras, read_file};
use peadsim::scenario::resolve::resolve;

/// Scenarios that are verified by the optimized program (`peadsim verify`, in `.ci/run`).
const HEAVY: [&str; 2] = ["scenarios/fleets", "scenarios/conformance/endurance"];

#[test]
fn small_scenarios_keep_their_digests_on_every_run_and_suite() {
    let (plans, heavy) = plans();
    let is_heavy = |key: &str| heavy.iter().any(|it| golden::key(&it.case, it.seed) == key);
    assert!(plans.len() >= 60, "only {} cases", plans.len());
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let settings = Settings {
        ways: vec![Way::Threads(threads), Way::OtherSuite],
        threads,
        trails: true,
        stopped: &|| false,
    };
    let runs = Runs { count: plans.len(), plan: &|run| Ok(Arc::clone(&plans[run])) };
    let certificate = verify(&runs, &settings, |_| ());
    assert_eq!(certificate.failure, None);
    let mut wrong = differing(&plans, &certificate);
    let stored: Book = std::fs::read_to_string(golden::FILE).unwrap().parse().unwrap();
    for (key, change) in stored.changes(&Book::of(&certificate.firsts)) {
        if is_heavy(&key) {
            continue;
        }
        let plan = plans.iter().find(|plan| golden::key(&plan.case, plan.seed) == key);
        writeln!(wrong, "{}", golden::describe(&key, change, plan)).unwrap();
    }
    assert!(wrong.is_empty(), "`peadsim verify --bless` if this is meant:\n{wrong}");
}

fn differing(plans: &[Arc<Plan>], certificate: &Certificate) -> String {
    let mut text = String::new();
    for Mismatch { run, way, against, parting, .. } in &certificate.mismatches {
        let case = &plans[*run].case;
        let place = parting.as_ref().map(ToString::to_string).unwrap_or_default();
        writeln!(text, "{case}: {way} is not as {against}\n{place}").unwrap();
    }
    text
}

/// The first seed of every case of every small `kind: run` scenario, and apart those that are heavy.
fn plans() -> (Vec<Arc<Plan>>, Vec<Arc<Plan>>) {
    let mut files = Vec::new();
    collect(Path::new("scenarios"), &mut files);
    files.sort();
    let (heavy, light): (Vec<_>, Vec<_>) =
        files.iter().partition(|path| HEAVY.iter().any(|folder| path.starts_with(folder)));
    let of = |files: Vec<&PathBuf>| files.into_iter().flat_map(|path| plans_of(path)).collect();
    (of(light), of(heavy))
}

fn plans_of(path: &Path) -> Vec<Arc<Plan>> {
    let reading = read_file(path, None, &Extras::default());
    let small = |case: &&Case| {
        let (size, kind) = (&case.scenario.size.value, &case.scenario.kind.value);
        *size == SizeWord::Small && *kind == WorldKind::Run
    };
    let resolved = |case: &Case| {
        let seed = case.scenario.seeds.value.0.first().copied().unwrap_or(1);
        let mut sink = Diagnostics::default();
        resolve(case, seed, &path.display().to_string(), &mut sink).map(Arc::new)
    };
    reading.cases.iter().filter(small).filter_map(resolved).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
}
