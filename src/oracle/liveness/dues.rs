//! Obligations by key, each open since some moment, and which of them are overdue.
//!
//! Not here: what is owed, or by when.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::base::time::{Duration, Instant};

/// No bound is shorter, so a look at all of them may wait this long.
const SOON: Duration = Duration::from_secs(30);

/// Open obligations.
#[derive(Debug)]
pub(super) struct Dues<K> {
    since: BTreeMap<K, Instant>,
    /// Nothing that is overdue before this moment has been missed.
    next: Instant,
}

impl<K> Default for Dues<K> {
    fn default() -> Self {
        Self { since: BTreeMap::new(), next: Instant::NEVER }
    }
}

impl<K: Ord + Clone> Dues<K> {
    /// Something is owed from `at` on; a later opening starts it anew.
    pub(super) fn open(&mut self, key: K, at: Instant) {
        self.since.insert(key, at);
        self.wake(at);
    }

    /// It is done, or not owed any more.
    pub(super) fn close(&mut self, key: &K) -> Option<Instant> {
        self.since.remove(key)
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.since.contains_key(key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, Instant)> {
        self.since.iter().map(|(key, at)| (key, *at))
    }

    /// Nothing of this kind is owed any more.
    pub(super) fn close_all(&mut self, kind: RangeInclusive<K>) {
        let gone: Vec<K> = self.since.range(kind).map(|(key, _)| key.clone()).collect();
        gone.iter().for_each(|key| _ = self.since.remove(key));
    }

    /// Deadlines may have changed at `now`.
    pub(super) fn wake(&mut self, now: Instant) {
        self.next = self.next.min(now + SOON);
    }

    /// Closes and returns what is overdue; `deadline` says by when something is owed, if it is.
    pub(super) fn overdue(
        &mut self,
        now: Instant,
        deadline: impl Fn(&K, Instant) -> Option<Instant>,
    ) -> Vec<K> {
        if now <= self.next {
            return Vec::new();
        }
        let mut late = Vec::new();
        self.next = Instant::NEVER;
        for (key, since) in &self.since {
            match deadline(key, *since) {
                Some(due) if due < now => late.push(key.clone()),
                Some(due) => self.next = self.next.min(due),
                None => {}
            }
        }
        for key in &late {
            self.since.remove(key);
        }
        late
    }
}
