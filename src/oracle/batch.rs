//! Records of a stretch of time, in order, with the keys that came into being meanwhile.
//!
//! Not here: who takes them (`panel`), or where a stretch ends (`sim`).

use crate::oracle::escrow::Held;
use crate::trace::record::Record;

/// What judges take at once.
#[derive(Debug, Default)]
pub struct Batch {
    /// The records, in the order of (time, node, number).
    pub records: Vec<Record>,
    /// Keys, each with the number of records before which the harness had it.
    pub keys: Vec<(usize, Held)>,
}

impl Batch {
    /// Nothing is left in it; its memory is kept.
    pub fn clear(&mut self) {
        self.records.clear();
        self.keys.clear();
    }
}
