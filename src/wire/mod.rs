//! Floor 1: what goes over the wire, in strict deterministic CBOR (protocol 4.6, `wire.cddl`).
//!
//! Not here: meaning of signatures, state, time, or sockets.

pub mod code;
pub mod header;
pub mod message;
pub mod record;
