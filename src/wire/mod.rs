//! Floor 1: what goes over the wire, in strict deterministic CBOR (protocol 4.6, `wire.cddl`).
//!
//! Not here: meaning of signatures, state, time, or sockets.
#![doc = ""]
#![doc = include_str!("wire.md")]

#[cfg(any(test, feature = "arbitrary"))]
mod arbitrary;
pub mod body;
pub mod code;
mod codec;
pub mod cose;
mod decode;
pub mod describe;
pub mod display;
mod encode;
pub mod error;
mod fields;
pub mod frame;
pub mod header;
mod kept;
pub mod limits;
pub mod message;
pub mod record;
pub mod signed;

#[cfg(test)]
mod tests;
