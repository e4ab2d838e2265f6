//! Checks of requirements that no oracle of safety or liveness judges, one requirement per file.
//!
//! A check is named by its requirement. Not here: rules that hold for more than one requirement.

pub mod c17_r3;
pub mod c17_r5;

use crate::oracle::judge::Oracle;

/// One of each, in the order of their requirements.
#[must_use]
pub fn all() -> Vec<Box<dyn Oracle>> {
    vec![
        Box::new(c17_r3::RefreshChangesNothing::default()),
        Box::new(c17_r5::DeadEpochsAreRefused::default()),
    ]
}
