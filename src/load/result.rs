//! What a load came to: figures, objectives, the oracles' findings, and whether it counts at all.
//!
//! Not here: how it is told (`report`), or the load itself (`run`).

use std::collections::BTreeMap;
use std::time::{Duration as Span, SystemTime};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};

use crate::base::id::UserId;
use crate::base::roster::Roster;
use crate::base::time::Duration;
use crate::load::judged::judge;
use crate::load::run::Run;
use crate::load::slo;
use crate::load::tally::{Counts, Metric, Series, Tally};
use crate::oracle::spec::Spec;
use crate::scenario::plan::Plan;
use crate::verdict::finding::Severity;
use crate::verdict::load::{Ending, Figures, Judged, LOAD_VERSION, LoadResults, LoadVerdict};
use crate::verdict::metrics::Distribution;
use crate::verdict::offer::Offer;

/// A thread that is busier than this, in percent, is not always there when an operation is due.
const BUSY_MAX: u64 = 92;
/// Findings that are told.
const FINDINGS_MAX: usize = 20;

/// What came of a run.
#[must_use]
pub fn results(program: &str, plan: &Plan, offer: Offer, run: Run) -> LoadResults {
    let Run {
        tally, stated, one_in, users, objectives, faults, began, offset, took, ending, ..
    } = run;
    let docket = judge(stated, &spec(plan, users));
    let mut findings = docket.findings;
    findings.retain(|finding| finding.severity >= Severity::Fail);
    findings.truncate(FINDINGS_MAX);
    let evaluated = docket.evaluated.into_iter().map(|(id, n)| (id.to_owned(), n)).collect();
    let mut results = LoadResults {
        version: LOAD_VERSION,
        program: program.to_owned(),
        began,
        offset,
        joined: None,
        took,
        ending,
        verdict: LoadVerdict::Inconclusive,
        exit: 0,
        void: faults,
        busy: tally.busy,
        calibration: None,
        knee: None,
        metrics: figures(plan, &tally),
        counts: counts(&tally.counts),
        objectives,
        slos: Vec::new(),
        mail: tally.mail.fate(offer.shard.is_some()),
        judged: Judged { one_in, evaluated },
        findings,
        offer,
    };
    conclude(&mut results);
    results
}

/// Says what a load comes to; reasons why it is void that are known already stay.
pub fn conclude(results: &mut LoadResults) {
    results.slos = slo::judge(results);
    let void = void(results);
    results.void.extend(void);
    results.verdict = verdict(results);
}

/// The same people under the names that they have on the server.
fn spec(plan: &Plan, users: Vec<UserId>) -> Spec {
    Spec { by_name: Roster::of(&users), users, ..Spec::clone(&plan.spec) }
}

/// Why the load says nothing about the server.
fn void(results: &LoadResults) -> Vec<String> {
    let (p99, most) = (results.metrics.get("lag").map(|lag| lag.p99), results.offer.terms.lag);
    let late = p99.filter(|p99| *p99 > most).map(|p99| {
        let p99 = Duration::from_micros(p99.as_nanos() / 1_000);
        format!("the generator was {p99} late with one operation in a hundred, and may be {most}")
    });
    let busy = (results.busy > BUSY_MAX).then(|| {
        let busy = results.busy;
        format!("a thread of the generator was busy for {busy} % of the time, and may be for {BUSY_MAX} %")
    });
    late.into_iter().chain(busy).collect()
}

/// What it comes to. What the generator could not keep up with says nothing about the server's speed, but what
/// is wrong with a message is wrong at any speed.
fn verdict(results: &LoadResults) -> LoadVerdict {
    let broken = results.slos.iter().any(|slo| slo.holds == Some(false));
    let open = results.slos.iter().any(|slo| slo.holds.is_none());
    // Of a shard only the others know what arrived.
    let missing = !results.is_shard() && !results.mail.missing.is_empty();
    let given_up = results.count("given-up") > 0;
    match results.ending {
        Ending::ServerGone => LoadVerdict::ServerGone,
        _ if !results.findings.is_empty() || given_up => LoadVerdict::Fail,
        Ending::Drained if missing => LoadVerdict::Fail,
        _ if !results.void.is_empty() => LoadVerdict::Void,
        Ending::Stopped if broken => LoadVerdict::Fail,
        Ending::Stopped => LoadVerdict::Inconclusive,
        Ending::Open => LoadVerdict::Fail,
        Ending::Drained if broken || results.count("failed") > 0 => LoadVerdict::Fail,
        // What a shard cannot judge alone is judged when all are merged.
        Ending::Drained if open && !results.is_shard() => LoadVerdict::Inconclusive,
        Ending::Drained if results.count("done") == 0 => LoadVerdict::Inconclusive,
        Ending::Drained => LoadVerdict::Pass,
    }
}

fn counts(counts: &Counts) -> BTreeMap<String, u64> {
    let Counts {
        issued,
        done,
        in_time,
        failed,
        given_up,
        connects,
        losses,
        sent,
        again,
        received,
        errors,
        hits,
        misses,
        duplicates,
    } = *counts;
    [
        ("issued", issued),
        ("done", done),
        ("done-in-time", in_time),
        ("failed", failed),
        ("given-up", given_up),
        ("connects", connects),
        ("connections-lost", losses),
        ("frames-sent", sent),
        ("frames-repeated", again),
        ("frames-received", received),
        ("refusals", errors),
        ("table-hits", hits),
        ("table-misses", misses),
        ("duplicates", duplicates),
    ]
    .map(|(name, count)| (name.to_owned(), count))
    .into()
}

fn figures(plan: &Plan, tally: &Tally) -> BTreeMap<String, Figures> {
    let named = tally.series.iter().map(|(metric, series)| (metric.name(plan), series.clone()));
    let all = [
        ("response", tally.of_all(plan, Metric::Response)),
        ("delivery", tally.of_all(plan, Metric::Delivery)),
    ];
    let all = all.map(|(name, series)| (name.to_owned(), series));
    let figures = named.chain(all).filter_map(|(name, series)| Some((name, of(&series)?)));
    figures.collect()
}

/// The figures of a series; none of an empty one.
fn of(series: &Series) -> Option<Figures> {
    let total = series.total.as_deref()?;
    Some(figures_of(total, series.seconds.clone()))
}

/// The figures of durations, in nanoseconds and by second.
#[must_use]
pub fn figures_of(total: &Histogram<u64>, seconds: Vec<Distribution>) -> Figures {
    let at = |quantile: f64| Duration::from_nanos(total.value_at_quantile(quantile));
    Figures {
        count: total.len(),
        mean: mean(total),
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        max: Duration::from_nanos(total.max()),
        hdr: encoded(total),
        seconds,
    }
}

/// A histogram of a report.
///
/// # Errors
/// When it is none.
pub fn decoded(hdr: &str) -> Result<Histogram<u64>, String> {
    let octets = BASE64_STANDARD.decode(hdr).map_err(|error| error.to_string())?;
    let histogram = Deserializer::new().deserialize(&mut &octets[..]);
    histogram.map_err(|error| error.to_string())
}

/// All histograms as an interval log of `HdrHistogram`, a tag for each metric.
///
/// # Errors
/// When one of them is none.
pub fn interval_log(results: &LoadResults) -> Result<String, String> {
    let mut octets = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let began = SystemTime::UNIX_EPOCH + Span::from_millis(results.began.0);
    let mut builder = IntervalLogWriterBuilder::new();
    if let Some(thinned) = &results.offer.thinned {
        builder.add_comment(&format!("THINNED to {thinned} of the load's people"));
    }
    let mut log = builder
        .with_base_time(began)
        .begin_log_with(&mut octets, &mut serializer)
        .map_err(|error| error.to_string())?;
    for (name, figures) in &results.metrics {
        let histogram = decoded(&figures.hdr)?;
        let took = Span::from(results.took);
        log.write_histogram(&histogram, Span::ZERO, took, Tag::new(name))
            .map_err(|error| format!("{error:?}"))?;
    }
    String::from_utf8(octets).map_err(|error| error.to_string())
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a mean lies between two durations"
)]
fn mean(total: &Histogram<u64>) -> Duration {
    Duration::from_nanos(total.mean() as u64)
}

fn encoded(total: &Histogram<u64>) -> String {
    let mut octets = Vec::new();
    V2DeflateSerializer::new()
        .serialize(total, &mut octets)
        .expect("a histogram of 64-bit counts fits its own format, and memory takes it");
    BASE64_STANDARD.encode(&octets)
}
