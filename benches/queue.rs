//! The event queue against the standard binary heap and the crate `radix-heap`: the hold model (pop
//! one, push one) on equal draws, with the order of all checked and its digest printed beside the ratio.
//!
//! `radix-heap` orders by time alone and pops ties last in, first out, so of it only the times are
//! compared. It does less for each event than the others, which also order ties. Not here: a whole
//! world. The queue's own share of a run's time is what this measures.
#![allow(clippy::print_stdout, missing_docs, reason = "a bench prints, and its groups are private")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use peadsim::base::id::NodeId;
use peadsim::base::time::Instant;
use peadsim::engine::queue::{Key, Queue};
use peadsim::runtime::clock::timed;
use radix_heap::RadixHeapMap;
use xxhash_rust::xxh3::Xxh3;

/// Pending events of the measurements against others.
const PENDING: [u64; 3] = [1_000, 100_000, 1_000_000];
/// Pending events of the measurement of growth.
const GROWTH: [u64; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];
/// Holds of one sample: enough for every event of the largest comparison to move once or twice.
const HOLDS: u64 = 2_000_000;
/// Timed samples of a measurement, of which the fastest counts.
const SAMPLES: u32 = 3;

/// What the queues offer.
trait Pending {
    fn push(&mut self, key: Key, event: u64);
    fn pop(&mut self) -> Option<(Key, u64)>;
}

impl Pending for Queue<u64> {
    fn push(&mut self, key: Key, event: u64) {
        Self::push(self, key, event).expect("the bench stays below the limit");
    }

    fn pop(&mut self) -> Option<(Key, u64)> {
        Self::pop(self)
    }
}

impl Pending for BinaryHeap<Reverse<(Key, u64)>> {
    fn push(&mut self, key: Key, event: u64) {
        Self::push(self, Reverse((key, event)));
    }

    fn pop(&mut self) -> Option<(Key, u64)> {
        Self::pop(self).map(|Reverse(entry)| entry)
    }
}

/// The crate's heap pops the greatest first. The time is in the entry a second time as part of the key,
/// which makes it 8 octets longer than in the other queues.
impl Pending for RadixHeapMap<Reverse<u64>, (Key, u64)> {
    fn push(&mut self, key: Key, event: u64) {
        Self::push(self, Reverse(key.at.as_nanos()), (key, event));
    }

    fn pop(&mut self) -> Option<(Key, u64)> {
        Self::pop(self).map(|(_, entry)| entry)
    }
}

/// SplitMix64: cheap, so that the queue and not the generator is measured.
struct Split(u64);

impl Split {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// An event some time after `now`: one in eight at once, else within 200 ms.
    fn key(&mut self, now: Instant, seq: u64) -> Key {
        let bits = self.next();
        let delay = if bits & 7 == 0 { 0 } else { (bits >> 3) % 200_000_000 };
        let node = |bits: u64| NodeId::device((bits & 0xffff) as u32);
        Key {
            at: Instant::from_nanos(now.as_nanos() + delay),
            to: node(bits >> 16),
            from: node(bits >> 32),
            seq,
        }
    }
}

fn fill<Q: Pending>(mut queue: Q, pending: u64) -> (Q, Split) {
    let mut split = Split(pending);
    for seq in 0..pending {
        let key = split.key(Instant::START, seq);
        queue.push(key, seq);
    }
    (queue, split)
}

/// Pops and pushes `holds` times; `see` is told every popped key.
fn hold<Q: Pending>(
    queue: &mut Q,
    split: &mut Split,
    pending: u64,
    holds: u64,
    mut see: impl FnMut(Key),
) {
    for seq in pending..pending + holds {
        let (key, event) = queue.pop().expect("holding keeps the queue full");
        see(key);
        let key = split.key(key.at, seq);
        queue.push(key, black_box(event));
    }
}

/// What a queue did.
struct Measured {
    /// Nanoseconds of processor time for a hold.
    ns: f64,
    /// Digest of the popped keys.
    order: u128,
    /// Digest of the popped times.
    times: u128,
}

/// Lets every event move at least once, then times `holds` several times, then looks at the order.
fn measure<Q: Pending>(queue: Q, pending: u64, holds: u64) -> Measured {
    let (mut queue, mut split) = fill(queue, pending);
    let mut seq = pending;
    let mut ns = f64::INFINITY;
    for sample in 0..=SAMPLES {
        let time = timed(&mut || {
            hold(&mut queue, &mut split, seq, holds, |key| {
                black_box(key);
            });
        });
        seq += holds;
        if sample > 0 {
            ns = ns.min(time.as_nanos() as f64 / holds as f64);
        }
    }
    let (mut order, mut times) = (Xxh3::new(), Xxh3::new());
    hold(&mut queue, &mut split, seq, holds, |key| {
        times.update(&key.at.as_nanos().to_le_bytes());
        order.update(&key.at.as_nanos().to_le_bytes());
        order.update(&key.seq.to_le_bytes());
    });
    Measured { ns, order: order.digest128(), times: times.digest128() }
}

fn compare() {
    for pending in PENDING {
        let ours = measure(Queue::<u64>::default(), pending, HOLDS);
        let std = measure(BinaryHeap::new(), pending, HOLDS);
        let radix = measure(RadixHeapMap::new_at(Reverse(0)), pending, HOLDS);
        assert_eq!(ours.order, std.order, "queue and binary heap pop in the same order");
        assert_eq!(ours.times, radix.times, "queue and radix-heap pop the same times");
        println!(
            "hold {pending:>9} pending: queue {:.2} M/s, binary heap {:.2} M/s, ratio {:.1}, \
             radix-heap {:.2} M/s, ratio {:.1}, order {:032x}, times {:032x}",
            1e3 / ours.ns,
            1e3 / std.ns,
            std.ns / ours.ns,
            1e3 / radix.ns,
            radix.ns / ours.ns,
            ours.order,
            ours.times
        );
    }
}

fn growth() {
    let mut smallest = None;
    for pending in GROWTH {
        let ours = measure(Queue::<u64>::default(), pending, HOLDS.max(pending));
        let smallest = *smallest.get_or_insert(ours.ns);
        println!(
            "growth {pending:>9} pending: {:.1} ns for a hold, {:.2} of the smallest, order {:032x}",
            ours.ns,
            ours.ns / smallest,
            ours.order
        );
    }
}

fn bench(criterion: &mut Criterion) {
    fn group<Q: Pending>(criterion: &mut Criterion, name: &str, empty: impl Fn() -> Q) {
        let mut group = criterion.benchmark_group("hold");
        group.sample_size(10).throughput(Throughput::Elements(HOLDS));
        for pending in PENDING {
            group.bench_function(BenchmarkId::new(name, pending), |bencher| {
                bencher.iter_batched_ref(
                    || fill(empty(), pending),
                    |(queue, split)| hold(queue, split, pending, HOLDS, |_| {}),
                    BatchSize::PerIteration,
                );
            });
        }
        group.finish();
    }
    compare();
    growth();
    group(criterion, "queue", Queue::<u64>::default);
    group(criterion, "binary_heap", BinaryHeap::new);
    group(criterion, "radix_heap", || RadixHeapMap::new_at(Reverse(0)));
}

criterion_group!(benches, bench);
criterion_main!(benches);
