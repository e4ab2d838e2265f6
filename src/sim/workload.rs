//! Recurring traffic: when a device acts next, to whom it writes, and what.
//!
//! Every answer is a keyed draw addressed by (workload, device, n-th arrival), so nothing is stored but
//! `n`. Not here: handing the action to the device (`world`).

use std::ops::RangeInclusive;

use crate::base::id::DraftId;
use crate::base::rng::{Draw, Luck, Purpose};
use crate::base::time::Duration;
use crate::base::units::Ratio;
use crate::network::fixed::{exponential, log2, scale_by_power};
use crate::scenario::plan::{Arrivals, Contacts, Plan, Workload, WorkloadKind};
use crate::sim::permutation::Permutation;

/// A workload with what is computed once for all its devices.
#[derive(Clone, Debug)]
pub struct Traffic {
    index: u32,
    seed: u64,
    contacts: Option<ContactList>,
}

/// A text to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The receiver's index.
    pub to: u32,
    /// Number of the draft.
    pub draft: DraftId,
    /// What it says.
    pub text: String,
}

impl Traffic {
    /// The traffic of the plan's workload with this number.
    #[must_use]
    pub fn new(plan: &Plan, index: u32, workload: &Workload) -> Self {
        let contacts = match &workload.what {
            WorkloadKind::Send { to: Contacts::List { count, zipf_milli, among }, .. } => {
                Some(ContactList::new(plan.seed, index, *count, *zipf_milli, among))
            }
            WorkloadKind::Send { to: Contacts::OneOf(_), .. } | WorkloadKind::Rotate => None,
        };
        Self { index, seed: plan.seed, contacts }
    }

    /// When the `n`-th action of a device comes, from the end of `given`; `previous` is when the one
    /// before it came. None: no more.
    #[must_use]
    pub fn arrival(
        &self,
        workload: &Workload,
        user: u32,
        n: u64,
        previous: Duration,
    ) -> Option<Duration> {
        let mut draw = self.luck(Purpose::Arrival, user).at(n);
        let (since, wait) = match &workload.arrivals {
            Arrivals::Poisson(rate) => {
                let mean = rate.interval();
                if mean == Duration::MAX {
                    return None;
                }
                let since = if n == 0 { workload.from } else { previous };
                (since, exponential_of(mean, &mut draw))
            }
            Arrivals::Every { period, spread } if n == 0 => {
                let widest = spread.of(*period);
                (workload.from, draw.duration(Duration::ZERO, widest))
            }
            Arrivals::Every { period, .. } => (previous, *period),
        };
        advance(&workload.shape, since, wait, workload.until)
    }

    /// The `n`-th text of a device; none for other kinds of work, or when it has nobody to write to.
    #[must_use]
    pub fn letter(&self, workload: &Workload, user: u32, n: u64) -> Option<Letter> {
        let WorkloadKind::Send { to, size, first } = &workload.what else { return None };
        let mut draw = self.luck(Purpose::Workload, user).at(n);
        let to = match (to, &self.contacts) {
            (Contacts::List { .. }, Some(list)) => list.pick(user, &mut draw)?,
            (Contacts::List { .. }, None) => return None,
            (Contacts::OneOf(users), _) => one_of(users, user, &mut draw)?,
        };
        let octets = log_uniform(size, &mut draw);
        let draft = DraftId(first.0 + n);
        Some(Letter { to, draft, text: letters(octets, &mut draw) })
    }

    const fn luck(&self, purpose: Purpose, user: u32) -> Luck {
        Luck::new(self.seed, purpose, (self.index as u64) << 32 | user as u64)
    }
}

/// An exponential interval with this mean.
fn exponential_of(mean: Duration, draw: &mut Draw) -> Duration {
    Duration::from_nanos(mean.as_nanos()).scale(exponential(draw.bits()).unsigned_abs(), 1 << 32)
}

/// The moment at which `work` is used up when it runs at the shape's factors, starting at `since`.
fn advance(
    shape: &[(Duration, Ratio)],
    since: Duration,
    work: Duration,
    until: Duration,
) -> Option<Duration> {
    let whole = u128::from(Ratio::ONE.as_ppb());
    // Work in billionths of a nanosecond, so that no factor loses anything.
    let mut left = u128::from(work.as_nanos()) * whole;
    let mut at = since;
    while at < until {
        let factor = shape.iter().rev().find(|(start, _)| *start <= at);
        let factor = factor.map_or(whole, |(_, factor)| u128::from(factor.as_ppb()));
        let end = shape.iter().map(|(start, _)| *start).find(|start| *start > at);
        let end = end.unwrap_or(Duration::MAX).min(until);
        let possible = u128::from(end.saturating_sub(at).as_nanos()) * factor;
        if left < possible {
            let span = u64::try_from(left / factor).unwrap_or(u64::MAX);
            return Some(at + Duration::from_nanos(span));
        }
        left -= possible;
        at = end;
    }
    None
}

/// One of these, uniformly, but not the writer.
fn one_of(users: &[u32], user: u32, draw: &mut Draw) -> Option<u32> {
    let others = users.iter().filter(|other| **other != user);
    let count = others.clone().count() as u64;
    let index = usize::try_from(draw.below(count.max(1))).ok()?;
    others.copied().nth(index)
}

/// Log-uniform between the ends.
fn log_uniform(size: &RangeInclusive<u32>, draw: &mut Draw) -> u32 {
    let (low, high) = (u64::from(*size.start()).max(1), u64::from(*size.end()).max(1));
    if low >= high {
        return *size.start();
    }
    let span = i128::from(log2(high) - log2(low));
    let power = (span * i128::from(draw.bits() >> 1)) >> 63;
    let drawn = scale_by_power(low, i64::try_from(power).unwrap_or(0)).clamp(low, high);
    u32::try_from(drawn).unwrap_or_else(|_| *size.end())
}

/// Random lower-case text of this many octets.
fn letters(octets: u32, draw: &mut Draw) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz .,-'e";
    /// Letters of five bits in one draw of 64.
    const LETTERS: u32 = 12;
    let mut text = String::with_capacity(octets as usize);
    let mut bits = 0;
    for n in 0..octets {
        if n % LETTERS == 0 {
            bits = draw.bits();
        }
        text.push(char::from(ALPHABET[(bits & 31) as usize]));
        bits >>= 5;
    }
    text
}

/// A symmetric contact list for every device, computed where it is asked for: the k-th contact of a
/// device is its partner in the k-th keyed pairing of all.
#[derive(Clone, Debug)]
struct ContactList {
    among: Vec<RangeInclusive<u32>>,
    members: u64,
    pairings: Vec<Permutation>,
    /// Running sums of the contacts' popularity.
    weights: Vec<u64>,
}

impl ContactList {
    fn new(
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

    fn pick(&self, user: u32, draw: &mut Draw) -> Option<u32> {
        let value = draw.below((*self.weights.last()?).max(1));
        let rank = self.weights.partition_point(|sum| *sum <= value);
        let ranks = (rank..self.pairings.len()).chain(0..rank);
        match self.position(user) {
            Some(place) => {
                ranks.filter_map(|rank| self.partner(rank, place)).find(|contact| *contact != user)
            }
            // Not a member itself: its contacts do not know it.
            None => self.member(draw.below(self.members.max(1))),
        }
    }

    /// The partner of the member at `place` in a pairing; with an odd count one has none.
    fn partner(&self, rank: usize, place: u64) -> Option<u32> {
        let pairing = &self.pairings[rank];
        let partner = pairing.backward(place) ^ 1;
        (partner < self.members).then(|| pairing.forward(partner)).and_then(|it| self.member(it))
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

    fn member(&self, mut place: u64) -> Option<u32> {
        for range in &self.among {
            let count = range.clone().count() as u64;
            if place < count {
                return u32::try_from(u64::from(*range.start()) + place).ok();
            }
            place -= count;
        }
        None
    }
}

/// Popularity of the first contact in a list; others have a part of it.
const WEIGHT_OF_FIRST: u64 = 1 << 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::units::Rate;
    use crate::oracle::spec::NameId;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn traffic(contacts: Option<ContactList>) -> Traffic {
        Traffic { index: 0, seed: 1, contacts }
    }

    fn workload(arrivals: Arrivals, shape: Vec<(Duration, Ratio)>) -> Workload {
        Workload {
            name: NameId(0),
            what: WorkloadKind::Rotate,
            by: vec![0..=9],
            arrivals,
            shape,
            from: Duration::ZERO,
            until: seconds(1_000_000),
        }
    }

    fn arrivals(workload: &Workload, user: u32) -> Vec<Duration> {
        let traffic = traffic(None);
        let mut previous = Duration::ZERO;
        (0..)
            .map_while(|n| {
                previous = traffic.arrival(workload, user, n, previous)?;
                Some(previous)
            })
            .collect()
    }

    #[test]
    fn poisson_arrivals_keep_their_rate_and_follow_the_shape() {
        let rate = Rate::parse("0.01/s").unwrap();
        let flat = arrivals(&workload(Arrivals::Poisson(rate), Vec::new()), 1);
        assert!((9_500..10_500).contains(&flat.len()), "{}", flat.len());
        let shape = vec![(seconds(500_000), Ratio::from_percent(20))];
        let shaped = arrivals(&workload(Arrivals::Poisson(rate), shape), 1);
        let early = shaped.iter().filter(|at| **at < seconds(500_000)).count();
        let late = shaped.len() - early;
        assert!((4_700..5_300).contains(&early), "{early}");
        assert!((900..1_100).contains(&late), "{late}");
        assert_eq!(shaped[..100], flat[..100], "what comes before a change stays");
    }

    #[test]
    fn periods_are_exact_after_a_phase_of_their_own() {
        let every = Arrivals::Every { period: seconds(100), spread: Ratio::ONE };
        let one = arrivals(&workload(every.clone(), Vec::new()), 1);
        let other = arrivals(&workload(every, Vec::new()), 2);
        assert_ne!(one[0], other[0]);
        assert!(one[0] <= seconds(100));
        assert!(one.windows(2).all(|pair| pair[1] == pair[0] + seconds(100)));
        let dead = vec![(Duration::ZERO, Ratio::ZERO)];
        let rate = Arrivals::Poisson(Rate::parse("5/s").unwrap());
        assert!(arrivals(&workload(rate, dead), 1).is_empty());
    }

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

    #[test]
    fn sizes_are_log_uniform_and_texts_exactly_so_long() {
        let luck = Luck::new(1, Purpose::Workload, 0);
        let sizes: Vec<u32> =
            (0..4_000).map(|n| log_uniform(&(64..=1024), &mut luck.at(n))).collect();
        assert!(sizes.iter().all(|size| (64..=1024).contains(size)));
        let small = sizes.iter().filter(|size| **size < 256).count();
        assert!((1_900..2_100).contains(&small), "half of four octaves: {small}");
        assert_eq!(letters(37, &mut luck.at(0)).len(), 37);
    }
}
