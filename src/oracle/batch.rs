//! Records of a stretch of time, in order, with the keys that came into being meanwhile.
//!
//! They stay where they were made, in one part for each shard of the world, so that nobody moves them about.
//! Not here: who takes them (`panel`), or where a stretch ends (`sim`).

use std::iter::Peekable;
use std::slice::Iter;

use crate::base::id::NodeId;
use crate::base::time::Instant;
use crate::oracle::escrow::Held;
use crate::oracle::routes::Route;
use crate::trace::record::Record;

/// What it takes to put a record in order and to know who looks at it: a record itself is large, and may be
/// far away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tag {
    /// When it happened.
    pub at: Instant,
    /// Where.
    pub node: NodeId,
    route: Route,
}

impl Tag {
    /// The tag of a record.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        Self { at: record.at, node: record.id.node, route: Route::of(&record.fact) }
    }
}

/// What judges take at once.
#[derive(Debug, Default)]
pub struct Batch {
    /// The records of each shard, in their order there.
    parts: Vec<Vec<Record>>,
    /// The part of each record in the order of all.
    order: Vec<u32>,
    /// Their kinds: judges of few of them need not look at the others.
    routes: Vec<Route>,
    /// Of the records that are there and have no order yet, by part.
    tags: Vec<Vec<Tag>>,
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
    pub fn arrange<K: Ord + Copy>(&mut self, parts: &[&[Tag]], place: impl Fn(&Tag) -> K) {
        let mut parts: Vec<_> = parts.iter().map(|part| part.iter().peekable()).collect();
        let first = |parts: &mut [Peekable<Iter<'_, Tag>>]| {
            let heads = (0_u32..).zip(parts);
            let heads = heads.filter_map(|(part, tags)| Some((place(tags.peek()?), part, tags)));
            let (_, part, tags) = heads.min_by_key(|(place, part, _)| (*place, *part))?;
            tags.next().map(|tag| (part, tag.route))
        };
        while let Some((part, route)) = first(&mut parts) {
            self.order.push(part);
            self.routes.push(route);
        }
    }

    /// Puts in the records of the next part, all of which are arranged.
    pub fn put(&mut self, records: Vec<Record>) {
        self.parts.push(records);
    }

    /// Puts in the records of the next part, with their tags; see [`Self::close`].
    pub fn put_tagged(&mut self, records: Vec<Record>, tags: Vec<Tag>) {
        self.parts.push(records);
        self.tags.push(tags);
    }

    /// Everything is there: orders what came with tags by time and node.
    pub fn close(&mut self) {
        let tags = std::mem::take(&mut self.tags);
        let parts: Vec<&[Tag]> = tags.iter().map(Vec::as_slice).collect();
        self.arrange(&parts, |tag| (tag.at, tag.node));
    }

    /// The parts, to be cleared where they were made; nothing is left.
    pub fn take_parts(&mut self) -> std::vec::Drain<'_, Vec<Record>> {
        self.order.clear();
        self.routes.clear();
        self.keys.clear();
        self.parts.drain(..)
    }

    /// The records, in the order of (time, node, number).
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        let mut parts: Vec<_> = self.parts.iter().map(|part| part.iter()).collect();
        self.order.iter().filter_map(move |part| parts[*part as usize].next())
    }

    /// The records, each with its kind.
    ///
    /// # Panics
    /// When not all records that are arranged were put in: nobody would judge them.
    pub(super) fn routed(&self) -> impl Iterator<Item = (&Record, Route)> {
        let there: usize = self.parts.iter().map(Vec::len).sum();
        assert_eq!(self.order.len(), there, "all records of a batch are in order");
        self.records().zip(self.routes.iter().copied())
    }
}
