//! Floor 3: the scenario language: text to plan, with every finding in one go.

pub mod plan;
