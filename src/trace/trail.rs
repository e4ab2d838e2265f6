//! The trail of a run: one octet of the running hash for each record, small enough to be stored with a digest.
//!
//! Two trails part at the first record that differs, give or take a collision in 256. Not here: the records
//! themselves (`diff`) or the digest that decides whether runs are equal (`digest`).

use std::fmt;
use std::str::FromStr;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::base::units::{UnitError, hex, parse_hex};
use crate::trace::octets::append;
use crate::trace::record::Record;
use crate::trace::sink::Sink;

/// The trail of a run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trail {
    running: u64,
    steps: Vec<u8>,
    octets: Vec<u8>,
}

impl Trail {
    /// The position of the first record at which the runs part; nothing when the trails are equal.
    #[must_use]
    pub fn parts_from(&self, other: &Self) -> Option<usize> {
        let pairs = self.steps.iter().zip(&other.steps);
        let equal = pairs.take_while(|(one, other)| one == other).count();
        (equal < self.steps.len().max(other.steps.len())).then_some(equal)
    }

    /// How many records it passed.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether it passed none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

impl Sink for Trail {
    fn take(&mut self, record: &Record) {
        self.octets.clear();
        append(record, &mut self.octets);
        self.running = xxh3_64_with_seed(&self.octets, self.running);
        self.steps.push(self.running.to_le_bytes()[0]);
    }
}

/// Hex, two digits a record.
impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.steps))
    }
}

impl FromStr for Trail {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self { steps: parse_hex(text)?, ..Self::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::samples::run;

    fn trail(records: &[Record]) -> Trail {
        let mut trail = Trail::default();
        records.iter().for_each(|record| trail.take(record));
        trail
    }

    #[test]
    fn trails_part_where_records_do() {
        let records = run();
        let whole = trail(&records);
        assert_eq!(whole.parts_from(&trail(&records)), None);
        assert_eq!(whole.parts_from(&trail(&records[..2])), Some(2));
        let mut other = records.clone();
        other[1].at = other[1].at + crate::base::time::Duration::from_nanos(1);
        assert_eq!(whole.parts_from(&trail(&other)), Some(1));
    }

    #[test]
    fn a_trail_survives_its_text() {
        let whole = trail(&run());
        let read: Trail = whole.to_string().parse().unwrap();
        assert_eq!(whole.parts_from(&read), None);
        assert!("0".parse::<Trail>().is_err());
    }
}
