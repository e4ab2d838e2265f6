//! Floor 1: capabilities, requirements, findings, verdicts, metrics, the outcome of a run, the kill matrix.
//!
//! Not here: how a verdict is reached (`oracle`) or printed (`report`).

pub mod capability;
pub mod catalog;
pub mod figures;
pub mod finding;
pub mod matrix;
pub mod metrics;
pub mod outcome;
pub mod requirement;
