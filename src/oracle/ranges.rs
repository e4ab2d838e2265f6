//! A set of numbers that are mostly consecutive, such as the messages of one pair.
//!
//! Not here: what the numbers mean.

use std::collections::BTreeMap;

/// Numbers as disjoint, non-adjacent closed ranges: first to last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    /// Adds a number; says whether it is new.
    pub fn insert(&mut self, n: u64) -> bool {
        let before = self.0.range(..=n).next_back().map(|(first, last)| (*first, *last));
        if before.is_some_and(|(_, last)| last >= n) {
            return false;
        }
        let mut first = n;
        let mut last = n;
        if let Some((start, end)) = before
            && end.checked_add(1) == Some(n)
        {
            first = start;
        }
        if let Some(next) = n.checked_add(1)
            && let Some(end) = self.0.remove(&next)
        {
            last = end;
        }
        self.0.insert(first, last);
        true
    }

    /// Whether a number is in it.
    #[must_use]
    pub fn contains(&self, n: u64) -> bool {
        self.0.range(..=n).next_back().is_some_and(|(_, last)| *last >= n)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_hold_what_a_set_holds(numbers in proptest::collection::vec(0_u64..24, 0..40)) {
            let mut set = std::collections::BTreeSet::new();
            let mut ranges = Ranges::default();
            for n in numbers {
                prop_assert_eq!(ranges.insert(n), set.insert(n));
            }
            for n in 0..25 {
                prop_assert_eq!(ranges.contains(n), set.contains(&n));
            }
        }
    }

    #[test]
    fn the_ends_of_the_number_line_are_no_trouble() {
        let mut ranges = Ranges::default();
        assert!(ranges.insert(u64::MAX) && ranges.insert(0) && !ranges.insert(u64::MAX));
        assert!(ranges.insert(u64::MAX - 1));
        assert!(ranges.contains(u64::MAX));
    }
}
