//! Recurring traffic: when a device acts next, to whom it writes, and what.
//!
//! Every answer is a keyed draw addressed by (workload, device, n-th arrival), so nothing is stored but
//! `n`. Not here: handing the action to a device.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::base::id::{DraftId, TxnId, UserId};
use crate::base::rng::{Draw, Luck, Purpose};
use crate::base::time::{Duration, Millis};
use crate::base::units::Ratio;
use crate::network::fixed::{self, cosine, exponential, log2, scale_by_power};
use crate::proto::port::UserAction;
use crate::scenario::contacts::{ContactList, member};
use crate::scenario::plan::{Arrivals, Contacts, Plan, Swing, Workload, WorkloadKind};

/// A workload with what is computed once for all its devices.
#[derive(Clone, Debug)]
pub struct Traffic {
    index: u32,
    seed: u64,
    contacts: Option<ContactList>,
    /// The instants of a trace that were drawn for each device.
    drawn: BTreeMap<u32, Vec<Duration>>,
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

/// A request, or own data, to compose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The receiver's index.
    pub to: u32,
    /// Number of the draft.
    pub draft: DraftId,
    /// Its transaction.
    pub txn: TxnId,
}

impl Traffic {
    /// The traffic of the plan's workload with this number.
    #[must_use]
    pub fn new(plan: &Plan, index: u32, workload: &Workload) -> Self {
        let to = match &workload.what {
            WorkloadKind::Send { to, .. } | WorkloadKind::Ask { to, .. } => Some(to),
            WorkloadKind::Poll | WorkloadKind::Rotate | WorkloadKind::Reconnect => None,
        };
        let contacts = to.and_then(|to| match to {
            Contacts::List { count, zipf_milli, among } => {
                Some(ContactList::new(plan.seed, index, *count, *zipf_milli, among))
            }
            Contacts::OneOf(_) => None,
        });
        let mut traffic = Self { index, seed: plan.seed, contacts, drawn: BTreeMap::new() };
        if let Arrivals::Trace { instants, everybody: false } = &workload.arrivals {
            traffic.draw_actors(instants, &workload.by);
        }
        traffic
    }

    /// Draws who acts at each instant of a trace.
    fn draw_actors(&mut self, instants: &[Duration], by: &[RangeInclusive<u32>]) {
        let members = by.iter().map(|range| range.clone().count() as u64).sum::<u64>();
        // The trace is the workload's, not a device's: an entity of its own beside all devices'.
        let luck = self.luck(Purpose::Arrival, u32::MAX);
        for (number, at) in (0..).zip(instants) {
            if let Some(user) = member(by, luck.at(number).below(members.max(1))) {
                self.drawn.entry(user).or_default().push(*at);
            }
        }
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
        let mut swing = None;
        let (since, wait) = match &workload.arrivals {
            Arrivals::Poisson(rate) | Arrivals::Sine { rate, .. } => {
                let mean = rate.interval();
                if mean == Duration::MAX {
                    return None;
                }
                if let Arrivals::Sine { swing: it, .. } = &workload.arrivals {
                    swing = Some(*it);
                }
                let since = if n == 0 { workload.from } else { previous };
                (since, exponential_of(mean, &mut draw))
            }
            Arrivals::Trace { instants, everybody } => {
                let own = if *everybody { instants } else { self.drawn.get(&user)? };
                let first = own.partition_point(|at| *at < workload.from);
                let at = *own.get(first + usize::try_from(n).ok()?)?;
                return (at < workload.until).then_some(at);
            }
            Arrivals::Every { period, spread } if n == 0 => {
                let widest = spread.of(*period);
                (workload.from, draw.duration(Duration::ZERO, widest))
            }
            Arrivals::Every { period, .. } => (previous, *period),
        };
        advance(&workload.shape, swing, since, wait, workload.until)
    }

    /// The `n`-th text of a device; none for other kinds of work, or when it has nobody to write to.
    #[must_use]
    pub fn letter(&self, workload: &Workload, user: u32, n: u64) -> Option<Letter> {
        let WorkloadKind::Send { to, size, first } = &workload.what else { return None };
        let mut draw = self.luck(Purpose::Workload, user).at(n);
        let to = self.receiver(to, user, &mut draw)?;
        let octets = log_uniform(size, &mut draw);
        let draft = DraftId(first.0 + n);
        Some(Letter { to, draft, text: letters(octets, &mut draw) })
    }

    /// The `n`-th request or own data of a device; none for other kinds of work, or when it has nobody
    /// to ask.
    #[must_use]
    pub fn question(&self, workload: &Workload, user: u32, n: u64) -> Option<Question> {
        let WorkloadKind::Ask { to, first, .. } = &workload.what else { return None };
        let mut draw = self.luck(Purpose::Workload, user).at(n);
        let to = self.receiver(to, user, &mut draw)?;
        Some(Question { to, draft: DraftId(first.0 + n), txn: TxnId(draw.octets()) })
    }

    /// What the user of a device does at its `n`-th arrival; nothing when there is nobody to do it to, or when
    /// the arrival is not a matter of users. `wall` is the device's own clock.
    #[must_use]
    pub fn action(
        &self,
        workload: &Workload,
        user: u32,
        n: u64,
        (users, wall): (&[UserId], Millis),
    ) -> Option<UserAction> {
        let name = |index: u32| users.get(index as usize).cloned();
        match &workload.what {
            WorkloadKind::Send { .. } => {
                let Letter { to, draft, text } = self.letter(workload, user, n)?;
                Some(UserAction::Send { draft, to: name(to)?, text })
            }
            WorkloadKind::Ask { form, own, .. } => {
                let Question { to, draft, txn } = self.question(workload, user, n)?;
                let (to, request) = (name(to)?, form.form(wall));
                Some(if *own {
                    UserAction::Approve { draft, to, txn, request }
                } else {
                    UserAction::Request { draft, to, txn, request }
                })
            }
            WorkloadKind::Poll => Some(UserAction::Poll),
            WorkloadKind::Rotate => Some(UserAction::Rotate { revoke: false }),
            WorkloadKind::Reconnect => None,
        }
    }

    fn receiver(&self, to: &Contacts, user: u32, draw: &mut Draw) -> Option<u32> {
        match (to, &self.contacts) {
            (Contacts::List { .. }, Some(list)) => list.pick(user, draw),
            (Contacts::List { .. }, None) => None,
            (Contacts::OneOf(users), _) => one_of(users, user, draw),
        }
    }

    const fn luck(&self, purpose: Purpose, user: u32) -> Luck {
        Luck::new(self.seed, purpose, (self.index as u64) << 32 | user as u64)
    }
}

/// An exponential interval with this mean.
fn exponential_of(mean: Duration, draw: &mut Draw) -> Duration {
    Duration::from_nanos(mean.as_nanos()).scale(exponential(draw.bits()).unsigned_abs(), 1 << 32)
}

/// The moment at which `work` is used up when it runs at the shape's factors, and by the swing, starting
/// at `since`.
fn advance(
    shape: &[(Duration, Ratio)],
    swing: Option<Swing>,
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
        let steady = |to: Duration| u128::from(to.saturating_sub(at).as_nanos()) * factor;
        let possible = |to: Duration| match swing {
            None => steady(to),
            Some(swing) => work_of(swing, at, to).saturating_mul(factor) / whole,
        };
        if left < possible(end) {
            let span = match swing {
                None => u64::try_from(left / factor).unwrap_or(u64::MAX),
                Some(_) => latest(end.saturating_sub(at), |span| possible(at + span) <= left),
            };
            return Some(at + Duration::from_nanos(span));
        }
        left -= possible(end);
        at = end;
    }
    None
}

/// What a swinging rate does in an interval, in billionths of a nanosecond of work at its mean.
fn work_of(swing: Swing, from: Duration, to: Duration) -> u128 {
    let steady = i128::from(to.saturating_sub(from).as_nanos()) * i128::from(Ratio::ONE.as_ppb());
    let beside = gain(swing, to) - gain(swing, from);
    u128::try_from(steady + beside).unwrap_or(0)
}

/// The integral of `amplitude * sin(2 pi t / period)` from 0 on, in billionths of a nanosecond.
fn gain(Swing { period, amplitude }: Swing, at: Duration) -> i128 {
    /// `1 / (2 pi)` with 32 binary places.
    const BY_TWO_PI: i128 = 683_565_276;
    let period = period.as_nanos().max(1);
    let turn = (u128::from(at.as_nanos() % period) << 64) / u128::from(period);
    let turn = u64::try_from(turn).unwrap_or(u64::MAX);
    let radians = (i128::from(fixed::ONE - cosine(turn)) * BY_TWO_PI) >> 32;
    (radians * i128::from(amplitude.as_ppb()) * i128::from(period)) >> 32
}

/// The greatest span below `limit` for which `holds`, which it does for none or for those up to it.
fn latest(limit: Duration, holds: impl Fn(Duration) -> bool) -> u64 {
    let (mut low, mut high) = (0, limit.as_nanos());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if holds(Duration::from_nanos(middle)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::units::Rate;
    use crate::oracle::spec::NameId;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn traffic(contacts: Option<ContactList>) -> Traffic {
        Traffic { index: 0, seed: 1, contacts, drawn: BTreeMap::new() }
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
    fn a_swinging_rate_is_high_in_one_half_of_its_period_and_low_in_the_other() {
        let rate = Rate::parse("0.1/s").unwrap();
        let check = |amplitude: u64, share: std::ops::Range<usize>| {
            let swing = Swing { period: seconds(1_000), amplitude: Ratio::from_percent(amplitude) };
            let all = arrivals(&workload(Arrivals::Sine { rate, swing }, Vec::new()), 1);
            assert!((97_000..103_000).contains(&all.len()), "{}", all.len());
            assert!(all.is_sorted());
            let high = |at: &&Duration| at.as_nanos() % 1_000_000_000_000 < 500_000_000_000;
            let percent = all.iter().filter(high).count() * 100 / all.len();
            assert!(share.contains(&percent), "{amplitude}%: {percent}");
        };
        // Half the period has 1/2 + amplitude / pi of the work.
        check(0, 49..51);
        check(50, 65..67);
        check(100, 81..83);
    }

    #[test]
    fn a_trace_is_acted_by_everybody_or_by_one_each_time() {
        let instants: Vec<Duration> = [1, 2, 2, 5, 8, 13].map(seconds).into();
        let mut work =
            workload(Arrivals::Trace { instants: instants.clone(), everybody: true }, Vec::new());
        (work.from, work.until) = (seconds(2), seconds(13));
        assert_eq!(arrivals(&work, 3), [2, 2, 5, 8].map(seconds));
        work.arrivals = Arrivals::Trace { instants: instants.clone(), everybody: false };
        let mut traffic = traffic(None);
        traffic.draw_actors(&instants, &work.by);
        let mut all: Vec<Duration> = (0..10)
            .flat_map(|user| {
                let of_user = |n| traffic.arrival(&work, user, n, Duration::ZERO);
                (0..).map_while(of_user).collect::<Vec<_>>()
            })
            .collect();
        all.sort_unstable();
        assert_eq!(all, [2, 2, 5, 8].map(seconds));
        assert!(traffic.drawn.len() > 1, "not all by one");
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
