//! A fact with its place: when, at which node, and because of which record.
//!
//! Not here: what may happen (`fact`) or who wants to know (`sink`).

use std::fmt;
use std::str::FromStr;

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

/// Reads an address as findings name it: `d1.17`, `s0.4`, `harness.2`.
impl FromStr for RecordId {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (node, seq) = text.split_once('.').ok_or(NoAddress)?;
        let user = |digits: &str| {
            let user = digits.parse().ok().filter(|user| *user <= NodeId::USERS_MAX);
            user.ok_or(NoAddress)
        };
        let node = if node == "harness" {
            NodeId::HARNESS
        } else if let Some(digits) = node.strip_prefix('d') {
            NodeId::device(user(digits)?)
        } else {
            NodeId::account(user(node.strip_prefix('s').ok_or(NoAddress)?)?)
        };
        Ok(Self { node, seq: seq.parse().map_err(|_| NoAddress)? })
    }
}

/// A text is no address of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the address of a record looks like d1.17, s0.4 or harness.2")]
pub struct NoAddress;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_its_text() {
        for node in [NodeId::HARNESS, NodeId::device(3), NodeId::account(0)] {
            let id = RecordId { node, seq: 17 };
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        for bad in ["", "d1", "x1.2", "d.2", "d1.x", "d4294967295.1"] {
            assert_eq!(bad.parse::<RecordId>(), Err(NoAddress), "{bad}");
        }
    }
}
