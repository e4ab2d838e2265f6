//! Real time: what a case takes of it, and which bounds a rig is too slow to judge.
//!
//! What a device does is seen later than it happens, by as long as the line takes. So a bound that is kept is
//! kept; one that is broken may have been broken by the rig. Not here: clocks (`paced`, `runtime`).

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::base::time::Duration;
use crate::scenario::plan::{Action, Plan, SuiteName};
use crate::sim::run::{RunOptions, run};
use crate::verdict::finding::Severity;
use crate::verdict::outcome::Outcome;

/// Oracles that hold a device to a time, with the shortest span in which it has to do something: what they
/// allow for lateness beside the times of the protocol.
const HURRIES: [(&str, Duration); 10] = [
    ("S-09", Duration::from_secs(5)),
    ("S-28", Duration::from_millis(500)),
    ("C06-R3", Duration::from_secs(1)),
    ("C10-R5", Duration::from_secs(10)),
    ("C16-R5", Duration::from_secs(5)),
    ("C17-R5", Duration::from_secs(10)),
    ("L-03", Duration::from_secs(5)),
    ("L-04", Duration::from_secs(60)),
    ("L-06", Duration::from_secs(30)),
    ("L-08", Duration::from_secs(5)),
];

/// A bound is judged when a round trip takes no more than this part of it.
const PART: u64 = 4;

/// How long a run of the plan takes by the world's clock, with a device that does what the reference does.
///
/// The same run with the simulated device and cheap keys says it: that takes a moment.
#[must_use]
pub fn lasts(plan: &Plan) -> Duration {
    let plan = Plan { suite: SuiteName::Model, ..plan.clone() };
    run(&Arc::new(plan), RunOptions::default()).virtual_time
}

/// What so much of the world's time costs in real time.
#[must_use]
pub fn cost(lasts: Duration, scale: NonZeroU32) -> Duration {
    lasts.scale(1, u64::from(scale.get()))
}

/// The tightest of the bounds that a plan holds a device to, and whose it is.
#[must_use]
pub fn tightest(plan: &Plan) -> (Duration, &'static str) {
    let judged = HURRIES.iter().filter(|(id, _)| !plan.spec.except.contains_key(*id));
    let hurries = judged.map(|(id, bound)| (*bound, *id));
    let expected = bound(plan, "expect").map(|bound| (bound, "expect"));
    // Without any oracle there is nothing to be late for.
    hurries.chain(expected).min().unwrap_or((Duration::from_secs(60), "expect"))
}

/// Whether a rig at which a round trip takes that long, by the world's clock, can judge a bound.
#[must_use]
pub const fn is_fit(round_trip: Duration, bound: Duration) -> bool {
    round_trip.times(PART).as_nanos() <= bound.as_nanos()
}

/// The shortest span of a plan that an oracle holds a device to, if it does.
fn bound(plan: &Plan, oracle: &str) -> Option<Duration> {
    if oracle != "expect" {
        return HURRIES.iter().find(|(id, _)| *id == oracle).map(|(_, bound)| *bound);
    }
    let within = plan.spec.expectations.iter().filter_map(|it| it.within);
    let asks = |action: &Action| matches!(action, Action::Request { .. } | Action::Approve { .. });
    let asks = plan.steps.iter().any(|step| asks(&step.action));
    // A press is before or after T_arm as the scenario has it only if the line is much faster.
    let arms = plan.profiles.iter().filter(|_| asks).map(|it| it.config.arm);
    within.chain(arms).min()
}

/// Takes back what a rig was too slow to judge: a round trip takes so long by the world's clock, and an act of
/// somebody at the rig at most so long (`lag`).
pub fn excuse(plan: &Plan, outcome: &mut Outcome, round_trip: Duration, lag: Option<Duration>) {
    let slowest = lag.map_or(round_trip, |lag| lag.max(round_trip));
    for finding in &mut outcome.findings {
        let Some(bound) = bound(plan, &finding.oracle) else { continue };
        if finding.severity != Severity::Fail || is_fit(slowest, bound) {
            continue;
        }
        finding.severity = Severity::Inconclusive;
        finding.message = format!(
            "rig too slow: it takes {slowest} to act or to see, more than a quarter of {bound}: {}",
            finding.message
        );
    }
    outcome.verdict = Outcome::judge(&outcome.findings);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Instant;
    use crate::scenario::diagnostics::Diagnostics;
    use crate::scenario::read::{Extras, read_text};
    use crate::scenario::resolve::resolve;
    use crate::verdict::finding::Finding;
    use crate::verdict::outcome::Verdict;

    const TEXT: &str = "peadsim: 1\nid: A\ntitle: t\ndevices: {a: {}, b: {receive: {push: true}}}\n\
                        steps: [{send: {as: m1, from: a, to: b, at: 1s}}]\n\
                        expect: [{displayed: {message: m1, within: 8s}}]\n\
                        time: {active: 20s, settle: 1m}\n";

    fn plan() -> Plan {
        let reading = read_text("a.yaml", TEXT, &Extras::default());
        let mut sink = Diagnostics::default();
        resolve(&reading.cases[0], 1, "a.yaml", &mut sink).expect("the scenario is right")
    }

    #[test]
    fn a_case_costs_what_a_simulation_of_it_takes() {
        let lasts = lasts(&plan());
        assert!(lasts >= Duration::from_secs(20) && lasts < Duration::from_secs(60), "{lasts}");
        let ten = NonZeroU32::new(10).unwrap();
        assert_eq!(cost(Duration::from_secs(20), ten), Duration::from_secs(2));
    }

    /// What becomes of a failure by this oracle.
    fn check(oracle: &str, round_trip_ms: u64, expected: Verdict) {
        let plan = plan();
        let mut outcome = run(&Arc::new(plan.clone()), RunOptions::default());
        outcome.findings.push(Finding {
            severity: Severity::Fail,
            oracle: oracle.to_owned(),
            requirements: Vec::new(),
            at: Instant::START,
            message: "late".to_owned(),
            records: Vec::new(),
        });
        excuse(&plan, &mut outcome, Duration::from_millis(round_trip_ms), None);
        let told = outcome.findings.iter().any(|it| it.message.starts_with("rig too slow: "));
        let excused = expected == Verdict::Inconclusive;
        assert_eq!((outcome.verdict, told), (expected, excused), "{oracle}, {round_trip_ms} ms");
    }

    #[test]
    fn a_slow_rig_judges_no_tight_bound() {
        check("L-08", 1_250, Verdict::Fail);
        check("L-08", 1_251, Verdict::Inconclusive);
        check("expect", 2_000, Verdict::Fail);
        check("expect", 2_001, Verdict::Inconclusive);
        check("S-06", 60_000, Verdict::Fail);
    }
}
