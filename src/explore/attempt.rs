//! A run that cannot take the program down with it.
//!
//! Not here: what a breakdown means; that differs between the reference and what is broken on purpose.

use std::sync::Arc;

use crate::base::caught::caught;
use crate::scenario::plan::Plan;
use crate::sim::run::{RunOptions, run};
use crate::verdict::outcome::Outcome;

/// Runs a plan.
///
/// # Errors
/// What the machines or the simulator said when they broke down.
pub fn attempt(plan: &Arc<Plan>, options: RunOptions<'_>) -> Result<Outcome, String> {
    caught(|| run(plan, options))
}
