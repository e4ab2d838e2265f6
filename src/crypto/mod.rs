//! Floor 1: the suites, the key schedule, signatures and key validation (protocol 3).
//!
//! Not here: the wire's structures, who holds which key, entropy.
//!
#![doc = include_str!("crypto.md")]

#[cfg(feature = "fast-crypto")]
pub mod fast;
pub mod keys;
pub mod model;
pub mod order;
pub mod p256;
pub mod pure;
pub mod schedule;
pub mod shared;
pub mod sign;
pub mod suite;
pub mod vectors;
