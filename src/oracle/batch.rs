//! Records of a stretch of time, in order, with the keys that came into being meanwhile.
//!
//! They stay where they were made, in one part for each shard of the world, so that nobody moves them about.
//! Not here: who takes them (`panel`), or where a stretch ends (`sim`).

use crate::oracle::escrow::Held;
use crate::oracle::routes::Route;
use crate::trace::record::Record;

/// What judges take at once.
#[derive(Debug, Default)]
pub struct Batch {
    /// The records of each shard, in their order there.
    parts: Vec<Vec<Record>>,
    /// The part of each record in the order of all.
    order: Vec<u32>,
    /// Their kinds: judges of few of them need not look at the others.
    routes: Vec<Route>,
    /// Keys, each with the number of records before which the harness had it.
    pub keys: Vec<(usize, Held)>,
}

impl Batch {
    /// How many records are in order.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Orders records that are put in later, after those before, by their places; those of each part are in
    /// that order already.
    pub fn arrange<K: Ord + Copy>(&mut self, parts: &[&[Record]], place: impl Fn(&Record) -> K) {
        let mut parts: Vec<_> = parts.iter().map(|part| part.iter()).collect();
        let mut heads: Vec<_> = parts.iter_mut().map(|part| part.next().map(&place)).collect();
        let first = |heads: &[Option<K>]| {
            let heads = (0..).zip(heads).filter_map(|(part, head)| head.map(|head| (head, part)));
            heads.min().map(|(_, part)| part)
        };
        while let Some(part) = first(&heads) {
            self.order.push(part);
            heads[part as usize] = parts[part as usize].next().map(&place);
        }
    }

    /// Puts in the records of the next part, all of which are arranged.
    pub fn put(&mut self, records: Vec<Record>) {
        self.parts.push(records);
    }

    /// The parts, to be cleared where they were made; nothing is left.
    pub fn take_parts(&mut self) -> std::vec::Drain<'_, Vec<Record>> {
        self.order.clear();
        self.routes.clear();
        self.keys.clear();
        self.parts.drain(..)
    }

    /// All records are there.
    ///
    /// # Panics
    /// When they are not.
    pub fn close(&mut self) {
        let there: usize = self.parts.iter().map(Vec::len).sum();
        assert_eq!(self.order.len(), there, "all records of a batch are in order");
        let mut routes = std::mem::take(&mut self.routes);
        routes.extend(self.records().map(|record| Route::of(&record.fact)));
        self.routes = routes;
    }

    /// The records, in the order of (time, node, number).
    pub fn records(&self) -> impl Iterator<Item = &Record> + Clone {
        let mut parts: Vec<_> = self.parts.iter().map(|part| part.iter()).collect();
        self.order.iter().filter_map(move |part| parts[*part as usize].next())
    }

    /// The records, each with its kind.
    ///
    /// # Panics
    /// When the batch is not closed: what has no kind would be judged by nobody.
    pub(super) fn routed(&self) -> impl Iterator<Item = (&Record, Route)> {
        assert_eq!(self.order.len(), self.routes.len(), "a batch is closed before it is taken");
        self.records().zip(self.routes.iter().copied())
    }
}
