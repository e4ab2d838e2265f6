//! Checkpoints: what a stored digest needs beside it to say where another run parts from it.
//!
//! A running hash over all records in their order, noted every so many of them. With one record between
//! checkpoints the first differing record is named exactly. Not here: the records themselves (`diff`).

use std::fmt;
use std::num::NonZeroU64;
use std::ops::Range;
use std::str::FromStr;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::trace::record::Record;
use crate::trace::sink::Sink;

/// Running hashes of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoints {
    every: NonZeroU64,
    records: u64,
    running: u64,
    hashes: Vec<u64>,
    octets: Vec<u8>,
}

impl Checkpoints {
    /// Notes the hash after every `every` records.
    #[must_use]
    pub const fn new(every: NonZeroU64) -> Self {
        Self { every, records: 0, running: 0, hashes: Vec::new(), octets: Vec::new() }
    }

    /// Positions among which the first differing record is; nothing when there is none.
    ///
    /// Both must note equally often.
    ///
    /// # Panics
    /// When they do not.
    #[must_use]
    pub fn first_difference(&self, other: &Self) -> Option<Range<u64>> {
        assert_eq!(self.every, other.every, "checkpoints are compared at the same distance");
        let pairs = self.hashes.iter().zip(&other.hashes);
        let equal = pairs.take_while(|(one, other)| one == other).count() as u64;
        let start = equal * self.every.get();
        let end = (start + self.every.get()).min(self.records.max(other.records));
        (self.records != other.records || self.running != other.running).then_some(start..end)
    }
}

impl Sink for Checkpoints {
    fn take(&mut self, record: &Record) {
        self.octets.clear();
        self.octets = postcard::to_extend(record, std::mem::take(&mut self.octets))
            .expect("records are made of sized values only");
        self.running = xxh3_64_with_seed(&self.octets, self.running);
        self.records += 1;
        if self.records.is_multiple_of(self.every.get()) {
            self.hashes.push(self.running);
        }
    }
}

/// `every 64 of 130 to 00..ff`, then a hash a line.
impl fmt::Display for Checkpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "every {} of {} to {:016x}", self.every, self.records, self.running)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{hash:016x}"))
    }
}

/// Why a text holds no checkpoints.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: expected {expected}")]
pub struct CheckpointError {
    line: usize,
    expected: String,
}

impl FromStr for Checkpoints {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut lines = text.lines();
        let head = lines.next().and_then(read_head).ok_or_else(|| CheckpointError {
            line: 1,
            expected: "`every N of M to HASH`".to_owned(),
        })?;
        let hashes = lines
            .zip(2..)
            .map(|(text, line)| {
                u64::from_str_radix(text, 16)
                    .map_err(|_| CheckpointError { line, expected: "16 hex digits".to_owned() })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let expected = head.records / head.every;
        if hashes.len() as u64 != expected {
            let line = hashes.len() + 2;
            return Err(CheckpointError { line, expected: format!("{expected} checkpoints") });
        }
        Ok(Self { hashes, ..head })
    }
}

fn read_head(line: &str) -> Option<Checkpoints> {
    let words: Vec<&str> = line.split(' ').collect();
    let ["every", every, "of", records, "to", running] = words[..] else { return None };
    let mut head = Checkpoints::new(every.parse().ok()?);
    head.records = records.parse().ok()?;
    head.running = u64::from_str_radix(running, 16).ok()?;
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::samples;

    fn of(records: &[Record], every: u64) -> Checkpoints {
        let mut checkpoints = Checkpoints::new(NonZeroU64::new(every).unwrap());
        records.iter().for_each(|record| checkpoints.take(record));
        checkpoints
    }

    #[test]
    fn the_first_difference_lies_between_two_checkpoints() {
        let golden = samples::run();
        assert_eq!(of(&golden, 3).first_difference(&of(&golden, 3)), None);
        for changed in 0..golden.len() {
            let mut other = golden.clone();
            other[changed].cause = Some(golden[0].id);
            let changed = changed as u64;
            assert_eq!(of(&golden, 1).first_difference(&of(&other, 1)), Some(changed..changed + 1));
            let window = of(&golden, 3).first_difference(&of(&other, 3)).unwrap();
            assert!(window.contains(&changed), "{changed} in {window:?}");
        }
        assert_eq!(of(&golden, 1).first_difference(&of(&golden[..4], 1)), Some(4..5));
    }

    #[test]
    fn they_are_read_as_they_are_written() {
        let checkpoints = of(&samples::run(), 2);
        let text = checkpoints.to_string();
        let read: Checkpoints = text.parse().unwrap();
        assert_eq!(read.first_difference(&checkpoints), None);
        assert_eq!(read.to_string(), text);
        for (bad, error) in [
            ("", "line 1: expected `every N of M to HASH`"),
            ("every 0 of 7 to 00\n", "line 1: expected `every N of M to HASH`"),
            ("every 7 of 7 to 00\nzz\n", "line 2: expected 16 hex digits"),
            ("every 7 of 7 to 00\n", "line 2: expected 1 checkpoints"),
        ] {
            assert_eq!(bad.parse::<Checkpoints>().unwrap_err().to_string(), error);
        }
    }
}
