//! A plan whose traffic recurs faster or slower than written.
//!
//! Not here: which pace is the right one (`knee`).

use std::sync::Arc;

use crate::base::time::Duration;
use crate::base::units::{Rate, Ratio};
use crate::load::error::LoadError;
use crate::oracle::spec::Check;
use crate::scenario::plan::{Arrivals, Plan, Workload, WorkloadKind};

/// The pace of a plan as it is written, in percent.
pub const AS_WRITTEN: u64 = 100;

/// The whole, and a hundredth of it, in parts per billion.
const ONE: u64 = Ratio::ONE.as_ppb();
const PERCENT: u64 = ONE / 100;
/// For so long a generator is calibrated.
pub const CALIBRATION: Duration = Duration::from_secs(3);

/// The highest factor of any shape, in percent: where the load is densest.
#[must_use]
pub fn densest(plan: &Plan) -> u64 {
    let factors = plan.workloads.iter().map(|it| {
        let shape = it.shape.iter().map(|(_, factor)| factor.as_ppb()).max();
        let swing = if let Arrivals::Sine { swing, .. } = &it.arrivals {
            swing.amplitude.as_ppb()
        } else {
            0
        };
        (shape.unwrap_or(ONE).max(ONE) / PERCENT) * (ONE + swing) / ONE
    });
    factors.max().unwrap_or(AS_WRITTEN).max(AS_WRITTEN)
}

/// The same plan at so many percent of its pace.
///
/// # Errors
/// When a workload has no pace: it acts at recorded instants.
pub fn at(plan: &Plan, percent: u64) -> Result<Plan, LoadError> {
    let mut plan = plan.clone();
    // How often keys may be made anew the server's grace decides.
    let paced = |it: &&mut Workload| !matches!(it.what, WorkloadKind::Rotate);
    for workload in plan.workloads.iter_mut().filter(paced) {
        match &mut workload.arrivals {
            Arrivals::Poisson(rate) | Arrivals::Sine { rate, .. } => *rate = faster(*rate, percent),
            Arrivals::Every { period, .. } => *period = shorter(*period, percent),
            Arrivals::Trace { .. } if percent == AS_WRITTEN => {}
            Arrivals::Trace { .. } => {
                let why = "a trace has one pace, that of its instants";
                return Err(LoadError::Script(why.to_owned()));
            }
        }
    }
    Ok(plan)
}

/// The same plan for so long, without its shape, its steps and its intervals: it is as steady as it can be.
#[must_use]
pub fn steady(plan: &Plan, active: Duration) -> Plan {
    let mut plan = Plan { active, steps: Vec::new(), ..plan.clone() };
    plan.given.offline.clear();
    for workload in &mut plan.workloads {
        workload.shape.clear();
        if let Arrivals::Sine { rate, .. } = workload.arrivals {
            workload.arrivals = Arrivals::Poisson(rate);
        }
        (workload.from, workload.until) = (Duration::ZERO, active);
    }
    let mut spec = (*plan.spec).clone();
    // Without faults nothing heals.
    spec.expectations.retain(|it| !matches!(it.check, Check::Healed { .. }));
    for expectation in &mut spec.expectations {
        (expectation.since, expectation.until) = (None, None);
        if let Check::Slo { outside, .. } = &mut expectation.check {
            *outside = None;
        }
    }
    plan.spec = Arc::new(spec);
    plan
}

fn faster(rate: Rate, percent: u64) -> Rate {
    Rate { per: shorter(rate.per, percent), ..rate }
}

fn shorter(span: Duration, percent: u64) -> Duration {
    span.scale(AS_WRITTEN, percent.max(1))
}
