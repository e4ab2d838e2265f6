//! Moments at which to look at users again, of so many users that a search tree of them would fit no cache.
//!
//! Not here: what is looked for.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::base::time::Instant;

/// Pairs of a moment and a user, taken in their order once the moment has passed.
///
/// Those of each second stay in the order of coming until that second is reached.
#[derive(Debug, Default)]
pub struct Deadlines {
    /// Of the second that was reached, the next one last.
    near: Vec<(Instant, u32)>,
    /// Of that second and those before, added since it was reached.
    late: BinaryHeap<Reverse<(Instant, u32)>>,
    /// By second; all are after `reached`.
    far: BTreeMap<u64, Vec<(Instant, u32)>>,
    reached: u64,
}

impl Deadlines {
    /// Adds a pair; one that is there already may be there twice.
    pub fn insert(&mut self, at: Instant, user: u32) {
        if second(at) > self.reached {
            self.far.entry(second(at)).or_default().push((at, user));
        } else {
            self.late.push(Reverse((at, user)));
        }
    }

    /// Takes the first pair whose moment is before `now`; call it with a `now` that never falls.
    pub fn pop_before(&mut self, now: Instant) -> Option<(Instant, u32)> {
        while self.near.is_empty() && self.late.is_empty() {
            let entry = self.far.first_entry().filter(|entry| *entry.key() <= second(now))?;
            let (reached, mut near) = entry.remove_entry();
            near.sort_unstable_by(|one, other| other.cmp(one));
            (self.reached, self.near) = (reached, near);
        }
        let (near, late) = (self.near.last(), self.late.peek().map(|Reverse(pair)| pair));
        let first = *near.into_iter().chain(late).min().filter(|(at, _)| *at < now)?;
        if near == Some(&first) {
            self.near.pop();
        } else {
            self.late.pop();
        }
        Some(first)
    }
}

const fn second(at: Instant) -> u64 {
    at.as_nanos() / 1_000_000_000
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pairs_come_in_their_order_once_their_moment_has_passed(
            steps in prop::collection::vec((0_u64..40, prop::option::of(0_u32..4)), 0..80),
        ) {
            let (mut deadlines, mut set) = (Deadlines::default(), BTreeSet::new());
            let mut now = 0;
            let moment = |tenths: u64| Instant::from_nanos(tenths * 100_000_000);
            for (ahead, user) in steps {
                if let Some(user) = user {
                    if set.insert((moment(now + ahead), user)) {
                        deadlines.insert(moment(now + ahead), user);
                    }
                    continue;
                }
                now += ahead;
                while let Some(popped) = deadlines.pop_before(moment(now)) {
                    prop_assert_eq!(Some(popped), set.pop_first());
                    prop_assert!(popped.0 < moment(now));
                }
                prop_assert!(set.first().is_none_or(|(at, _)| *at >= moment(now)));
            }
        }
    }
}
