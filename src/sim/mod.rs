//! Floor 4: the virtual world that drives machines, network and oracles from a plan.
//!
//! Not here: sockets, clocks of the operating system, or more than one run at a time.

mod agenda;
pub mod cpu;
mod frame;
mod keys;
mod links;
mod outbox;
mod permutation;
mod rules;
mod workload;
