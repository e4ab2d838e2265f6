//! What can be judged of a device that tells nothing of its inside: its frames, its screen, and what follows.
//!
//! Some oracles read inside facts and take their absence for a breach; a run with an opaque device is not
//! shown to them. Not here: what they judge.

use std::sync::Arc;

use crate::scenario::plan::Plan;

/// Oracles that cannot judge a device without its inside facts.
const INSIDE: &[&str] = &[
    "S-02", "S-13", "S-14", "S-19", "S-20", "S-21", "S-25", "C03-R8", "C05-R5", "C08-R1", "C08-R4",
    "C10-R5", "C11-R2", "L-01", "L-02",
];

/// Judges a plan's run by what is seen outside of this user's device.
pub fn make_opaque(plan: &mut Plan, user: u32) {
    let spec = Arc::make_mut(&mut plan.spec);
    spec.opaque.insert(user);
    for id in INSIDE {
        let why = "the device tells nothing of its inside".to_owned();
        spec.except.entry((*id).to_owned()).or_insert(why);
    }
}
