//! Floor 4: the only floor that may use sockets, the OS clock, OS entropy and tokio.
//!
//! Not here: anything that a virtual world depends on.

pub mod alarm;
pub mod calendar;
pub mod child;
pub mod client;
pub mod clock;
pub mod cores;
pub mod entropy;
pub mod framed;
pub mod host;
pub mod http;
pub mod interrupt;
pub mod lines;
pub mod memory;
pub mod null;
#[cfg(unix)]
pub mod serial;
pub mod server;
pub mod sockets;
pub mod spawned;
pub mod tls;
pub mod watched;
