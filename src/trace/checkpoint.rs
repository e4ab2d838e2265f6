//! Checkpoints of a run: its running hash every so many records, by which two runs are bisected.
//!
//! Records are taken in the order of the world, which is the same whatever the number of threads. Memory is
//! bounded: when there are too many checkpoints, every other one goes. Not here: running anything twice.

use std::borrow::Cow;
use std::ops::Range;

use xxhash_rust::xxh3::xxh3_128;

use crate::trace::octets::append;
use crate::trace::record::Record;
use crate::trace::sink::Sink;

/// Which form of its records a run is compared in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Every octet.
    Full,
    /// Without what is computed from key material.
    Masked,
}

impl Form {
    /// A record in this form.
    #[must_use]
    pub fn of(self, record: &Record) -> Cow<'_, Record> {
        match self {
            Self::Full => Cow::Borrowed(record),
            Self::Masked => {
                let mut record = record.clone();
                record.fact.mask();
                Cow::Owned(record)
            }
        }
    }

    /// As a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Masked => "masked",
        }
    }
}

/// Most checkpoints that are kept: 64 KiB.
pub const CHECKPOINTS_MAX: usize = 4_096;

/// The checkpoints of the records of a run from one position on.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    form: Form,
    from: u64,
    /// Records between two checkpoints.
    step: u64,
    passed: u64,
    running: u128,
    /// The hash of everything before `from + n * step`.
    hashes: Vec<u128>,
    octets: Vec<u8>,
}

impl Checkpoints {
    /// From the record with this position on; `from` itself is the first checkpoint.
    #[must_use]
    pub const fn new(form: Form, from: u64) -> Self {
        Self { form, from, step: 1, passed: 0, running: 0, hashes: Vec::new(), octets: Vec::new() }
    }

    /// The records among which two runs part: those before are the same, the first that is not is among these.
    /// `None` when the runs are equal as far as both went.
    #[must_use]
    pub fn parted(&self, other: &Self) -> Option<Range<u64>> {
        if (self.passed, self.running) == (other.passed, other.running) {
            return None;
        }
        let step = self.step.max(other.step);
        let pairs = self.every(step).zip(other.every(step));
        let equal = pairs.take_while(|(one, other)| one == other).count() as u64;
        if equal == 0 {
            return Some(0..self.from);
        }
        let start = self.from + (equal - 1) * step;
        Some(start..(start + step).min(self.passed.max(other.passed)))
    }

    /// The hashes at every so many records, the one at the end among them.
    fn every(&self, step: u64) -> impl Iterator<Item = u128> {
        let skipped = usize::try_from(step / self.step).unwrap_or(usize::MAX);
        let past = self.passed.checked_sub(self.from);
        let end = past.is_some_and(|past| past.is_multiple_of(step)).then_some(self.running);
        self.hashes.iter().step_by(skipped).copied().chain(end)
    }

    fn mark(&mut self) {
        if self.hashes.len() == CHECKPOINTS_MAX {
            let mut keep = false;
            self.hashes.retain(|_| {
                keep = !keep;
                keep
            });
            self.step *= 2;
        }
        // The number of checkpoints is even when it is halved, so that this one stands at the new distance.
        self.hashes.push(self.running);
    }
}

impl Sink for Checkpoints {
    fn take(&mut self, record: &Record) {
        if self.passed >= self.from && (self.passed - self.from).is_multiple_of(self.step) {
            self.mark();
        }
        self.octets.clear();
        self.octets.extend_from_slice(&self.running.to_le_bytes());
        let record = self.form.of(record);
        append(record.as_ref(), &mut self.octets);
        self.running = xxh3_128(&self.octets);
        self.passed += 1;
    }
}

/// Keeps the records at some positions.
#[derive(Clone, Debug)]
pub struct Window {
    form: Form,
    positions: Range<u64>,
    passed: u64,
    /// What was kept.
    pub records: Vec<Record>,
}

impl Window {
    /// Of records in this form.
    #[must_use]
    pub const fn new(form: Form, positions: Range<u64>) -> Self {
        Self { form, positions, passed: 0, records: Vec::new() }
    }
}

impl Sink for Window {
    fn take(&mut self, record: &Record) {
        if self.positions.contains(&self.passed) {
            self.records.push(self.form.of(record).into_owned());
        }
        self.passed += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Duration;
    use crate::trace::samples;

    /// A run of this many records, of which one differs from the others' unless it is beyond the end.
    fn checkpoints(from: u64, len: u64, odd: u64) -> Checkpoints {
        let mut checkpoints = Checkpoints::new(Form::Full, from);
        let record = samples::run().remove(0);
        for n in 0..len {
            let later = Duration::from_nanos(2 * n + u64::from(n == odd));
            checkpoints.take(&Record { at: record.at + later, ..record.clone() });
        }
        checkpoints
    }

    #[test]
    fn runs_part_where_a_record_differs() {
        let long = 3 * CHECKPOINTS_MAX as u64;
        for (from, len, odd, parted) in [
            (0, 10, 10, None),
            (0, 10, 0, Some(0..1)),
            (0, 10, 9, Some(9..10)),
            (4, 10, 5, Some(5..6)),
            (4, 10, 2, Some(0..4)),
            (0, long, 0, Some(0..4)),
            (0, long, 9_999, Some(9_996..10_000)),
            (0, long, long - 1, Some(long - 4..long)),
            (100, long, 9_999, Some(9_996..10_000)),
        ] {
            let (one, other) = (checkpoints(from, len, len), checkpoints(from, len, odd));
            assert_eq!(one.parted(&other), parted, "{from} {len} {odd}");
            assert_eq!(other.parted(&one), parted, "{from} {len} {odd}");
        }
    }

    #[test]
    fn a_run_that_ends_earlier_parts_there() {
        let long = checkpoints(0, 3 * CHECKPOINTS_MAX as u64, u64::MAX);
        for len in [0, 1, 5, 4_096, 4_097, 9_001] {
            let parted = checkpoints(0, len, u64::MAX).parted(&long).unwrap();
            assert!(parted.contains(&len), "{len}: {parted:?}");
            assert_eq!(long.parted(&checkpoints(0, len, u64::MAX)), Some(parted));
        }
    }

    #[test]
    fn memory_is_bounded() {
        let long = checkpoints(0, 20 * CHECKPOINTS_MAX as u64, u64::MAX);
        assert!(long.hashes.len() <= CHECKPOINTS_MAX, "{}", long.hashes.len());
    }

    #[test]
    fn a_window_keeps_what_it_was_asked_for() {
        let mut window = Window::new(Form::Full, 1..3);
        let records = samples::run();
        records.iter().for_each(|record| window.take(record));
        assert_eq!(window.records, records[1..3]);
    }
}
