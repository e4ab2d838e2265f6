//! The other end of a server's sockets: frames over TCP or TLS, and a reference device that lives there.
//!
//! Not here: many of them at once, or what they do (a load tool's, a test's).

pub mod channel;
pub mod device;
