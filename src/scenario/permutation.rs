//! A keyed permutation of the numbers below `n`, computed without a table.
//!
//! A Feistel network over the next even power of two, walked until it is back below `n`; good for
//! shuffling a fleet, good for no secret. Not here: what is shuffled.

use crate::base::rng::Draw;

const ROUNDS: usize = 4;

/// A permutation of `0..n` and its inverse.
#[derive(Clone, Debug)]
pub struct Permutation {
    n: u64,
    /// Bits of each half.
    half: u32,
    keys: [u64; ROUNDS],
}

impl Permutation {
    /// One of the permutations of `0..n`, as the draw has it.
    #[must_use]
    pub fn new(n: u64, draw: &mut Draw) -> Self {
        let bits = u64::BITS - n.saturating_sub(1).leading_zeros();
        Self { n, half: bits.div_ceil(2).max(1), keys: std::array::from_fn(|_| draw.bits()) }
    }

    /// Where `x` goes.
    ///
    /// # Panics
    /// When `x` is not below `n`.
    #[must_use]
    pub fn forward(&self, x: u64) -> u64 {
        assert!(x < self.n, "{x} is not below {}", self.n);
        self.walk(x, |x| self.keys.iter().fold(x, |x, key| self.round(x, *key)))
    }

    /// What comes to `x`.
    ///
    /// # Panics
    /// When `x` is not below `n`.
    #[must_use]
    pub fn backward(&self, x: u64) -> u64 {
        assert!(x < self.n, "{x} is not below {}", self.n);
        self.walk(x, |x| {
            let keys = self.keys.iter().rev();
            self.swap(keys.fold(self.swap(x), |x, key| self.round(x, *key)))
        })
    }

    /// Applies a permutation of the whole square until it is below `n`: a permutation of `0..n`.
    fn walk(&self, x: u64, step: impl Fn(u64) -> u64) -> u64 {
        let mut x = step(x);
        while x >= self.n {
            x = step(x);
        }
        x
    }

    fn round(&self, x: u64, key: u64) -> u64 {
        let (left, right) = self.split(x);
        let mixed = left ^ (mix(right ^ key) & self.mask());
        right << self.half | mixed
    }

    const fn swap(&self, x: u64) -> u64 {
        let (left, right) = self.split(x);
        right << self.half | left
    }

    const fn split(&self, x: u64) -> (u64, u64) {
        (x >> self.half & self.mask(), x & self.mask())
    }

    const fn mask(&self) -> u64 {
        (1 << self.half) - 1
    }
}

/// The finalizer of SplitMix64: every input bit moves every output bit.
const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::{Luck, Purpose};

    #[test]
    fn every_number_comes_once_and_goes_back() {
        for n in [1, 2, 3, 7, 64, 65, 1_000] {
            let permutation = Permutation::new(n, &mut Luck::new(n, Purpose::Setting, 0).at(0));
            let mut seen: Vec<u64> = (0..n).map(|x| permutation.forward(x)).collect();
            assert!((0..n).all(|x| permutation.backward(permutation.forward(x)) == x), "{n}");
            seen.sort_unstable();
            assert_eq!(seen, (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn keys_differ() {
        let luck = Luck::new(1, Purpose::Setting, 0);
        let images = |counter| {
            let permutation = Permutation::new(100, &mut luck.at(counter));
            (0..100).map(|x| permutation.forward(x)).collect::<Vec<_>>()
        };
        assert_ne!(images(0), images(1));
    }
}
