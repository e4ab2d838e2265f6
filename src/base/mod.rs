//! Floor 0: the words that every room speaks: identifiers, virtual time, keyed randomness, units,
//! small containers, locks.
//!
//! Not here: a clock, an entropy source, or anything that knows of devices, frames or scenarios.

pub mod cbor;
pub mod id;
pub mod lock;
pub mod rng;
pub mod roster;
pub mod small;
pub mod time;
pub mod units;
