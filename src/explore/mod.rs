//! Floor 5: many runs, and what only many of them show.
//!
//! Not here: one run (`sim`), files and flags (`cli`), or how results look (`report`).

pub mod why;
