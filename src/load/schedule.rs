//! The schedule: every operation of a run with its intended instant, computed from the seed before the run.
//!
//! The same draws make the traffic of the simulator (`scenario::traffic`). A share of the schedule holds the
//! operations of its own devices; the hashes of all shares add up to that of the whole. Not here: carrying
//! operations out, or what they took.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::base::time::Duration;
use crate::scenario::plan::{Plan, Workload, WorkloadKind};
use crate::scenario::traffic::Traffic;

/// Most operations of one schedule: what fits into a few GiB.
pub const OPERATIONS_MAX: usize = 100_000_000;

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// When it is to happen, from the start of the load.
    pub at: Duration,
    /// Whose device does it.
    pub user: u32,
    /// Whom it is for; the user itself when it is for nobody else.
    pub to: u32,
    /// Of which workload.
    pub workload: u16,
    /// Its number among those of this device in that workload, from 0.
    pub n: u32,
}

/// A share of the devices: those whose numbers leave the rest `index` by `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Which one, from 0.
    pub index: u32,
    /// Of how many; at least 1.
    pub of: u32,
}

/// What tells one schedule from another: a sum over its operations, so that those of shares add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleHash(pub u64);

/// All operations of a share, in the order of their instants.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The operations.
    pub operations: Vec<Operation>,
    /// Their hash.
    pub hash: ScheduleHash,
    /// The hash of what each workload is: its kind, its sizes, its forms.
    what: Vec<u64>,
}

/// A schedule with more operations than memory is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the schedule has more than {OPERATIONS_MAX} operations: shorten `active`")]
pub struct TooMany;

impl Share {
    /// Everything.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Whether a device belongs to it.
    #[must_use]
    pub const fn holds(self, user: u32) -> bool {
        user % self.of == self.index
    }
}

impl ScheduleHash {
    /// With the operations of another share.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    /// Of an operation of a workload with this hash.
    fn of(operation: &Operation, what: u64) -> Self {
        let Operation { at, user, to, workload, n } = *operation;
        let mut hash = Xxh3::with_seed(what);
        hash.update(&at.as_nanos().to_le_bytes());
        for number in [user, to, u32::from(workload), n] {
            hash.update(&number.to_le_bytes());
        }
        Self(hash.digest())
    }
}

impl std::fmt::Display for ScheduleHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Schedule {
    /// The operations of a share of a plan's devices.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn of(plan: &Plan, traffic: &[Traffic], share: Share) -> Result<Self, TooMany> {
        let what = plan.workloads.iter().map(|it| xxh3_64(format!("{:?}", it.what).as_bytes()));
        let (operations, hash) = (Vec::new(), ScheduleHash::default());
        let mut schedule = Self { operations, hash, what: what.collect() };
        for (index, (workload, traffic)) in (0..).zip(plan.workloads.iter().zip(traffic)) {
            for user in users(&workload.by).filter(|user| share.holds(*user)) {
                schedule.enter((index, workload, traffic), user)?;
            }
        }
        // Two operations of one instant keep an order of their own.
        let key = |it: &Operation| (it.at, it.user, it.workload, it.n);
        schedule.operations.sort_unstable_by_key(key);
        Ok(schedule)
    }

    /// The operations of a share of the devices.
    #[must_use]
    pub fn share(&self, share: Share) -> Self {
        let operations: Vec<_> =
            self.operations.iter().filter(|it| share.holds(it.user)).copied().collect();
        let what = |it: &Operation| self.what[usize::from(it.workload)];
        let hashes = operations.iter().map(|it| ScheduleHash::of(it, what(it)));
        let hash = hashes.fold(ScheduleHash::default(), ScheduleHash::and);
        Self { hash, operations, what: self.what.clone() }
    }

    fn enter(
        &mut self,
        (index, workload, traffic): (u16, &Workload, &Traffic),
        user: u32,
    ) -> Result<(), TooMany> {
        let mut at = Duration::ZERO;
        for n in 0..u32::MAX {
            let Some(next) = traffic.arrival(workload, user, u64::from(n), at) else { break };
            at = next;
            let Some(to) = receiver(workload, traffic, user, n) else { continue };
            let operation = Operation { at, user, to, workload: index, n };
            let what = self.what[usize::from(index)];
            self.hash = self.hash.and(ScheduleHash::of(&operation, what));
            if self.operations.len() >= OPERATIONS_MAX {
                return Err(TooMany);
            }
            self.operations.push(operation);
        }
        Ok(())
    }
}

/// The traffic of all workloads of a plan.
#[must_use]
pub fn traffic(plan: &Plan) -> Vec<Traffic> {
    (0..).zip(&plan.workloads).map(|(index, it)| Traffic::new(plan, index, it)).collect()
}

/// The users of some ranges.
pub fn users(ranges: &[RangeInclusive<u32>]) -> impl Iterator<Item = u32> {
    ranges.iter().flat_map(Clone::clone)
}

/// Whom an operation is for; none when there is nobody to do it to.
fn receiver(workload: &Workload, traffic: &Traffic, user: u32, n: u32) -> Option<u32> {
    match &workload.what {
        WorkloadKind::Send { .. } => Some(traffic.letter(workload, user, n.into())?.to),
        WorkloadKind::Ask { .. } => Some(traffic.question(workload, user, n.into())?.to),
        WorkloadKind::Poll | WorkloadKind::Rotate | WorkloadKind::Reconnect => Some(user),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::read::{Extras, read_text};
    use crate::scenario::resolve::resolve;

    const TEXT: &str = "
peadsim: 1
id: LOAD-TEST
title: Devices write, poll and reconnect
kind: load
fleets: {caller: {count: 20}}
workload:
  - send:
      as: chat
      from: {fleet: [caller]}
      to: {contacts: 3, among: [caller]}
      arrivals: {poisson: {rate: 2/s, per: device}}
      shape: [{start: 0s, rate: 50%}, {start: 5s, rate: 100%}]
  - poll: {by: {fleet: [caller]}, arrivals: {constant: {rate: 1/s, per: device}}}
  - reconnect: {by: {fleet: [caller]}, arrivals: {sine: {rate: 3/s, per: workload, period: 4s}}}
time: {active: 10s}
";

    fn plan(seed: u64) -> Plan {
        let mut reading = read_text("test", TEXT, &Extras::default());
        let plan = resolve(&reading.cases[0], seed, "test", &mut reading.diagnostics);
        plan.unwrap_or_else(|| panic!("{}", reading.render(false)))
    }

    fn schedule(seed: u64, share: Share) -> Schedule {
        let plan = plan(seed);
        Schedule::of(&plan, &traffic(&plan), share).unwrap()
    }

    #[test]
    fn one_seed_has_one_schedule() {
        let whole = schedule(1, Share::WHOLE);
        assert_eq!(whole.hash.to_string(), "a21391993ccbdc90");
        assert_eq!(whole.operations, schedule(1, Share::WHOLE).operations);
        assert_ne!(whole.hash, schedule(2, Share::WHOLE).hash);
        assert!(whole.operations.is_sorted_by_key(|it| it.at));
    }

    #[test]
    fn shares_add_up_to_the_whole() {
        let whole = schedule(1, Share::WHOLE);
        for of in [2, 3, 7, 50] {
            let shares = (0..of).map(|index| schedule(1, Share { index, of }));
            let (hash, count) = shares
                .fold((ScheduleHash::default(), 0), |(hash, count), share| {
                    (hash.and(share.hash), count + share.operations.len())
                });
            assert_eq!((hash, count), (whole.hash, whole.operations.len()), "{of}");
        }
    }

    #[test]
    fn stages_and_kinds_of_arrivals_are_as_written() {
        let whole = schedule(1, Share::WHOLE);
        let of = |workload| whole.operations.iter().filter(move |it| it.workload == workload);
        let late = of(0).filter(|it| it.at >= Duration::from_secs(5)).count();
        let early = of(0).count() - late;
        assert!((80..=120).contains(&early) && (170..=230).contains(&late), "{early}, {late}");
        assert_eq!(of(1).count(), 200, "one a second of each");
        assert!((15..=45).contains(&of(2).count()), "{}", of(2).count());
        assert!(of(0).all(|it| it.to != it.user) && of(1).all(|it| it.to == it.user));
    }
}
