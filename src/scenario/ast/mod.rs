//! A scenario as written: every key of the language with its type, and the place of every value.
//!
//! Not here: what the values mean together (`resolve`). Each file declares one part of the language;
//! the doc comments are the reference page.

pub mod action;
pub mod adversary;
pub mod device;
pub mod expect;
pub mod fault;
pub mod forms;
pub mod link;
pub mod load;
pub mod needs;
pub mod scenario;
pub mod step;
pub mod workload;
