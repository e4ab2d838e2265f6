//! The replay window of one sender: the highest number seen and a bitmap of the 1 024 up to it (protocol 3.4).
//!
//! Not here: authentication, which comes before, and durability, which comes with the inbox item.

use crate::base::id::Seq;
use crate::proto::config::WINDOW;

const WORDS: usize = 16;

/// Numbers accepted from one identity of one sender.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    high: u64,
    /// Bit `seq % 1024` is set when `seq` was seen; made at the first number.
    bits: Option<Box<[u64; WORDS]>>,
}

/// What the window says of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not seen, inside or above the window.
    New,
    /// Seen.
    Seen,
    /// Below the window.
    TooOld,
}

impl Window {
    /// Where a number stands.
    #[must_use]
    pub fn standing(&self, seq: Seq) -> Standing {
        if seq.0 == 0 || self.high.saturating_sub(seq.0) >= WINDOW {
            return Standing::TooOld;
        }
        if seq.0 <= self.high && self.bit(seq.0) { Standing::Seen } else { Standing::New }
    }

    /// Whether a number is so far above the highest that nothing of the window is left.
    #[must_use]
    pub const fn is_far(&self, seq: Seq) -> bool {
        seq.0.saturating_sub(self.high) >= WINDOW
    }

    /// Marks a number as seen, moving the window up when it is the highest.
    pub fn mark(&mut self, seq: Seq) {
        let far = self.is_far(seq);
        let bits = self.bits.get_or_insert_with(Box::default);
        if seq.0 > self.high {
            if far {
                bits.fill(0);
            } else {
                for passed in self.high + 1..seq.0 {
                    let (word, bit) = place(passed);
                    bits[word] &= !bit;
                }
            }
            self.high = seq.0;
        }
        let (word, bit) = place(seq.0);
        bits[word] |= bit;
    }

    fn bit(&self, seq: u64) -> bool {
        let (word, bit) = place(seq);
        self.bits.as_ref().is_some_and(|bits| bits[word] & bit != 0)
    }
}

/// Word and bit of a number.
#[allow(clippy::cast_possible_truncation, reason = "below 16 by construction")]
const fn place(seq: u64) -> (usize, u64) {
    let index = seq % WINDOW;
    ((index / 64) as usize, 1 << (index % 64))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn boundaries() {
        let mut window = Window::default();
        assert_eq!(window.standing(Seq(0)), Standing::TooOld);
        window.mark(Seq(1));
        window.mark(Seq(1_025));
        assert_eq!(window.standing(Seq(1)), Standing::TooOld);
        assert_eq!(window.standing(Seq(2)), Standing::New);
        window.mark(Seq(u64::MAX));
        assert_eq!(window.standing(Seq(u64::MAX)), Standing::Seen);
        assert_eq!(window.standing(Seq(u64::MAX - 1)), Standing::New);
        assert_eq!(window.standing(Seq(1_025)), Standing::TooOld);
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(seqs in prop::collection::vec(1_u64..5_000, 1..200)) {
            let mut window = Window::default();
            let mut seen = BTreeSet::new();
            for seq in seqs {
                let high = seen.last().copied().unwrap_or(0_u64);
                let expected = if seq + WINDOW <= high {
                    Standing::TooOld
                } else if seen.contains(&seq) {
                    Standing::Seen
                } else {
                    Standing::New
                };
                prop_assert_eq!(window.standing(Seq(seq)), expected);
                if expected == Standing::New {
                    window.mark(Seq(seq));
                    seen.insert(seq);
                }
            }
        }
    }
}
