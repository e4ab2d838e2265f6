//! Floor 5: testing real devices, attached over a line of text to the harness.
//!
//! The harness plays the server, the peers, the network and the user of a device under test; the device is
//! a node of the world whose body is outside ([`crate::sim::body`]). `message`, `act` and `params` are what
//! the two say, in `strict` JSON with `octets` as hex. `transport` and `serial` carry it, `door` lets
//! devices in that dial, `link` is how the harness says it and reads it (`incoming`), `fault` what can be
//! wrong with that, `rig` where the device is, `attached` the device as the world sees it, or `paced` where
//! its clock is its own (`own_time`, and `world_time` for the world), with a port for its own connection
//! (`native`). `user` is who acts for its user, if not the adapter: an `actuator`, or a person. On the
//! other end are `adapter`, the reference device, with `reference`, what it has in common with the server,
//! `serve`, its side of a line, `near`, a line without a process, and `flaw`, the mistakes that it can make
//! there. `doctor` looks whether all that is fit for tests. `declaration` is what a device says that it can
//! do, `applies` which cases it fits, `opaque` what can be judged of one that tells nothing of its inside,
//! `timing` what of one that lives in real time.
//!
//! `server_message`, `server_attached` and `server_adapter` are `message`, `attached` and `adapter` for a
//! server under test, which stands for all accounts ([`crate::sim::service`]); `server_paced` and
//! `server_native` are both ends of one that has connections of its own.
//!
//! A `case` with one device, or the server, under test and a seed is a test, `suite` has all of them,
//! `campaign` makes them one after another in a `bed`, `assess` is the verdict of one, `expectation` what was
//! known before. Everything is in a `transcript` with a `keyring` beside it, kept in an `archive`, from which
//! `judge` says the same again. `history` judges what a reference server has kept of all that it did.
//!
//! Not here: judging (`oracle`), or sockets and processes (`runtime`).
//!
#![doc = include_str!("guide.md")]
#![doc = include_str!("ci.md")]
#![doc = include_str!("attach.md")]

pub mod act;
pub mod actuator;
pub mod adapter;
pub mod applies;
pub mod archive;
pub mod assess;
pub mod attached;
pub mod bed;
pub mod campaign;
pub mod case;
pub mod declaration;
pub mod doctor;
pub mod door;
pub mod expectation;
pub mod fault;
pub mod flaw;
pub mod history;
mod incoming;
pub mod judge;
pub mod keyring;
pub mod link;
pub mod message;
pub mod native;
pub mod near;
pub mod octets;
pub mod opaque;
mod own_time;
pub mod paced;
pub mod params;
pub mod reference;
pub mod rig;
pub mod serial;
pub mod serve;
pub mod server_adapter;
pub mod server_attached;
pub mod server_message;
pub mod server_native;
pub mod server_paced;
pub mod strict;
pub mod suite;
pub mod timing;
pub mod transcript;
pub mod transport;
pub mod user;
mod world_time;
