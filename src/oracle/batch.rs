//! Records of a stretch of time, in order, with the keys that came into being meanwhile.
//!
//! They stay where they were made, in one part for each shard of the world, so that nobody moves them about.
//! Not here: who takes them (`panel`), or where a stretch ends (`sim`).

use std::iter::repeat_n;

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

/// Records of one shard, in their order there.
#[derive(Debug, Default)]
pub struct Part {
    /// What happened.
    pub records: Vec<Record>,
    /// How many of them, from the first on, are digested where they were made.
    pub digested: usize,
}

impl Part {
    /// What nobody has digested.
    #[must_use]
    pub fn undigested(&self) -> &[Record] {
        &self.records[self.digested..]
    }
}

/// What judges take at once.
#[derive(Debug, Default)]
pub struct Batch {
    /// One of each shard.
    parts: Vec<Part>,
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
        let mut rest = parts.to_vec();
        while let Some((part, until)) = foremost(&rest, &place) {
            let tags = rest[part as usize];
            let is_behind = |tag: &Tag| until.is_some_and(|until| (place(tag), part) > until);
            let run = tags.iter().position(is_behind).unwrap_or(tags.len());
            let (run, behind) = tags.split_at(run);
            self.order.extend(repeat_n(part, run.len()));
            self.routes.extend(run.iter().map(|tag| tag.route));
            rest[part as usize] = behind;
        }
    }

    /// Puts in the records of the next part, all of which are arranged.
    pub fn put(&mut self, part: Part) {
        self.parts.push(part);
    }

    /// Puts in the records of the next part, with their tags; see [`Self::close`].
    pub fn put_tagged(&mut self, part: Part, tags: Vec<Tag>) {
        self.parts.push(part);
        self.tags.push(tags);
    }

    /// Everything is there: orders what came with tags by time and node.
    pub fn close(&mut self) {
        let tags = std::mem::take(&mut self.tags);
        let parts: Vec<&[Tag]> = tags.iter().map(Vec::as_slice).collect();
        self.arrange(&parts, |tag| (tag.at, tag.node));
    }

    /// The parts, in the order of the shards.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Lets go of the records, and keeps the room that they had.
    pub fn let_go(&mut self) {
        self.parts.iter_mut().for_each(|part| part.records.clear());
    }

    /// The parts, to be cleared where they were made; nothing is left.
    pub fn take_parts(&mut self) -> std::vec::Drain<'_, Part> {
        self.order.clear();
        self.routes.clear();
        self.keys.clear();
        self.parts.drain(..)
    }

    /// The records, in the order of (time, node, number).
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        let mut parts: Vec<_> = self.parts.iter().map(|part| part.records.iter()).collect();
        self.order.iter().filter_map(move |part| parts[*part as usize].next())
    }

    /// The records, each with its kind.
    ///
    /// # Panics
    /// When not all records that are arranged were put in: nobody would judge them.
    pub(super) fn routed(&self) -> impl Iterator<Item = (&Record, Route)> {
        let there: usize = self.parts.iter().map(|part| part.records.len()).sum();
        assert_eq!(self.order.len(), there, "all records of a batch are in order");
        self.records().zip(self.routes.iter().copied())
    }
}

/// The part whose first record comes first, and the place of the first one of any other part, with that part:
/// until there all are of the former.
fn foremost<K: Ord + Copy>(
    parts: &[&[Tag]],
    place: impl Fn(&Tag) -> K,
) -> Option<(u32, Option<(K, u32)>)> {
    let heads = (0..).zip(parts).filter_map(|(part, tags)| Some((place(tags.first()?), part)));
    let (mut first, mut second) = (None, None);
    for head in heads {
        if first.is_none_or(|first| head < first) {
            (first, second) = (Some(head), first);
        } else if second.is_none_or(|second| head < second) {
            second = Some(head);
        }
    }
    first.map(|(_, part)| (part, second))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::proptest;

    use super::*;
    use crate::trace::fact::Fact;

    /// A tag of this time and place.
    fn tag((at, user): (u64, u32)) -> Tag {
        let route = Route::of(&Fact::Fence { name: String::new() });
        Tag { at: Instant::from_nanos(at), node: NodeId::device(user), route }
    }

    /// Orders parts with these times and places, and compares with sorting all.
    fn check(parts: Vec<Vec<(u64, u32)>>) {
        let sorted = |part: Vec<_>| {
            let mut part: Vec<Tag> = part.into_iter().map(tag).collect();
            part.sort_by_key(|tag| (tag.at, tag.node));
            part
        };
        let parts: Vec<Vec<Tag>> = parts.into_iter().map(sorted).collect();
        let places = |(part, tags): (u32, &Vec<Tag>)| -> Vec<_> {
            tags.iter().map(|tag| (tag.at, tag.node, part)).collect()
        };
        let mut all: Vec<_> = (0..).zip(&parts).flat_map(places).collect();
        all.sort();
        let mut batch = Batch::default();
        let slices: Vec<&[Tag]> = parts.iter().map(Vec::as_slice).collect();
        batch.arrange(&slices, |tag| (tag.at, tag.node));
        assert!(batch.order.into_iter().eq(all.into_iter().map(|(.., part)| part)));
    }

    proptest! {
        #[test]
        fn parts_are_merged_as_sorting_would(parts in vec(vec((0_u64..9, 0_u32..3), 0..20), 0..4)) {
            check(parts);
        }
    }
}
