//! Floor 2: the device and the server as state machines without I/O, clock or entropy of their own.
//!
//! # The law of calls
//!
//! Inputs come in non-decreasing `now`. After every input, `poll_output` is drained until it is empty;
//! `poll_timeout` then says when to come back, and why. A machine never reads a clock, never draws entropy
//! but from the [`Luck`](crate::base::rng::Luck) it was given, and never does I/O.
//!
//! `Persist` is a promise of order: every output drained after it, in this turn or a later one of the same
//! machine, is held by the driver until the writes are durable and `Persisted(token)` has been put in; tokens
//! complete in order. A crash before that loses the writes and the held outputs together. Account to
//! account nothing is lost: what is told after a write is bound to leave once that is durable, and an input
//! from another account that led to a write is put in again after a crash that loses the write.
//!
#![doc = include_str!("protocol.md")]
//!
//! Not here: sockets, links, latency, virtual CPU cost (a machine counts its work, a driver prices it).

pub mod barrier;
pub mod config;
pub mod deviation;
pub mod device;
pub mod genesis;
pub mod issue;
pub mod port;
pub mod server;
pub mod sheet;
pub mod swarm;
#[cfg(test)]
mod trial;
pub mod work;
