//! The device against a server and peers that do what a test says. Not here: two real ends (`proto::tests`).

mod approval;
mod bench;
mod generation;
mod lookup;
mod peer;
mod receive;
mod rotation;
mod send;
mod session;
