//! Floor 1: the event queue, the virtual clock and the scheduler; knows nothing of what an event carries.
//!
//! The law of the engine: events are taken in the order of their keys `(at, to, from, seq)`, time
//! never goes back, and reaching a limit is an answer, never a hang.

mod bucket;
pub mod clock;
pub mod queue;
pub mod scheduler;
pub mod shard;
pub mod timer;
