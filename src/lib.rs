//! peadsim: a deterministic simulator and conformance harness for portable electronic authorization devices.

// Floor 0
pub mod base;
// Floor 1
pub mod crypto;
pub mod engine;
pub mod network;
pub mod trace;
pub mod verdict;
pub mod wire;
// Floor 2
pub mod oracle;
pub mod proto;
pub mod report;
// Floor 3
pub mod scenario;
// Floor 4
#[cfg(feature = "net")]
pub mod runtime;
pub mod sim;
// Floor 6
#[cfg(feature = "cli")]
pub mod cli;
