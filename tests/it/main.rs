//! The one integration test binary: whole features, across floors.
//!
//! Not here: what a module can test by itself.

mod scenario_bad;
mod scenario_read;
