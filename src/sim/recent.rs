//! The last things that were given rising numbers, to be found again by them.
//!
//! Not here: what they are.

use std::collections::VecDeque;

/// So many are kept; older ones are forgotten.
const RECENT_MAX: usize = 4_096;

/// The last numbered things.
#[derive(Clone, Debug)]
pub struct Recent<T>(VecDeque<(u64, T)>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Recent<T> {
    /// Keeps one; its number is above all before.
    pub fn keep(&mut self, number: u64, what: T) {
        if self.0.len() == RECENT_MAX {
            self.0.pop_front();
        }
        self.0.push_back((number, what));
    }

    /// The one of this number, if it is known yet.
    #[must_use]
    pub fn find(&self, number: u64) -> Option<&T> {
        let place = self.0.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        Some(&self.0[place].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_are_found_by_their_numbers() {
        let mut recent = Recent::default();
        let count = RECENT_MAX as u64;
        (0..=count).for_each(|n| recent.keep(3 * n, n));
        assert_eq!((recent.find(0), recent.find(3), recent.find(4)), (None, Some(&1), None));
        assert_eq!(recent.find(3 * count), Some(&count));
    }
}
