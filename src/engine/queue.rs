//! The event queue: a monotone radix heap on the time, ties broken by the rest of the key.
//!
//! Not here: what an event means, whose turn it is, or any clock. See [`Queue`] for how it works.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::base::id::NodeId;
use crate::base::time::Instant;
use crate::engine::bucket::{Bucket, Entry, Spare};

/// Where an event stands among all events of the world: a total order that does not depend on how
/// nodes are spread over threads (design 3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key {
    /// When it happens.
    pub at: Instant,
    /// To whom it happens.
    pub to: NodeId,
    /// Who caused it.
    pub from: NodeId,
    /// Its number among the events that `from` caused.
    pub seq: u64,
}

/// The queue holds as many events as it may: a limit of the run, not a bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event queue is full at {limit} pending events")]
pub struct Full {
    /// The most events that this queue may hold.
    pub limit: usize,
}

/// Pending events, popped in the order of their keys.
///
/// A time is read as digits of 6 bits. An event waits in the bucket named by the highest digit in
/// which its time differs from `base`, and by that digit's value. The first occupied bucket of the
/// lowest occupied level holds the next event: when it is small, or all of one instant, it is sorted
/// into `front`; otherwise `base` moves to its least time and its events fall to lower levels. An
/// event moves at most once per digit. What is pushed at or before `front_last` meanwhile goes to
/// the binary heap `late`, so ties come out in key order whenever they are pushed.
///
/// Events are held by value and moved: keep `T` small (an index or a box for a large payload).
#[derive(Clone, Debug)]
pub struct Queue<T> {
    limit: usize,
    len: usize,
    /// The time of the last popped event; nothing may be pushed before it.
    last: u64,
    /// The time that buckets are counted from. No bucket holds an event before it.
    base: u64,
    /// Buckets hold only events after this time; `front` and `late` hold the others.
    front_last: u64,
    /// Sorted with the next event last.
    front: Vec<Entry<T>>,
    late: BinaryHeap<Reverse<Entry<T>>>,
    /// Whether `front` was sorted since somebody asked what comes.
    is_fresh: bool,
    buckets: Vec<Bucket<T>>,
    /// Per level, which of its buckets are occupied.
    occupied: [u64; LEVELS],
    /// Emptied chunks, kept for reuse.
    spare: Spare<T>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self::new(LEN_MAX)
    }
}

impl<T> Queue<T> {
    /// An empty queue that holds up to `limit` events.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            len: 0,
            last: 0,
            base: 0,
            front_last: 0,
            front: Vec::new(),
            late: BinaryHeap::new(),
            is_fresh: false,
            buckets: std::iter::repeat_with(Bucket::default).take(LEVELS * FAN).collect(),
            occupied: [0; LEVELS],
            spare: Vec::new(),
        }
    }

    /// How many events it holds at most.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// How many events are pending.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Is nothing pending?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an event. Its time may equal that of the last popped event.
    ///
    /// # Errors
    /// [`Full`] at the limit; the event is dropped.
    ///
    /// # Panics
    /// When the key is before the last popped time: the cause would come after its effect.
    pub fn push(&mut self, key: Key, event: T) -> Result<(), Full> {
        let at = key.at.as_nanos();
        assert!(at >= self.last, "{key:?} is pushed into the past of {}", self.last);
        if self.len >= self.limit {
            return Err(Full { limit: self.limit });
        }
        self.len += 1;
        if self.front.is_empty() && self.late.is_empty() && self.last >= self.base {
            self.base = self.last;
            self.front_last = self.last;
        }
        let entry = Entry { key, event };
        if at > self.front_last {
            self.file(entry);
            return Ok(());
        }
        if self.late.len() >= LATE_MAX && self.front_last > self.last {
            self.spill();
        }
        if at > self.front_last {
            self.file(entry);
        } else {
            self.late.push(Reverse(entry));
        }
        Ok(())
    }

    /// Takes the event with the least key.
    pub fn pop(&mut self) -> Option<(Key, T)> {
        self.refill();
        let late_is_next = match (self.front.last(), self.late.peek()) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(front), Some(Reverse(late))) => late.key < front.key,
        };
        let entry = if late_is_next {
            self.late.pop().map(|Reverse(entry)| entry)
        } else {
            self.front.pop()
        }?;
        self.len -= 1;
        self.last = entry.key.at.as_nanos();
        Some((entry.key, entry.event))
    }

    /// The least key. It takes `&mut self` because it may have to sort some buckets first.
    pub fn peek(&mut self) -> Option<Key> {
        self.refill();
        let front = self.front.last().map(|entry| entry.key);
        let late = self.late.peek().map(|Reverse(entry)| entry.key);
        front.into_iter().chain(late).min()
    }

    /// When the next event happens.
    pub fn peek_at(&mut self) -> Option<Instant> {
        self.peek().map(|key| key.at)
    }

    /// The events that were sorted since the last call, in no order: those that come next, but for what is
    /// pushed among them. None when no others were sorted, or more than are worth a look ahead.
    pub fn coming(&mut self) -> Option<impl Iterator<Item = (&Key, &T)> + Clone> {
        self.refill();
        let is_fresh = std::mem::take(&mut self.is_fresh) && self.front.len() <= SORT_MAX;
        is_fresh.then(|| self.front.iter().map(|entry| (&entry.key, &entry.event)))
    }

    /// Makes sure that the next event, if there is one, is in `front` or `late`.
    fn refill(&mut self) {
        while self.front.is_empty() && self.late.is_empty() {
            if self.late.capacity() > FRONT_KEPT {
                self.late = BinaryHeap::new();
            }
            let Some(level) = (0..LEVELS).find(|level| self.occupied[*level] != 0) else { return };
            let slot = self.occupied[level].trailing_zeros() as usize;
            self.occupied[level] &= self.occupied[level] - 1;
            let bucket = std::mem::take(&mut self.buckets[level * FAN + slot]);
            if level == 0 || bucket.len() <= SORT_MAX {
                self.sort(level, bucket);
            } else {
                self.base = bucket.least_at();
                bucket.drain(&mut self.spare, |entry, spare| {
                    file(&mut self.buckets, &mut self.occupied, spare, self.base, entry);
                });
            }
        }
    }

    /// Makes a bucket of `level` the front.
    fn sort(&mut self, level: usize, bucket: Bucket<T>) {
        if self.front.capacity() > FRONT_KEPT {
            self.front = Vec::new();
        }
        self.front_last = bucket.least_at() | ((1 << (DIGIT * level)) - 1);
        self.front.reserve_exact(bucket.len());
        bucket.drain(&mut self.spare, |entry, _| self.front.push(entry));
        self.front.sort_unstable_by_key(|entry| Reverse(entry.key));
        self.is_fresh = true;
    }

    /// Moves events from the front back into buckets, when more are pushed there than is good for a
    /// binary heap. Those of the current instant stay.
    fn spill(&mut self) {
        let mut moving: Vec<Entry<T>> = Vec::new();
        if self.last < self.base {
            // A look at the next event has moved `base` past the present, and much was pushed
            // between the two: file everything anew, once that costs no more than what was pushed.
            if self.len > 2 * self.late.len() {
                return;
            }
            self.occupied = [0; LEVELS];
            for bucket in &mut self.buckets {
                std::mem::take(bucket).drain(&mut self.spare, |entry, _| moving.push(entry));
            }
        }
        self.base = self.last;
        self.front_last = self.last;
        moving.append(&mut self.front);
        moving.extend(std::mem::take(&mut self.late).into_iter().map(|Reverse(entry)| entry));
        for entry in moving {
            if entry.key.at.as_nanos() > self.front_last {
                self.file(entry);
            } else {
                self.late.push(Reverse(entry));
            }
        }
    }

    fn file(&mut self, entry: Entry<T>) {
        file(&mut self.buckets, &mut self.occupied, &mut self.spare, self.base, entry);
    }
}

/// Puts an entry into its bucket.
fn file<T>(
    buckets: &mut [Bucket<T>],
    occupied: &mut [u64; LEVELS],
    spare: &mut Spare<T>,
    base: u64,
    entry: Entry<T>,
) {
    let at = entry.key.at.as_nanos();
    // The lowest bit is set so that equal times are of level 0 as well.
    let level = ((at ^ base) | 1).ilog2() as usize / DIGIT;
    #[allow(clippy::cast_possible_truncation, reason = "the digit is masked")]
    let slot = (at >> (DIGIT * level)) as usize & (FAN - 1);
    occupied[level] |= 1 << slot;
    buckets[level * FAN + slot].push(spare, entry);
}

/// Most pending events unless told otherwise: some ten for each of 10 million devices (design 14),
/// and about what 24 GiB of memory holds.
pub const LEN_MAX: usize = 100_000_000;
/// Bits of a digit: a level's occupied buckets fit one word.
const DIGIT: usize = 6;
/// Buckets of a level.
const FAN: usize = 1 << DIGIT;
/// Levels: digits of a 64-bit time.
const LEVELS: usize = 64_usize.div_ceil(DIGIT);
/// Most events that are sorted rather than spread further; by measurement.
const SORT_MAX: usize = 96;
/// Entries whose memory `front` and `late` keep when they are empty: an instant of a whole fleet is rare.
const FRONT_KEPT: usize = 1 << 14;
/// Events in `late` from which on the front is put back into buckets; by measurement.
const LATE_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn key(at: u64, seq: u64) -> Key {
        // Few nodes, so that ties are broken by each part of the key in turn.
        let node = |n: u64| NodeId::device(u32::from(n.is_multiple_of(3)));
        Key { at: Instant::from_nanos(at), to: node(seq), from: node(seq / 3), seq: seq ^ 5 }
    }

    /// What a test does to the queue: push this many with times spread over this span, pop, peek, or look
    /// at what comes.
    #[derive(Clone, Debug)]
    enum Op {
        Push { count: u64, ahead: u64, span: u64 },
        Pop(u64),
        Peek,
        Coming,
    }

    fn op() -> impl Strategy<Value = Op> {
        let distance = prop_oneof![
            3 => Just(0_u64),
            3 => 0_u64..4,
            3 => 0_u64..5_000,
            2 => 0_u64..200_000_000,
            1 => any::<u64>().prop_map(|n| n >> 8),
        ];
        prop_oneof![
            4 => (1_u64..200, distance.clone(), distance)
                .prop_map(|(count, ahead, span)| Op::Push { count, ahead, span }),
            4 => (1_u64..150).prop_map(Op::Pop),
            1 => Just(Op::Peek),
            1 => Just(Op::Coming),
        ]
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_a_binary_heap(ops in prop::collection::vec(op(), 1..60)) {
            let mut queue = Queue::default();
            let mut heap = BinaryHeap::new();
            let (mut seq, mut now) = (0_u64, 0_u64);
            for op in ops.into_iter().chain([Op::Pop(u64::MAX)]) {
                match op {
                    Op::Push { count, ahead, span } => {
                        for _ in 0..count {
                            let spread = seq.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (span + 1);
                            let key = key(now + ahead + spread, seq);
                            queue.push(key, seq).expect("far from the limit");
                            heap.push(Reverse((key, seq)));
                            seq += 1;
                        }
                    }
                    Op::Pop(count) => {
                        for _ in 0..count {
                            let popped = queue.pop();
                            prop_assert_eq!(popped, heap.pop().map(|Reverse(entry)| entry));
                            let Some((key, _)) = popped else { break };
                            now = key.at.as_nanos();
                        }
                    }
                    Op::Peek => {
                        prop_assert_eq!(queue.peek(), heap.peek().map(|Reverse((key, _))| *key));
                    }
                    Op::Coming => {
                        let pending = heap.iter().map(|Reverse(entry)| *entry);
                        let pending: BTreeSet<_> = pending.collect();
                        let coming = queue.coming().into_iter().flatten();
                        let mut coming = coming.map(|(key, seq)| (*key, *seq));
                        prop_assert!(coming.all(|entry| pending.contains(&entry)));
                    }
                }
                prop_assert_eq!(queue.len(), heap.len());
            }
            prop_assert!(queue.is_empty());
        }
    }

    #[test]
    fn ties_pushed_while_their_instant_is_drained_come_in_key_order() {
        let mut queue = Queue::default();
        for seq in (0..1_000).rev() {
            queue.push(key(7, seq), ()).expect("far from the limit");
        }
        let mut order: Vec<Key> =
            (0..500).filter_map(|_| queue.pop()).map(|(key, ())| key).collect();
        let after = order[499];
        let mut pushed = 0;
        for late in (1_000..2_000).map(|seq| key(7, seq)).filter(|late| *late > after) {
            queue.push(late, ()).expect("far from the limit");
            pushed += 1;
        }
        order.extend(std::iter::from_fn(|| queue.pop()).map(|(key, ())| key));
        assert!(order.is_sorted());
        assert_eq!(order.len(), 1_000 + pushed);
    }

    #[test]
    fn a_look_far_ahead_does_not_hide_what_is_pushed_before_it() {
        let mut queue = Queue::default();
        let hour = 3_600_000_000_000;
        for seq in 0..1_000 {
            queue.push(key(hour + seq, seq), seq).expect("far from the limit");
        }
        assert_eq!(queue.peek_at(), Some(Instant::from_nanos(hour)));
        for seq in 1_000..9_000 {
            queue.push(key(seq * 7_919 % hour, seq), seq).expect("far from the limit");
        }
        assert!(queue.late.len() < 2_000, "most of them wait in buckets");
        let order: Vec<Key> = std::iter::from_fn(|| queue.pop()).map(|(key, _)| key).collect();
        assert!(order.is_sorted());
        assert_eq!(order.len(), 9_000);
    }

    #[test]
    fn the_last_instant_is_a_time_like_any_other() {
        let mut queue = Queue::default();
        for (seq, at) in [u64::MAX, 0, u64::MAX - 1, u64::MAX].into_iter().enumerate() {
            queue.push(key(at, seq as u64), ()).expect("far from the limit");
        }
        let times: Vec<u64> =
            std::iter::from_fn(|| queue.pop()).map(|(key, ())| key.at.as_nanos()).collect();
        assert_eq!(times, [0, u64::MAX - 1, u64::MAX, u64::MAX]);
    }

    #[test]
    fn a_full_queue_says_so_and_goes_on() {
        let mut queue = Queue::new(2);
        assert_eq!(queue.push(key(1, 0), ()), Ok(()));
        assert_eq!(queue.push(key(2, 1), ()), Ok(()));
        assert_eq!(queue.push(key(3, 2), ()), Err(Full { limit: 2 }));
        assert!(queue.pop().is_some());
        assert_eq!(queue.push(key(3, 2), ()), Ok(()));
        assert_eq!(queue.len(), 2);
    }

    #[test]
    #[should_panic(expected = "is pushed into the past")]
    fn the_past_is_closed() {
        let mut queue = Queue::default();
        queue.push(key(5, 0), ()).expect("far from the limit");
        queue.pop();
        let _ = queue.push(key(4, 1), ());
    }

    #[test]
    fn a_clone_goes_on_as_the_original_does() {
        let mut queue = Queue::default();
        for seq in 0..5_000_u64 {
            queue.push(key(seq * seq % 100_003, seq), seq).expect("far from the limit");
        }
        for _ in 0..1_000 {
            queue.pop();
        }
        let mut clone = queue.clone();
        for seq in 5_000..6_000 {
            let key = key(100_003 + seq % 17, seq);
            assert_eq!(queue.push(key, seq), clone.push(key, seq));
        }
        while let Some(popped) = queue.pop() {
            assert_eq!(clone.pop(), Some(popped));
        }
        assert!(clone.is_empty());
    }
}
