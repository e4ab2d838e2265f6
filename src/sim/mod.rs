//! Floor 4: the virtual world that drives machines, network and oracles from a plan.
//!
//! Not here: sockets, clocks of the operating system, or more than one run at a time.

mod action;
mod adversary;
mod agenda;
mod barrier;
pub mod body;
pub mod cpu;
mod foresight;
mod forge;
mod frame;
pub mod house;
mod internal;
mod keys;
#[cfg(test)]
pub mod leak;
mod links;
mod loan;
pub mod lockstep;
mod made;
mod meeting;
mod node;
mod outbox;
pub mod pace;
mod path;
mod phase;
mod power;
pub mod recent;
mod record;
mod resident;
mod rules;
pub mod run;
pub mod seat;
pub mod service;
pub mod shards;
mod spoil;
mod store;
pub mod testimony;
mod turn;
mod user;
pub mod world;
