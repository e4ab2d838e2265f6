//! A run that starts on another day shows the same at the same times: only durations count.
//!
//! Not here: clocks that jump or drift while a run goes on; those are faults.

use crate::oracle::relation::findings;
use crate::oracle::relation::seen::Seen;
use crate::verdict::finding::Finding;

/// What its findings are signed with; the protocol has no number for it.
pub const ID: &str = "another-day";

/// Judges two runs of which the second starts later by all clocks.
#[must_use]
pub fn judge(first: &Seen, second: &Seen) -> Vec<Finding> {
    let arms = ["today", "on another day"];
    let mut differences = first.differences(second, arms);
    if differences.is_empty() {
        differences = first.delays(second, arms);
    }
    findings(ID, &[], differences)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::relation::seen::tests::{mailbox, seen};
    use crate::oracle::tests_support::Story;

    #[test]
    fn what_comes_later_on_another_day_is_found() {
        let today = mailbox(&[1], &[]);
        assert!(judge(&today, &today).is_empty());
        let mut story = Story::new(&["alice", "bob"]);
        story.at_secs(2).displays(1, 0, 1, "text 1");
        let found = judge(&today, &seen(&story));
        let text = "alice>bob#1 is displayed at 1.000000s today and at 2.000000s on another day";
        assert_eq!(found[0].message, text);
    }
}
