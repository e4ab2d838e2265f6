//! Workloads of a plan: traffic that recurs.
//!
//! Not here: the schedule of arrivals, which is drawn while a run goes on (`sim`).

use std::ops::RangeInclusive;

use crate::base::id::DraftId;
use crate::base::time::Duration;
use crate::base::units::{Rate, Ratio};
use crate::oracle::spec::NameId;
use crate::scenario::plan::RequestPlan;

/// Recurring traffic.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Its name; messages count as `name`'s.
    pub name: NameId,
    /// What happens at each arrival.
    pub what: WorkloadKind,
    /// Who acts.
    pub by: Vec<RangeInclusive<u32>>,
    /// When.
    pub arrivals: Arrivals,
    /// Factors over time from the end of `given`, in order; before the first: all of it.
    pub shape: Vec<(Duration, Ratio)>,
    /// From when to when, from the end of `given`.
    pub from: Duration,
    /// End, at most the active phase's.
    pub until: Duration,
}

/// What a workload does.
#[derive(Clone, Debug)]
pub enum WorkloadKind {
    /// Sends texts.
    Send {
        /// To whom.
        to: Contacts,
        /// Octets of text: log-uniform between the ends.
        size: RangeInclusive<u32>,
        /// The first draft number of this workload.
        first: DraftId,
    },
    /// Asks for approval, or composes own data to be approved on the own screen.
    Ask {
        /// Whom, or for whom.
        to: Contacts,
        /// What is asked.
        form: RequestPlan,
        /// Whether it is own data.
        own: bool,
        /// The first draft number of this workload.
        first: DraftId,
    },
    /// Polls by hand.
    Poll,
    /// Rotates.
    Rotate,
    /// Opens its connection anew, in a world that has connections.
    Reconnect,
}

/// Whom a device writes to.
#[derive(Clone, Debug)]
pub enum Contacts {
    /// A symmetric contact list of this many, drawn among these, with Zipf popularity in thousandths.
    List {
        /// Contacts of each device.
        count: u32,
        /// The exponent in thousandths; 0 is uniform.
        zipf_milli: u32,
        /// Drawn among these.
        among: Vec<RangeInclusive<u32>>,
    },
    /// One of these, uniformly.
    OneOf(Vec<u32>),
}

/// When a workload acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// Exponential intervals; the rate is for each device.
    Poisson(Rate),
    /// Exponential intervals in a time that runs faster and slower.
    Sine {
        /// The mean rate of each device.
        rate: Rate,
        /// How that time runs.
        swing: Swing,
    },
    /// At these times from the end of `given`, in order.
    Trace {
        /// The times.
        instants: Vec<Duration>,
        /// Does every device act at each of them? Else one that is drawn.
        everybody: bool,
    },
    /// Exact intervals for each device, with a phase of its own.
    Every {
        /// The interval.
        period: Duration,
        /// Share of the period over which the phases are spread.
        spread: Ratio,
    },
}

/// A rate that is `1 + amplitude * sin(2 pi t / period)` of its mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swing {
    /// Never zero.
    pub period: Duration,
    /// At most one.
    pub amplitude: Ratio,
}
