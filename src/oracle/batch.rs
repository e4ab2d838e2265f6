//! Records of a stretch of time, in order, with the keys that came into being meanwhile.
//!
//! Not here: who takes them (`panel`), or where a stretch ends (`sim`).

use crate::oracle::escrow::Held;
use crate::oracle::routes::Route;
use crate::trace::record::Record;

/// What judges take at once.
#[derive(Debug, Default)]
pub struct Batch {
    /// The records, in the order of (time, node, number).
    pub records: Vec<Record>,
    /// Their kinds: judges of few of them need not look at the others.
    routes: Vec<Route>,
    /// Keys, each with the number of records before which the harness had it.
    pub keys: Vec<(usize, Held)>,
}

impl Batch {
    /// All records are there.
    pub fn close(&mut self) {
        self.routes.extend(self.records.iter().map(|record| Route::of(&record.fact)));
    }

    /// The records, each with its kind.
    ///
    /// # Panics
    /// When the batch is not closed: what has no kind would be judged by nobody.
    pub(super) fn routed(&self) -> impl Iterator<Item = (&Record, Route)> {
        assert_eq!(self.records.len(), self.routes.len(), "a batch is closed before it is taken");
        self.records.iter().zip(self.routes.iter().copied())
    }

    /// Nothing is left in it; its memory is kept.
    pub fn clear(&mut self) {
        self.records.clear();
        self.routes.clear();
        self.keys.clear();
    }
}
