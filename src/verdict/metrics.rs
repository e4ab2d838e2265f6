//! What a run measured: counters by name and distributions of durations.
//!
//! Not here: wall-clock time of the simulator, which differs between runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::time::Duration;

/// Counters and distributions, by dotted name: `chat.delivery`, `table.hit`, `lookups`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metrics {
    /// How often.
    pub counts: BTreeMap<String, u64>,
    /// How long.
    pub times: BTreeMap<String, Distribution>,
}

/// Counts relations of this run and others that were judged.
pub const RELATED: &str = "relations.judged";
/// Counts relations that did not apply to this run.
pub const UNRELATED: &str = "relations.not-applicable";

impl Metrics {
    /// Adds `n` to a counter.
    pub fn add(&mut self, name: &str, n: u64) {
        match self.counts.get_mut(name) {
            Some(count) => *count += n,
            None => {
                self.counts.insert(name.to_owned(), n);
            }
        }
    }

    /// Notes a duration.
    pub fn time(&mut self, name: &str, span: Duration) {
        match self.times.get_mut(name) {
            Some(distribution) => distribution.note(span),
            None => {
                let mut distribution = Distribution::default();
                distribution.note(span);
                self.times.insert(name.to_owned(), distribution);
            }
        }
    }

    /// Adds another run's figures.
    pub fn merge(&mut self, other: &Self) {
        for (name, n) in &other.counts {
            self.add(name, *n);
        }
        for (name, distribution) in &other.times {
            self.times.entry(name.clone()).or_default().merge(distribution);
        }
    }
}

/// A histogram of durations: 32 buckets for each power of two of nanoseconds, so within 3.2 %.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    buckets: BTreeMap<u32, u64>,
    count: u64,
    max: Duration,
}

/// log2 of the buckets for each power of two.
const PRECISION: u32 = 5;

impl Distribution {
    /// Notes one.
    pub fn note(&mut self, span: Duration) {
        *self.buckets.entry(bucket(span.as_nanos())).or_default() += 1;
        self.count += 1;
        self.max = self.max.max(span);
    }

    /// How many were noted.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The longest.
    #[must_use]
    pub const fn max(&self) -> Duration {
        self.max
    }

    /// The upper end of the bucket that holds the share `ppb` (parts per billion) of all.
    #[must_use]
    pub fn quantile(&self, ppb: u64) -> Duration {
        let rank = (u128::from(self.count) * u128::from(ppb)).div_ceil(1_000_000_000).max(1);
        let mut seen = 0_u128;
        for (bucket, count) in &self.buckets {
            seen += u128::from(*count);
            if seen >= rank {
                return upper_end(*bucket).min(self.max);
            }
        }
        self.max
    }

    /// Adds another distribution.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.buckets {
            *self.buckets.entry(*bucket).or_default() += count;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }
}

/// The bucket of a value: exponent and the next [`PRECISION`] bits.
#[allow(clippy::cast_possible_truncation, reason = "exponent and mantissa fit into 11 bits")]
const fn bucket(nanos: u64) -> u32 {
    if nanos < 1 << PRECISION {
        return nanos as u32;
    }
    let exponent = nanos.ilog2() - PRECISION;
    (exponent + 1) << PRECISION | ((nanos >> exponent) as u32 & ((1 << PRECISION) - 1))
}

fn upper_end(bucket: u32) -> Duration {
    if bucket < 1 << PRECISION {
        return Duration::from_nanos(u64::from(bucket));
    }
    let exponent = (bucket >> PRECISION) - 1;
    let mantissa = u64::from(bucket & ((1 << PRECISION) - 1) | 1 << PRECISION);
    let end = (u128::from(mantissa) + 1) << exponent;
    Duration::from_nanos(u64::try_from(end - 1).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_bucket_of_the_truth() {
        let mut distribution = Distribution::default();
        for millis in 1..=1_000 {
            distribution.note(Duration::from_millis(millis));
        }
        for (ppb, millis) in [(500_000_000, 500), (990_000_000, 990), (1_000_000_000, 1_000)] {
            let found = distribution.quantile(ppb);
            assert!(found >= Duration::from_millis(millis), "{found}");
            assert!(found <= Duration::from_millis(millis).scale(104, 100), "{found}");
        }
        assert_eq!(Distribution::default().quantile(500_000_000), Duration::ZERO);
    }

    #[test]
    fn buckets_are_in_order_and_hold_their_ends() {
        for nanos in [0, 1, 31, 32, 33, 63, 64, 1_000, 1 << 40, u64::MAX] {
            assert!(upper_end(bucket(nanos)) >= Duration::from_nanos(nanos));
        }
    }
}
