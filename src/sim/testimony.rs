//! What a run leaves behind by which it can be judged again: keys, records, and what the world counted.
//!
//! Not here: judging (`run`), or how it is kept (`conformance`).

use serde::{Deserialize, Serialize};

use crate::base::time::{Duration, Instant};
use crate::crypto::suite::Suite;
use crate::oracle::escrow::Held;
use crate::sim::world::World;
use crate::trace::record::Record;
use crate::verdict::finding::Finding;

/// Takes down everything that a run is judged by, in the order in which the judges learn of it.
pub trait Scribe {
    /// Keys that the harness owns.
    fn key(&mut self, held: &Held);

    /// What happened.
    fn record(&mut self, record: &Record);

    /// The run is over.
    fn end(&mut self, counted: &Counted);
}

/// One thing that was taken down.
#[derive(Debug)]
pub enum Told {
    /// Keys that the harness owns.
    Key(Held),
    /// What happened.
    Record(Record),
    /// The run is over.
    End(Counted),
}

/// What the world itself counted and found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Events.
    pub events: u64,
    /// When it ended.
    pub now: Instant,
    /// Limits that were reached.
    pub findings: Vec<Finding>,
    /// Time of processors, and energy in nanojoules.
    pub spent: (Duration, u64),
}

impl Counted {
    /// What one shard has counted, or the whole world.
    pub(super) fn take<S: Suite>(&mut self, world: &mut World<S>) {
        self.events += world.events();
        self.now = self.now.max(world.now());
        self.findings.extend(world.take_findings());
        let (time, energy) = world.spent();
        self.spent = (self.spent.0 + time, self.spent.1.saturating_add(energy));
    }
}
