//! The integration tests, one binary: whole features, across floors.
//!
//! Not here: what a room can test by itself.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints what it counted"
)]

// What the source text must keep to.
mod floors;
mod tidy;

// The primitives against answers known elsewhere.
mod crypto_known_answers;
mod crypto_points;
mod crypto_properties;
mod crypto_wycheproof;

// The language against files good and bad.
mod scenario_bad;
mod scenario_read;
mod scenario_resolve;

// The virtual world, and the digests that it must keep.
mod digests;
mod sim_adversary;
mod sim_exchange;
mod sim_faults;
mod sim_plan;
mod sim_steps;

// The program as its users see it.
mod cli_run;
mod cli_tools;

// Help for the others.
mod cli;
mod sources;
