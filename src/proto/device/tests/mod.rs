//! The device against a server and peers that do what a test says. Not here: two real ends (`proto::tests`).

mod bench;
mod peer;
mod receive;
mod send;
mod session;
