//! What the queue keeps events in: entries ordered by key, and buckets that share their memory.
//!
//! Not here: which bucket an event belongs to (`queue`).

use std::cmp::Ordering;

use crate::engine::queue::Key;

/// A pending event, ordered by its key alone.
#[derive(Clone, Debug)]
pub(super) struct Entry<T> {
    pub(super) key: Key,
    pub(super) event: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

/// Emptied chunks, kept for reuse.
pub(super) type Spare<T> = Vec<Vec<Entry<T>>>;

/// Unordered entries in chunks of one size, so that a bucket neither copies what it holds when it
/// grows nor keeps memory when it is empty.
#[derive(Clone, Debug)]
pub(super) struct Bucket<T> {
    open: Vec<Entry<T>>,
    full: Vec<Vec<Entry<T>>>,
}

impl<T> Default for Bucket<T> {
    fn default() -> Self {
        Self { open: Vec::new(), full: Vec::new() }
    }
}

impl<T> Bucket<T> {
    pub(super) fn len(&self) -> usize {
        self.full.len() * CHUNK + self.open.len()
    }

    pub(super) fn push(&mut self, spare: &mut Spare<T>, entry: Entry<T>) {
        if self.open.len() == CHUNK {
            self.full.push(std::mem::take(&mut self.open));
        }
        if self.open.capacity() == 0 {
            self.open = spare.pop().unwrap_or_else(|| Vec::with_capacity(CHUNK));
        }
        self.open.push(entry);
    }

    /// The least time in it; meaningless for an empty bucket.
    pub(super) fn least_at(&self) -> u64 {
        let entries = self.full.iter().flatten().chain(&self.open);
        entries.map(|entry| entry.key.at.as_nanos()).min().unwrap_or(0)
    }

    /// Hands out every entry and gives each chunk back.
    pub(super) fn drain(self, spare: &mut Spare<T>, mut take: impl FnMut(Entry<T>, &mut Spare<T>)) {
        for mut chunk in self.full.into_iter().chain([self.open]) {
            for entry in chunk.drain(..) {
                take(entry, spare);
            }
            if chunk.capacity() > 0 {
                spare.push(chunk);
            }
        }
    }
}

/// Entries of a chunk: some kibibytes for small events; by measurement.
const CHUNK: usize = 64;
