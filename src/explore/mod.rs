//! Floor 5: many runs, and what only many of them show.
//!
//! `campaign` runs jobs on threads, `attempt` makes one run that may break down, `subject` is a scenario with
//! the seeds to run it with. On these stand the kill matrix (`mutants`) and the determinism certificate
//! (`verify`, `bisect`, with stored digests in `golden`); `why` slices the records of one run. Not here: one
//! run (`sim`), files and flags (`cli`), or how results look (`report`).

pub mod attempt;
pub mod bisect;
pub mod campaign;
pub mod golden;
pub mod mutants;
pub mod subject;
pub mod verify;
pub mod why;
