//! Floor 1: the hub network: links, latency, loss, faults; knows nothing of what a frame carries.
//!
//! Not here: the queue in which arrivals wait (`engine`), or when faults begin and end (`scenario`).
//!
//! # Who draws what
//!
//! Every device has one uplink and one downlink, and both belong to it, state and luck included; the
//! server has none. Nothing else may touch them, which is what lets nodes be spread over threads.
//!
//! * **Uplink**: the device calls [`LinkState::send`](link::LinkState::send) when it sends. Loss,
//!   corruption, queueing, latency and duplication are drawn there, and the arrivals are scheduled
//!   at the account that the (possibly corrupted) octets name.
//! * **Downlink**: the account draws nothing. It schedules an ingress at the device, at
//!   [`min_delay`](config::LinkConfig::min_delay) after now. There the device calls
//!   [`LinkState::ingress`](link::LinkState::ingress), in key order, and the rest of the delay is
//!   added.
//!
//! A frame's draws are addressed by its number on its link, so removing another device's frame
//! changes nothing here. Within a frame every question has its own draw, whether it is asked or not,
//! so turning one knob leaves the answers to the others as they were. A link that has nothing to ask
//! draws nothing and decides the same.
//!
//! A latency has a floor, and reordering, queues and faults only add to it: the least floor of all
//! links and of the server's internal latency is the [lookahead](topology::Topology::lookahead).

pub mod config;
pub mod fault;
pub mod fixed;
pub mod latency;
pub mod link;
pub mod profile;
pub mod topology;
