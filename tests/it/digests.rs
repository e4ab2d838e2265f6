//! Every small scenario gives its stored digest, twice, and one masked digest on both suites.
//!
//! `scenarios/digests.txt` holds, for the first seed of each case, the full digest and the trail of records.
//! `PEADSIM_BLESS=1` rewrites it. Not here: verdicts, which `peadsim run` tells.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use peadsim::base::rng::RNG_VERSION;
use peadsim::scenario::ast::scenario::{SizeWord, WorldKind};
use peadsim::scenario::diagnostics::Diagnostics;
use peadsim::scenario::plan::{Plan, SuiteName};
use peadsim::scenario::read::{Case, Extras, read_file};
use peadsim::scenario::resolve::resolve;
use peadsim::sim::run::{RunOptions, run};
use peadsim::trace::digest::Forms;
use peadsim::trace::fact::TRACE_VERSION;
use peadsim::trace::record::Record;
use peadsim::trace::sink::Collect;
use peadsim::trace::trail::Trail;
use rayon::prelude::*;

const GOLDEN: &str = "scenarios/digests.txt";
/// Larger fleets run once: their digest is compared with the stored one only.
const DEVICES_MAX: usize = 256;
/// Longer runs keep no trail, so that the file stays small.
const TRAIL_MAX: usize = 2_000;

/// What is stored for a case.
struct Golden {
    digest: String,
    trail: Trail,
}

#[test]
fn small_scenarios_keep_their_digests_on_every_run_and_suite() {
    let plans = plans();
    assert!(plans.len() >= 60, "only {} cases", plans.len());
    let runs: Vec<(String, Golden)> = plans.par_iter().map(same_twice_and_on_both_suites).collect();
    let runs: BTreeMap<String, Golden> = runs.into_iter().collect();
    if std::env::var_os("PEADSIM_BLESS").is_some() {
        std::fs::write(GOLDEN, write(&runs)).unwrap();
    }
    let golden = read(&std::fs::read_to_string(GOLDEN).unwrap_or_default());
    let mut wrong = String::new();
    for (key, now) in &runs {
        match golden.get(key) {
            None => writeln!(wrong, "{key}: no golden digest").unwrap(),
            Some(then) if then.digest != now.digest => wrong.push_str(&parted(&plans, key, then)),
            Some(_) => {}
        }
    }
    for key in golden.keys().filter(|key| !runs.contains_key(*key)) {
        writeln!(wrong, "{key}: a golden digest without a scenario").unwrap();
    }
    assert!(wrong.is_empty(), "PEADSIM_BLESS=1 rewrites {GOLDEN} if this is meant:\n{wrong}");
}

/// Runs a plan under its own suite and, unless it is a large fleet, again and under the other suite.
fn same_twice_and_on_both_suites(plan: &Arc<Plan>) -> (String, Golden) {
    let mut trail = Trail::default();
    let forms = Forms::ALL;
    let first = run(plan, RunOptions { sinks: vec![&mut trail], forms, ..RunOptions::default() });
    if plan.devices.len() <= DEVICES_MAX {
        let second = run(plan, RunOptions { forms, ..RunOptions::default() });
        assert_eq!(first.digest, second.digest, "{}: twice is not the same", key(plan));
        same_on_the_other_suite(plan, &first.digest.masked);
    }
    (key(plan), Golden { digest: first.digest.full, trail })
}

fn same_on_the_other_suite(plan: &Arc<Plan>, masked: &str) {
    let mut other = (**plan).clone();
    other.suite = match plan.suite {
        SuiteName::P256 => SuiteName::Model,
        SuiteName::Model => SuiteName::P256,
    };
    let other = Arc::new(other);
    let outcome = run(&other, RunOptions { forms: Forms::ALL, ..RunOptions::default() });
    if outcome.digest.masked != masked {
        let (left, right) = (records(plan), records(&other));
        let difference = peadsim::trace::diff::first_difference(left, right, 3);
        panic!("{}: the suites differ\n{}", key(plan), difference.unwrap());
    }
}

/// All records of a run, masked.
fn records(plan: &Arc<Plan>) -> Vec<Record> {
    let mut collect = Collect::default();
    let _outcome = run(plan, RunOptions { sinks: vec![&mut collect], ..RunOptions::default() });
    collect.0.iter_mut().for_each(|record| record.fact.mask());
    collect.0
}

/// Names the first record in which a run differs from the stored one.
fn parted(plans: &[Arc<Plan>], name: &str, golden: &Golden) -> String {
    let plan = plans.iter().find(|plan| key(plan) == name).unwrap();
    let (mut trail, mut collect) = (Trail::default(), Collect::default());
    let _outcome =
        run(plan, RunOptions { sinks: vec![&mut trail, &mut collect], ..RunOptions::default() });
    match golden.trail.parts_from(&trail) {
        None => format!("{name}: the digest differs, the records seem equal\n"),
        Some(index) => {
            let record = collect.0.get(index).map(|record| format!("{record:?}"));
            let record = record.unwrap_or_else(|| "(ends here)".to_owned());
            format!("{name}: the first differing record is number {index}: {record}\n")
        }
    }
}

fn key(plan: &Plan) -> String {
    format!("{} {}", plan.case.replace(' ', "_"), plan.seed)
}

fn write(runs: &BTreeMap<String, Golden>) -> String {
    let mut text =
        format!("# rng {RNG_VERSION} trace {TRACE_VERSION}: case, seed, digest, trail\n");
    for (key, golden) in runs {
        let trail = Some(&golden.trail).filter(|trail| trail.len() <= TRAIL_MAX);
        let trail = trail.map(ToString::to_string).unwrap_or_else(|| "-".to_owned());
        writeln!(text, "{key} {} {trail}", golden.digest).unwrap();
    }
    text
}

fn read(text: &str) -> BTreeMap<String, Golden> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let [case, seed, digest, trail] = words[..] else { panic!("not four words: {line}") };
            let trail = if trail == "-" { Trail::default() } else { trail.parse().unwrap() };
            let golden = Golden { digest: digest.to_owned(), trail };
            (format!("{case} {seed}"), golden)
        })
        .collect()
}

/// The first seed of every case of every small `kind: run` scenario.
fn plans() -> Vec<Arc<Plan>> {
    let mut files = Vec::new();
    collect(Path::new("scenarios"), &mut files);
    files.sort();
    files.iter().flat_map(|path| plans_of(path)).collect()
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
