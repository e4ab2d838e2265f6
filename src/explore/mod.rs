//! Floor 5: many runs, and what only many of them show.
//!
//! `campaign` runs jobs on threads, `attempt` makes one run that may break down, `subject` is a scenario with
//! the seeds to run it with. On these stands the kill matrix (`mutants`); `why` slices the records of one
//! run, and `exhaustive` goes through all schedules of a small world. Not here: one run (`sim`), files and
//! flags (`cli`), or how results look (`report`).

pub mod attempt;
pub mod campaign;
pub mod exhaustive;
pub mod mutants;
pub mod subject;
pub mod why;
