//! Floor 5: testing real devices, attached over a line of text to the harness.
//!
//! The harness plays the server, the peers, the network and the user of a device under test; the device is a
//! node of the world whose body is outside ([`crate::sim::body`]). `message` is what the two say, `link` how
//! the harness says it, `attached` the device as the world sees it, `adapter` the reference device on the
//! other end, `declaration` what a device says that it can do.
//!
//! Not here: judging (`oracle`), or sockets and processes (`runtime`).
//!
#![doc = include_str!("attach.md")]

pub mod adapter;
pub mod applies;
pub mod attached;
pub mod declaration;
pub mod link;
pub mod message;
pub mod opaque;
pub mod params;
pub mod transport;
