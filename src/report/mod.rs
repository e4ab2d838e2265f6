//! Floor 2: outcomes as text, JSON and JUnit, the kill matrix, explorations, studies. Pure functions, no files.
//!
//! Nothing here reads a clock: the same outcomes give the same JSON and JUnit, octet for octet. Not here:
//! verdicts (`verdict`), or where reports are written (`cli`).

pub mod claims;
pub mod compare;
pub mod conformance;
pub mod coverage;
pub mod explore;
pub mod history;
pub mod human;
pub mod json;
pub mod junit;
pub mod load;
pub mod mermaid;
pub mod mutants;
pub mod perfetto;
pub mod provenance;
pub mod requirements;
pub mod study;
pub mod summary;
pub mod svg;
pub mod why_text;

#[cfg(test)]
mod samples;
mod text;
