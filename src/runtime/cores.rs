//! Cores of their own for threads that must not wait for each other, where the system lets one choose (Linux).
//!
//! Not here: which threads those are.

/// The cores that this thread may run on.
#[must_use]
pub fn own() -> Vec<usize> {
    imp::own()
}

/// Keeps this thread, and those that it starts, to some cores. Where that cannot be done they run anywhere.
pub fn keep_to(cores: &[usize]) {
    if !cores.is_empty() {
        imp::keep_to(cores);
    }
}

/// Runs something, and the threads and processes that it starts, on some cores.
pub fn on<T>(cores: &[usize], work: impl FnOnce() -> T) -> T {
    let before = own();
    keep_to(cores);
    let done = work();
    keep_to(&before);
    done
}

#[cfg(target_os = "linux")]
mod imp {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    pub(super) fn own() -> Vec<usize> {
        let set = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
        (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect()
    }

    pub(super) fn keep_to(cores: &[usize]) {
        let mut set = CpuSet::new();
        cores.iter().filter(|core| **core < CpuSet::MAX_CPU).for_each(|core| set.set(*core));
        if let Err(error) = sched_setaffinity(None, &set) {
            tracing::debug!(%error, "threads run on any core");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    pub(super) const fn own() -> Vec<usize> {
        Vec::new()
    }

    pub(super) const fn keep_to(_: &[usize]) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_kept_to_its_cores_and_comes_back() {
        let all = own();
        let Some(last) = all.last().copied() else { return };
        assert_eq!(on(&[last], own), [last]);
        assert_eq!(own(), all);
    }
}
