//! A world without a clock of its own: whoever drives it chooses what happens next, step by step.
//!
//! The machines are those of a run. Between two choices every node is at rest: a turn takes one input,
//! and its writes are durable when it ends, unless power fails at one of its points. Frames lie in a heap
//! and may be delivered in any order, lost or copied. Time stands still while they do; it moves when the
//! driver lets the next timer fire. A step is a function of state and choice, so turns are computed once
//! and states are cheap to keep, to compare and to return to.
//!
//! Sessions outlive a restart here: a device that comes up is given its ticket again, which leaves the
//! four frames of attaching out. Not here: which choices are made (`explore`), or links, clocks and
//! processors as a run has them (`world`).

mod actor;
mod lab;
mod pool;
mod state;
mod story;
mod turn;

pub use self::lab::{Lab, NoLab, Step};
pub use self::state::{Choice, Faults, State};
pub use self::story::Judged;
