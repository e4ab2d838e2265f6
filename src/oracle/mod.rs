//! Floor 2: judges that read records, a [`spec::Spec`] and keys in [`escrow`], never a plan and never a live
//! world.
//!
//! The same oracle judges a simulated run, a recorded one and a real device. One oracle per file, named as
//! the sentence it defends. Not here: what makes the records, or how findings are printed.

pub mod batch;
mod bench;
mod dark;
mod deadlines;
mod encoding;
pub mod escrow;
pub mod expect;
pub mod implied;
pub mod judge;
pub mod jury;
mod later;
mod linear;
pub mod liveness;
mod mail;
pub mod measure;
mod met;
mod needles;
mod owned;
pub mod panel;
pub mod points;
pub mod races;
mod ranges;
pub mod relation;
pub mod requirement;
mod rollback;
mod routes;
pub mod safety;
mod secrets;
pub mod spec;
mod symbolic;
mod tampering;
#[cfg(test)]
pub(crate) mod tests_support;
mod trouble;
mod turn;
mod user_map;
