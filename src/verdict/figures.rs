//! The figures that runs are compared by, and what many runs say about them: means with 95 % intervals.
//!
//! Floating point is for statistics here; no run depends on it. Not here: how figures are printed.

use serde::Serialize;

use crate::base::time::Duration;
use crate::verdict::metrics::Distribution;
use crate::verdict::outcome::{Outcome, Verdict};

/// A figure of a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Figure {
    /// From the composition of a message to its display, on average.
    DeliveryMean,
    /// The same, of the median message.
    DeliveryMedian,
    /// The same, of all but one in a hundred messages.
    DeliveryP99,
    /// Logical lookups.
    Lookups,
    /// Secrets computed.
    Derivations,
    /// What the devices' processors spend.
    Energy,
    /// The share of table searches that find a slot.
    TableHits,
    /// Frames sent, both ways.
    Frames,
}

impl Figure {
    /// All of them, as they are printed.
    pub const ALL: [Self; 8] = [
        Self::DeliveryMean,
        Self::DeliveryMedian,
        Self::DeliveryP99,
        Self::Lookups,
        Self::Derivations,
        Self::Energy,
        Self::TableHits,
        Self::Frames,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeliveryMean => "delivery-mean",
            Self::DeliveryMedian => "delivery-p50",
            Self::DeliveryP99 => "delivery-p99",
            Self::Lookups => "lookups",
            Self::Derivations => "derivations",
            Self::Energy => "energy",
            Self::TableHits => "table-hits",
            Self::Frames => "frames",
        }
    }

    /// Its unit; empty for a count.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::DeliveryMean | Self::DeliveryMedian | Self::DeliveryP99 => "ms",
            Self::Energy => "mJ",
            Self::TableHits => "%",
            Self::Lookups | Self::Derivations | Self::Frames => "",
        }
    }

    /// Its value in a run; none where there is nothing to measure, or the run was cut short.
    #[must_use]
    pub fn of(self, outcome: &Outcome) -> Option<f64> {
        if outcome.verdict == Verdict::Error {
            return None;
        }
        let count = |name| float(outcome.metrics.counts.get(name).copied().unwrap_or(0));
        let times = || outcome.metrics.times.get("delivery");
        let quantile = |times: &Distribution, ppb| millis(times.quantile(ppb));
        match self {
            Self::DeliveryMean => times().and_then(Distribution::mean).map(millis),
            Self::DeliveryMedian => times().map(|times| quantile(times, 500_000_000)),
            Self::DeliveryP99 => times().map(|times| quantile(times, 990_000_000)),
            Self::Lookups => Some(count("lookups")),
            Self::Derivations => Some(count("derivations")),
            Self::Energy => Some(count("cpu.nanojoules") / 1e6),
            Self::TableHits => {
                let (hits, misses) = (count("table.hit"), count("table.miss"));
                (hits + misses > 0.0).then(|| 100.0 * hits / (hits + misses))
            }
            Self::Frames => Some(count("frames.sent")),
        }
    }
}

/// What values of independent runs say about their mean.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Estimate {
    /// How many values.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// The mean is within this of the true one with 95 % confidence; none of fewer than two values.
    pub within: Option<f64>,
}

impl Estimate {
    /// By Student's t; nothing of no values.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        let count = float(u64::try_from(n).ok().filter(|n| *n > 0)?);
        let mean = values.iter().sum::<f64>() / count;
        let within = (n > 1).then(|| {
            let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
            student(n - 1) * (squares / (count - 1.0) / count).sqrt()
        });
        Some(Self { n, mean, within })
    }

    /// Whether the true mean is not zero with 95 % confidence.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.within.is_some_and(|within| self.mean.abs() > within)
    }
}

/// A figure in two arms whose runs have the same luck in pairs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Paired {
    /// Which figure.
    pub figure: Figure,
    /// In the first arm.
    pub first: Estimate,
    /// In the second arm.
    pub second: Estimate,
    /// Second minus first, pair by pair.
    pub difference: Estimate,
}

/// Every figure that both runs of at least one pair have.
#[must_use]
pub fn paired(pairs: &[[Outcome; 2]]) -> Vec<Paired> {
    let row = |figure: Figure| {
        let both = |[one, two]: &[Outcome; 2]| Some((figure.of(one)?, figure.of(two)?));
        let (first, second): (Vec<f64>, Vec<f64>) = pairs.iter().filter_map(both).unzip();
        let difference: Vec<f64> = first.iter().zip(&second).map(|(one, two)| two - one).collect();
        let [first, second, difference] =
            [first, second, difference].map(|values| Estimate::of(&values));
        Some(Paired { figure, first: first?, second: second?, difference: difference? })
    };
    Figure::ALL.into_iter().filter_map(row).collect()
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

#[allow(clippy::cast_precision_loss, reason = "counts of a run are far below 2^53")]
const fn float(n: u64) -> f64 {
    n as f64
}

/// The 97.5 % quantile of Student's distribution: a table, and beyond it the series in 1/n about the
/// normal quantile (Abramowitz and Stegun 26.7.5), within 1e-4.
fn student(freedom: usize) -> f64 {
    if let Some(value) = freedom.checked_sub(1).and_then(|at| STUDENT.get(at)) {
        return *value;
    }
    let (z, n) = (NORMAL, float(u64::try_from(freedom).unwrap_or(u64::MAX)));
    let cube = z * z * z;
    z + (cube + z) / (4.0 * n) + (5.0 * cube * z * z + 16.0 * cube + 3.0 * z) / (96.0 * n * n)
}

/// The 97.5 % quantile of the normal distribution.
const NORMAL: f64 = 1.959_964;
/// Student's quantiles for 1 to 30 degrees of freedom.
const STUDENT: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f64], mean: f64, within: Option<f64>) {
        let estimate = Estimate::of(values).unwrap();
        assert!((estimate.mean - mean).abs() < 1e-9, "{estimate:?}");
        match (estimate.within, within) {
            (Some(one), Some(two)) => assert!((one - two).abs() < 1e-3, "{estimate:?}"),
            (one, two) => assert_eq!(one, two),
        }
    }

    #[test]
    fn means_have_intervals_that_shrink_with_agreement() {
        check(&[7.0], 7.0, None);
        check(&[1.0, 3.0], 2.0, Some(12.706));
        check(&[5.0; 10], 5.0, Some(0.0));
        check(&[1.0, 2.0, 3.0, 4.0, 5.0], 3.0, Some(1.963));
        assert_eq!(Estimate::of(&[]), None);
    }

    #[test]
    fn the_table_and_the_series_meet() {
        for (freedom, quantile) in [(30, 2.042), (31, 2.0395), (60, 2.0003), (1_000, 1.9623)] {
            assert!((student(freedom) - quantile).abs() < 5e-4, "{freedom}");
        }
    }

    #[test]
    fn a_difference_is_clear_when_its_interval_leaves_out_zero() {
        let clear = |values: &[f64]| Estimate::of(values).unwrap().is_clear();
        assert!(clear(&[1.0, 1.1, 0.9]));
        assert!(!clear(&[1.0, -1.0, 0.5]));
        assert!(!clear(&[1.0]), "one pair says nothing");
    }
}
