//! S-33: the same mail, polled or pushed, is displayed and acknowledged alike.
//!
//! Not here: how soon; a push is meant to be sooner (C11-R1).

use crate::oracle::relation::findings;
use crate::oracle::relation::seen::Seen;
use crate::verdict::finding::Finding;
use crate::verdict::requirement::Requirement;

/// Its number.
pub const ID: &str = "S-33";
const CITED: [Requirement; 1] = [Requirement::of(11, 5)];

/// Judges two runs of which one is pushed its mail, as `arms` says, and the other asks for it.
#[must_use]
pub fn judge(first: &Seen, second: &Seen, arms: [&str; 2]) -> Vec<Finding> {
    findings(ID, &CITED, first.differences(second, arms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::relation::seen::tests::mailbox;

    #[test]
    fn what_only_a_push_shows_twice_is_found() {
        let arms = ["polled", "pushed"];
        let book = mailbox(&[1], &[1]);
        assert!(judge(&book, &book, arms).is_empty());
        let found = judge(&book, &mailbox(&[1, 1], &[1]), arms);
        assert_eq!(found[0].message, "alice>bob#1 is displayed 1 times polled and 2 times pushed");
    }
}
