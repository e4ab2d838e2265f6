//! Latency: how long a frame is under way, drawn from a named distribution, never below its floor.
//!
//! Not here: queueing, reordering and faults, which only add to it (`link`, `fault`).

use std::sync::Arc;

use serde::Serialize;

use crate::base::rng::Draw;
use crate::base::time::Duration;
use crate::network::fixed;

/// A latency: a distribution and the floor below which no sample goes (design 3).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Latency {
    distribution: Distribution,
    min: Duration,
}

/// How latencies are spread (scenarios, rule 10).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Distribution {
    /// Always the same.
    Constant(Duration),
    /// Evenly over a closed range.
    Uniform {
        /// The shortest.
        low: Duration,
        /// The longest.
        high: Duration,
    },
    /// Most are short, long ones ever rarer.
    Exponential {
        /// The mean.
        mean: Duration,
    },
    /// What networks look like: a narrow hump with a long tail.
    LogNormal {
        /// Half are shorter.
        median: Duration,
        /// 99 of 100 are shorter.
        p99: Duration,
    },
    /// Evenly spaced quantiles of something measured, the least and the greatest included; between
    /// two of them evenly.
    Table(Arc<[Duration]>),
}

/// Why a latency makes no sense: the scenario's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LatencyError {
    /// The floor is too low to look ahead.
    #[error("a latency has a floor of at least 1us, got {0}")]
    FloorTooLow(Duration),
    /// A value is longer than any network takes.
    #[error("a latency is at most 1d, got {0}")]
    TooLong(Duration),
    /// A range or pair of quantiles is the wrong way round.
    #[error("expected a value of at least {low}, got {high}")]
    WrongWayRound {
        /// What has to be the lesser one.
        low: Duration,
        /// What has to be the greater one.
        high: Duration,
    },
    /// A table is empty or too long.
    #[error("a latency table has 1 to 65536 values, got {0}")]
    TableLen(usize),
}

impl Latency {
    /// A latency of this distribution. Without a floor of its own it gets the constant value, the
    /// least value of a range or table, or a tenth of the mean or median. The values of a table may
    /// come in any order.
    ///
    /// # Errors
    /// The first rule that the values break.
    pub fn new(distribution: Distribution, min: Option<Duration>) -> Result<Self, LatencyError> {
        let distribution = distribution.check()?;
        let min = min.unwrap_or_else(|| distribution.default_min());
        if min < MIN_LEAST {
            return Err(LatencyError::FloorTooLow(min));
        }
        if min > LATENCY_MAX {
            return Err(LatencyError::TooLong(min));
        }
        Ok(Self { distribution, min })
    }

    /// Always `value`.
    ///
    /// # Errors
    /// When it is below 1 us or above a day.
    pub fn constant(value: Duration) -> Result<Self, LatencyError> {
        Self::new(Distribution::Constant(value), None)
    }

    /// How it is spread.
    #[must_use]
    pub const fn distribution(&self) -> &Distribution {
        &self.distribution
    }

    /// The floor: no sample is shorter.
    #[must_use]
    pub const fn min(&self) -> Duration {
        self.min
    }

    /// The only value it takes, if there is only one.
    #[must_use]
    pub fn only_value(&self) -> Option<Duration> {
        match self.distribution {
            Distribution::Constant(value) => Some(value.max(self.min)),
            Distribution::Uniform { .. }
            | Distribution::Exponential { .. }
            | Distribution::LogNormal { .. }
            | Distribution::Table(_) => None,
        }
    }

    /// One sample: the floor or the draw, whichever is longer, and at most [`LATENCY_MAX`].
    pub fn sample(&self, draw: &mut Draw) -> Duration {
        self.sample_from([draw.bits(), draw.bits()])
    }

    /// As [`sample`](Self::sample), from twice 64 uniform bits, whatever the distribution needs.
    pub(super) fn sample_from(&self, bits: [u64; 2]) -> Duration {
        self.distribution.value(bits).clamp(self.min, LATENCY_MAX)
    }
}

impl Distribution {
    fn check(self) -> Result<Self, LatencyError> {
        let ordered = |low, high| {
            if high < low {
                return Err(LatencyError::WrongWayRound { low, high });
            }
            Ok(high)
        };
        let (longest, checked) = match self {
            Self::Constant(value) => (value, self),
            Self::Exponential { mean } => (mean, self),
            Self::Uniform { low, high } => (ordered(low, high)?, self),
            Self::LogNormal { median, p99 } => (ordered(median, p99)?, self),
            Self::Table(values) => {
                if values.is_empty() || values.len() > TABLE_LEN_MAX {
                    return Err(LatencyError::TableLen(values.len()));
                }
                let mut values = values.to_vec();
                values.sort_unstable();
                (values[values.len() - 1], Self::Table(values.into()))
            }
        };
        if longest > LATENCY_MAX {
            return Err(LatencyError::TooLong(longest));
        }
        Ok(checked)
    }

    fn default_min(&self) -> Duration {
        match self {
            Self::Constant(value) => *value,
            Self::Uniform { low, .. } => *low,
            Self::Exponential { mean: middle } | Self::LogNormal { median: middle, .. } => {
                middle.scale(1, 10)
            }
            Self::Table(values) => values[0],
        }
    }

    fn value(&self, bits: [u64; 2]) -> Duration {
        match self {
            Self::Constant(value) => *value,
            Self::Uniform { low, high } => {
                let width = high.saturating_sub(*low).as_nanos() + 1;
                *low + Duration::from_nanos(fixed::below(width, bits[0]))
            }
            Self::Exponential { mean } => {
                mean.scale(fixed::exponential(bits[0]).unsigned_abs(), fixed::ONE.unsigned_abs())
            }
            Self::LogNormal { median, p99 } => {
                // The logarithm is normal, and 99 of 100 are below the mean and 2.33 deviations.
                let log2 = |span: Duration| fixed::log2(span.as_nanos().max(1));
                let spread = log2(*p99) - log2(*median);
                let deviation = fixed::multiply(spread, ONE_OVER_Z99);
                let power = fixed::multiply(deviation, fixed::normal(bits));
                Duration::from_nanos(fixed::scale_by_power(median.as_nanos(), power))
            }
            Self::Table(values) => quantile(values, bits[0]),
        }
    }
}

/// The value at a fraction of 2^64 of the way through a table.
#[allow(clippy::cast_possible_truncation, reason = "the halves of a 128-bit product")]
fn quantile(values: &[Duration], fraction: u64) -> Duration {
    let place = u128::from(fraction) * (values.len() as u128 - 1);
    let (index, rest) = ((place >> 64) as usize, place as u64);
    let low = values[index];
    let gap = values.get(index + 1).map_or(Duration::ZERO, |high| high.saturating_sub(low));
    low + gap.scale(rest >> 1, 1 << 63)
}

/// The least floor: what the lookahead needs to make any headway.
pub const MIN_LEAST: Duration = Duration::from_micros(1);
/// The longest latency: a day. A longer silence is a partition, and says so.
pub const LATENCY_MAX: Duration = Duration::from_secs(86_400);
/// Most values of an empirical table; more quantiles than any sample can support.
pub const TABLE_LEN_MAX: usize = 65_536;
/// One over the 99th percentile of the normal distribution, 2.326 347 874.
const ONE_OVER_Z99: i64 = 1_846_227_447;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::{Luck, Purpose};

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn latency(distribution: Distribution) -> Latency {
        Latency::new(distribution, None).expect("the test's latency is well formed")
    }

    fn log_normal(median: u64, p99: u64) -> Distribution {
        Distribution::LogNormal { median: MS(median), p99: MS(p99) }
    }

    #[test]
    fn each_distribution_has_its_own_default_floor() {
        for (distribution, min) in [
            (Distribution::Constant(MS(40)), MS(40)),
            (Distribution::Uniform { low: MS(40), high: MS(60) }, MS(40)),
            (Distribution::Exponential { mean: MS(40) }, MS(4)),
            (log_normal(40, 400), MS(4)),
            (Distribution::Table([MS(9), MS(3), MS(5)].into()), MS(3)),
        ] {
            assert_eq!(latency(distribution).min(), min);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let short = Duration::from_nanos(999);
        let day = Duration::from_secs(86_400);
        let long = day + short;
        for (distribution, min, error) in [
            (Distribution::Constant(short), None, LatencyError::FloorTooLow(short)),
            (Distribution::Constant(MS(1)), Some(short), LatencyError::FloorTooLow(short)),
            (Distribution::Constant(long), None, LatencyError::TooLong(long)),
            (Distribution::Constant(MS(1)), Some(long), LatencyError::TooLong(long)),
            (
                Distribution::Uniform { low: MS(2), high: MS(1) },
                None,
                LatencyError::WrongWayRound { low: MS(2), high: MS(1) },
            ),
            (
                Distribution::Uniform { low: Duration::ZERO, high: MS(1) },
                None,
                LatencyError::FloorTooLow(Duration::ZERO),
            ),
            (log_normal(9, 8), None, LatencyError::WrongWayRound { low: MS(9), high: MS(8) }),
            (
                Distribution::Exponential { mean: Duration::from_micros(9) },
                None,
                LatencyError::FloorTooLow(Duration::from_nanos(900)),
            ),
            (Distribution::Table([].into()), None, LatencyError::TableLen(0)),
        ] {
            assert_eq!(Latency::new(distribution, min), Err(error));
        }
        assert!(Latency::new(Distribution::Exponential { mean: short }, Some(MS(1))).is_ok());
    }

    /// Draws much, and holds the mean and some quantiles (share in per mille, ms) against the truth.
    #[track_caller]
    fn check(distribution: Distribution, mean: f64, quantiles: &[(usize, f64)]) {
        const DRAWS: usize = 100_000;
        let latency = latency(distribution);
        let luck = Luck::new(3, Purpose::Uplink, 9);
        let mut samples: Vec<f64> = (0..DRAWS as u64)
            .map(|counter| latency.sample(&mut luck.at(counter)).as_secs_f64() * 1e3)
            .collect();
        samples.sort_by(f64::total_cmp);
        assert!(samples[0] >= latency.min().as_secs_f64() * 1e3);
        let got = samples.iter().sum::<f64>() / DRAWS as f64;
        assert!((got / mean - 1.0).abs() < 0.02, "mean {got}, expected {mean}");
        for (per_mille, expected) in quantiles {
            let got = samples[DRAWS / 1_000 * per_mille];
            assert!((got / expected - 1.0).abs() < 0.03, "{per_mille}: {got} not {expected}");
        }
    }

    #[test]
    fn samples_are_spread_as_named() {
        check(Distribution::Constant(MS(40)), 40.0, &[(0, 40.0), (999, 40.0)]);
        let (low, high) = (MS(40), MS(60));
        check(Distribution::Uniform { low, high }, 50.0, &[(100, 42.0), (900, 58.0)]);
        // A tenth of the mean as floor moves the mean a little: 100 (0.1 + e^-0.1).
        let exponential = Distribution::Exponential { mean: MS(100) };
        check(exponential, 100.48, &[(50, 10.0), (500, 69.31), (900, 230.26), (990, 460.5)]);
        // The deviation of the logarithm is ln 4 / 2.3263, the mean is 50 exp(deviation^2 / 2).
        check(log_normal(50, 200), 59.70, &[(500, 50.0), (900, 107.3), (990, 200.0)]);
        let table = Distribution::Table([MS(10), MS(20), MS(120)].into());
        check(table, 42.5, &[(250, 15.0), (500, 20.0), (750, 70.0), (990, 118.0)]);
        check(Distribution::Table([MS(10)].into()), 10.0, &[(0, 10.0), (999, 10.0)]);
    }

    #[test]
    fn samples_agree_with_an_independent_implementation() {
        use rand_distr::Distribution as _;
        // The reference draws from another generator, so quantiles are compared, not values.
        let mut random = Luck::new(5, Purpose::Swarm, 0).at(0);
        let mut reference: Vec<f64> = {
            let spread = libm::log(200.0 / 50.0) / 2.326_347_874;
            let law = rand_distr::LogNormal::new(libm::log(50.0), spread).expect("finite");
            let mut split = Split(random.bits());
            (0..100_000).map(|_| law.sample(&mut split)).collect()
        };
        reference.sort_by(f64::total_cmp);
        let at = |per_mille: usize| reference[100 * per_mille];
        check(
            log_normal(50, 200),
            reference.iter().sum::<f64>() / 1e5,
            &[(100, at(100)), (500, at(500)), (950, at(950)), (990, at(990))],
        );
    }

    /// A generator for the reference only.
    struct Split(u64);

    impl rand_core::TryRng for Split {
        type Error = std::convert::Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            self.try_next_u64().map(|bits| (bits >> 32) as u32)
        }

        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            Ok(z ^ (z >> 27))
        }

        fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Self::Error> {
            for octet in octets {
                *octet = self.try_next_u64()?.to_le_bytes()[7];
            }
            Ok(())
        }
    }

    #[test]
    fn samples_are_pinned_to_the_version_of_the_draws() {
        let luck = Luck::new(42, Purpose::Uplink, 1);
        let mut pinned = String::new();
        for distribution in [
            Distribution::Uniform { low: MS(40), high: MS(60) },
            Distribution::Exponential { mean: MS(100) },
            log_normal(50, 200),
            Distribution::Table([MS(10), MS(20), MS(120)].into()),
        ] {
            let latency = latency(distribution);
            let nanos: Vec<u64> =
                (0..4).map(|counter| latency.sample(&mut luck.at(counter)).as_nanos()).collect();
            pinned.push_str(&format!("{nanos:?}\n"));
        }
        insta::assert_snapshot!(pinned, @"
        [59912443, 44414433, 48137223, 59499215]
        [10000000, 151085274, 89928329, 10000000]
        [48734503, 17756565, 32427587, 54530909]
        [119124427, 14414433, 18137223, 114992142]
        ");
    }
}
