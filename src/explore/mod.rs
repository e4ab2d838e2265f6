//! Floor 5: many runs, and what only many of them show.
//!
//! `campaign` runs jobs on threads, `attempt` makes one run that may break down, `subject` is a scenario with
//! the seeds to run it with. On these stand the kill matrix (`mutants`), the determinism certificate (`verify`
//! and `bisect`, with stored digests in `golden`), the swarm of generated scenarios (`swarm`, `marks`,
//! `incidents`), what makes its failures small (`shrink`), and the search through all schedules of a small
//! world (`exhaustive`); `relations` compares a run with another that must show the same, `why` slices the
//! records of one. Not here: one run (`sim`), files and flags (`cli`), or how results look (`report`).

pub mod attempt;
pub mod bisect;
pub mod campaign;
pub mod exhaustive;
pub mod golden;
pub mod incidents;
pub mod marks;
pub mod mutants;
pub mod relations;
pub mod shrink;
pub mod subject;
pub mod swarm;
pub mod verify;
pub mod why;
