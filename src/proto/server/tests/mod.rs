//! The accounts under test: a small bench drives several of them, each file tests one topic.
//!
//! Not here: devices and links; frames are made by hand.

mod bench;
mod delivery;
