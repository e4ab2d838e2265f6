//! A run that cannot take the program down with it.
//!
//! Not here: what a breakdown means; that differs between the reference and what is broken on purpose.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

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

fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // Nothing that the work leaves half done is looked at again.
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("no message").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breakdown_is_told_in_its_own_words() {
        assert_eq!(caught(|| 7), Ok(7));
        assert_eq!(caught(|| panic!("plain")), Err::<(), _>("plain".to_owned()));
        let number = 7;
        assert_eq!(caught(|| panic!("with {number}")), Err::<(), _>("with 7".to_owned()));
    }
}
