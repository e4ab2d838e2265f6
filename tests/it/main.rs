//! The integration tests, one binary.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints what it counted"
)]

mod crypto_known_answers;
mod crypto_points;
mod crypto_properties;
mod crypto_wycheproof;
mod sim_adversary;
mod sim_exchange;
mod sim_faults;
mod sim_plan;
mod sim_steps;
