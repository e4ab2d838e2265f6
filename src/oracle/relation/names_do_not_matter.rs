//! Users who exchange their names see the same mail: nothing hangs on which of two names is the lower one.
//!
//! The order of names decides who is called Lo and Hi in the key schedule (protocol 3.2), so a mistake
//! in it shows in one of the runs. Not here: names that are alike (C01-R6).

use crate::oracle::relation::findings;
use crate::oracle::relation::seen::Seen;
use crate::verdict::finding::Finding;
use crate::verdict::requirement::Requirement;

/// What its findings are signed with; the protocol has no number for it.
pub const ID: &str = "renamed";
const CITED: [Requirement; 1] = [Requirement::of(5, 2)];

/// Judges two runs whose users have each other's names.
#[must_use]
pub fn judge(first: &Seen, second: &Seen) -> Vec<Finding> {
    findings(ID, &CITED, first.differences(second, ["as named", "renamed"]))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::oracle::relation::seen::tests::seen;
    use crate::oracle::tests_support::Story;

    /// The second user sees a text of the first one, whatever they are called.
    fn story(users: [&str; 2]) -> Story {
        let mut story = Story::new(&users);
        story.displays(1, 0, 1, "hello");
        story
    }

    #[test]
    fn users_are_the_same_under_other_names() {
        let first = seen(&story(["alice", "bob"]));
        assert!(judge(&first, &seen(&story(["bob", "alice"]))).is_empty());
        let nothing = Seen::new(Arc::new(Story::new(&["bob", "alice"]).spec));
        let text = "alice>bob#1 is displayed 1 times as named and 0 times renamed";
        assert_eq!(judge(&first, &nothing)[0].message, text);
    }
}
