//! A state of the lockstep world, and what may happen in it.
//!
//! Not here: what a choice does (`lab`).

use crate::base::time::Instant;
use crate::sim::lockstep::pool::print;

/// How often the surroundings may still misbehave.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Faults {
    /// Frames lost.
    pub losses: u8,
    /// Frames that arrive twice.
    pub copies: u8,
    /// Power failures, each with a start at once.
    pub crashes: u8,
    /// Timers that fire while frames are in flight.
    pub early: u8,
}

/// What happens next. A frame is named by its number among all that were ever sent; with `cut`, power fails
/// before that point of the turn, or at its end.
#[allow(missing_docs, reason = "the fields speak for themselves beside each variant's sentence")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Choice {
    /// A user does what a step of the plan says.
    Act { step: u8, cut: Option<u8> },
    /// A frame arrives; `again`: a copy of it stays on its way.
    Deliver { frame: u32, again: bool, cut: Option<u8> },
    /// A frame is lost.
    Lose { frame: u32 },
    /// The next timer fires.
    Wait { cut: Option<u8> },
}

/// A state: everything that the future depends on.
#[derive(Clone, Debug)]
pub struct State {
    /// Number of each node: device 2i, account 2i+1.
    pub(super) actors: Vec<u32>,
    /// Frames on their way, oldest first. True: another was let past it.
    pub(super) frames: Vec<(u32, bool)>,
    pub(super) now: Instant,
    /// Steps that have not acted, one bit each.
    pub(super) todo: u8,
    pub(super) left: Faults,
    /// What judges will remember: fingerprints of what was displayed, accepted and ended, in order.
    pub(super) marks: Vec<u64>,
}

impl State {
    /// A fingerprint: states with the same have the same future, and the same past as far as it counts.
    /// In which order the frames were sent does not count, since they may arrive in any.
    #[must_use]
    pub fn key(&self) -> u128 {
        let mut frames: Vec<u32> = self.frames.iter().map(|(frame, _)| *frame).collect();
        frames.sort_unstable();
        print(&(&self.actors, frames, self.now, self.todo, self.left, &self.marks))
    }

    /// Whether no frame is in flight.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        self.frames.is_empty()
    }
}
