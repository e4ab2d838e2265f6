//! Shards of one load as one: one schedule, one histogram for each metric, one verdict.
//!
//! Not here: reading them, or where the joined one goes.

use std::collections::{BTreeMap, BTreeSet};

use hdrhistogram::Histogram;

use crate::base::time::{Duration, Millis};
use crate::load::result::{conclude, decoded, figures_of};
use crate::load::schedule::ScheduleHash;
use crate::verdict::load::{Figures, Joined, LoadResults, MailFate, Part};
use crate::verdict::metrics::Distribution;
use crate::verdict::offer::{Offer, ServerKind};

/// Shards that begin further apart than this are no load together.
const SKEW_MAX: Duration = Duration::from_millis(100);

/// Why shards do not make a load.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// There is nothing to join.
    #[error("there is nothing to merge")]
    Nothing,
    /// One of them is no shard.
    #[error("the load number {0} is whole, and no shard")]
    Whole(usize),
    /// One of them had a server of its own.
    #[error("the shard number {0} was put on a server that it started itself")]
    Alone(usize),
    /// They are not of one load.
    #[error("the shards are of different loads: {0} differs")]
    Unlike(&'static str),
    /// They are not all of it: something of what they say of themselves is not true.
    #[error("the shards' schedules add up to {sum}, and that of the whole load is {whole}")]
    Parts {
        /// What they add up to.
        sum: ScheduleHash,
        /// What they shall add up to.
        whole: String,
    },
    /// One is missing, or there twice.
    #[error("of {of} shards there are {found}")]
    Incomplete {
        /// How many make a load.
        of: u32,
        /// Which ones are there.
        found: String,
    },
    /// They did not begin together.
    #[error("the shards began {0} apart, by the server's clock; at most {SKEW_MAX} is allowed")]
    Skew(Duration),
    /// A histogram cannot be read.
    #[error("a histogram of `{metric}` is damaged: {why}")]
    Damaged {
        /// Of which metric.
        metric: String,
        /// Why.
        why: String,
    },
}

/// When a shard began by the server's clock, as far as it could tell.
fn began(shard: &LoadResults) -> Millis {
    Millis(shard.began.0.saturating_add_signed(shard.offset))
}

/// The shards as one load.
///
/// # Errors
/// [`MergeError`].
pub fn merge(shards: &[LoadResults]) -> Result<LoadResults, MergeError> {
    let first = shards.first().ok_or(MergeError::Nothing)?;
    complete(shards)?;
    shards.iter().try_for_each(|it| alike(first, it))?;
    let offer = offer(shards, &first.offer)?;
    let starts = || shards.iter().map(began);
    let (earliest, latest) =
        (starts().min().unwrap_or_default(), starts().max().unwrap_or_default());
    let skew = latest.since(earliest);
    if skew > SKEW_MAX {
        return Err(MergeError::Skew(skew));
    }
    let mut merged = LoadResults {
        offer,
        began: earliest,
        offset: 0,
        joined: Some(joined(shards, skew)),
        took: shards.iter().map(|it| it.took).max().unwrap_or_default(),
        ending: shards.iter().map(|it| it.ending).max().unwrap_or(first.ending),
        metrics: metrics(shards)?,
        counts: BTreeMap::new(),
        mail: mail(shards),
        findings: shards.iter().flat_map(|it| it.findings.clone()).collect(),
        ..first.clone()
    };
    for (name, count) in shards.iter().flat_map(|it| &it.counts) {
        *merged.counts.entry(name.clone()).or_default() += count;
    }
    merged.judged.evaluated.clear();
    for (oracle, count) in shards.iter().flat_map(|it| &it.judged.evaluated) {
        *merged.judged.evaluated.entry(oracle.clone()).or_default() += count;
    }
    merged.void = shards.iter().flat_map(|it| told(it, &it.void)).collect();
    merged.busy = 0;
    conclude(&mut merged);
    Ok(merged)
}

/// What a shard says, with its name.
fn told(shard: &LoadResults, what: &[String]) -> Vec<String> {
    let name = shard.offer.shard.as_deref().unwrap_or("?");
    what.iter().map(|it| format!("shard {name}: {it}")).collect()
}

/// Every shard of a load is there, and none twice.
fn complete(shards: &[LoadResults]) -> Result<(), MergeError> {
    let mut found = BTreeSet::new();
    let mut all = 0;
    for (number, shard) in (1..).zip(shards) {
        let parts = shard.offer.shard.as_deref().and_then(|it| it.split_once('/'));
        let numbers = parts.and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        let (index, of): (u32, u32) = numbers.ok_or(MergeError::Whole(number))?;
        if shard.offer.kind != ServerKind::Given {
            return Err(MergeError::Alone(number));
        }
        if all != 0 && of != all {
            return Err(MergeError::Unlike("the number of shards"));
        }
        all = of;
        found.insert(index);
    }
    if found.len() == shards.len() && found.iter().copied().eq(1..=all) {
        return Ok(());
    }
    let found: Vec<String> = shards.iter().filter_map(|it| it.offer.shard.clone()).collect();
    Err(MergeError::Incomplete { of: all, found: found.join(", ") })
}

/// Two shards are parts of one load.
fn alike(first: &LoadResults, other: &LoadResults) -> Result<(), MergeError> {
    if first.program != other.program {
        return Err(MergeError::Unlike("the program"));
    }
    let terms = first.offer.of_shards().into_iter().zip(other.offer.of_shards());
    let differs = terms.filter(|(one, other)| one != other).map(|((what, _), _)| what).next();
    let expected = || (first.objectives != other.objectives).then_some("what is expected");
    differs.or_else(expected).map_or(Ok(()), |what| Err(MergeError::Unlike(what)))
}

fn offer(shards: &[LoadResults], first: &Offer) -> Result<Offer, MergeError> {
    let hashes = shards.iter().filter_map(|it| u64::from_str_radix(&it.offer.schedule, 16).ok());
    let sum = hashes.map(ScheduleHash).fold(ScheduleHash::default(), ScheduleHash::and);
    if sum.to_string() != first.whole {
        return Err(MergeError::Parts { sum, whole: first.whole.clone() });
    }
    Ok(Offer {
        schedule: sum.to_string(),
        operations: shards.iter().map(|it| it.offer.operations).sum(),
        devices: shards.iter().map(|it| it.offer.devices).sum(),
        shard: None,
        ..first.clone()
    })
}

/// How the shards stood to each other.
fn joined(shards: &[LoadResults], skew: Duration) -> Joined {
    let mut parts: Vec<Part> = shards
        .iter()
        .map(|it| Part {
            shard: it.offer.shard.clone().unwrap_or_default(),
            began: it.began,
            offset: it.offset,
        })
        .collect();
    let number = |it: &Part| it.shard.split('/').next().and_then(|it| it.parse::<u32>().ok());
    parts.sort_by_key(number);
    Joined { skew, shards: parts }
}

fn metrics(shards: &[LoadResults]) -> Result<BTreeMap<String, Figures>, MergeError> {
    let mut all: BTreeMap<&String, (Option<Histogram<u64>>, Vec<Distribution>)> = BTreeMap::new();
    for (metric, figures) in shards.iter().flat_map(|it| &it.metrics) {
        let damaged = |why: String| MergeError::Damaged { metric: metric.clone(), why };
        let more = decoded(&figures.hdr).map_err(damaged)?;
        let (total, seconds) = all.entry(metric).or_default();
        match total {
            Some(total) => total.add(&more).map_err(|error| damaged(error.to_string()))?,
            None => *total = Some(more),
        }
        if seconds.len() < figures.seconds.len() {
            seconds.resize(figures.seconds.len(), Distribution::default());
        }
        seconds.iter_mut().zip(&figures.seconds).for_each(|(own, more)| own.merge(more));
    }
    let figures = all.into_iter().filter_map(|(metric, (total, seconds))| {
        Some((metric.clone(), figures_of(&total?, seconds)))
    });
    Ok(figures.collect())
}

/// What is missing in one shard may have arrived in another.
fn mail(shards: &[LoadResults]) -> MailFate {
    let arrived: BTreeSet<u64> = shards.iter().flat_map(|it| it.mail.foreign.clone()).collect();
    let missing = shards.iter().flat_map(|it| &it.mail.missing);
    MailFate {
        accepted: shards.iter().map(|it| it.mail.accepted).sum(),
        missing: missing.filter(|key| !arrived.contains(key)).copied().collect(),
        foreign: Vec::new(),
    }
}
