//! Floor 1: what goes over the wire, in strict deterministic CBOR (protocol 4.6, `wire.cddl`).
//!
//! Not here: meaning of signatures, state, time, or sockets.

pub mod code;
mod codec;
mod decode;
mod encode;
pub mod error;
mod fields;
pub mod header;
pub mod limits;
pub mod message;
pub mod record;
pub mod signed;
