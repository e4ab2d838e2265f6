//! Floor 1: capabilities, requirements, findings, verdicts, metrics, outcomes, the kill matrix, explorations,
//! studies, histories, and conformance tests with what they come to.
//!
//! Not here: how a verdict is reached (`oracle`) or printed (`report`).

pub mod capability;
pub mod catalog;
pub mod conformity;
pub mod exploration;
pub mod figures;
pub mod finding;
pub mod fingerprint;
pub mod history;
pub mod knee;
pub mod load;
pub mod matrix;
pub mod metrics;
pub mod offer;
pub mod outcome;
pub mod requirement;
pub mod results;
pub mod study;
pub mod trial;
