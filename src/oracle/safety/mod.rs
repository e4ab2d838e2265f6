//! Oracles that any prefix of a run decides (S), one per file.
//!
//! Not here: what needs a deadline (`liveness`).

pub mod committed_once;
pub mod displayed_was_encrypted;
