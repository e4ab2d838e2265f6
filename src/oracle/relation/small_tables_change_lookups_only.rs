//! S-29: a run with a small table and one with room for everybody show the same; only lookups differ.
//!
//! Not here: which rows a full table gives up (C06-R3).

use crate::oracle::relation::findings;
use crate::oracle::relation::seen::Seen;
use crate::verdict::finding::Finding;
use crate::verdict::requirement::Requirement;

/// Its number.
pub const ID: &str = "S-29";
const CITED: [Requirement; 1] = [Requirement::of(6, 3)];

/// Judges two runs that differ in the rows of all tables, which `arms` names.
#[must_use]
pub fn judge(first: &Seen, second: &Seen, arms: [&str; 2]) -> Vec<Finding> {
    findings(ID, &CITED, first.differences(second, arms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::relation::seen::tests::mailbox;

    #[test]
    fn mail_that_an_eviction_loses_is_found() {
        let arms = ["with 1 row", "with 2 rows"];
        let whole = mailbox(&[1, 2], &[1, 2]);
        assert!(judge(&whole, &whole, arms).is_empty());
        let found = judge(&mailbox(&[1], &[1]), &whole, arms);
        assert_eq!(
            found.iter().map(|it| it.message.as_str()).collect::<Vec<_>>(),
            [
                "alice>bob#2 is displayed 0 times with 1 row and 1 times with 2 rows",
                "alice>bob#2 is acknowledged with 2 rows and not with 1 row",
            ]
        );
    }
}
