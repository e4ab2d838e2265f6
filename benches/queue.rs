//! The event queue against the standard binary heap: the hold model (pop one, push one) on equal
//! draws, with the order of both checked and its digest printed beside the ratio.
//!
//! Not here: a whole world. The queue's own share of a run's time is what this measures.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use std::time::Instant as WallInstant;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use peadsim::base::id::NodeId;
use peadsim::base::time::Instant;
use peadsim::engine::queue::{Key, Queue};
use xxhash_rust::xxh3::Xxh3;

/// Pending events of the three measurements.
const PENDING: [u64; 3] = [1_000, 100_000, 1_000_000];
/// Holds of one sample: enough for every event of the largest queue to move once or twice.
const HOLDS: u64 = 2_000_000;

/// What both queues offer.
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

/// One timed run with its pop order: (million holds per second, digest of the order).
fn measure<Q: Pending>(queue: Q, pending: u64) -> (f64, u128) {
    let (mut queue, mut split) = fill(queue, pending);
    hold(&mut queue, &mut split, pending, HOLDS, |_| {});
    #[allow(clippy::disallowed_methods, reason = "a bench measures wall time")]
    let start = WallInstant::now();
    hold(&mut queue, &mut split, pending + HOLDS, HOLDS, |key| {
        black_box(key);
    });
    let rate = HOLDS as f64 / start.elapsed().as_secs_f64() / 1e6;
    let mut order = Xxh3::new();
    hold(&mut queue, &mut split, pending + 2 * HOLDS, HOLDS, |key| {
        order.update(&key.at.as_nanos().to_le_bytes());
        order.update(&key.seq.to_le_bytes());
    });
    (rate, order.digest128())
}

#[allow(clippy::print_stdout, reason = "a bench reports to the terminal")]
fn compare() {
    for pending in PENDING {
        let (ours, order) = measure(Queue::<u64>::default(), pending);
        let (std, std_order) = measure(BinaryHeap::new(), pending);
        assert_eq!(order, std_order, "both queues pop in the same order");
        println!(
            "hold {pending:>9} pending: queue {ours:.2} M/s, binary heap {std:.2} M/s, \
             ratio {:.1}, order {order:032x}",
            ours / std
        );
    }
}

fn bench(criterion: &mut Criterion) {
    compare();
    let mut group = criterion.benchmark_group("hold");
    group.sample_size(10).throughput(Throughput::Elements(HOLDS));
    for pending in PENDING {
        group.bench_function(BenchmarkId::new("queue", pending), |bencher| {
            bencher.iter_batched_ref(
                || fill(Queue::<u64>::default(), pending),
                |(queue, split)| hold(queue, split, pending, HOLDS, |_| {}),
                BatchSize::PerIteration,
            );
        });
        group.bench_function(BenchmarkId::new("binary_heap", pending), |bencher| {
            bencher.iter_batched_ref(
                || fill(BinaryHeap::new(), pending),
                |(queue, split)| hold(queue, split, pending, HOLDS, |_| {}),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
