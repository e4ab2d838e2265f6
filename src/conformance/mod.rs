//! Floor 5: testing real devices, attached over a line of text to the harness.
//!
//! The harness plays the server, the peers, the network and the user of a device under test; the device is
//! a node of the world whose body is outside ([`crate::sim::body`]). `message` and `params` are what the two
//! say, `transport` carries it, `link` is how the harness says it, `attached` the device as the world sees
//! it, or `paced` where its clock is its own, `adapter` the reference device on the other end, which `serve`
//! lets live. `declaration` is what a device says that it can do,
//! `applies` which cases it fits, `opaque` what can be judged of one that tells nothing of its inside,
//! `timing` what of one that lives in real time.
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
mod own_time;
pub mod paced;
pub mod params;
pub mod serve;
pub mod timing;
pub mod transport;
