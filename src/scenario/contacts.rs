//! Contact lists: who writes to whom, the same from either side, without a table.
//!
//! Not here: when they write, or what (`traffic`).

use std::ops::RangeInclusive;

use crate::base::rng::{Draw, Luck, Purpose};
use crate::network::fixed::{log2, scale_by_power};
use crate::scenario::permutation::Permutation;

/// A symmetric contact list for every device, computed where it is asked for: the k-th contact of a
/// device is its partner in the k-th keyed pairing of all.
#[derive(Clone, Debug)]
pub struct ContactList {
    among: Vec<RangeInclusive<u32>>,
    members: u64,
    pairings: Vec<Permutation>,
    /// Running sums of the contacts' popularity.
    weights: Vec<u64>,
}

impl ContactList {
    /// The lists of the workload with this index: so many contacts each, with popularity by Zipf's law whose
    /// exponent is in thousandths, drawn among these.
    #[must_use]
    pub fn new(
        seed: u64,
        index: u32,
        count: u32,
        zipf_milli: u32,
        among: &[RangeInclusive<u32>],
    ) -> Self {
        let members = among.iter().map(|range| range.clone().count() as u64).sum();
        // The list is the workload's, not a device's: an entity of its own beside all devices'.
        let luck = Luck::new(seed, Purpose::Workload, u64::from(index) << 32 | u64::from(u32::MAX));
        let pairings =
            (0..u64::from(count)).map(|k| Permutation::new(members, &mut luck.at(k))).collect();
        let mut sum = 0;
        let weight = |rank: u64| {
            let power = i128::from(log2(rank)) * i128::from(zipf_milli) / 1_000;
            scale_by_power(WEIGHT_OF_FIRST, -i64::try_from(power).unwrap_or(i64::MAX)).max(1)
        };
        let weights = (1..=u64::from(count))
            .map(|rank| {
                sum += weight(rank);
                sum
            })
            .collect();
        Self { among: among.to_vec(), members, pairings, weights }
    }

    /// A contact of this user, by popularity.
    pub fn pick(&self, user: u32, draw: &mut Draw) -> Option<u32> {
        let value = draw.below((*self.weights.last()?).max(1));
        let rank = self.weights.partition_point(|sum| *sum <= value);
        let ranks = (rank..self.pairings.len()).chain(0..rank);
        match self.position(user) {
            Some(place) => {
                ranks.filter_map(|rank| self.partner(rank, place)).find(|contact| *contact != user)
            }
            // Not a member itself: its contacts do not know it.
            None => member(&self.among, draw.below(self.members.max(1))),
        }
    }

    /// The partner of the member at `place` in a pairing; with an odd count one has none.
    fn partner(&self, rank: usize, place: u64) -> Option<u32> {
        let pairing = &self.pairings[rank];
        let partner = pairing.backward(place) ^ 1;
        (partner < self.members)
            .then(|| pairing.forward(partner))
            .and_then(|it| member(&self.among, it))
    }

    fn position(&self, user: u32) -> Option<u64> {
        let mut before = 0;
        for range in &self.among {
            if range.contains(&user) {
                return Some(before + u64::from(user - range.start()));
            }
            before += range.clone().count() as u64;
        }
        None
    }
}

/// The user at a place among several ranges.
#[must_use]
pub fn member(among: &[RangeInclusive<u32>], mut place: u64) -> Option<u32> {
    for range in among {
        let count = range.clone().count() as u64;
        if place < count {
            return u32::try_from(u64::from(*range.start()) + place).ok();
        }
        place -= count;
    }
    None
}

/// Popularity of the first contact in a list; others have a part of it.
const WEIGHT_OF_FIRST: u64 = 1 << 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_are_mutual_and_the_first_is_the_most_popular() {
        let list = ContactList::new(7, 0, 4, 1_100, &[0..=49, 100..=149]);
        for user in (0..50).chain(100..150) {
            for rank in 0..4 {
                let place = list.position(user).unwrap();
                let Some(contact) = list.partner(rank, place) else { continue };
                let back = list.partner(rank, list.position(contact).unwrap());
                assert_eq!(back, Some(user));
                assert_ne!(contact, user);
            }
        }
        let luck = Luck::new(1, Purpose::Workload, 0);
        let first = list.partner(0, list.position(7).unwrap());
        let hits = (0..1_000).filter(|n| list.pick(7, &mut luck.at(*n)) == first).count();
        assert!((420..600).contains(&hits), "1/1, 1/2.1, 1/3.3, 1/4.6: {hits}");
    }
}
