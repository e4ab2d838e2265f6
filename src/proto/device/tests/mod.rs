//! The device against a server and peers that do what a test says. Not here: two real ends.
#![allow(
    clippy::cast_possible_truncation,
    clippy::type_complexity,
    clippy::wildcard_enum_match_arm,
    reason = "tests count small things and look for one of many"
)]

mod approval;
mod bench;
mod generation;
mod lookup;
mod model;
mod peer;
mod power;
mod receive;
mod requester;
mod rotation;
mod send;
mod session;
