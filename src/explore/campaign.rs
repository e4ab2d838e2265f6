//! Many runs on many threads, with the results in the order of the jobs whatever the number of threads.
//!
//! Not here: what a job is, or what is done with its result.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Does all jobs and takes their results in order, until one says that it is enough or `stopped` holds.
///
/// Jobs that are under way when `stopped` holds are finished and their results taken, as far as no
/// earlier one is missing.
pub fn in_order<J: Sync, R: Send>(
    jobs: &[J],
    threads: NonZeroUsize,
    stopped: impl Fn() -> bool + Sync,
    work: impl Fn(&J) -> R + Sync,
    mut take: impl FnMut(&J, R) -> ControlFlow<()>,
) {
    let next = AtomicUsize::new(0);
    let enough = AtomicBool::new(false);
    let threads = threads.get().min(jobs.len());
    let (sender, receiver) = mpsc::channel();
    let worker = |sender: mpsc::Sender<(usize, R)>| {
        while !stopped() && !enough.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(index) else { break };
            if sender.send((index, work(job))).is_err() {
                break;
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            let sender = sender.clone();
            scope.spawn(|| worker(sender));
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut due = 0;
        for (index, result) in receiver {
            waiting.insert(index, result);
            while let Some(result) = waiting.remove(&due) {
                if take(&jobs[due], result).is_break() {
                    enough.store(true, Ordering::Relaxed);
                    return;
                }
                due += 1;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(threads: usize, enough: usize) -> Vec<usize> {
        let jobs: Vec<usize> = (0..200).collect();
        let mut taken = Vec::new();
        in_order(
            &jobs,
            NonZeroUsize::new(threads).unwrap(),
            || false,
            |job| (0..(*job * 7_919) % 500).fold(*job, |sum, n| std::hint::black_box(sum + n - n)),
            |job, result| {
                assert_eq!(*job, result);
                taken.push(result);
                if result == enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        );
        taken
    }

    #[test]
    fn results_come_in_order_on_any_number_of_threads() {
        for threads in [1, 2, 5] {
            assert_eq!(results(threads, usize::MAX), (0..200).collect::<Vec<_>>());
            assert_eq!(results(threads, 42), (0..=42).collect::<Vec<_>>());
        }
    }

    #[test]
    fn nothing_begins_after_a_stop() {
        let stop = AtomicBool::new(false);
        let jobs: Vec<usize> = (0..1_000).collect();
        let mut taken = Vec::new();
        in_order(
            &jobs,
            NonZeroUsize::MIN,
            || stop.load(Ordering::Relaxed),
            |job| stop.store(*job == 3, Ordering::Relaxed),
            |job, ()| {
                taken.push(*job);
                ControlFlow::Continue(())
            },
        );
        assert_eq!(taken, [0, 1, 2, 3]);
    }
}
