//! Some of the oracles of safety, chosen by their IDs, for records of which only a part is known.
//!
//! Not here: all judges of a whole run (`panel`).

use crate::base::time::Instant;
use crate::oracle::bench::Bench;
use crate::oracle::judge::{Docket, Oracle};
use crate::oracle::routes::Route;
use crate::oracle::safety;
use crate::oracle::spec::Spec;
use crate::trace::record::Record;

/// Judges records in their order.
pub struct Jury<'a> {
    bench: Bench,
    spec: &'a Spec,
    now: Instant,
}

/// The oracles of safety with these IDs.
pub fn chosen(ids: &[&str]) -> impl Iterator<Item = Box<dyn Oracle>> {
    safety::all().into_iter().filter(|oracle| ids.contains(&oracle.id()))
}

impl<'a> Jury<'a> {
    /// Of these oracles.
    #[must_use]
    pub fn of(ids: &[&str], spec: &'a Spec) -> Self {
        Self { bench: Bench::of(chosen(ids).collect()), spec, now: Instant::START }
    }

    /// Takes the next record.
    pub fn take(&mut self, record: &Record) {
        self.now = record.at;
        self.bench.observe(record, Route::of(&record.fact), self.spec);
    }

    /// What was found and shown, now that there are no more.
    #[must_use]
    pub fn conclude(mut self) -> Docket {
        self.bench.conclude(self.now, self.spec);
        self.bench.docket
    }
}
