//! The accounts under test: a small bench drives three of them, each file tests one topic.
//!
//! Not here: devices and links; frames are made by hand.

mod bench;
mod delivery;
mod deviation;
mod lookup;
mod property;
mod receipt;
mod registrar;
mod report;
mod session;
mod submit;
