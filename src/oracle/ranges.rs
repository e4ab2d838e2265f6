//! A set of numbers that are mostly consecutive, such as the messages of one pair.
//!
//! Not here: what the numbers mean.

/// Numbers as disjoint, non-adjacent closed ranges, in order, each from its first to its last: mostly one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Adds a number; says whether it is new.
    pub fn insert(&mut self, n: u64) -> bool {
        let next = self.after(n);
        let before = next.checked_sub(1);
        if before.is_some_and(|before| self.0[before].1 >= n) {
            return false;
        }
        let follows = before.filter(|before| self.0[*before].1 + 1 == n);
        let precedes = self.0.get(next).is_some_and(|(first, _)| *first == n + 1);
        match (follows, precedes) {
            (Some(before), true) => self.0[before].1 = self.0.remove(next).1,
            (Some(before), false) => self.0[before].1 = n,
            (None, true) => self.0[next].0 = n,
            (None, false) => {
                if self.0.is_empty() {
                    // Almost all stay as small as that.
                    self.0.reserve_exact(1);
                }
                self.0.insert(next, (n, n));
            }
        }
        true
    }

    /// Whether a number is in it.
    #[must_use]
    pub fn contains(&self, n: u64) -> bool {
        self.after(n).checked_sub(1).is_some_and(|before| self.0[before].1 >= n)
    }

    /// The place of the first range that begins after a number.
    fn after(&self, n: u64) -> usize {
        self.0.partition_point(|(first, _)| *first <= n)
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
