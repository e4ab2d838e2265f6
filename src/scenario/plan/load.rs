//! What a plan says of load on a real server.
//!
//! Not here: its traffic (`workload`), or where the server is.

use std::net::Ipv4Addr;

use crate::base::time::Duration;

/// What only a real server sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadPlan {
    /// Whether devices have the keys of those whom they write to from the start.
    pub warm: bool,
    /// Own addresses that connections come from, in turn; none: the system's choice.
    pub sources: Vec<Ipv4Addr>,
    /// Operations of one device that may wait for their answers.
    pub flight: usize,
    /// The run is void when the generator was later than this with one operation in a hundred.
    pub lag: Duration,
}

impl Default for LoadPlan {
    fn default() -> Self {
        Self { warm: true, sources: Vec::new(), flight: 64, lag: Duration::from_millis(10) }
    }
}
