//! What a node does because of one input: records with the same cause.
//!
//! Outputs that wait for a durable write come later than the rest of their turn, but name the same cause.
//! Not here: what may or may not happen in it.

use std::collections::{BTreeMap, VecDeque};

use crate::base::id::NodeId;
use crate::base::time::{Duration, Instant};
use crate::oracle::spec::Spec;
use crate::trace::record::{Record, RecordId};

/// How long outputs of a turn may come on the slowest processor; those behind writes come later by these.
const LONGEST: Duration = Duration::from_secs(10);

/// Things to be remembered for the rest of a turn.
#[derive(Debug)]
pub struct Turns<T> {
    things: BTreeMap<(NodeId, RecordId), T>,
    order: VecDeque<(Instant, NodeId, RecordId)>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { things: BTreeMap::new(), order: VecDeque::new() }
    }
}

impl<T> Turns<T> {
    /// Remembers `thing` for the turn of `record`; a later thing takes the place of an earlier one.
    ///
    /// A record without a cause belongs to no turn, and `thing` comes back.
    pub fn begin(&mut self, record: &Record, thing: T) -> Option<T> {
        let Some(cause) = record.cause else { return Some(thing) };
        self.remember(record, cause, thing)
    }

    /// Remembers `thing` for the turn that `record` is the cause of.
    pub fn begin_after(&mut self, record: &Record, thing: T) -> Option<T> {
        self.remember(record, record.id, thing)
    }

    fn remember(&mut self, record: &Record, cause: RecordId, thing: T) -> Option<T> {
        let key = (record.id.node, cause);
        let before = self.things.insert(key, thing);
        if before.is_none() {
            self.order.push_back((record.at, key.0, key.1));
        }
        before
    }

    /// What is remembered for the turn of this record.
    pub fn during(&mut self, record: &Record) -> Option<&mut T> {
        if self.things.is_empty() {
            return None;
        }
        self.things.get_mut(&(record.id.node, record.cause?))
    }

    /// Forgets the thing of this record's turn, and returns it.
    pub fn end(&mut self, record: &Record) -> Option<T> {
        if self.things.is_empty() {
            return None;
        }
        let thing = self.things.remove(&(record.id.node, record.cause?))?;
        // Turns end about as they began, so that little is kept of those that are over.
        while let Some((_, node, cause)) = self.order.front()
            && !self.things.contains_key(&(*node, *cause))
        {
            self.order.pop_front();
        }
        Some(thing)
    }

    /// The things whose turns are certainly over.
    #[inline]
    pub fn over(&mut self, now: Instant, spec: &Spec) -> Vec<T> {
        let longest = LONGEST + spec.held_up();
        match self.order.front() {
            Some((at, ..)) if now.since(*at) >= longest => self.all_over(now, longest),
            Some(_) | None => Vec::new(),
        }
    }

    fn all_over(&mut self, now: Instant, longest: Duration) -> Vec<T> {
        let mut over = Vec::new();
        while let Some((at, node, cause)) = self.order.front().copied() {
            if now.since(at) < longest {
                break;
            }
            self.order.pop_front();
            over.extend(self.things.remove(&(node, cause)));
        }
        over
    }

    /// Everything that is left at the end of a run.
    pub fn rest(&mut self) -> Vec<T> {
        self.order.clear();
        std::mem::take(&mut self.things).into_values().collect()
    }
}
