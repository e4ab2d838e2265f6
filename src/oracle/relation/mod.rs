//! Relations of two runs that differ in one thing that must not matter, one per file (protocol 5).
//!
//! Pure functions from what was seen in both runs to findings; the first run is the one that was asked for.
//! Not here: making the second run, or whether a relation applies at all (`explore::relations`).

pub mod names_do_not_matter;
pub mod order_of_arrival_does_not_matter;
pub mod poll_and_push_show_the_same;
pub mod same_seed_same_trace;
pub mod seen;
pub mod small_tables_change_lookups_only;
pub mod the_date_does_not_matter;

use crate::base::time::Instant;
use crate::oracle::relation::seen::Difference;
use crate::verdict::finding::{Finding, Severity};
use crate::verdict::requirement::Requirement;

/// Differences of one relation that are told; more say nothing new.
const TOLD_MAX: usize = 20;

/// A broken relation in words. It cites records of the first run only: the second one has no trace.
fn finding(oracle: &str, requirements: &[Requirement], difference: Difference) -> Finding {
    Finding {
        severity: Severity::Fail,
        oracle: oracle.to_owned(),
        requirements: requirements.to_vec(),
        at: difference.record.map_or(Instant::START, |(_, at)| at),
        message: difference.text,
        records: difference.record.iter().map(|(id, _)| id.to_string()).collect(),
    }
}

fn findings(
    oracle: &str,
    requirements: &[Requirement],
    differences: impl IntoIterator<Item = Difference>,
) -> Vec<Finding> {
    let told = differences.into_iter().take(TOLD_MAX);
    told.map(|it| finding(oracle, requirements, it)).collect()
}
