//! How large a load is, and whether this machine can make it.
//!
//! Not here: making it.

use std::net::IpAddr;

use crate::base::time::Duration;
use crate::load::run::{Planned, Setting};
use crate::load::schedule::{Schedule, Share, TooMany, traffic};
use crate::runtime::host::{Host, has_address};

/// Memory that a device takes in the generator: its machine, its connection, its task.
const OCTETS_OF_DEVICE: u64 = 64 << 10;
/// Memory that an operation takes: its place on the schedule, and what is kept of it to be judged.
const OCTETS_OF_OPERATION: u64 = 2 << 10;
/// Files that a generator opens beside its connections.
const OTHER_FILES: u64 = 64;
/// Operations a second that one thread of a generator makes on an unhurried machine.
const OPERATIONS_OF_THREAD: u64 = 30_000;

/// Something that a load needs, and what the machine has of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// What.
    pub what: &'static str,
    /// How much is needed.
    pub needed: u64,
    /// How much there is; nothing where the machine does not tell.
    pub has: Option<u64>,
}

impl Need {
    /// Whether there is enough, as far as one knows.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.has.is_none_or(|has| has >= self.needed)
    }
}

/// What a load comes to before it is made.
#[derive(Clone, Debug)]
pub struct Preflight {
    /// What is due.
    pub planned: Planned,
    /// Operations in the busiest second.
    pub peak: u64,
    /// What is needed.
    pub needs: Vec<Need>,
}

/// Looks a load over.
///
/// # Errors
/// [`TooMany`].
pub fn preflight(setting: &Setting, host: &Host) -> Result<Preflight, TooMany> {
    let plan = &setting.plan;
    let whole = Schedule::of(plan, &traffic(plan), Share::WHOLE)?;
    let schedule = whole.share(setting.share);
    let count = u32::try_from(plan.devices.len()).unwrap_or(u32::MAX);
    let devices = (0..count).filter(|user| setting.share.holds(*user)).count() as u64;
    let operations = schedule.operations.len() as u64;
    let sources = &plan.load.sources;
    let usable = sources.iter().filter(|source| has_address(IpAddr::V4(**source))).count() as u64;
    let memory = devices * OCTETS_OF_DEVICE + operations * OCTETS_OF_OPERATION;
    let needs = vec![
        Need { what: "open files", needed: devices + OTHER_FILES, has: host.files },
        Need {
            what: "ports of an own address",
            needed: devices.div_ceil((sources.len() as u64).max(1)),
            has: host.ports,
        },
        Need { what: "own addresses", needed: sources.len() as u64, has: Some(usable) },
        Need { what: "memory, in MiB", needed: memory >> 20, has: host.memory.map(|it| it >> 20) },
        Need {
            what: "operations a second",
            needed: peak(&schedule),
            has: Some(setting.workers.get() as u64 * OPERATIONS_OF_THREAD),
        },
    ];
    let planned = Planned::of(&whole, &schedule);
    Ok(Preflight { planned, peak: peak(&schedule), needs })
}

/// Operations in the busiest second.
fn peak(schedule: &Schedule) -> u64 {
    let second = |at: Duration| at.as_nanos() / 1_000_000_000;
    let seconds = schedule.operations.chunk_by(|one, other| second(one.at) == second(other.at));
    seconds.map(|it| it.len() as u64).max().unwrap_or(0)
}
