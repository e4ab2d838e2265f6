//! Floor 1: typed facts about a run, their digest, and the sinks that take them.

pub mod fact;
pub mod record;
