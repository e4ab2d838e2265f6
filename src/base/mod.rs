//! Floor 0: the words that every room speaks: identifiers, virtual time, keyed randomness, units,
//! small containers, locks, panics that are caught.
//!
//! Not here: a clock, an entropy source, or anything that knows of devices, frames or scenarios.

pub mod caught;
pub mod cbor;
pub mod id;
pub mod lock;
pub mod rng;
pub mod roster;
pub mod small;
pub mod time;
pub mod units;
