//! The figures of a load by the second, as CSV.
//!
//! Not here: figures of the whole load (`terminal`).

use std::fmt::Write as _;

use crate::base::time::Duration;
use crate::verdict::load::LoadResults;

/// A row for each metric and second; durations in seconds. `thinned` is empty where all people were there.
#[must_use]
pub fn write(results: &LoadResults) -> String {
    let mut text = "metric,second,count,mean,p50,p99,max,thinned\n".to_owned();
    let thinned = results.offer.thinned.as_deref().unwrap_or_default();
    for (metric, figures) in &results.metrics {
        for (second, it) in (0_u64..).zip(&figures.seconds) {
            let Some(mean) = it.mean() else { continue };
            let (p50, p99, max) = (it.quantile(500_000_000), it.quantile(990_000_000), it.max());
            let [mean, p50, p99, max] = [mean, p50, p99, max].map(Duration::as_secs_f64);
            // Writing into a String cannot fail.
            let _ = writeln!(
                text,
                "{metric},{second},{},{mean},{p50},{p99},{max},{thinned}",
                it.count()
            );
        }
    }
    text
}
