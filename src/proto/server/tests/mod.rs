//! The accounts under test: a small bench drives three of them, each file tests one topic.
//!
//! Not here: devices and links; frames are made by hand.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "who watches facts and frames names those that matter to it"
)]

mod bench;
mod delivery;
mod deviation;
mod frames;
mod lookup;
mod model;
mod property;
mod receipt;
mod registrar;
mod report;
mod session;
mod submit;
