//! Judgements that wait until every record of their instant is in.
//!
//! Records of different nodes at one instant come in the order of their nodes, not of cause and effect.
//! Not here: what is judged.

use crate::base::time::Instant;

/// Things to judge once time has moved on.
#[derive(Debug)]
pub struct Later<T> {
    at: Instant,
    waiting: Vec<T>,
}

impl<T> Default for Later<T> {
    fn default() -> Self {
        Self { at: Instant::START, waiting: Vec::new() }
    }
}

impl<T> Later<T> {
    /// Keeps `thing`, seen at `now`, for later; call [`Self::due`] with the same `now` before.
    pub fn keep(&mut self, now: Instant, thing: T) {
        self.at = now;
        self.waiting.push(thing);
    }

    /// What may be judged at `now`: all of it, as soon as `now` is past their instant.
    pub fn due(&mut self, now: Instant) -> Vec<T> {
        if self.waiting.is_empty() || now <= self.at { Vec::new() } else { self.rest() }
    }

    /// Everything that still waits.
    pub fn rest(&mut self) -> Vec<T> {
        std::mem::take(&mut self.waiting)
    }
}
