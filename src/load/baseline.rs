//! Two loads compared: is the second one worse, or is it the weather?
//!
//! Neighboring seconds of a load are alike, so that a thousand durations say less than a thousand would by
//! themselves. What is compared are therefore means and quantiles of batches of seconds, by Welch's test with
//! as many degrees of freedom as the likeness of neighbors leaves (first-order autocorrelation); a difference
//! counts when it is significant and larger than what is called noise. Floating point is for
//! statistics here. Not here: what a load measures.

use crate::base::time::Duration;
use crate::verdict::load::{Ending, Figures, LoadResults, Row, Standing};
use crate::verdict::metrics::Distribution;
use crate::verdict::offer::Offer;

/// Batches of a load: as many as there are seconds for, and not more.
const BATCHES: usize = 60;
/// Batches that a comparison takes, at least.
const BATCHES_MIN: usize = 8;
/// Neighbors that are more alike than this are taken to be so much alike.
const ALIKE_MAX: f64 = 0.9;
/// The metrics that are compared: what users feel, and what the server takes.
const COMPARED: [&str; 2] = ["response", "delivery"];
const WIRE: &str = "wire.";

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Metric by metric.
    pub rows: Vec<Row>,
}

/// Two loads that cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the baseline is of another load: {what} is `{base}` there and `{new}` here")]
pub struct Unlike {
    what: &'static str,
    base: String,
    new: String,
}

impl Comparison {
    /// Whether anything is worse.
    #[must_use]
    pub fn is_regression(&self) -> bool {
        self.rows.iter().any(|row| row.standing == Standing::Worse)
    }
}

/// Whether a load can be compared with an earlier one, as far as that is known before it begins.
///
/// # Errors
/// When it cannot: one was put on a server in another way than the other.
pub fn check(base: &Offer, new: &Offer) -> Result<(), Unlike> {
    let terms = base.of_comparison().into_iter().zip(new.of_comparison());
    match terms.into_iter().find(|(base, new)| base != new) {
        Some(((what, base), (_, new))) => Err(Unlike { what, base, new }),
        None => Ok(()),
    }
}

/// Why nothing can be said of a load beside another one; nothing where that is not so.
#[must_use]
pub fn hindrance(load: &LoadResults) -> Option<&'static str> {
    match load.ending {
        _ if !load.void.is_empty() => Some("is void"),
        Ending::Drained => None,
        Ending::Open => Some("left something open"),
        Ending::Stopped => Some("was stopped"),
        Ending::ServerGone => Some("lost its server"),
    }
}

/// Compares a load with an earlier one of the same offer. Differences up to `noise` percent do not count.
#[must_use]
pub fn compare(base: &LoadResults, new: &LoadResults, noise: u64) -> Comparison {
    let mut rows = Vec::new();
    for (metric, figures) in &new.metrics {
        let is_compared = COMPARED.contains(&metric.as_str()) || metric.starts_with(WIRE);
        if let Some(base) = base.metrics.get(metric).filter(|_| is_compared) {
            for (what, of) in [("mean", mean as fn(&Distribution) -> f64), ("p99", p99)] {
                rows.push(row(&format!("{metric} {what}"), (base, figures), of, noise));
            }
        }
    }
    Comparison { rows }
}

fn row(
    name: &str,
    (base, new): (&Figures, &Figures),
    of: fn(&Distribution) -> f64,
    noise: u64,
) -> Row {
    let [a, b] = [base, new].map(|figures| Sample::of(&figures.seconds, of));
    let change = if a.mean > 0.0 { (b.mean - a.mean) / a.mean * 100.0 } else { 0.0 };
    let standing = if a.count < BATCHES_MIN || b.count < BATCHES_MIN {
        Standing::TooShort
    } else if !differ(&a, &b) || change.abs() <= float(noise) {
        Standing::Alike
    } else if change > 0.0 {
        Standing::Worse
    } else {
        Standing::Better
    };
    let [base, new] = [a.mean, b.mean].map(nanos);
    Row { name: name.to_owned(), base, new, change, standing }
}

/// Batches of a load.
struct Sample {
    count: usize,
    /// How many batches without likeness would say as much.
    independent: f64,
    mean: f64,
    /// The variance of the mean.
    spread: f64,
}

impl Sample {
    fn of(seconds: &[Distribution], of: fn(&Distribution) -> f64) -> Self {
        let full: Vec<&Distribution> = seconds.iter().filter(|it| it.count() > 0).collect();
        let size = full.len().div_ceil(BATCHES).max(1);
        let batches = full.chunks_exact(size).map(|seconds| {
            let mut batch = Distribution::default();
            seconds.iter().for_each(|second| batch.merge(second));
            of(&batch)
        });
        let values: Vec<f64> = batches.collect();
        let n = float(values.len() as u64).max(1.0);
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let beside: f64 = values.windows(2).map(|it| (it[0] - mean) * (it[1] - mean)).sum();
        let alike = if squares > 0.0 { (beside / squares).clamp(0.0, ALIKE_MAX) } else { 0.0 };
        // So many batches that are alike say as much as these that are not.
        let independent = (n * (1.0 - alike) / (1.0 + alike)).max(2.0);
        let spread = squares / (n - 1.0).max(1.0) / independent;
        Self { count: values.len(), independent, mean, spread }
    }
}

/// Welch's test, two-sided at one in a thousand.
fn differ(a: &Sample, b: &Sample) -> bool {
    let spread = a.spread + b.spread;
    if spread <= 0.0 {
        return (a.mean - b.mean).abs() > 0.0;
    }
    let part = |it: &Sample| it.spread.powi(2) / (it.independent - 1.0);
    let freedom = spread.powi(2) / (part(a) + part(b));
    (a.mean - b.mean).abs() / spread.sqrt() > critical(freedom)
}

/// Student's 99.95 % quantile, by the series in 1/n about the normal one (Abramowitz and Stegun 26.7.5).
fn critical(freedom: f64) -> f64 {
    const Z: f64 = 3.290_527;
    let n = freedom.max(2.0);
    let (z3, z5, z7) = (Z.powi(3), Z.powi(5), Z.powi(7));
    let first = (z3 + Z) / 4.0;
    let second = (5.0 * z5 + 16.0 * z3 + 3.0 * Z) / 96.0;
    let third = (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * Z) / 384.0;
    Z + first / n + second / n.powi(2) + third / n.powi(3)
}

fn mean(batch: &Distribution) -> f64 {
    batch.mean().map_or(0.0, |mean| float(mean.as_nanos()))
}

fn p99(batch: &Distribution) -> f64 {
    float(batch.quantile(990_000_000).as_nanos())
}

#[allow(clippy::cast_precision_loss, reason = "statistics")]
const fn float(n: u64) -> f64 {
    n as f64
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a mean of durations")]
const fn nanos(value: f64) -> Duration {
    Duration::from_nanos(value as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::{Luck, Purpose};
    use crate::load::result::figures_of;
    use crate::load::tally::Series;

    /// Half a minute of durations around a mean of so many microseconds, as a server's are: skewed, and alike
    /// in neighboring seconds.
    fn figures(micros: u64, luck: u64) -> Figures {
        let mut series = Series::default();
        let luck = Luck::new(luck, Purpose::Setting, 0);
        let mut drift = 0;
        for second in 0..30 {
            let mut draw = luck.at(second);
            drift = (drift + draw.between(0, micros / 25)) / 2;
            for _ in 0..200 {
                let span = micros * 3 / 4
                    + drift
                    + draw.between(0, micros / 4)
                    + draw.between(0, micros / 4);
                series.note(Duration::from_secs(second), Duration::from_micros(span));
            }
        }
        figures_of(series.total.as_deref().unwrap(), series.seconds)
    }

    fn standing(base: &Figures, new: &Figures, of: fn(&Distribution) -> f64) -> Standing {
        row("test", (base, new), of, 5).standing
    }

    #[test]
    fn the_same_server_is_never_worse_and_a_slower_one_always() {
        for seed in 0..20 {
            let base = figures(1_000, seed);
            for of in [mean as fn(&Distribution) -> f64, p99] {
                assert_eq!(standing(&base, &figures(1_000, seed + 100), of), Standing::Alike);
                assert_eq!(standing(&base, &figures(1_100, seed + 200), of), Standing::Worse);
                assert_eq!(standing(&figures(1_100, seed + 300), &base, of), Standing::Better);
            }
        }
    }

    #[test]
    fn a_few_seconds_say_nothing() {
        let (mut short, long) = (figures(1_000, 1), figures(2_000, 2));
        short.seconds.truncate(7);
        assert_eq!(standing(&short, &long, mean), Standing::TooShort);
    }

    #[test]
    fn critical_values_are_those_of_tables() {
        for (freedom, value) in [(10.0, 4.587), (20.0, 3.850), (60.0, 3.460), (1e9, 3.291)] {
            assert!((critical(freedom) - value).abs() < 0.01, "{freedom}: {}", critical(freedom));
        }
    }
}
