//! Floor 5: load on a real server: the devices and the traffic of a scenario, in real time over real sockets.
//!
//! ```text
//! scenario -> Plan -> Schedule -> workers: seats with live devices -> Tally -> results
//!            resolve   schedule    worker  seat   runtime::client     tally   verdict::load
//! ```
//!
//! The load is open: an operation happens at its intended instant whatever became of those before it, and its
//! time counts from then (`response`), so that nothing is left out when a server is slow. What the server took
//! (`service`) and how late the generator itself was (`lag`) are told apart; a run whose generator could not
//! keep up is void. Not here: the server, reports, or the command line.
//!
#![doc = include_str!("load.md")]

pub mod baseline;
pub mod bench;
pub mod cleanup;
pub mod crew;
pub mod error;
pub mod exposed;
pub mod judged;
pub mod knee;
pub mod merge;
pub mod pace;
pub mod people;
pub mod preflight;
pub mod progress;
pub mod queue;
pub mod result;
pub mod run;
pub mod schedule;
pub mod scrape;
pub mod script;
pub mod seat;
pub mod slo;
pub mod stamp;
pub mod tally;
pub mod worker;
