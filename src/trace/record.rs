//! A fact with its place: when, at which node, and because of which record.
//!
//! Not here: what may happen (`fact`) or who wants to know (`sink`).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::id::NodeId;
use crate::base::time::{Instant, Millis};
use crate::trace::fact::Fact;

/// The address of a record: its node and its number there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordId {
    /// Where.
    pub node: NodeId,
    /// From 0, plus one each.
    pub seq: u64,
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.node, self.seq)
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The one emission of a world, simulated or real.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its address.
    pub id: RecordId,
    /// World time.
    pub at: Instant,
    /// The node's own wall clock.
    pub wall: Millis,
    /// The record that led to it; none for steps and the start.
    pub cause: Option<RecordId>,
    /// What happened.
    pub fact: Fact,
}
