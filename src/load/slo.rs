//! Objectives: what a scenario expects of a server, and what comes of it.
//!
//! All durations of a load are judged to three digits; those of an interval, of windows or outside of a fault
//! by the second that they began in, within 3 %. Not here: what the simulator does with the same expectations
//! (`oracle::expect`).

use std::ops::Range;

use crate::base::time::Duration;
use crate::base::units::Ratio;
use crate::load::error::LoadError;
use crate::load::result::decoded;
use crate::load::script::Script;
use crate::oracle::spec::{Check, Expectation, Moment, NameId, Point};
use crate::scenario::plan::Plan;
use crate::scenario::under_load;
use crate::verdict::load::{Ending, Figures, Goal, LoadResults, Objective, Slo};
use crate::verdict::metrics::Distribution;

/// What a plan expects.
///
/// # Errors
/// What a load cannot judge.
pub fn objectives(plan: &Plan, script: &Script) -> Result<Vec<Objective>, LoadError> {
    let refused = |it: &Expectation, why| LoadError::Script(format!("line {}: {why}", it.line));
    let judged = plan.spec.expectations.iter().map(|it| {
        under_load::expectation(it, plan).map_err(|why| refused(it, why))?;
        objective(it, script).ok_or_else(|| refused(it, "it cannot be judged"))
    });
    judged.collect()
}

/// What a plan expects in one sentence; none of what a load does not judge.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "a few of many, and `under_load` refuses the others"
)]
fn objective(it: &Expectation, script: &Script) -> Option<Objective> {
    let lasts = |fault: NameId| {
        let known = script.faults.iter().find(|(name, _)| *name == fault);
        known.map(|(_, lasts)| lasts.clone())
    };
    let goal = match &it.check {
        Check::Slo { metric, quantile, below, window, budget, outside } => Goal::Quantile {
            metric: metric.clone(),
            quantile: *quantile,
            below: *below,
            window: *window,
            budget: *budget,
            outside: outside.and_then(lasts).into_iter().collect(),
        },
        Check::Share { metric, above, below } => {
            Goal::Share { metric: metric.clone(), above: *above, below: *below }
        }
        Check::Healed { fault } => Goal::Healed { end: lasts(*fault)?.end, within: it.within },
        Check::Lost { .. } => Goal::Missing { least: *it.count.start(), most: *it.count.end() },
        _ => return None,
    };
    let at = |moment: Moment| match moment {
        Moment::At(at) => Some(at),
        Moment::Point(point, delay) => match point.point {
            Point::Start => Some(lasts(point.name)?.start + delay),
            Point::End => Some(lasts(point.name)?.end + delay),
            _ => None,
        },
    };
    let since = it.since.map_or(Some(Duration::ZERO), at)?;
    let until = it.until.map_or(Some(Duration::MAX), at)?;
    Some(Objective { text: it.text.clone(), line: it.line, during: since..until, goal })
}

/// What comes of all objectives of a load.
#[must_use]
pub fn judge(results: &LoadResults) -> Vec<Slo> {
    // Of a load that was stopped, and of a shard alone.
    let is_open = results.ending == Ending::Stopped || results.is_shard();
    let judged = results.objectives.iter().map(|it| {
        let (holds, seen) = match &it.goal {
            Goal::Quantile { metric, quantile, below, window, budget, outside } => {
                let is_all = window.is_none() && outside.is_empty() && it.during == ALWAYS;
                let all = results.metrics.get(metric).filter(|_| is_all);
                match all.and_then(|figures| exactly(figures, *quantile)) {
                    Some((count, exact)) => {
                        let seen =
                            format!("the {quantile} quantile of {count} is {}", round(exact));
                        (Some(exact < *below), seen)
                    }
                    None => {
                        let seconds = seconds(metric, results);
                        let windows = windows(seconds, &it.during, *window, outside);
                        quantiles(&windows, (*quantile, *below, *budget), window.is_some())
                    }
                }
            }
            Goal::Share { metric, above, below } => {
                let (hits, misses) = (results.count("table-hits"), results.count("table-misses"));
                let part = if metric == "table.hit" { hits } else { misses };
                share((part, hits + misses), (*above, *below))
            }
            Goal::Missing { .. } | Goal::Healed { .. } if is_open => {
                (None, "what is on its way is not known".to_owned())
            }
            Goal::Healed { end, within } => healed(results, *end, *within),
            // What is missing of a workload is not told apart from what is missing of another one.
            Goal::Missing { least, most } => {
                let missing = results.mail.missing.len() as u64;
                let holds = (*least..=*most).contains(&missing);
                ((results.mail.accepted > 0).then_some(holds), format!("{missing} are missing"))
            }
        };
        Slo { text: it.text.clone(), line: it.line, holds, seen }
    });
    judged.collect()
}

/// All of the load.
const ALWAYS: Range<Duration> = Duration::ZERO..Duration::MAX;

/// How many durations there are, and the quantile of them, to three digits.
#[allow(clippy::cast_precision_loss, reason = "a quantile has nine digits")]
fn exactly(figures: &Figures, quantile: Ratio) -> Option<(u64, Duration)> {
    let all = decoded(&figures.hdr).ok()?;
    let quantile = quantile.as_ppb() as f64 / Ratio::ONE.as_ppb() as f64;
    Some((all.len(), Duration::from_nanos(all.value_at_quantile(quantile))))
}

/// The durations of a metric, by second.
fn seconds<'r>(metric: &str, results: &'r LoadResults) -> &'r [Distribution] {
    results.metrics.get(metric).map_or(&[], |figures| &figures.seconds)
}

/// Durations by window, without those that a fault may have touched.
fn windows(
    seconds: &[Distribution],
    during: &Range<Duration>,
    window: Option<Duration>,
    outside: &[Range<Duration>],
) -> Vec<Distribution> {
    let mut windows: Vec<Distribution> = Vec::new();
    for (second, durations) in (0_u64..).zip(seconds) {
        let (from, to) = (Duration::from_secs(second), Duration::from_secs(second + 1));
        let to = to + durations.max();
        let touched = outside.iter().any(|fault| fault.start <= to && from <= fault.end);
        if durations.count() == 0 || !during.contains(&from) || touched {
            continue;
        }
        let offset = from.saturating_sub(during.start).as_nanos();
        let index = window.map_or(0, |window| offset / window.as_nanos().max(1));
        let index = usize::try_from(index).unwrap_or(0);
        if windows.len() <= index {
            windows.resize(index + 1, Distribution::default());
        }
        windows[index].merge(durations);
    }
    windows.retain(|window| window.count() > 0);
    windows
}

fn quantiles(
    windows: &[Distribution],
    (quantile, below, budget): (Ratio, Duration, Ratio),
    in_windows: bool,
) -> (Option<bool>, String) {
    let of = |window: &Distribution| window.quantile(quantile.as_ppb());
    let Some(worst) = windows.iter().map(of).max() else {
        return (None, "nothing was measured in its time".to_owned());
    };
    let missed = windows.iter().filter(|window| of(window) >= below).count();
    let holds = part((missed as u64, windows.len() as u64)) <= budget;
    let of_windows = if in_windows {
        format!("; {missed} of {} windows miss it", windows.len())
    } else {
        String::new()
    };
    let count: u64 = windows.iter().map(Distribution::count).sum();
    (Some(holds), format!("the {quantile} quantile of {count} is {}{of_windows}", round(worst)))
}

fn share(
    (hits, all): (u64, u64),
    (above, below): (Option<Ratio>, Option<Ratio>),
) -> (Option<bool>, String) {
    if all == 0 {
        return (None, "nothing was counted".to_owned());
    }
    let ratio = part((hits, all));
    let holds = above.is_none_or(|above| ratio > above) && below.is_none_or(|below| ratio < below);
    (Some(holds), format!("the share is {ratio} of {all}"))
}

/// The last arrival of what was written before a fault's end, to a second.
fn healed(
    results: &LoadResults,
    end: Duration,
    within: Option<Duration>,
) -> (Option<bool>, String) {
    let before = (0_u64..)
        .zip(seconds("delivery", results))
        .filter(|(second, durations)| Duration::from_secs(*second) < end && durations.count() > 0);
    let last = before.map(|(second, it)| Duration::from_secs(second + 1) + it.max()).max();
    let Some(last) = last else { return (None, "nothing was written before its end".to_owned()) };
    let after = last.saturating_sub(end);
    let all_came = results.mail.missing.is_empty();
    let holds = all_came && within.is_none_or(|within| after <= within);
    (Some(holds), format!("the last of it came {} after its end at the latest", round(after)))
}

fn part((part, all): (u64, u64)) -> Ratio {
    let ppb = u128::from(part) * u128::from(Ratio::ONE.as_ppb()) / u128::from(all.max(1));
    Ratio::from_ppb(u64::try_from(ppb).unwrap_or(u64::MAX))
}

/// To a microsecond.
fn round(span: Duration) -> Duration {
    Duration::from_micros(span.as_nanos() / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(millis: &[u64]) -> Distribution {
        let mut durations = Distribution::default();
        millis.iter().for_each(|it| durations.note(Duration::from_millis(*it)));
        durations
    }

    #[test]
    fn windows_hold_what_began_in_them_and_no_fault_touched() {
        let seconds = [
            second(&[1]),
            second(&[2, 3]),
            second(&[1_500]),
            Distribution::default(),
            second(&[9]),
        ];
        let all = Duration::ZERO..Duration::MAX;
        let counts =
            |during: &Range<Duration>, window: Option<u64>, outside: &[Range<Duration>]| {
                let window = window.map(Duration::from_secs);
                let windows = windows(&seconds, during, window, outside);
                windows.iter().map(Distribution::count).collect::<Vec<_>>()
            };
        assert_eq!(counts(&all, None, &[]), [5]);
        assert_eq!(counts(&all, Some(2), &[]), [3, 1, 1]);
        let late = Duration::from_secs(1)..Duration::from_secs(4);
        assert_eq!(counts(&late, Some(2), &[]), [3], "its windows begin with it");
        // What began in the third second may have lasted until the fault began.
        let fault = Duration::from_millis(4_200)..Duration::from_millis(4_300);
        assert_eq!(counts(&all, None, &[fault]), [3]);
    }

    #[test]
    fn a_budget_is_a_share_of_windows() {
        let windows: Vec<_> = (1..=10).map(|n| second(&[n])).collect();
        let (quantile, below) = (Ratio::from_percent(99), Duration::from_millis(9));
        for (budget, holds) in [(0, false), (19, false), (20, true), (100, true)] {
            let bound = (quantile, below, Ratio::from_percent(budget));
            assert_eq!(quantiles(&windows, bound, true).0, Some(holds), "{budget}%");
        }
        assert_eq!(quantiles(&[], (quantile, below, Ratio::ONE), true).0, None);
    }

    #[test]
    fn a_share_of_nothing_is_open() {
        let half = Some(Ratio::from_percent(50));
        assert_eq!(share((0, 0), (half, None)).0, None);
        assert_eq!(share((3, 4), (half, None)).0, Some(true));
        assert_eq!(share((3, 4), (None, half)).0, Some(false));
    }
}
