//! The integration tests, one binary: whole features, across floors.
//!
//! Not here: what a room can test by itself.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, prints what it counted, looks for one of many"
)]

mod cli;
mod cli_compare;
mod cli_conform;
mod cli_exhaustive;
mod cli_explore;
mod cli_mutants;
mod cli_run;
mod cli_sweep;
mod cli_tools;
mod cli_verify;
mod cli_why;
mod conform_device_file;
mod conform_flaws;
mod conform_native;
#[cfg(unix)]
mod conform_null;
#[cfg(unix)]
mod conform_places;
mod conform_python;
mod conform_schema;
mod conform_schema_server;
mod conform_server;
mod conform_server_native;
#[cfg(unix)]
mod conform_user;
mod crypto_known_answers;
mod crypto_points;
mod crypto_properties;
mod crypto_wycheproof;
mod digests;
mod explore_relations;
mod floors;
#[cfg(unix)]
mod lab;
mod ledger;
mod load;
#[cfg(unix)]
mod load_cli;
#[cfg(unix)]
mod load_cli_ends;
mod oracle_facts;
mod outside;
mod scenario_bad;
mod scenario_native;
mod scenario_read;
mod scenario_resolve;
mod schema_lines;
mod serve;
#[cfg(unix)]
mod serve_cli;
mod serve_damaged;
mod serve_faults;
mod serve_history;
mod serve_judged;
#[cfg(unix)]
mod serve_kill;
mod serve_strangers;
mod sim_adversary;
mod sim_exchange;
mod sim_faults;
mod sim_keys;
mod sim_plan;
mod sim_steps;
mod sim_stores;
mod sim_threads;
mod sim_workloads;
mod sources;
mod stranger;
mod tidy;
mod town;
mod vacuity;
mod witness;
