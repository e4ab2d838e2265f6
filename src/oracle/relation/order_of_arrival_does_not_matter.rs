//! Frames that overtake each other change no display, and S-27 holds among them all the same.
//!
//! Not here: what a receiver does with a gap (S-27 itself).

use crate::oracle::relation::findings;
use crate::oracle::relation::seen::Seen;
use crate::verdict::finding::Finding;

/// What its findings are signed with; the protocol has no number for it.
pub const ID: &str = "overtaken";
/// The rule that the second run has to keep.
const ORDER: &str = "S-27";

/// Judges two runs of which the second has links on which frames overtake each other; `found` is what its
/// own judges found.
#[must_use]
pub fn judge(first: &Seen, second: &Seen, found: &[Finding]) -> Vec<Finding> {
    let arms = ["as sent", "when frames overtake each other"];
    let mut all = findings(ID, &[], first.differences(second, arms));
    for it in found.iter().filter(|it| it.oracle == ORDER) {
        let message = format!("{}: {}", arms[1], it.message);
        // Its records are those of the second run, which nobody has.
        all.push(Finding { message, records: Vec::new(), ..it.clone() });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::relation::seen::tests::mailbox;

    #[test]
    fn mail_shown_in_the_order_of_its_arrival_is_found() {
        let sent = mailbox(&[1, 2], &[]);
        assert!(judge(&sent, &sent, &[]).is_empty());
        let found = judge(&sent, &mailbox(&[2, 1], &[]), &[]);
        let text = "alice>bob#1 is displayed in another order when frames overtake each other";
        assert_eq!(found[0].message, text);
        let its_own = [Finding { oracle: ORDER.to_owned(), ..found[0].clone() }];
        assert_eq!(judge(&sent, &sent, &its_own).len(), 1);
    }
}
