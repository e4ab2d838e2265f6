//! The report for programs: `results.json`, described by `results.schema.json` beside this file.
//!
//! The same outcomes give the same octets; wall-clock time is not in it. Not here: writing the file.

use serde::Serialize;

use crate::report::claims::Unshown;
use crate::report::coverage::{Scope, Shown, claims};
use crate::report::human::{HALF_PPB, MOST_PPB};
use crate::report::summary::{Summary, Totals};
use crate::verdict::metrics::Distribution;
use crate::verdict::outcome::{Digests, Outcome};
use crate::verdict::requirement::{Polarity, Requirement};

/// Version of the format; a change of a name or a meaning is a change of this number.
pub const RESULTS_VERSION: u32 = 1;

/// The JSON Schema of the format.
pub const SCHEMA: &str = include_str!("results.schema.json");

/// Who made the results, and how it ended.
#[derive(Clone, Debug, Serialize)]
pub struct Manifest {
    /// Version of the program.
    pub program: String,
    /// Version of the facts.
    pub trace_version: u32,
    /// Version of the draws.
    pub rng_version: u32,
    /// The exit code.
    pub exit: u8,
    /// Whether somebody stopped it before the end.
    pub interrupted: bool,
}

#[derive(Serialize)]
struct Results<'a> {
    #[serde(rename = "peadsim-results")]
    version: u32,
    #[serde(flatten)]
    manifest: &'a Manifest,
    totals: &'a Totals,
    digest: Digests,
    healing: Vec<Healing<'a>>,
    coverage: CoverageView<'a>,
    runs: &'a [Outcome],
}

#[derive(Serialize)]
struct CoverageView<'a> {
    claims: Share,
    positive: Share,
    negative: Share,
    requirements: Vec<Row>,
    without_evidence: Vec<Requirement>,
    never_evaluated: Vec<&'static str>,
    unshown: &'a [Unshown],
}

#[derive(Serialize)]
struct Share {
    shown: usize,
    of: usize,
}

/// How long after the ends of faults of one kind everything that they held up was through.
#[derive(Serialize)]
struct Healing<'a> {
    fault: &'a str,
    count: u64,
    p50_ns: u64,
    p99_ns: u64,
    max_ns: u64,
}

#[derive(Serialize)]
struct Row {
    id: Requirement,
    #[serde(flatten)]
    shown: Shown,
}

/// The results as JSON with a line feed at the end.
///
/// # Panics
/// Never: outcomes are made of values that JSON has.
#[must_use]
pub fn results(manifest: &Manifest, summary: &Summary, runs: &[Outcome], scope: &Scope) -> String {
    let (coverage, all) = (&summary.coverage, scope.requirements.as_slice());
    let share = |polarity| Share { shown: coverage.shown(all, polarity), of: all.len() };
    let results = Results {
        version: RESULTS_VERSION,
        manifest,
        totals: &summary.totals,
        digest: summary.digests(),
        healing: summary.healing.iter().map(|(fault, times)| healing(fault, times)).collect(),
        coverage: CoverageView {
            claims: Share { shown: coverage.claims(all), of: claims(all) },
            positive: share(Polarity::Positive),
            negative: share(Polarity::Negative),
            requirements: all.iter().map(|id| Row { id: *id, shown: coverage.of(*id) }).collect(),
            without_evidence: coverage.without_evidence(all).copied().collect(),
            never_evaluated: coverage.never_evaluated(&scope.oracles).copied().collect(),
            unshown: &summary.unshown,
        },
        runs,
    };
    let mut text =
        serde_json::to_string_pretty(&results).expect("outcomes are made of values that JSON has");
    text.push('\n');
    text
}

fn healing<'a>(fault: &'a str, times: &Distribution) -> Healing<'a> {
    Healing {
        fault,
        count: times.count(),
        p50_ns: times.quantile(HALF_PPB).as_nanos(),
        p99_ns: times.quantile(MOST_PPB).as_nanos(),
        max_ns: times.max().as_nanos(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::report::samples;

    fn example() -> Value {
        let runs = [samples::pass(1), samples::fail(u64::MAX), samples::inconclusive(3)];
        let mut summary = Summary::default();
        runs.iter().for_each(|run| summary.add(run));
        let manifest = Manifest {
            program: "0.1.0".to_owned(),
            trace_version: 1,
            rng_version: 1,
            exit: 1,
            interrupted: false,
        };
        let requirements = vec![Requirement::of(5, 2), Requirement::of(17, 5)];
        let scope = Scope { requirements, oracles: vec!["S-03", "L-01"] };
        serde_json::from_str(&results(&manifest, &summary, &runs, &scope)).unwrap()
    }

    fn validator() -> jsonschema::Validator {
        jsonschema::draft202012::new(&serde_json::from_str(SCHEMA).unwrap()).unwrap()
    }

    #[test]
    fn results_keep_to_the_schema() {
        let example = example();
        let errors: Vec<String> = validator()
            .iter_errors(&example)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
        assert_eq!(example["coverage"]["claims"], serde_json::json!({"shown": 1, "of": 2}));
        assert_eq!(example["coverage"]["without_evidence"], serde_json::json!(["C05-R2"]));
        assert_eq!(example["coverage"]["never_evaluated"], serde_json::json!(["L-01"]));
        assert_eq!(example["runs"][1]["seed"], serde_json::json!(u64::MAX));
    }

    #[test]
    fn the_schema_refuses_what_is_missing_or_unknown() {
        let spoil: [fn(&mut Value); 6] = [
            |v| v["peadsim-results"] = 2.into(),
            |v| v["runs"][0]["verdict"] = "fine".into(),
            |v| v["runs"][0]["extra"] = true.into(),
            |v| v["runs"][1]["findings"][0]["requirements"][0] = "C5-R2".into(),
            |v| v["runs"][0]["digest"]["full"] = "zz".into(),
            |v| drop(v["totals"].as_object_mut().unwrap().remove("events")),
        ];
        for (n, spoil) in spoil.iter().enumerate() {
            let mut example = example();
            spoil(&mut example);
            assert!(!validator().is_valid(&example), "change {n}");
        }
    }
}
