//! The adversary: what it does with frames that it sees on one device's links.
//!
//! It acts as the owner of the links, so that nobody else's luck depends on it. Not here: addresses of
//! frames (`rules`), or what the receivers make of what it sends.

use crate::crypto::suite::Suite;
use crate::scenario::plan::AdversaryAct;
use crate::sim::frame::Frame;
use crate::sim::world::World;
use crate::trace::record::RecordId;

impl<S: Suite> World<S> {
    /// An adversary's step acts at a device's links.
    pub(super) fn attack(
        &mut self,
        _user: u32,
        _step: u32,
        _act: &AdversaryAct,
        _cause: Option<RecordId>,
    ) {
    }

    /// The step is over.
    pub(super) fn call_off(&mut self, _user: u32, _step: u32) {}

    /// What standing tricks make of a frame; none when the adversary keeps it.
    pub(super) fn tamper(&mut self, frame: Frame) -> Option<Frame> {
        Some(frame)
    }
}
