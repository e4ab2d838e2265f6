//! Where two runs part: by checkpoints to a few records, then record by record.
//!
//! Nothing of a run is kept but checkpoints and those few records, so a run is made again for each look at it.
//! Runs that are not determined may part elsewhere the next time, or not at all: then it starts over. Not here:
//! what makes the runs (`verify`), or the hashes (`trace::checkpoint`).

use std::fmt;

use crate::trace::checkpoint::{Checkpoints, Form, Window};
use crate::trace::diff::{Difference, Line, first_difference};
use crate::trace::record::{Record, RecordId};
use crate::trace::sink::Sink;

/// One of the two runs: gives its records to a sink, at least as many as told unless it ends before.
pub type Arm<'a> = &'a dyn Fn(&mut (dyn Sink + Send), u64);

/// Where two runs part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parting {
    /// The first record that differs, with what stands around it.
    pub difference: Difference,
    /// What led to this record in either run.
    pub causes: [Option<Record>; 2],
}

/// Looks at both runs, beyond which it is given up. Each divides what is in question by two thousand.
const LOOKS_MAX: usize = 16;
/// Most records that are compared one by one.
const WINDOW_MAX: u64 = 256;
/// Records shown before and after.
const CONTEXT: usize = 3;

/// Finds where two runs part; `None` when they do not, or not twice in one place.
#[must_use]
pub fn bisect(form: Form, arms: [Arm<'_>; 2]) -> Option<Parting> {
    const WHOLE: (u64, u64) = (0, u64::MAX);
    let mut question = WHOLE;
    for _ in 0..LOOKS_MAX {
        let (from, until) = question;
        let [one, other] = arms.map(|arm| look(arm, Checkpoints::new(form, from), until));
        question = match one.parted(&other) {
            None => WHOLE,
            Some(range) if range.end - range.start > WINDOW_MAX => (range.start, range.end),
            Some(range) => match compare(form, arms, range.start, range.end) {
                None => WHOLE,
                Some(difference) => {
                    let causes = causes(form, arms, &difference, range.end);
                    return Some(Parting { difference, causes });
                }
            },
        };
    }
    None
}

fn look<S: Sink + Send>(arm: Arm<'_>, mut sink: S, until: u64) -> S {
    arm(&mut sink, until);
    sink
}

fn compare(form: Form, arms: [Arm<'_>; 2], start: u64, end: u64) -> Option<Difference> {
    let (start, end) = (start.saturating_sub(CONTEXT as u64), end + CONTEXT as u64);
    let [one, other] = arms.map(|arm| look(arm, Window::new(form, start..end), end).records);
    let mut difference = first_difference(one, other, CONTEXT)?;
    difference.index += start;
    Some(difference)
}

/// The causes of both records, which may lie far before them.
fn causes(
    form: Form,
    arms: [Arm<'_>; 2],
    difference: &Difference,
    until: u64,
) -> [Option<Record>; 2] {
    let cause = |arm, records: &[Record]| {
        let id = records.first()?.cause?;
        look(arm, Seek { form, id, found: None }, until).found
    };
    let [one, other] = arms;
    [cause(one, &difference.left), cause(other, &difference.right)]
}

/// Keeps the record with an address.
struct Seek {
    form: Form,
    id: RecordId,
    found: Option<Record>,
}

impl Sink for Seek {
    fn take(&mut self, record: &Record) {
        if record.id == self.id {
            self.found = Some(self.form.of(record).into_owned());
        }
    }
}

impl fmt::Display for Parting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.difference)?;
        let [one, other] = &self.causes;
        let sides = if one == other { vec![("  ", one)] } else { vec![("- ", one), ("+ ", other)] };
        for (mark, cause) in sides {
            if let Some(cause) = cause {
                writeln!(f, "  because of\n{mark}{}", Line(cause))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::base::id::NodeId;
    use crate::base::time::{Duration, Instant, Millis};
    use crate::trace::fact::{Fact, Phase};

    /// Record `n` of a run in which the one at `odd` is late, if there is one.
    fn record(n: u64, odd: Option<u64>) -> Record {
        let id = |seq| RecordId { node: NodeId::HARNESS, seq };
        Record {
            id: id(n),
            at: Instant::START + Duration::from_nanos(2 * n + u64::from(odd == Some(n))),
            wall: Millis::default(),
            cause: (n > 0).then(|| id(n / 2)),
            fact: Fact::Phase(Phase::Active),
        }
    }

    fn play(sink: &mut (dyn Sink + Send), len: u64, odd: Option<u64>) {
        (0..len).for_each(|n| sink.take(&record(n, odd)));
    }

    #[test]
    fn the_first_difference_is_found_wherever_it_is() {
        const LEN: u64 = 300_000;
        for odd in [0, 1, 4_095, 4_096, 77_777, LEN - 1] {
            let looks = Cell::new(0);
            let one = |sink: &mut (dyn Sink + Send), until: u64| {
                looks.set(looks.get() + 1);
                play(sink, until.min(LEN), None);
            };
            let other =
                |sink: &mut (dyn Sink + Send), until: u64| play(sink, until.min(LEN), Some(odd));
            let parting = bisect(Form::Full, [&one, &other]).unwrap();
            assert_eq!(parting.difference.index, odd);
            assert_eq!(parting.difference.left[0], record(odd, None));
            let cause = (odd > 0).then(|| record(odd / 2, None));
            assert_eq!(parting.causes[0], cause);
            assert!(looks.get() <= 4, "{} looks", looks.get());
        }
    }

    #[test]
    fn an_early_end_is_a_difference() {
        for len in [0, 1, 5_000, 9_999] {
            let one = |sink: &mut (dyn Sink + Send), until: u64| play(sink, until.min(len), None);
            let other =
                |sink: &mut (dyn Sink + Send), until: u64| play(sink, until.min(10_000), None);
            let difference = bisect(Form::Full, [&one, &other]).unwrap().difference;
            assert_eq!((difference.index, difference.left.len()), (len, 0));
        }
    }

    #[test]
    fn what_moves_about_is_found_in_the_end_or_given_up() {
        let runs = Cell::new(0);
        let one = |sink: &mut (dyn Sink + Send), until: u64| play(sink, until.min(50_000), None);
        let moves = |sink: &mut (dyn Sink + Send), until: u64| {
            runs.set(runs.get() + 1);
            let odd = if runs.get() == 1 { 40_000 } else { 20_000 };
            play(sink, until.min(50_000), Some(odd));
        };
        assert_eq!(bisect(Form::Full, [&one, &moves]).unwrap().difference.index, 20_000);
        let once = |sink: &mut (dyn Sink + Send), until: u64| {
            runs.set(runs.get() + 1);
            play(sink, until.min(50_000), Some(40_000).filter(|_| runs.get() == 1));
        };
        runs.set(0);
        assert_eq!(bisect(Form::Full, [&one, &once]), None);
    }
}
