//! Keyed randomness: every draw has an address (seed, purpose, entity, counter), none has a history.
//!
//! Removing one device or adding one draw leaves everybody else's luck unchanged, which is what makes
//! shrinking, paired comparison and threads work (design 3). Not here: entropy of the operating system.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::base::time::Duration;

/// Version of the draws; a change of any draw's address or use is a change of this number.
pub const RNG_VERSION: u32 = 1;

/// What a draw is for. The number is part of the address and is never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[repr(u32)]
pub enum Purpose {
    /// Values of scenario settings given as ranges.
    Setting = 1,
    /// Workload arrivals.
    Arrival = 2,
    /// Workload contents: peers, sizes, texts.
    Workload = 3,
    /// Uplink of a device: loss, latency, corruption, duplication.
    Uplink = 4,
    /// Downlink of a device.
    Downlink = 5,
    /// Key generation.
    Keys = 6,
    /// The random part of nonces, drawn at every start of a device.
    BootSalt = 7,
    /// A device's own draws: request IDs, challenges, jitter.
    Device = 8,
    /// A server account's own draws.
    Account = 9,
    /// Time-outs of faults and adversary actions.
    Fault = 10,
    /// The server's secret for tickets and challenges.
    ServerKey = 11,
    /// Generated scenarios.
    Swarm = 12,
    /// Users who answer by themselves.
    User = 13,
    /// Whose keys the judges of a fleet are given.
    Escrow = 14,
}

/// An address without its counter: whose luck, and in what.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Luck {
    seed: u64,
    purpose: Purpose,
    entity: u64,
}

impl Luck {
    /// The luck of `entity` in `purpose` under `seed`.
    #[must_use]
    pub const fn new(seed: u64, purpose: Purpose, entity: u64) -> Self {
        Self { seed, purpose, entity }
    }

    /// The luck of the same entity in something else.
    #[must_use]
    pub const fn of(self, purpose: Purpose) -> Self {
        Self { purpose, ..self }
    }

    /// The generator at `counter`: the same address always gives the same octets.
    #[must_use]
    pub fn at(&self, counter: u64) -> Draw {
        let mut key = [0_u8; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..16].copy_from_slice(&self.entity.to_le_bytes());
        key[16..20].copy_from_slice(&(self.purpose as u32).to_le_bytes());
        key[20..24].copy_from_slice(&RNG_VERSION.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(counter);
        Draw(rng)
    }
}

/// A [`Luck`] with its counter: the whole random state of an entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    luck: Luck,
    counter: u64,
}

impl Stream {
    /// From the first draw on.
    #[must_use]
    pub const fn new(luck: Luck) -> Self {
        Self { luck, counter: 0 }
    }

    /// From the draw `counter` on.
    #[must_use]
    pub const fn from_counter(luck: Luck, counter: u64) -> Self {
        Self { luck, counter }
    }

    /// The next draw; each has a generator of its own.
    pub fn draw(&mut self) -> Draw {
        let draw = self.luck.at(self.counter);
        self.counter += 1;
        draw
    }

    /// `N` random octets, as one draw.
    pub fn octets<const N: usize>(&mut self) -> [u8; N] {
        self.draw().octets()
    }
}

/// The random values at one address.
#[derive(Clone, Debug)]
pub struct Draw(ChaCha8Rng);

impl Draw {
    /// 64 uniform bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A uniform value below `bound`, without bias worth counting (64-bit multiply-shift).
    ///
    /// # Panics
    /// When `bound` is 0.
    #[allow(clippy::cast_possible_truncation, reason = "the high half of a 128-bit product")]
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "an empty range has no values");
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// A uniform value of the closed range.
    ///
    /// # Panics
    /// When `low` is above `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        assert!(low <= high, "the range {low}..={high} is empty");
        match (high - low).checked_add(1) {
            None => self.bits(),
            Some(width) => low + self.below(width),
        }
    }

    /// A uniform duration of the closed range.
    pub fn duration(&mut self, low: Duration, high: Duration) -> Duration {
        Duration::from_nanos(self.between(low.as_nanos(), high.as_nanos()))
    }

    /// `N` random octets: those of [`Self::bits`], in little-endian order.
    pub fn octets<const N: usize>(&mut self) -> [u8; N] {
        let mut octets = [0; N];
        // Filling would be a second copy of the cipher; all draws use that of `bits`.
        let mut eights = octets.chunks_exact_mut(8);
        eights.by_ref().for_each(|eight| eight.copy_from_slice(&self.bits().to_le_bytes()));
        self.0.fill_bytes(eights.into_remainder());
        octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_value_and_neighbors_differ() {
        let luck = Luck::new(1, Purpose::Device, 7);
        assert_eq!(luck.at(3).bits(), luck.at(3).bits());
        let others = [
            Luck::new(2, Purpose::Device, 7).at(3).bits(),
            Luck::new(1, Purpose::Account, 7).at(3).bits(),
            Luck::new(1, Purpose::Device, 8).at(3).bits(),
            luck.at(4).bits(),
        ];
        assert!(others.iter().all(|other| *other != luck.at(3).bits()));
    }

    #[test]
    fn draws_are_pinned_to_the_version() {
        let mut draw = Luck::new(42, Purpose::Uplink, 1).at(0);
        assert_eq!(RNG_VERSION, 1);
        assert_eq!(draw.bits(), PINNED, "a change of draws needs a new RNG_VERSION");
    }

    #[test]
    fn octets_are_those_of_the_generator() {
        fn check<const N: usize>() {
            let mut draw = Luck::new(42, Purpose::Device, 1).at(N as u64);
            let mut filled = [[0; N]; 9];
            let Draw(mut rng) = draw.clone();
            filled.iter_mut().for_each(|it| rng.fill_bytes(it));
            assert_eq!([(); 9].map(|()| draw.octets::<N>()), filled);
        }
        check::<8>();
        check::<12>();
        check::<32>();
        check::<63>();
    }

    const PINNED: u64 = 18_365_986_795_155_955_532;

    #[test]
    fn closed_ranges_reach_both_ends() {
        let luck = Luck::new(1, Purpose::Setting, 0);
        let seen: std::collections::BTreeSet<u64> =
            (0..100).map(|n| luck.at(n).between(5, 7)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [5, 6, 7]);
    }
}
