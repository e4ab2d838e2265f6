//! Floor 1: the suites, the key schedule, signatures and key validation (protocol 3).
//!
//! Not here: the wire's structures, who holds which key, entropy.

pub mod suite;
