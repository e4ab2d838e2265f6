//! Floor 1: typed facts about a run, their digest, and the sinks that take them.

pub mod checkpoint;
pub mod diff;
pub mod digest;
pub mod fact;
pub mod read;
pub mod record;
pub mod sink;
pub mod slice;
pub mod trail;

mod frame;
mod octets;
#[cfg(test)]
pub mod samples;
pub mod visible;
mod words;
