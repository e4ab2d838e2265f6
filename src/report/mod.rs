//! Floor 2: outcomes as text, JSON and JUnit, the kill matrix, explorations; pure functions, no file system.
//!
//! Nothing here reads a clock: the same outcomes give the same JSON and JUnit, octet for octet. Not here:
//! verdicts (`verdict`), or where reports are written (`cli`).

pub mod coverage;
pub mod explore;
pub mod human;
pub mod json;
pub mod junit;
pub mod mutants;
pub mod summary;

#[cfg(test)]
mod samples;
mod text;
