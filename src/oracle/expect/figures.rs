//! Figures that an expectation collects for itself: quantiles in windows, and shares.
//!
//! Not here: the figures of the whole run, which every outcome carries (`measure`).

use std::collections::BTreeMap;

use crate::base::time::{Duration, Instant};
use crate::base::units::Ratio;
use crate::oracle::measure::{Fault, Measured};
use crate::verdict::metrics::Distribution;

/// Times of one metric, by window.
#[derive(Debug, Default)]
pub(super) struct Windows(BTreeMap<u64, Distribution>);

impl Windows {
    /// Takes a time that began at `from`, unless it overlaps the fault.
    pub(super) fn note(
        &mut self,
        from: Instant,
        span: Duration,
        origin: Instant,
        window: Option<Duration>,
        outside: Option<&Fault>,
    ) {
        let overlaps = outside.is_some_and(|fault| {
            fault.start <= from + span && fault.end.is_none_or(|end| from <= end)
        });
        if !overlaps {
            let offset = from.since(origin).as_nanos();
            let index = window.map_or(0, |window| offset / window.as_nanos().max(1));
            self.0.entry(index).or_default().note(span);
        }
    }

    /// How many times were taken.
    pub(super) fn count(&self) -> u64 {
        self.0.values().map(Distribution::count).sum()
    }

    /// The worst window and its quantile.
    pub(super) fn worst(&self, quantile: Ratio) -> Option<(u64, Duration)> {
        let quantiles = self.0.iter().map(|(index, it)| (*index, it.quantile(quantile.as_ppb())));
        quantiles.max_by_key(|(_, quantile)| *quantile)
    }

    /// The share of the windows whose quantile is not below this bound.
    pub(super) fn missed(&self, quantile: Ratio, below: Duration) -> Ratio {
        let missed = self.0.values().filter(|it| it.quantile(quantile.as_ppb()) >= below).count();
        let ppb = missed as u128 * u128::from(Ratio::ONE.as_ppb()) / self.0.len().max(1) as u128;
        Ratio::from_ppb(u64::try_from(ppb).unwrap_or(u64::MAX))
    }
}

/// How often something happened among how many.
#[derive(Debug, Default)]
pub(super) struct Share {
    part: u64,
    whole: u64,
}

impl Share {
    /// Takes a count; `table.hit` is a share of everything counted as `table.*`.
    pub(super) fn note(&mut self, metric: &str, measured: &Measured) {
        let Measured::Count(name) = measured else { return };
        let family = metric.rsplit_once('.').map(|(family, _)| family);
        let same = family.is_some() && name.rsplit_once('.').map(|(family, _)| family) == family;
        self.whole += u64::from(same);
        self.part += u64::from(same && name == metric);
    }

    /// The share, as soon as there is anything to be shared.
    pub(super) fn ratio(&self) -> Option<Ratio> {
        let ppb = u128::from(self.part) * 1_000_000_000 / u128::from(self.whole.max(1));
        (self.whole > 0).then(|| Ratio::from_ppb(u64::try_from(ppb).unwrap_or(u64::MAX)))
    }
}
